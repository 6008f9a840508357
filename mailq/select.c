/* select - the words behind a verb: ids, of which the message must be one, and
 * conditions, all of which must hold. */
#include "mailq.h"

#include "addr.h"

#include <string.h>

enum kind { ID, ALL, FROM, TO, DOMAIN, REASON, OLDER, YOUNGER, WRONG };

/* What is this word, and what is behind its = ? */
static enum kind
kind_of(const char *word, const char **value)
{
	static const struct {
		const char *name;
		enum kind kind;
	} kinds[] = {
	    {"from=",    FROM   },
            {"to=",      TO     },
            {"domain=",  DOMAIN },
	    {"reason=",  REASON },
            {"older=",   OLDER  },
            {"younger=", YOUNGER},
	};
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		*value = word + strlen(kinds[i].name);
		if (strncmp(word, kinds[i].name, strlen(kinds[i].name)) == 0)
			return kinds[i].kind;
	}
	*value = word;
	if (strcmp(word, "all") == 0)
		return ALL;
	return spool_is_id(word) ? ID : WRONG;
}

int
select_check(const struct select *s)
{
	char *const *w;
	const char *value;
	unsigned long seconds;

	for (w = s->words; *w; w++) {
		enum kind k = kind_of(*w, &value);

		if (k == WRONG || ((k == OLDER || k == YOUNGER) &&
		                   conf_time(value, &seconds) < 0)) {
			fprintf(stderr, "mailq: '%s' selects nothing\n", *w);
			return -1;
		}
	}
	if (w == s->words)
		fputs("mailq: which messages?\n", stderr);
	return w == s->words ? -1 : 0;
}

bool
select_id(const struct select *s, const char *id)
{
	bool any = false;
	const char *value;
	char *const *w;

	for (w = s->words; *w; w++) {
		if (kind_of(*w, &value) != ID)
			continue;
		if (strcmp(value, id) == 0)
			return true;
		any = true;
	}
	return !any;
}

/* Is there a recipient, still waiting, of which this holds? */
static bool
any_rcpt(const struct view *v, enum kind k, const char *value)
{
	size_t i;

	for (i = 0; i < v->m->env.nrcpt; i++) {
		const char *addr = v->m->env.rcpt[i].addr;

		if (v->reason[i] &&
		    (k == TO       ? str_ieq(addr, value)
		     : k == DOMAIN ? addr_same_domain(addr_domain(addr), value)
		                   : strstr(v->reason[i], value) != NULL))
			return true;
	}
	return false;
}

bool
select_match(const struct select *s, const struct view *v)
{
	time_t age = s->now - v->m->env.time;
	unsigned long seconds = 0;
	const char *value;
	char *const *w;
	bool ok = true;

	for (w = s->words; *w && ok; w++) {
		enum kind k = kind_of(*w, &value);

		if (k == FROM)
			ok = str_ieq(v->m->env.sender,
			             strcmp(value, "<>") == 0 ? "" : value);
		else if (k == TO || k == DOMAIN || k == REASON)
			ok = any_rcpt(v, k, value);
		else if (k == OLDER || k == YOUNGER)
			ok = conf_time(value, &seconds) == 0 &&
			     (age > (time_t)seconds) == (k == OLDER);
	}
	return ok;
}
