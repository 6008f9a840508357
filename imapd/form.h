/* form - what the raw bytes of a message tell a search: whether text can be
 * looked for in them as they are.  Found out once, and kept in
 * index_msg.form.  Pure.  Called by text.c. */
#ifndef FORM_H
#define FORM_H

#include "needle.h"

#include <stdint.h>

enum {
	/* Not 1: what was found out with that said less. */
	FORM_KNOWN = 16,
	FORM_PLAIN = 2,  /* ASCII, and nothing in it is encoded */
	FORM_SIMPLE = 4, /* plain, and its body is one text */
	FORM_RAW = 8     /* not plain, with a header that consists of fields */
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
	struct needle charset, word, quoted, content, encoding[FORM_SIGNS];
};
void signs_make(struct signs *x, struct arena *a);

/* FORM_*; when in doubt it is not plain. */
uint16_t form_find(const struct signs *x, const struct halves *h);

/* Add the Content- fields of a header that consists of fields, and the empty line. */
void form_content(const struct signs *x, struct cur head, struct str *out);

/* Are bytes up to 127 those of ASCII in that charset, and others no part of them? */
bool form_charset(struct cur name);

#endif
