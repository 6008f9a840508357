/* letter - the message that was asked for last: clients ask for one part of it
 * after the other.  A short one is in memory, of a long one the place up to
 * which it was read is known.  Called by body.c, binary.c, preview.c and
 * cache.c. */
#ifndef LETTER_H
#define LETTER_H

#include "imap.h"
#include "mime.h"
#include "sum.h"

struct letter {
	uint32_t uid;
	uint64_t hash, told; /* as the index has them: its size */
	uint64_t size;       /* octets */
	struct str text;
	bool whole; /* text is all of it */
	struct arena arena;
	struct part *root; /* NULL: not yet looked for */
	/* A long one: sum is that of all when root is there; buf is what was read
	 * last, up to pos. */
	struct sum sum;
	struct store_reader reader;
	bool reading;
	uint64_t pos;
	struct str buf;
};

/* The message at place i, its text in memory if it is short.  NULL with
 * errno. */
struct letter *letter_at(struct session *s, size_t i);

/* Its structure, NULL with errno. */
const struct part *letter_root(struct session *s, struct letter *l);

/* The sum of all of it, when its structure is there. */
uint64_t letter_content(const struct letter *l);

/* Have its octet at off at hand: before anything is said of what follows.  0, or -1
 * with errno. */
int letter_reach(struct session *s, struct letter *l, uint64_t off);

/* Hand out len octets of it from off on, in portions.  0, or -1 with errno:
 * they are not all there, or put() returned -1. */
int letter_range(struct session *s, struct letter *l, uint64_t off,
                 uint64_t len, int (*put)(void *to, const char *p, size_t n),
                 void *to);

void letter_close(struct session *s);

#endif
