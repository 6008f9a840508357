/* decode - take the transfer encoding off a part's body (RFC 2045 6), as it
 * passes by in portions of any size.  Whatever comes, something is made of it:
 * mail is as it is.  Pure.  Called by binary.c, preview.c and search.c. */
#ifndef DECODE_H
#define DECODE_H

#include "str.h"

#include <stdint.h>

/* DECODE_NONE: 7bit, 8bit, binary, or nothing said. */
enum { DECODE_NONE, DECODE_BASE64, DECODE_QP, DECODE_UNKNOWN };

enum {
	DECODE_HELD = 80 /* blanks before a line's end; more than fit in a line
                           are text */
};

struct decode {
	unsigned kind;
	uint32_t bits; /* base64: of an unfinished group */
	unsigned nbits;
	char held[DECODE_HELD + 1]; /* quoted-printable: not yet judged */
	size_t nheld;
};

/* What a Content-Transfer-Encoding field says (p is NULL: there is none). */
unsigned decode_kind(struct cur encoding);

void decode_begin(struct decode *d, unsigned kind);
/* Add what the next n bytes stand for to out.  DECODE_UNKNOWN is as it is. */
void decode_feed(struct decode *d, const char *p, size_t n, struct str *out);
void decode_end(struct decode *d, struct str *out);

/* What a hexadecimal digit stands for, or -1. */
int decode_hex(char c);

#endif
