/* smtp_policy - who may mail whom, case by case.
 * With: smtpd/policy.c */
#include "smtpd/policy.h"

#include <assert.h>
#include <string.h>

static char user[] = "bob", foreign[] = "kim@b.test", s511[] = "5.1.1",
            s430[] = "4.3.0", text[] = "text";

static struct target
target(enum route_kind kind)
{
	struct target t = {.kind = kind, .dest = user};

	if (kind == ROUTE_REMOTE)
		t.dest = foreign;
	if (kind == ROUTE_FAIL || kind == ROUTE_DEFER) {
		t.status = kind == ROUTE_FAIL ? s511 : s430;
		t.text = text;
	}
	return t;
}

/* kinds: a letter for each target: User, Program, File, Remote, Never, Later. */
static int
code(const char *addr, const char *kinds, bool trusted, bool full, bool fails)
{
	static const char letters[] = "UPFRNL";
	struct target t[8];
	struct routes rs = {.t = t, .n = strlen(kinds)};
	struct verdict v;
	size_t i;

	for (i = 0; i < rs.n; i++)
		t[i] = target(
		    (enum route_kind)(strchr(letters, kinds[i]) - letters));
	v = policy_rcpt(&(struct question){.trusted = trusted,
	                                   .addr = addr,
	                                   .routes = &rs,
	                                   .full = full,
	                                   .full_fails = fails});
	/* The enhanced status is of the class of the code (RFC 3463 2). */
	assert(v.status[0] - '0' == v.code / 100);
	assert(v.text && *v.text);
	return v.code;
}

static void
relaying(void)
{
	assert(code("kim@b.test", "R", false, false, false) == 554);
	assert(code("kim@b.test", "R", true, false, false) == 250);
	assert(code("list@a.test", "R", false, false, false) == 250);
	assert(code("kim@b.test", "UR", false, false, false) == 554);
}

/* Who may mail anybody: where he stands, which port it is, whether he logged in. */
static void
relays(void)
{
	assert(policy_relays(true, false, false));
	assert(!policy_relays(false, false, false));
	assert(!policy_relays(true, true, false));
	assert(!policy_relays(false, true, false));
	assert(policy_relays(false, true, true));
	assert(policy_relays(true, true, true));
}

static void
expansions(void)
{
	assert(code("x@a.test", "N", false, false, false) == 550);
	assert(code("x@a.test", "NN", true, false, false) == 550);
	assert(code("x@a.test", "NU", false, false, false) == 250);
	assert(code("x@a.test", "NP", false, false, false) == 250);
	assert(code("x@a.test", "FN", false, false, false) == 250);
	assert(code("x@a.test", "L", false, false, false) == 451);
	assert(code("x@a.test", "NL", false, false, false) == 451);
	assert(code("x@a.test", "LU", false, false, false) == 250);
	assert(code("x@a.test", "", false, false, false) == 550);
}

static void
full(void)
{
	assert(code("x@a.test", "U", false, true, false) == 452);
	assert(code("x@a.test", "U", false, true, true) == 552);
	assert(code("x@a.test", "UN", false, true, true) == 552);
	/* What cannot be looked up now may have room. */
	assert(code("x@a.test", "UL", false, true, true) == 451);
}

static void
postmaster(void)
{
	assert(code("postmaster", "N", false, false, false) == 250);
	assert(code("PostMaster@a.test", "N", false, false, false) == 250);
	assert(code("postmaster@a.test", "L", false, false, false) == 451);
	assert(code("postmasters@a.test", "N", false, false, false) == 550);
	assert(code("\"postmaster \"@a.test", "N", false, false, false) == 550);
	assert(code("", "N", false, false, false) == 550);
	assert(code("@postmaster", "N", false, false, false) == 550);
}

int
main(void)
{
	relays();
	relaying();
	expansions();
	full();
	postmaster();
	return 0;
}
