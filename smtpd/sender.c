/* sender - see sender.h.  Called by smtp.c and submit.c for those who have logged in.
 * What cannot be read is not allowed: a login sends as itself then. */
#include "sender.h"

#include "addr.h"
#include "alias.h"
#include "mem.h"

#include <stdint.h>
#include <stdlib.h>

/* --- the table --- */

/* "limit=N" or an address. */
static void
take_word(struct sender *s, struct cur w)
{
	static const char limit[] = "limit=";
	unsigned long long n;

	if (cur_len(&w) >= sizeof limit &&
	    mem_ieq(w.p, limit, sizeof limit - 1)) {
		w.p += sizeof limit - 1;
		if (cur_number(&w, UINT32_MAX, &n) == 0 && cur_len(&w) == 0)
			s->limit = (unsigned long)n;
		return;
	}
	str_add(&s->may, w.p, cur_len(&w));
	str_addc(&s->may, '\n');
}

int
sender_load(struct sender *s)
{
	char *path = conf_beside(s->conf, "senders");
	struct alias_table *t = alias_open(path);
	struct str value = {0}, item = {0};
	struct cur c, w, word;
	size_t line;

	free(path);
	s->limit = SENDER_LIMIT;
	str_clear(&s->may);
	if (!t)
		return -1;
	if (alias_find(t, s->login, &value, &line) ||
	    alias_find(t, "*", &value, &line)) {
		c = str_cur(&value);
		while (alias_item(&c, &item) > 0)
			for (w = str_cur(&item); cur_word(&w, &word) > 0;)
				take_word(s, word);
	}
	str_free(&value);
	str_free(&item);
	alias_close(t);
	return 0;
}

void
sender_free(struct sender *s)
{
	str_free(&s->may);
}

/* --- addresses --- */

/* Is addr what is allowed, "user@domain", "@domain", "*", or "user" at any domain of
 * ours? */
static bool
allows(const struct conf *c, const char *may, const char *addr)
{
	const char *at = addr_at(may), *domain = addr_domain(addr);
	size_t local = (size_t)(domain - addr) - 1;
	size_t n = at ? (size_t)(at - may) : strlen(may);

	if (strcmp(may, "*") == 0)
		return true;
	if (!*domain || (at != may && (n != local || !mem_ieq(may, addr, n))))
		return false;
	if (!at)
		return conf_is_local(c, domain);
	return str_ieq(at + 1, domain) || addr_same_domain(at + 1, domain);
}

static bool
is_listed(const struct sender *s, const char *addr)
{
	struct cur c = str_cur(&s->may), line;
	bool found = false;
	char *may;

	while (!found && cur_line(&c, &line)) {
		may = mem_dup(line.p, cur_len(&line));
		found = allows(s->conf, may, addr);
		free(may);
	}
	return found;
}

/* Does mail for it go to the login, and to nobody else? */
static bool
leads_home(const struct sender *s, struct router *r, const char *addr)
{
	struct routes rs = {0};
	bool home;

	route_expand(r, addr, &rs);
	home = rs.n == 1 && rs.t[0].kind == ROUTE_USER &&
	       strcmp(rs.t[0].dest, s->login) == 0;
	routes_free(&rs);
	return home;
}

bool
sender_owns(const struct sender *s, struct router *r, const char *addr)
{
	/* A name that reads as one of the table's wide entries is none. */
	bool plain = *s->login != '*' && *s->login != '@';

	return (plain && allows(s->conf, s->login, addr)) ||
	       is_listed(s, addr) || leads_home(s, r, addr);
}

void
sender_own(const struct sender *s, struct str *to)
{
	str_adds(to, s->login);
	if (!addr_at(s->login))
		str_addf(to, "@%s", s->conf->origin);
}
