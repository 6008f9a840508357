/* param - the parameters of MAIL and RCPT.  Pure. */
#ifndef PARAM_H
#define PARAM_H

#include "spool.h"
#include "str.h"

#include <stdbool.h>

/* PARAM_AUTH: those that come with AUTH are offered, too. */
enum { PARAM_MAIL = 1, PARAM_RCPT = 2, PARAM_AUTH = 4 };

struct params {
	unsigned long long size; /* SIZE=, 0 for not said (RFC 1870) */
	bool eightbit;           /* BODY=8BITMIME (RFC 6152) */
	bool utf8;               /* SMTPUTF8 (RFC 6531) */
	enum ret ret;            /* RFC 3461 from here on */
	struct str envid;        /* decoded */
	unsigned notify;
	struct str orcpt;  /* "rfc822;bob@a.test", decoded */
	unsigned seen;     /* a bit for each that was given */
	int code;          /* when it failed: 501 or 555, ... */
	const char *error; /* ... and the text with its status */
};

/* Read what follows the path of the command.  0 or -1; param_free() after
 * both. */
int param_parse(struct params *p, struct cur args, int command);
void param_free(struct params *p);

#endif
