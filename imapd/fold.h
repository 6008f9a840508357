/* fold - text of any charset in UTF-8, and folded so that what a reader
 * takes for the same compares equal: i;unicode-casemap (RFC 5051), each
 * character's title case, then its full decomposition, by libunistring's tables.
 * Charsets are iconv's.  Called by text.c, evaluate.c, sort.c, thread.c. */
#ifndef FOLD_H
#define FOLD_H

#include "str.h"

#include <stdint.h>

enum {
	FOLD_CHARSETS = 8, /* that are kept open */
	FOLD_NAME = 40,    /* bytes of a charset's name */
	FOLD_KNOWN = 1024, /* characters whose folded form is kept */
	FOLD_LEN = 27      /* bytes of a form that can be kept */
};

struct fold_form {
	uint32_t c;
	uint8_t len;
	char text[FOLD_LEN];
};

struct charset {
	char name[FOLD_NAME + 1]; /* empty: not in use */
	void *handle;             /* iconv's */
};

/* Begin with zeroes. */
struct fold {
	struct charset charset[FOLD_CHARSETS];
	unsigned next; /* of charset[], to be used again */
	struct fold_form known[FOLD_KNOWN];
};

void fold_end(struct fold *f);

/* Add the folded form of UTF-8 text to out.  Letters of ASCII stay as they
 * are when ascii is false (who searches then does not mind), else they are
 * folded too.  A byte that is no UTF-8 counts as Latin-1.  Returns how many
 * bytes were taken: all, but for a character cut at the end unless last. */
size_t fold_add(struct fold *f, struct str *out, struct cur text, bool ascii,
                bool last);

/* A charset by its name, ready to begin: 0; *cs is NULL when bytes are to be
 * taken as UTF-8.  -1: nobody knows it. */
int charset_find(struct fold *f, struct cur name, struct charset **cs);

/* Add what bytes say in that charset; what is none becomes U+FFFD.  *bad:
 * how many of these.  Returns how many bytes were taken: all, but for a
 * character cut at the end unless last. */
size_t charset_add(struct charset *cs, struct str *out, struct cur text,
                   bool last, size_t *bad);

/* Are all bytes ASCII? */
bool is_ascii(struct cur c);

#endif
