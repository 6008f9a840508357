/* envelope - fuzz target: whatever a header holds, ENVELOPE follows the
 * grammar, groups begin and end, and no more is said than stands there.
 * With: imapd/field.c imapd/envelope.c imapd/address.c imapd/out.c */
#include "imapd/mime.h"

#include "imapdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t
len(const struct cur *c)
{
	return c->p ? cur_len(c) : 0;
}

static void
check_addresses(struct cur c)
{
	struct arena a = {0};
	struct address_list l = {.c = c, .arena = &a};
	size_t n = cur_len(&c), said = 0;
	struct address x;
	bool group = false;

	while (address_next(&l, &x)) {
		must(!x.group_begin || !x.group_end);
		must(x.group_begin ? !group : !x.group_end || group);
		must((x.mailbox.p != NULL) == !x.group_end);
		must((x.host.p != NULL) == (!x.group_begin && !x.group_end));
		must(!x.name.p || x.host.p);
		if (x.group_begin || x.group_end)
			group = x.group_begin;
		said += len(&x.name) + len(&x.route);
		if (x.mailbox.p && !cur_is(&x.mailbox, "MISSING_MAILBOX"))
			said += cur_len(&x.mailbox);
		if (x.host.p && !cur_is(&x.host, "MISSING_DOMAIN"))
			said += cur_len(&x.host);
	}
	must(!group && said <= n);
	arena_free(&a);
}

static void
check_field(struct cur header, const char *name)
{
	struct arena a = {0};
	struct cur field, body, v;

	while (header_next(&header, &field)) {
		if (!header_is(field, name, &body))
			continue;
		v = header_value(&a, body);
		must(v.p == v.e || !memchr(v.p, '\n', cur_len(&v)));
		check_addresses(v);
	}
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cur in = {(const char *)data, (const char *)data + n}, c;
	struct str x = {0};

	if (n == 0)
		return 0;
	envelope_write(&x, in);
	c = str_cur(&x);
	data_envelope(&c);
	must(cur_len(&c) == 0);
	str_free(&x);
	check_addresses(in);
	check_field(in, "From");
	check_field(in, "Subject");
	return 0;
}
