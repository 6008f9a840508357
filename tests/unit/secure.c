/* secure - how a host must be talked to, case by case, and who we are there.
 * With: queuerun/secure.c queuerun/logintable.c queuerun/stsparse.c
 */
#include "queuerun/secure.h"
#include "queuerun/login.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the table --- */

/* The line and the level that count for a destination; or -1 and the number of
 * the line that is wrong. */
static void
found(const char *table, const char *domain, unsigned port, size_t number,
      enum level level)
{
	char why[SECURE_WHY];
	struct secure_line l;

	assert(secure_find(cur_of(table), domain, port, &l, why) == 0);
	assert(l.number == number && l.level == level);
}

static void
wrong(const char *table, size_t number)
{
	char why[SECURE_WHY], want[30];
	struct secure_line l;

	snprintf(want, sizeof want, "tls_policy:%zu: ", number);
	assert(secure_find(cur_of(table), "b.test", 25, &l, why) < 0);
	assert(strncmp(why, want, strlen(want)) == 0);
}

static void
test_table(void)
{
	static const char table[] = "# levels\n\n"
	                            "b.test verify mx.b.test .b.example\r\n"
	                            "\t.b.test\tnone\n"
	                            "[mx.c.test]:587 encrypt\n"
	                            "mx.c.test dane\n"
	                            "192.0.2.1 none\n"
	                            "[2001:db8::1]:25 none\n"
	                            "k\xc3\xb6ln.test none\n"
	                            "* encrypt";
	char why[SECURE_WHY];
	struct secure_line l;

	found("", "b.test", 25, 0, LEVEL_MAY);
	found("# nothing\n", "b.test", 25, 0, LEVEL_MAY);
	found(table, "b.test", 25, 3, LEVEL_VERIFY);
	found(table, "B.Test", 25, 3, LEVEL_VERIFY);
	found(table, "x.b.test", 25, 4, LEVEL_NONE);
	found(table, "xb.test", 25, 10, LEVEL_ENCRYPT);
	found(table, "mx.c.test", 587, 5, LEVEL_ENCRYPT);
	found(table, "mx.c.test", 25, 6, LEVEL_DANE);
	found(table, "192.0.2.1", 25, 7, LEVEL_NONE);
	found(table, "[192.0.2.1]", 25, 7, LEVEL_NONE);
	found(table, "2001:db8:0::1", 25, 8, LEVEL_NONE);
	found(table, "2001:db8::1", 26, 10, LEVEL_ENCRYPT);
	found(table, "xn--kln-sna.test", 25, 9, LEVEL_NONE);
	assert(secure_find(cur_of(table), "b.test", 25, &l, why) == 0);
	assert(l.n == 2 && strcmp(l.name[0], "mx.b.test") == 0 &&
	       strcmp(l.name[1], ".b.example") == 0);
	/* Any line that is wrong: whom it was meant for is not known. */
	wrong("b.test", 1);
	wrong("b.test may\n\nc.test\n", 3);
	wrong("b.test encrypted\n", 1);
	wrong("b.test none\nc.test:x none\n", 2);
	wrong("a b c\n", 1);
	wrong("b..test none\n", 1);
	wrong("b.test encrypt mx.b.test\n", 1);
	wrong("b.test verify mx_..\n", 1);
	wrong("b.test verify a b c d e f g h i\n", 1);
}

/* --- the decision --- */

static struct secure_line line;
static struct tlsalist list;
static struct sts sts;
static struct secure out;

static void
tlsa(unsigned char usage, unsigned char selector, unsigned char type, size_t n)
{
	struct tlsa *t = &list.t[list.n++];

	t->usage = usage;
	t->selector = selector;
	t->type = type;
	t->n = n;
}

/* What is made of line, list and sts. */
static int
decide(enum level level, size_t number)
{
	struct secure_facts f = {.line = &line,
	                         .domain = "b.test",
	                         .host = "mx.b.test",
	                         .base = "mx.b.test",
	                         .tlsa = list.n ? &list : NULL,
	                         .sts = &sts};

	line.level = level;
	line.number = number;
	memset(&out, 0x55, sizeof out);
	return secure_decide(&f, &out);
}

static void
is(enum level want, size_t names)
{
	assert(out.level == want && out.n == names);
	assert(strlen(out.why) < sizeof out.why && strlen(out.sni) > 0);
}

static void
policy(enum sts_mode mode, const char *mx)
{
	sts.mode = mode;
	sts.nmx = 1;
	snprintf(sts.mx[0], sizeof sts.mx[0], "%s", mx);
}

static void
test_decision(void)
{
	assert(decide(LEVEL_MAY, 0) == 0);
	is(LEVEL_MAY, 0);
	assert(decide(LEVEL_NONE, 1) == 0);
	is(LEVEL_NONE, 0);
	assert(decide(LEVEL_ENCRYPT, 1) == 0);
	is(LEVEL_ENCRYPT, 0);
	assert(decide(LEVEL_VERIFY, 1) == 0);
	is(LEVEL_VERIFY, 2);
	snprintf(line.name[line.n++], DNS_NAME, "x.test");
	assert(decide(LEVEL_VERIFY, 1) == 0);
	is(LEVEL_VERIFY, 1);
	line.n = 0;
	assert(decide(LEVEL_DANE, 1) < 0);
	/* MTA-STS, RFC 8461 5 */
	policy(STS_TESTING, "other.test");
	assert(decide(LEVEL_MAY, 0) == 0);
	is(LEVEL_MAY, 0);
	policy(STS_ENFORCE, "*.b.test");
	assert(decide(LEVEL_MAY, 0) == 0);
	is(LEVEL_VERIFY, 1);
	assert(strcmp(out.name[0], "mx.b.test") == 0);
	assert(decide(LEVEL_ENCRYPT, 1) == 0);
	is(LEVEL_VERIFY, 1);
	policy(STS_ENFORCE, "mx.other.test");
	assert(decide(LEVEL_MAY, 0) < 0);
	assert(decide(LEVEL_NONE, 1) == 0);
	is(LEVEL_NONE, 0);
	/* DANE wins over it. */
	tlsa(3, 1, 1, 32);
	assert(decide(LEVEL_MAY, 0) == 0);
	is(LEVEL_DANE, 2);
	assert(out.tlsa.n == 1);
	assert(decide(LEVEL_DANE, 1) == 0);
	is(LEVEL_DANE, 2);
	/* The table knows better. */
	assert(decide(LEVEL_NONE, 1) == 0);
	is(LEVEL_NONE, 0);
	assert(decide(LEVEL_VERIFY, 1) == 0);
	is(LEVEL_VERIFY, 2);
	assert(out.tlsa.n == 0);
}

/* A record of 3 1 0 with these first bytes of n. */
static void
whole(size_t n, const char *head, size_t len)
{
	tlsa(3, 1, 0, n);
	memcpy(list.t[list.n - 1].data, head, len);
}

static void
test_usable(void)
{
	policy(STS_NONE, "");
	list.n = 0;
	tlsa(0, 0, 1, 32); /* RFC 7672 3.1.3: PKIX-TA, PKIX-EE */
	tlsa(1, 1, 1, 32);
	tlsa(4, 1, 1, 32);
	tlsa(3, 2, 1, 32);
	tlsa(3, 1, 3, 32);
	tlsa(3, 1, 1, 31);
	tlsa(3, 1, 2, 32);
	tlsa(3, 1, 0, 0);
	whole(91, "\x31\x59", 2); /* no sequence */
	whole(90, "\x30\x59", 2); /* cut short */
	whole(92, "\x30\x59", 2);
	whole(2, "\x30\x80", 2); /* BER */
	whole(3, "\x30\x82\x00", 3);
	whole(2, "\x30\xff", 2);
	whole(262, "\x30\x82\x01\x03", 4);
	whole(64, "\x30\x89\1\0\0\0\0\0\0\0\x35", 11);
	assert(decide(LEVEL_MAY, 0) == 0);
	is(LEVEL_ENCRYPT, 0);
	assert(decide(LEVEL_DANE, 1) < 0);
	policy(STS_ENFORCE, "mx.b.test");
	assert(decide(LEVEL_MAY, 0) == 0);
	is(LEVEL_VERIFY, 1);
	tlsa(2, 0, 2, 64);
	whole(91, "\x30\x59", 2);
	whole(262, "\x30\x82\x01\x02", 4);
	assert(decide(LEVEL_MAY, 0) == 0);
	is(LEVEL_DANE, 2);
	assert(out.tlsa.n == 3 && out.tlsa.t[0].usage == 2);
}

/* --- logins --- */

static void
test_login(void)
{
	static const char table[] = "# who we are\n"
	                            "smtp.b.test:587 jo pass word \n"
	                            "smtp.b.test kim  secret\r\n"
	                            "[192.0.2.1]:25 bob x\n";
	struct login l;
	size_t n;

	assert(login_find(cur_of(table), "smtp.b.test", 587, &l, &n) == 1);
	assert(strcmp(l.name, "jo") == 0 &&
	       strcmp(l.secret, "pass word ") == 0);
	assert(login_find(cur_of(table), "SMTP.b.test", 25, &l, &n) == 1);
	assert(strcmp(l.name, "kim") == 0 && strcmp(l.secret, "secret") == 0);
	assert(login_find(cur_of(table), "192.0.2.1", 25, &l, &n) == 1);
	assert(login_find(cur_of(table), "192.0.2.1", 26, &l, &n) == 0);
	assert(login_find(cur_of(""), "b.test", 25, &l, &n) == 0);
	assert(login_find(cur_of("b.test jo pw\nc.test jo\n"), "b.test", 25, &l,
	                  &n) < 0);
	assert(n == 2);
	assert(login_find(cur_of("b.test:0 jo pw"), "b.test", 25, &l, &n) < 0);
}

int
main(void)
{
	test_table();
	test_decision();
	test_usable();
	test_login();
	return 0;
}
