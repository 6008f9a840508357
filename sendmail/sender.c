/* sender - who sends the message: -f and -F, or the account of the real uid. */
#include "sendmail.h"

#include "log.h"
#include "mem.h"
#include "user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { NAME_MAX_LEN = 255 }; /* bytes of a full name */

int
qualify(const struct conf *c, const char *addr, char out[ADDR_MAX + 1])
{
	const char *domain = addr_domain(addr);
	size_t n = *domain ? (size_t)(domain - addr) - 1 : strlen(addr);
	char local[ADDR_MAX + 1], ascii[ADDR_DOMAIN_MAX + 1];
	struct str s = {0};
	int ok;

	memcpy(local, addr, n);
	local[n] = '\0';
	if (!*domain)
		domain = c->origin;
	else if (addr_is_utf8(domain) && !addr_is_utf8(local) &&
	         addr_to_ascii(domain, ascii) == 0)
		domain = ascii; /* no SMTPUTF8 needed (RFC 6531 3.2) */
	str_addf(&s, "%s@%s", local, domain);
	ok = s.n <= ADDR_MAX ? 0 : -1;
	if (ok == 0)
		memcpy(out, s.s, s.n + 1);
	str_free(&s);
	return ok;
}

/* Takes the one address of an argument. */
static int
take_one(void *arg, const char *addr)
{
	char *out = arg;

	if (*out)
		return -1;
	memcpy(out, addr, strlen(addr) + 1);
	return 0;
}

static int
parse_sender(struct sender *s, const struct conf *c, const char *text)
{
	char addr[ADDR_MAX + 1] = "";

	s->addr[0] = '\0';
	if (*text == '\0' || strcmp(text, "<>") == 0)
		return 0;
	if (addr_list(cur_of(text), take_one, addr) < 0 || !*addr ||
	    qualify(c, addr, s->addr) < 0)
		return complain(EX_USAGE, "-f: cannot read the address '%s'",
		                text);
	return 0;
}

/* The full name of passwd(5): up to a comma, & stands for the login name. */
static char *
gecos_name(const struct user *u)
{
	struct str s = {0};
	const char *p;
	char *name;

	str_adds(&s, "");
	for (p = u->gecos; *p && *p != ',' && s.n < NAME_MAX_LEN; p++) {
		size_t at = s.n;

		if (*p != '&') {
			str_addc(&s, *p);
			continue;
		}
		str_adds(&s, u->name);
		if (str_isalpha(s.s[at]))
			s.s[at] = (char)(s.s[at] & ~0x20);
	}
	name = s.n > 0 ? mem_dup(s.s, s.n) : NULL;
	str_free(&s);
	return name;
}

/* The account of the real uid: in conf.users, else in the system's.  1, 0, -1 as
 * user_find_uid(). */
static int
find_caller(const struct conf *c, struct user *u)
{
	struct conf system = *c;
	char none[] = "";
	int found = user_find_uid(c, getuid(), u);

	system.users = none;
	return found != 0 ? found : user_find_uid(&system, getuid(), u);
}

/* The caller is known as u: fill what -f and -F left open. */
static int
from_account(struct sender *s, const struct conf *c, const struct options *o,
             const struct user *u)
{
	char own[ADDR_MAX + 1] = "", bare[ADDR_MAX + 1];

	if (addr_parse(cur_of(u->name), bare) < 0 || qualify(c, bare, own) < 0)
		return complain(EX_OSERR,
		                "the login name of uid %ld is no"
		                " local part: use -f",
		                s->uid);
	if (!o->sender)
		memcpy(s->addr, own, sizeof own);
	memcpy(s->from, *s->addr ? s->addr : own, sizeof own);
	/* As whom one may write is one's own matter; what one is not is told. */
	if (o->sender && getuid() != 0 && !str_ieq(s->addr, own))
		s->user = str_dup(u->name);
	if (!s->name && str_ieq(s->from, own))
		s->name = gecos_name(u);
	return 0;
}

int
sender_find(struct sender *s, const struct conf *c, const struct options *o)
{
	struct user u;
	int found, code = 0;

	*s = (struct sender){.uid = (long)getuid()};
	if (o->sender && (code = parse_sender(s, c, o->sender)))
		return code;
	if (o->name && *o->name)
		s->name = mem_dup(o->name, strnlen(o->name, NAME_MAX_LEN));
	found = find_caller(c, &u);
	if (found < 0) {
		log_warn("the user database cannot be asked: %s",
		         strerror(errno));
		return EX_TEMPFAIL;
	}
	if (found > 0) {
		code = from_account(s, c, o, &u);
		user_free(&u);
		return code;
	}
	if (!*s->addr)
		return complain(EX_OSERR, "uid %ld has no account: use -f",
		                s->uid);
	memcpy(s->from, s->addr, sizeof s->from);
	return 0;
}

void
sender_free(struct sender *s)
{
	free(s->name);
	free(s->user);
}
