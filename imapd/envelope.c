/* envelope - ENVELOPE (RFC 9051 7.5.2, 9).  Called by FETCH, and for messages
 * in messages.  Of a text that comes more than once the first counts; addresses
 * are those of all fields of that name. */
#include "envelope.h"

#include "out.h"

/* In the order in which they are written. */
enum { DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, ID, N };

static const char *const names[N] = {
    "Date", "Subject", "From", "Sender",      "Reply-To",
    "To",   "Cc",      "Bcc",  "In-Reply-To", "Message-ID",
};

struct body {
	struct cur c;
	struct body *next;
};

/* What the header has of each. */
struct found {
	struct arena arena;
	struct body *first[N], *last[N];
};

static bool
is_list(int i)
{
	return i >= FROM && i <= BCC;
}

static void
found_add(struct found *f, int i, struct cur c)
{
	struct body *b;

	if (f->first[i] && !is_list(i))
		return;
	b = arena_alloc(&f->arena, sizeof *b);
	b->c = c;
	if (f->last[i])
		f->last[i]->next = b;
	else
		f->first[i] = b;
	f->last[i] = b;
}

static void
find_all(struct found *f, struct cur header)
{
	struct cur field, body;
	int i;

	while (header_next(&header, &field))
		for (i = 0; i < N; i++)
			/* Most are told apart by their first letter. */
			if ((*field.p | 0x20) == (*names[i] | 0x20) &&
			    header_is(field, names[i], &body)) {
				found_add(f, i, body);
				break;
			}
}

static void
put_address(struct str *x, const struct address *a)
{
	str_addc(x, '(');
	out_nstring(x, a->name);
	str_addc(x, ' ');
	out_nstring(x, a->route);
	str_addc(x, ' ');
	out_nstring(x, a->mailbox);
	str_addc(x, ' ');
	out_nstring(x, a->host);
	str_addc(x, ')');
}

/* A list of addresses: false when it is empty and nothing was written. */
static bool
put_list(struct str *x, struct found *f, int i, size_t *left)
{
	const struct body *b;
	struct address a;
	bool any = false, group = false;

	for (b = f->first[i]; b; b = b->next) {
		struct address_list l = {.c = b->c, .arena = &f->arena};

		while (address_next(&l, &a)) {
			/* A group ends if it began. */
			if (a.group_end ? !group : *left == 0)
				continue;
			group = a.group_begin || (group && !a.group_end);
			*left -= *left > 0;
			if (!any)
				str_addc(x, '(');
			any = true;
			put_address(x, &a);
		}
	}
	if (any)
		str_addc(x, ')');
	return any;
}

/* n bytes of x from at on, once more. */
static void
put_again(struct str *x, size_t at, size_t n)
{
	x->s = mem_grow(x->s, &x->cap, x->n + n + 1, 1);
	str_add(x, x->s + at, n);
}

static void
put_text(struct str *x, struct found *f, int i)
{
	const struct body *b = f->first[i];

	if (b)
		out_string(x, header_value(&f->arena, b->c));
	else
		str_add(x, "NIL", 3);
}

void
envelope_put(struct str *x, struct cur header, size_t *addresses)
{
	struct found f = {0};
	size_t from = 0, len = 0;
	int i;

	find_all(&f, header);
	for (i = 0; i < N; i++) {
		size_t at;

		str_addc(x, i == 0 ? '(' : ' ');
		at = x->n;
		if (!is_list(i))
			put_text(x, &f, i);
		else if (!put_list(x, &f, i, addresses)) {
			if (i == SENDER || i == REPLY_TO)
				put_again(x, from, len);
			else
				str_add(x, "NIL", 3);
		}
		if (i == FROM) {
			from = at;
			len = x->n - at;
		}
	}
	str_addc(x, ')');
	arena_free(&f.arena);
}

void
envelope_write(struct str *x, struct cur header)
{
	size_t addresses = ENVELOPE_ADDRESSES;

	envelope_put(x, header, &addresses);
}
