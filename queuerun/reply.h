/* reply - what an SMTP server answers, RFC 5321 4.2 and RFC 2034.  Pure: lines
 * go in one by one, however hostile, and a code and a clean text come out.  The
 * keywords of EHLO are read here too. */
#ifndef REPLY_H
#define REPLY_H

#include "str.h"

#include <stdbool.h>

enum {
	REPLY_LINE = 4096, /* bytes of one line; RFC 5321 4.5.3.1.5 says 512 */
	REPLY_LINES = 200, /* of one reply */
	REPLY_TEXT = 800   /* bytes that are kept of it */
};

struct reply {
	unsigned code;   /* 250 */
	char status[12]; /* 2.1.5 (RFC 2034), or "" */
	char name[256];  /* first word behind the code, lower case */
	size_t lines;
	struct str text; /* all lines with codes, blank between, ASCII only */
};

/* Begin a reply, keeping the memory of the last. */
void reply_start(struct reply *r);

/* Take one line without its end.  1: more lines follow, 0: the reply is whole,
 * -1: this is no SMTP, or too much of it. */
int reply_line(struct reply *r, struct cur line);

void reply_free(struct reply *r);

/* The text without code and status of the first line: "ok queued". */
const char *reply_words(const struct reply *r);

/* Mechanisms to log in with. */
enum { OFFER_LOGIN = 1, OFFER_PLAIN = 2, OFFER_SCRAM = 4, OFFER_PLUS = 8 };

/* What a server offers in its reply to EHLO. */
struct offer {
	bool pipelining, size, eightbit, utf8, chunking, dsn, starttls;
	unsigned auth;               /* OFFER_* */
	unsigned long long size_max; /* 0: no fixed limit (RFC 1870 4) */
	unsigned long long rcpt_max; /* LIMITS, 0: none told (RFC 9422) */
	unsigned long long mail_max, domain_max;
};

/* Add what a line of the reply to EHLO (with its code) offers. */
void offer_line(struct offer *o, struct cur line);

#endif
