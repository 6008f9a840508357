/* sts - unit test of queuerun/stsparse.c.
 * With: queuerun/stsparse.c */
#include "queuerun/sts.h"
#include "mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD "version: STSv1\n"

static struct sts *
policy(const char *z)
{
	struct sts *s = mem_alloc(sizeof *s);
	size_t n = strlen(z);
	/* Exactly so long: a sanitizer sees one byte too far. */
	char *p = mem_alloc(n ? n : 1);

	memcpy(p, z, n);
	if (sts_parse(p, n, s) < 0) {
		free(s);
		s = NULL;
	}
	free(p);
	return s;
}

static void
policy_is(const char *z, enum sts_mode mode, unsigned long age, size_t nmx)
{
	struct sts *s = policy(z);

	assert(s && s->mode == mode && s->max_age == age && s->nmx == nmx);
	free(s);
}

static void
test_policies(void)
{
	struct sts *s;

	policy_is(HEAD "mode: enforce\nmx: mail.b.test\nmx: *.b.test\n"
	               "max_age: 604800\n",
	          STS_ENFORCE, 604800, 2);
	policy_is("version: STSv1\r\nmode: testing\r\nmx: mx.b.test\r\n"
	          "max_age: 86400\r\n",
	          STS_TESTING, 86400, 1);
	policy_is(HEAD "mode: none\nmax_age: 0", STS_NONE, 0, 0);
	policy_is("max_age:1\nmx:a.b\nmode:enforce\nversion:STSv1", STS_ENFORCE,
	          1, 1);
	policy_is("version: \t STSv1 \t\nmode: none \nmax_age: 5\t\r\n\r\n\n",
	          STS_NONE, 5, 0);
	/* RFC 8461 3.2: a year at most. */
	policy_is(HEAD "mode: none\nmax_age: 31557601", STS_NONE, 31557600, 0);
	policy_is(HEAD "mode: none\nmax_age: 9999999999", STS_NONE, 31557600,
	          0);
	/* The first one counts, but for mx; what is unknown is ignored. */
	policy_is(HEAD "mode: enforce\nmode: none\nmax_age: 7\nmax_age: x\n"
	               "version: STSv9\nmx: a\nmx: b\nMode: none\n"
	               "x-y.z_1: \xc3\xa4 b: c\n",
	          STS_ENFORCE, 7, 2);
	s = policy(HEAD "mode: enforce\nmx: *.B.Test\nmx: MX_1.b.test\n"
	                "max_age: 1");
	assert(s && strcmp(s->mx[0], "*.b.test") == 0);
	assert(strcmp(s->mx[1], "mx_1.b.test") == 0);
	free(s);
}

static void
test_no_policies(void)
{
	static const char *const bad[] = {
	    "",
	    "\n",
	    "mode: none\nmax_age: 1\n",
	    HEAD "max_age: 1\n",
	    HEAD "mode: none\n",
	    "version: STSv2\nmode: none\nmax_age: 1",
	    "version: stsv1\nmode: none\nmax_age: 1",
	    "Version: STSv1\nmode: none\nmax_age: 1",
	    HEAD "mode: Enforce\nmx: a\nmax_age: 1",
	    HEAD "mode: enforced\nmx: a\nmax_age: 1",
	    HEAD "mode: enforce\nmax_age: 1",
	    HEAD "mode: testing\nmax_age: 1",
	    HEAD "mode : none\nmax_age: 1",
	    HEAD " mode: none\nmax_age: 1",
	    HEAD "mode none\nmax_age: 1",
	    HEAD "mode:\nmax_age: 1",
	    HEAD "mode: none\nmax_age: -1",
	    HEAD "mode: none\nmax_age: 1d",
	    HEAD "mode: none\nmax_age: 10000000000",
	    HEAD "mode: none\nmax_age: 1\n<html>",
	    HEAD "mode: none\nmax_age: 1\n: x",
	    HEAD "mode: none\nmax_age: 1\n-x: x",
	    HEAD "mode: none\nmax_age: 1\nx: a\001b",
	    HEAD "mode: none\nmax_age: 1\nx: a\rb",
	    HEAD "mode: none\nmax_age: 1\n"
	         "abcdefghijklmnopqrstuvwxyz0123456: too long",
	    HEAD "mode: enforce\nmax_age: 1\nmx: ",
	    HEAD "mode: enforce\nmax_age: 1\nmx: *",
	    HEAD "mode: enforce\nmax_age: 1\nmx: *.",
	    HEAD "mode: enforce\nmax_age: 1\nmx: *a.b",
	    HEAD "mode: enforce\nmax_age: 1\nmx: a.*.b",
	    HEAD "mode: enforce\nmax_age: 1\nmx: *.*.b",
	    HEAD "mode: enforce\nmax_age: 1\nmx: a..b",
	    HEAD "mode: enforce\nmax_age: 1\nmx: .a",
	    HEAD "mode: enforce\nmax_age: 1\nmx: a.",
	    HEAD "mode: enforce\nmax_age: 1\nmx: a b",
	    HEAD "mode: enforce\nmax_age: 1\nmx: a/b",
	    HEAD "mode: enforce\nmax_age: 1\nmx: \xc3\xa4.test",
	};
	struct sts *s;
	static const char nul[] = HEAD "mode: none\nmax_age: 1\nx: \0";
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		if ((s = policy(bad[i]))) {
			printf("taken for a policy:\n%s\n", bad[i]);
			free(s);
		}
	s = mem_alloc(sizeof *s);
	assert(sts_parse(nul, sizeof nul - 1, s) < 0);
	free(s);
}

/* n patterns, each of a label of len letters. */
static struct sts *
many(size_t n, size_t len)
{
	struct str t = {0};
	struct sts *s;
	size_t k;

	str_adds(&t, HEAD "mode: enforce\nmax_age: 1\n");
	for (; n > 0; n--) {
		str_adds(&t, "mx: ");
		for (k = 0; k < len; k++)
			str_addc(&t, k % 64 == 63 ? '.' : 'a');
		str_addc(&t, '\n');
	}
	s = policy(t.s);
	str_free(&t);
	return s;
}

static void
test_bounds(void)
{
	struct sts *s = many(STS_MX_MAX, 255);

	assert(s && s->nmx == STS_MX_MAX);
	assert(strlen(s->mx[STS_MX_MAX - 1]) == 255);
	free(s);
	assert(!many(STS_MX_MAX + 1, 3));
	assert(!many(1, 256 + 1));
	s = policy(HEAD
	           "mode: enforce\nmax_age: 1\nmx: "
	           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	           "aaaaaaaaa");
	assert(!s); /* a label of 64 */
}

static void
test_match(void)
{
	static const struct {
		const char *host;
		bool matches;
	} t[] = {
  /* RFC 8461 4.1 */
	    {"mail.b.test",        true },
	    {"MAIL.B.TEST",        true },
	    {"mail.b.test.c.test", false},
	    {"xmail.b.test",       false},
	    {"b.test",             false},
	    {"mx.wild.test",       true },
	    {"Mx1.Wild.test",      true },
	    {"wild.test",          false},
	    {".wild.test",         false},
	    {"foo.mx.wild.test",   false},
	    {"mxwild.test",        false},
	    {"*.wild.test",        true },
	    {"mx.wild.test.",      false},
	    {"wild",               false},
	    {"",	           false},
	};
	struct sts *s = policy(HEAD "mode: enforce\nmax_age: 1\n"
	                            "mx: mail.b.test\nmx: *.wild.test\n");
	size_t i;

	assert(s);
	for (i = 0; i < sizeof t / sizeof *t; i++)
		if (sts_match(s, t[i].host) != t[i].matches)
			printf("%s: not %d\n", t[i].host, t[i].matches);
	s->nmx = 0;
	assert(!sts_match(s, "mail.b.test"));
	free(s);
}

/* The id in up to two records, or "-". */
static void
record_is(const char *a, const char *b, const char *want)
{
	struct records *rs = mem_alloc(sizeof *rs);
	char id[STS_ID] = "x";
	int rc;

	rs->n = 1 + (b != NULL);
	snprintf(rs->r[0].host, DNS_NAME, "%s", a);
	snprintf(rs->r[1].host, DNS_NAME, "%s", b ? b : "");
	rc = sts_record(rs, id);
	if (rc < 0 ? strcmp(want, "-") != 0 || *id : strcmp(want, id) != 0)
		printf("%s %s: '%s', not %s\n", a, b ? b : "", id, want);
	free(rs);
}

static void
test_records(void)
{
	record_is("v=STSv1; id=20160831085700Z;", NULL, "20160831085700Z");
	record_is("v=STSv1;id=1", NULL, "1");
	record_is("v=STSv1 ;\tid=aZ9 ; ", NULL, "aZ9");
	record_is("v=STSv1; x.y-z_=!:<>~; id=1; id=2; ID=3", NULL, "1");
	record_is("v=STSv1; id=12345678901234567890123456789012;", NULL,
	          "12345678901234567890123456789012");
	/* RFC 8461 3.1: others are discarded, then there must be one. */
	record_is("v=spf1 -all", "v=STSv1; id=1;", "1");
	record_is("v=STSv1; id=1;", "v=STSv10; id=2;", "1");
	record_is("v=STSv1; id=1;", "v=STSv1; id=1;", "-");
	record_is("v=STSv1; id=1;", "v=STSv1;", "-");
	record_is("v=spf1 -all", NULL, "-");
	record_is("", NULL, "-");
	record_is("v=STSv1", NULL, "-");
	record_is("v=STSv1;", NULL, "-");
	record_is("v=STSv2; id=1;", NULL, "-");
	record_is("v=stsv1; id=1;", NULL, "-");
	record_is(" v=STSv1; id=1;", NULL, "-");
	record_is("id=1; v=STSv1;", NULL, "-");
	record_is("v=STSv1; id=;", NULL, "-");
	record_is("v=STSv1; id=1-2;", NULL, "-");
	record_is("v=STSv1; id=../x;", NULL, "-");
	record_is("v=STSv1; id=1 2;", NULL, "-");
	record_is("v=STSv1; id=123456789012345678901234567890123;", NULL, "-");
	record_is("v=STSv1; id = 1;", NULL, "-");
	record_is("v=STSv1; id=1;; ", NULL, "-");
	record_is("v=STSv1; id=1; x", NULL, "-");
	record_is("v=STSv1; id=1; x=a=b", NULL, "-");
	record_is("v=STSv1; id=1; x=\x80", NULL, "-");
	record_is("v=STSv1 id=1", NULL, "-");
}

int
main(void)
{
	test_policies();
	test_no_policies();
	test_bounds();
	test_match();
	test_records();
	return 0;
}
