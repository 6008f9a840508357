/* explain - where would mail for an address go, and why?  queuerun -n: the same
 * routing and the same look-ups as a delivery, step by step, doing nothing. */
#include "addr.h"
#include "code.h"
#include "run.h"
#include "smtpc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

struct talk {
	bool json;
	bool first; /* no step was printed yet in this list */
};

/* Values hold what is in tables and what other hosts say. */
static void
say(void *arg, const char *key, const char *value)
{
	struct talk *t = arg;
	struct str s = {0};

	if (t->json) {
		str_adds(&s, t->first ? "{" : ",{");
		code_json(&s, key);
		str_addc(&s, ':');
		code_json(&s, value);
		str_addc(&s, '}');
		t->first = false;
	} else {
		str_addf(&s, "%-10s ", key);
		str_adds_clean(&s, value, strlen(value), SIZE_MAX);
		str_addc(&s, '\n');
	}
	fputs(s.s, stdout);
	str_free(&s);
}

static void
say_step(void *arg, const char *step)
{
	say(arg, "route", step);
}

static void
say_target(struct run *r, struct talk *t, const struct target *to)
{
	static const char *const kinds[] = {
	    [ROUTE_USER] = "mailbox", [ROUTE_PROGRAM] = "program",
	    [ROUTE_FILE] = "file",    [ROUTE_REMOTE] = "remote",
	    [ROUTE_FAIL] = "fail",    [ROUTE_DEFER] = "defer",
	};
	struct str s = {0};
	struct user u;
	char *path;

	str_adds(&s, to->dest);
	if (to->kind == ROUTE_USER && user_find(r->conf, to->dest, &u) > 0) {
		path = mailbox_path(r->conf, &u);
		str_addf(&s, " -> %s", path);
		free(path);
		user_free(&u);
	}
	if (to->user)
		str_addf(&s, " as %s", to->user);
	if (to->sender)
		str_addf(&s, ", sender %s", to->sender);
	if (to->text)
		str_addf(&s, ": %s %s", to->status, to->text);
	say(t, kinds[to->kind], s.s);
	str_free(&s);
	if (to->kind == ROUTE_REMOTE)
		smtpc_explain(r->conf, addr_domain(to->dest), say, t);
}

/* The exit code is what sendmail(8) would give: EX_OK if any target would be
 * tried, EX_NOUSER if all fail, EX_TEMPFAIL if it cannot be told now. */
int
explain(struct run *r, const char *addr, bool json)
{
	struct talk t = {.json = json, .first = true};
	struct routes rs = {0};
	char parsed[ADDR_MAX + 1];
	struct str s = {0};
	int code = EX_NOUSER;
	size_t i;

	if (addr_parse(cur_of(addr), parsed) < 0) {
		str_adds_clean(&s, addr, strlen(addr), ADDR_MAX);
		fprintf(stderr, "queuerun: '%s' is no address\n", s.s);
		str_free(&s);
		return EX_DATAERR;
	}
	router_open(&r->router, r->conf);
	r->router.trace = say_step;
	r->router.arg = &t;
	if (json) {
		code_json(&s, parsed);
		printf("{\"address\":%s,\"steps\":[", s.s);
		str_free(&s);
	}
	route_expand(&r->router, parsed, &rs);
	for (i = 0; i < rs.n; i++) {
		say_target(r, &t, &rs.t[i]);
		if (rs.t[i].kind == ROUTE_DEFER && code == EX_NOUSER)
			code = EX_TEMPFAIL;
		else if (rs.t[i].kind != ROUTE_FAIL &&
		         rs.t[i].kind != ROUTE_DEFER)
			code = EX_OK;
	}
	if (json)
		puts("]}");
	routes_free(&rs);
	router_close(&r->router);
	return code;
}
