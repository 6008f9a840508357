/* sasl - the server's half of an authentication exchange: PLAIN (RFC 4616), LOGIN,
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 9266).
 * For smtpd, popd and imapd; what is said is the same, how it is
 * framed is theirs.  Runs in the talker, who knows no password. */
#ifndef SASL_H
#define SASL_H

#include "gate.h"

enum { SASL_LINE = 2100 /* of an answer to a challenge */ };

enum sasl_end {
	SASL_OK,       /* name is who it is */
	SASL_NO,       /* wrong name or password */
	SASL_LATER,    /* cannot be checked now, or by nobody any more */
	SASL_CANCELED, /* the client said "*" */
	SASL_BASE64,   /* that is none */
	SASL_SYNTAX,   /* base64 of something that cannot be read */
	SASL_NONE,     /* no such mechanism, or not now */
	SASL_LOST      /* input ended, io tells how */
};

struct sasl {
	const struct judge *judge;
	struct io *io;
	const char *prompt; /* what stands before a challenge: "+ ", "334 " */
	ssize_t input; /* SASL_LOST: IO_*, what reading gave; IO_LONG: that was
	                       no base64 because it was too long */
	const char
	    *method; /* the mechanism as RFCs name it; NULL: none was known */
	char name[AUTH_NAME_MAX + 1];
};

/* The exchange.  first: the initial response, undecoded, or first.p NULL for
 * none. */
enum sasl_end sasl_run(struct sasl *s, struct cur mechanism, struct cur first);

/* The same for a name and a password that came in another way; the claim is forgotten. */
enum sasl_end sasl_password(struct sasl *s, struct claim *k);

/* The mechanisms that can be used now, by number from 0; NULL behind the last. */
const char *sasl_name(const struct judge *j, unsigned i);

#endif
