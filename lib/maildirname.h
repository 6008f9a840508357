/* maildirname - the names of messages in a Maildir, as Courier and Dovecot write
 * them: UNIQUE[,S=SIZE][,W=WIRE][:2,LETTERS].  Pure.  maildir(5) has the
 * rules. */
#ifndef MAILDIRNAME_H
#define MAILDIRNAME_H

#include "str.h"

#include <stdint.h>

#define NAME_UNSAID UINT64_MAX

struct maildir_name {
	struct cur base;     /* which message it is: all before the colon */
	unsigned flags;      /* FLAG_*, never FLAG_OLD */
	uint32_t letters;    /* a-z: keywords, a bit each */
	uint64_t size, wire; /* S= and W=, or NAME_UNSAID */
};

void name_parse(struct maildir_name *n, struct cur name);

/* The same for the same base name, never 0. */
uint64_t name_hash(struct cur base);

/* Less, equal or greater than 0 as a arrived before, with or after b: numbers in
 * the names are compared as numbers, and they begin with the time. */
int name_order(const char *a, const char *b);

/* Append the name that the message has with these flags and letters.  Of a-z only
 * those in mask are changed; letters that are not ours stay. */
void name_make(struct str *s, const char *name, unsigned flags,
               uint32_t letters, uint32_t mask);

/* How many LFs of the n bytes lack their CR: what the text grows by on the wire.
 * *last is the byte before, and then the last one. */
size_t name_bare(const char *p, size_t n, char *last);

#endif
