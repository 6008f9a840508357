/* needle - bytes that are looked for in much text, whatever the case of ASCII
 * letters.  Pure.  Called by text.c and evaluate.c for SEARCH. */
#ifndef NEEDLE_H
#define NEEDLE_H

#include "mem.h"
#include "str.h"

#include <stdint.h>

struct needle {
	struct cur text; /* in lower case */
	size_t one, two; /* where its two rarest bytes are */
	uint32_t *back;  /* see needle.c */
};

/* Make ready to look for text; all it needs lies in the arena. */
void needle_make(struct needle *n, struct arena *a, struct cur text);

/* The first place where it is, or NULL.  Time is linear in both lengths. */
const char *needle_find(const struct needle *n, struct cur hay);

#endif
