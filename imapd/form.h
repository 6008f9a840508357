/* form - what the raw bytes of a message tell a search: whether text can be
 * looked for in them as they are.  Found out once, and kept in
 * index_msg.form.  Pure.  Called by text.c. */
#ifndef FORM_H
#define FORM_H

#include "needle.h"

#include <stdint.h>

enum {
	FORM_KNOWN = 1,
	FORM_PLAIN = 2,  /* ASCII, and nothing in it is encoded */
	FORM_SIMPLE = 4, /* plain, and its body is one text */
	FORM_UTF8 = 8    /* its body is one text in UTF-8, not encoded */
};

/* The raw form in two: what stands before the text's first line, and the
 * text. */
struct halves {
	struct cur head, body;
};
void form_split(struct cur raw, struct halves *h);

/* What betrays that something is encoded. */
enum { FORM_SIGNS = 2 };

struct signs {
	struct needle charset, word, encoding[FORM_SIGNS];
};
void signs_make(struct signs *x, struct arena *a);

/* FORM_*; when in doubt it is not plain. */
uint16_t form_find(const struct signs *x, const struct halves *h);

#endif
