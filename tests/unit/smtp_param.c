/* smtp_param - parameters of MAIL and RCPT: what each RFC allows.
 * With: smtpd/param.c */
#include "smtpd/param.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* 0, or the code of the refusal. */
static int
parse(struct params *p, const char *args, int command)
{
	int r = param_parse(p, cur_of(args), command);

	assert(r == 0 ||
	       (p->code >= 500 && strncmp(p->error, "5.5.4 ", 6) == 0));
	return r < 0 ? p->code : 0;
}

static int
code(const char *args, int command)
{
	struct params p;
	int r = parse(&p, args, command);

	param_free(&p);
	return r;
}

static void
mail(void)
{
	struct params p;

	assert(parse(&p, "", PARAM_MAIL) == 0);
	assert(p.size == 0 && !p.utf8 && !p.eightbit && p.ret == RET_NONE);
	param_free(&p);
	assert(parse(&p,
	             "  size=12\tBody=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2B ",
	             PARAM_MAIL) == 0);
	assert(p.size == 12 && p.eightbit && p.utf8 && p.ret == RET_HDRS);
	assert(strcmp(p.envid.s, "a+") == 0);
	param_free(&p);
	assert(parse(&p, " SIZE=99999999999999999999", PARAM_MAIL) == 0);
	assert(p.size == UINT64_MAX);
	param_free(&p);
	assert(code(" SIZE=100000000000000000000", PARAM_MAIL) == 501);
	assert(code(" SIZE=1 size=1", PARAM_MAIL) == 501);
	assert(code("SIZE=1", PARAM_MAIL) == 501);
	assert(code(" AUTH=<>", PARAM_MAIL) == 555);
	assert(code(" NOTIFY=NEVER", PARAM_MAIL) == 555);
	assert(code(" =", PARAM_MAIL) == 501);
	assert(code(" -X", PARAM_MAIL) == 501);
}

/* RFC 4954 5: where AUTH is offered; read, and no more. */
static void
auth(void)
{
	const int both = PARAM_MAIL | PARAM_AUTH;

	assert(code(" AUTH=<> SIZE=1", both) == 0);
	assert(code(" AUTH=e+3Dmc2@example.com", both) == 0);
	assert(code(" AUTH=bob", both) == 0);
	assert(code(" AUTH", both) == 501);
	assert(code(" AUTH=", both) == 501);
	assert(code(" AUTH=<> AUTH=<>", both) == 501);
	assert(code(" AUTH=a+0Ab@c.test", both) == 501);
	assert(code(" AUTH=a+4b@c.test", both) == 501);
	assert(code(" AUTH=a@b@c.test", both) == 501);
	assert(code(" AUTH=<> NOTIFY=NEVER", both) == 555);
	assert(code(" AUTH=<>", PARAM_RCPT) == 555);
}

static void
rcpt(void)
{
	struct params p;

	assert(parse(&p, " NOTIFY=success,DELAY ORCPT=rfc822;a+2Bb@x",
	             PARAM_RCPT) == 0);
	assert(p.notify == (NOTIFY_SUCCESS | NOTIFY_DELAY));
	assert(strcmp(p.orcpt.s, "rfc822;a+b@x") == 0);
	param_free(&p);
	assert(parse(&p, " ORCPT=utf-8;\303\251@x", PARAM_RCPT) == 0);
	assert(strcmp(p.orcpt.s, "utf-8;\\x{E9}@x") == 0);
	param_free(&p);
	assert(parse(&p, " ORCPT=utf-8;\\x{5C}\303\251@x", PARAM_RCPT) == 0);
	assert(strcmp(p.orcpt.s, "utf-8;\\x{5C}\\x{E9}@x") == 0);
	param_free(&p);
	assert(code(" ORCPT=rfc822;\303\251@x", PARAM_RCPT) == 501);
	assert(code(" ORCPT=utf-8;\303@x", PARAM_RCPT) == 501);
	assert(code(" ORCPT=\303\251;x", PARAM_RCPT) == 501);
	assert(code(" ORCPT=\031;x", PARAM_RCPT) == 501);
	assert(code(" ORCPT=utf-8;\001\303\251@x", PARAM_RCPT) == 501);
	assert(code(" NOTIFY=NEVER,NEVER", PARAM_RCPT) == 0);
	assert(code(" NOTIFY=NEVER,DELAY", PARAM_RCPT) == 501);
	assert(code(" NOTIFY=DELAY,", PARAM_RCPT) == 501);
	assert(code(" SIZE=1", PARAM_RCPT) == 555);
}

int
main(void)
{
	mail();
	auth();
	rcpt();
	return 0;
}
