/* smtp_param - any bytes as the parameters of MAIL and RCPT.
 * With: smtpd/param.c */
#include "smtpd/param.h"

#include "roundtrip.h"

/* What is taken into an envelope comes out of the spool again. */
static void
check(const struct params *v)
{
	char sender[] = "";
	struct envelope e = {.time = 1,
	                     .uid = -1,
	                     .sender = sender,
	                     .envid = v->envid.s,
	                     .ret = v->ret,
	                     .eightbit = v->eightbit,
	                     .utf8 = v->utf8};

	envelope_rcpt(&e, "bob", v->orcpt.s, v->notify);
	roundtrip(&e);
	e.sender = e.envid = NULL;
	envelope_free(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cur c = {(const char *)p, (const char *)p + n};
	struct params v;
	int command;

	for (command = PARAM_MAIL; command <= PARAM_RCPT; command++) {
		if (param_parse(&v, c, command) == 0) {
			check(&v);
		} else if (v.code != 501 && v.code != 555) {
			abort();
		}
		param_free(&v);
	}
	return 0;
}
