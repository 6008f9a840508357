/* reply - unit test of queuerun/reply.c.
 * With: queuerun/reply.c */
#include "queuerun/reply.h"

#include <assert.h>
#include <stdlib.h>

static int
line(struct reply *r, const char *z)
{
	return reply_line(r, cur_of(z));
}

static void
one_is(const char *z, unsigned code, const char *status, const char *words)
{
	struct reply r = {0};

	reply_start(&r);
	assert(line(&r, z) == 0);
	assert(r.code == code && strcmp(r.status, status) == 0);
	assert(strcmp(reply_words(&r), words) == 0);
	reply_free(&r);
}

static void
test_one(void)
{
	static const char *const bad[] = {
	    "",     "2",      "25",     "25x ok",  "250x",   "2500",
	    "\xff", "199 ok", "600 ok", " 250 ok", "250\tok"};
	struct reply r = {0};
	size_t i;

	one_is("250 ok", 250, "", "ok");
	one_is("250", 250, "", "");
	one_is("250 ", 250, "", "");
	one_is("550 5.1.1 no such user", 550, "5.1.1", "no such user");
	one_is("550 5.1.1", 550, "5.1.1", "");
	/* RFC 2034 4: the class must agree. */
	one_is("550 4.1.1 no", 550, "", "4.1.1 no");
	one_is("450 4.222.333 no", 450, "4.222.333", "no");
	one_is("450 4.2222.3 no", 450, "", "4.2222.3 no");
	one_is("450 4.2.3no", 450, "", "4.2.3no");
	one_is("250 2.0", 250, "", "2.0");
	one_is("550 a\tb\x1b[1m\xc3\xa4", 550, "", "a?b?[1m??");
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		reply_start(&r);
		assert(line(&r, bad[i]) < 0);
	}
	reply_start(&r);
	assert(reply_line(&r, (struct cur){"550 a\0b", "550 a\0b" + 7}) == 0);
	assert(strcmp(reply_words(&r), "a?b") == 0);
	reply_free(&r);
}

static void
test_many(void)
{
	struct reply r = {0};
	char big[5000];
	int i;

	reply_start(&r);
	assert(line(&r, "250-MX.b.Test Hello") == 1);
	assert(line(&r, "250-SIZE") == 1);
	assert(line(&r, "250 HELP") == 0);
	assert(strcmp(r.name, "mx.b.test") == 0);
	assert(strcmp(r.text.s, "250-MX.b.Test Hello 250-SIZE 250 HELP") == 0);
	/* An end there is, and a limit of what is kept. */
	reply_start(&r);
	memset(big, 'x', sizeof big);
	memcpy(big, "250-", 4);
	for (i = 0; i < REPLY_LINES; i++)
		assert(reply_line(&r, (struct cur){big, big + sizeof big}) ==
		       1);
	assert(line(&r, "250 at last") < 0);
	assert(r.text.n <= REPLY_TEXT && strlen(r.name) < sizeof r.name);
	reply_free(&r);
}

static void
test_offer(void)
{
	struct offer o = {0};

	offer_line(&o, cur_of("250-pipelining"));
	offer_line(&o, cur_of("250-8BITMIME x"));
	offer_line(&o, cur_of("250-SIZE 1000"));
	offer_line(&o, cur_of("250-DSNX"));
	offer_line(&o, cur_of("250-LIMITS RCPTMAX=20 MAILMAX=x RCPTMAX= =3"));
	offer_line(&o, cur_of("250-LIMITS MAILMAX=5 RCPTDOMAINMAX=2 FOO=1"));
	offer_line(&o, cur_of("250 CHUNKING"));
	offer_line(&o, cur_of("SMTPUTF8"));
	assert(o.pipelining && o.eightbit && o.size && o.chunking);
	assert(!o.dsn && !o.utf8);
	assert(o.size_max == 1000 && o.rcpt_max == 20 && o.mail_max == 5);
	assert(o.domain_max == 2);
	offer_line(&o, cur_of("250 SIZE 99999999999999999999999"));
	assert(o.size && o.size_max == 0);
	offer_line(&o, cur_of("250 SIZE"));
	assert(o.size_max == 0);
	offer_line(&o, cur_of("250 size\t 20 x"));
	assert(o.size_max == 20);
	offer_line(&o, cur_of("250 SIZE 10M"));
	assert(o.size_max == 0);
}

int
main(void)
{
	test_one();
	test_many();
	test_offer();
	return 0;
}
