/* fetch - what FETCH asks for (RFC 9051 6.4.5, RFC 3501 6.4.5), and the parts
 * of its answer.  Included by fetch.c, fetchparse.c, body.c, binary.c and
 * preview.c. */
#ifndef FETCH_H
#define FETCH_H

#include "cache.h"
#include "headername.h"
#include "letter.h"
#include "out.h"
#include "parse.h"

enum {
	FETCH_UID = 1,
	FETCH_FLAGS = 2,
	FETCH_DATE = 4,
	FETCH_SIZE = 8,
	FETCH_MODSEQ = 16,
	FETCH_SAVED = 32,   /* RFC 8514 */
	FETCH_EMAILID = 64, /* RFC 8474 */
	FETCH_THREADID = 128,
	FETCH_ENVELOPE = 256,
	FETCH_BODY = 512,
	FETCH_STRUCTURE = 1024,
	FETCH_PREVIEW = 2048, /* RFC 8970 */
	FETCH_LAZY = 4096
};

enum {
	FETCH_SECTIONS = 1000, /* in a command */
	FETCH_NUMBERS = 200    /* 1.2.3... */
};

enum section_of {
	SECTION_ALL, /* of the message or part */
	SECTION_HEADER,
	SECTION_FIELDS,
	SECTION_NOT, /* fields other than those */
	SECTION_TEXT,
	SECTION_MIME
};

enum section_as { AS_BODY, AS_BINARY, AS_BINARY_SIZE };

struct section {
	enum section_of of;
	enum section_as as;
	const uint32_t *number; /* of the part */
	size_t n;
	struct headerset *set;
	bool cached; /* the cache has all that the set names */
	bool peek;
	bool partial;
	uint64_t off, len;
	struct cur label; /* as the answer names it */
};

struct fetch {
	unsigned what;
	struct section *section;
	size_t n, room;
	bool see;   /* something sets \Seen */
	bool since; /* CHANGEDSINCE, and VANISHED (RFC 7162 3.1.4.1) */
	bool vanished;
	uint64_t modseq;
};

/* Behind the set, up to the end: 0, or -1 with p->why. */
int fetch_parse(struct parse *p, struct fetch *f);

/* --- the answer --- */

/* A FETCH line that is being made. */
struct line {
	struct session *s;
	size_t i;
	struct str x; /* what was not yet sent of it */
	bool sent;    /* some of it was */
	struct str text;
};

/* What an item may return, beside 0. */
enum {
	ITEM_FAILED = -1,  /* nothing of it was put; errno */
	ITEM_BROKEN = -2,  /* the line cannot be finished */
	ITEM_UNKNOWN = -3, /* nobody knows that encoding */
};

void line_send(struct line *l);
/* That part of n octets from *off on that was asked for. */
uint64_t section_part(const struct section *c, uint64_t *off, uint64_t n);

int body_item(struct line *l, const struct section *c);
int binary_item(struct line *l, const struct section *c);
int preview_item(struct line *l, bool lazy);

#endif
