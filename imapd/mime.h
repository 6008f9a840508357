/* mime - the structure of a message (RFC 2045, 2046), found while its bytes
 * pass by.  Pure.  Input is the message as it goes over the wire (CRLF), in
 * portions of any size; places are octets of that.  Memory is bounded whatever
 * comes: what goes beyond MIME_PARTS or MIME_DEPTH is one more opaque part, a
 * header beyond MIME_HEADER is cut for this purpose. */
#ifndef MIME_H
#define MIME_H

#include "field.h"
#include "mem.h"
#include "str.h"

#include <stdint.h>

enum {
	MIME_PARTS = 10000,
	MIME_DEPTH = 100,
	/* Bytes of a header that are kept, and as many of its Content-* fields,
	 * wherever they stand. */
	MIME_HEADER = 65536,
	MIME_KEEP = 4 << 20,        /* such bytes in a message; then none */
	MIME_PARAMS = 10000,        /* parameters in a message */
	MIME_BOUNDARY = 990,        /* bytes; a longer one fits on no line */
	ENVELOPE_ADDRESSES = 100000 /* in what one call writes */
};

/* A parameter of Content-Type or Content-Disposition: RFC 2231's pieces are put
 * together; the value is as the header has it otherwise. */
struct param {
	struct cur name, value;
	struct param *next;
};

enum { MIME_TEXT, MIME_MULTIPART, MIME_MESSAGE, MIME_OTHER };

struct part {
	struct part *parent, *child, *next;
	unsigned kind;
	uint64_t head, body, end; /* of its header, its body, behind that */
	uint64_t lines;           /* in its body */
	struct cur header;        /* the first MIME_HEADER bytes of it, for
	                      the root and messages inside; else empty */
	struct cur type,
	    subtype; /* never empty: text plain if nothing is said */
	struct param *params;
	struct cur id, description, encoding, md5, disposition, language,
	    location; /* p is NULL: not there */
	struct param *disposition_params;
};

struct mime;

/* What was opened must be ended. */
struct mime *mime_open(struct arena *a);
void mime_feed(struct mime *m, const char *p, size_t n);
/* The root; it lives in the arena, as all below it. */
struct part *mime_end(struct mime *m);

/* The value of a parameter, or p is NULL. */
struct cur param_find(const struct param *p, const char *name);

/* The part with the number 1.2.3 (n numbers) as RFC 9051 6.4.5 counts: those
 * of a message inside are those of its body.  No numbers: the root.  NULL:
 * none. */
const struct part *mime_find(const struct part *root, const uint32_t *number,
                             size_t n);

/* --- structure.c, envelope.c: as FETCH answers, ready to be sent --- */

/* BODYSTRUCTURE (ext) or BODY.  Not more than a fixed depth of C stack. */
void structure_write(struct str *x, const struct part *root, bool ext);

/* ENVELOPE of a header with CRLF or LF line ends.  Time is linear in its
 * length. */
void envelope_write(struct str *x, struct cur header);

/* The addresses in a field's body, folded or not, one after the other, as
 * ENVELOPE has them; false at the end.  A group begins with a mailbox and no
 * host, and ends with neither. */
struct address {
	struct cur name, route, mailbox, host; /* p is NULL: NIL */
	bool group_begin, group_end;
};
struct address_list {
	struct cur c; /* begin with these two, all else zero */
	struct arena *arena;
	bool in_group;
	char *to; /* where words are put together */
};
bool address_next(struct address_list *l, struct address *a);

#endif
