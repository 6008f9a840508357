/* encode - a message's content in the form that goes over the wire.  Pure:
 * bytes go in as pieces of any size, bytes come out in a str; memory stays flat
 * whatever the size of message or line.
 *
 *	scan	what is in the content, and how long will it be?
 *	wire	LF becomes CRLF, dots are stuffed
 *	encode	a conversion to 7bit for hosts without 8BITMIME (RFC 6152 3)
 *
 * Lines over 998 bytes go out as they are, but for the parts that encode has to
 * convert: to wrap them would change the message. */
#ifndef ENCODE_H
#define ENCODE_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

/* What the content, whose lines end in LF, holds. */
struct scan {
	uint64_t size; /* in bytes on the wire, without stuffed dots */
	bool eightbit; /* bytes over 127 */
	bool header8;  /* ... in the header */
	bool binary;   /* NUL or CR */
	bool body;     /* behind the header */
	char last;     /* byte */
	bool any;
};

void scan_put(struct scan *s, const char *p, size_t n);
void scan_end(struct scan *s);

/* Zeroed at the start of a message, dots set for DATA, not for BDAT. */
struct wire {
	bool dots;
	bool mid; /* not at the start of a line */
};

/* Append n bytes of content in wire form.  Never is a CR, an LF or a NUL by
 * itself in what comes out: CR and NUL become blanks (encode saves them). */
void wire_put(struct wire *w, struct str *out, const char *p, size_t n);

/* Append the missing end of the last line and, with dots, the final dot. */
void wire_end(struct wire *w, struct str *out);

enum {
	ENCODE_DEPTH = 32,    /* of multiparts in each other */
	ENCODE_PARTS = 10000, /* more are converted without need */
	ENCODE_FIELD = 16384, /* bytes of a header field that we look into */
	ENCODE_LINE = 1000,   /* of a line; boundaries are shorter */
	ENCODE_BOUND = 200    /* of a boundary; RFC 2046 5.1.1 says 70 */
};

struct encode {
	bool learn;   /* the first of two passes: nothing comes out */
	bool stuck;   /* 8-bit bytes where no encoding is allowed */
	bool header;  /* in a header */
	bool message; /* ... that of a message, not of a body part */
	bool has_version, has_type, digest;
	bool raw; /* the rest of a field that is too long */
	bool mid; /* in the middle of a long line */
	unsigned char kind, cte, mode;
	size_t part;     /* number of the part, from 0 */
	struct str need; /* for each part: what the first pass learnt */
	struct str line, field;
	char bound[ENCODE_BOUND + 1]; /* of this part's Content-Type */
	size_t depth;
	struct {
		char bound[ENCODE_BOUND + 1];
		bool digest;
	} stack[ENCODE_DEPTH];
	size_t col;              /* in a line of quoted-printable */
	unsigned char group[57]; /* of a line of base64 */
	size_t ngroup;
	bool newline; /* held back: it may belong to a boundary */
};

/* Twice over the same content: encode_start(e, true), put, end; then, if it is
 * not stuck, encode_start(e, false), put, end, with the output.  e is zeroed
 * at first. */
void encode_start(struct encode *e, bool learn);
void encode_put(struct encode *e, struct str *out, const char *p, size_t n);
void encode_end(struct encode *e, struct str *out);
void encode_free(struct encode *e);

/* Append a whole field: words that hold bytes over 127 as encoded ones (RFC 2047),
 * values of MIME parameters in the form of RFC 2231 4. */
void encode_field(struct str *out, struct cur field);

#endif
