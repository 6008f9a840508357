/* word - header text as people read it: unfolded, RFC 2047's encoded words
 * decoded. Pure, but for iconv.  Called by text.c, evaluate.c, sort.c,
 * thread.c. */
#ifndef WORD_H
#define WORD_H

#include "fold.h"

/* Is it what people read, already: ASCII on one line, without encoded words? */
bool word_is_plain(struct cur body);

/* Add a field's body, folds and all, to out: UTF-8, but for bytes over 127
 * that stood there bare.  Time is linear whatever stands there. */
void word_decode(struct fold *f, struct cur body, struct str *out);

#endif
