/* smtp_param - any bytes as the parameters of MAIL and RCPT.
 * With: smtpd/param.c */
#include "smtpd/param.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What gets into an envelope is printable, or the spool could not be read. */
static void
check(const struct str *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->s[i] < ' ' || s->s[i] > '~')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cur c = {(const char *)p, (const char *)p + n};
	struct params v;
	int command;

	for (command = PARAM_MAIL; command <= PARAM_RCPT; command++) {
		if (param_parse(&v, c, command) == 0) {
			check(&v.envid);
			check(&v.orcpt);
		} else if (v.code != 501 && v.code != 555) {
			abort();
		}
		param_free(&v);
	}
	return 0;
}
