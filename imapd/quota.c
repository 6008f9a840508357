/* quota - GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208), resource STORAGE.  The limit is
 * that of conf.mailbox_limit for each mailbox; so each is the root of its own quota
 * and has its name.  Without a limit there are no roots. */
#include "imap.h"

#include "folder.h"
#include "out.h"

#include <errno.h>

enum { UNIT = 1024 /* octets (RFC 9208 5.1) */ };

int
quota_over(const struct session *s, const struct store *st, uint64_t more)
{
	uint64_t limit = s->conf->mailbox_limit, used;

	if (limit == 0)
		return 0;
	used = store_size(st);
	return used > limit || more > limit - used;
}

/* The bytes that a mailbox has.  0, or -1: the answer was given. */
static int
measure(struct session *s, struct cur name, uint64_t *used)
{
	struct store other, *st;

	*used = 0;
	if (folder_exists(s->folders, name) == 0)
		return 0;
	if (!(st = box_visit(s, name, false, &other)))
		return -1;
	*used = store_size(st);
	box_leave(s, st);
	return 0;
}

static int
tell(struct session *s, struct cur name)
{
	struct str x = {0};
	uint64_t used;

	if (measure(s, name, &used) < 0)
		return -1;
	str_adds(&x, "* QUOTA ");
	out_mailbox(&x, name, s->on & (ON_UTF8 | ON_REV2));
	str_adds(&x, " (STORAGE ");
	str_addu(&x, used / UNIT + (used % UNIT > 0));
	str_addc(&x, ' ');
	str_addu(&x, s->conf->mailbox_limit / UNIT);
	str_adds(&x, ")\r\n");
	say(s, &x);
	return 0;
}

/* Is there certainly no mailbox of that name?  One that cannot be looked at may be
 * one. */
static bool
is_none(const struct session *s, struct cur name)
{
	int there = folder_exists(s->folders, name);

	return there == 0 ||
	       (there < 0 && (errno == EINVAL || errno == ENOTSUP));
}

int
do_getquota(struct session *s, struct parse *p)
{
	struct cur root;

	if (parse_sp(p) < 0 || parse_mailbox(p, &root) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	if (s->conf->mailbox_limit == 0 || is_none(s, root))
		return no(s, "[NONEXISTENT] there is no such quota root");
	return tell(s, root) < 0 ? 0 : ok(s, "that is all");
}

/* The mailbox need not be there (RFC 9208 4.1.2). */
int
do_getquotaroot(struct session *s, struct parse *p)
{
	bool utf8 = s->on & (ON_UTF8 | ON_REV2);
	bool limited = s->conf->mailbox_limit > 0;
	struct str x = {0};
	struct cur name;

	if (parse_sp(p) < 0 || parse_mailbox(p, &name) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	if (folder_exists(s->folders, name) < 0) {
		if (errno == EINVAL)
			return no(s, "[CANNOT] there can be no mailbox of that "
			             "name");
		limited = limited && errno != ENOTSUP;
	}
	str_adds(&x, "* QUOTAROOT ");
	out_mailbox(&x, name, utf8);
	if (limited) {
		str_addc(&x, ' ');
		out_mailbox(&x, name, utf8);
	}
	str_adds(&x, "\r\n");
	say(s, &x);
	return limited && tell(s, name) < 0 ? 0 : ok(s, "that is all");
}

/* setquota = "SETQUOTA" SP root SP "(" [name SP limit *(SP name SP limit)] ")" */
int
do_setquota(struct session *s, struct parse *p)
{
	struct cur root, name;
	uint64_t limit;

	if (parse_sp(p) < 0 || parse_astring(p, &root) < 0 || parse_sp(p) < 0 ||
	    parse_byte(p, '(') < 0)
		return bad_parse(s);
	while (parse_peek(p) != ')')
		if (parse_atom(p, &name) < 0 || parse_sp(p) < 0 ||
		    parse_number64(p, &limit) < 0 ||
		    (parse_peek(p) != ')' && parse_sp(p) < 0))
			return bad_parse(s);
	if (parse_byte(p, ')') < 0 || parse_end(p) < 0)
		return bad_parse(s);
	return no(s, "[NOPERM] the limit is set in the configuration");
}
