/* mboxhead - the header of a message in an mbox, with our fields in it.  Pure. */
#ifndef MBOXHEAD_H
#define MBOXHEAD_H

#include "str.h"

#include <stdint.h>

/* What is said of the message in its private fields. */
struct stamp {
	uint32_t uid;
	unsigned flags; /* FLAG_* */
	struct cur keywords;
	uint32_t validity, last; /* of X-IMAPbase, 0: not this message */
	struct cur names;        /* of all keywords, for X-IMAPbase */
};

/* The least bytes that the header raw (From_ line to body) has with the stamp
 * in place of its private fields; 0 when it can have none, as it does not end in
 * an empty line. */
size_t header_least(struct cur raw, const struct stamp *st);

/* Write it to out, with room bytes more than header_least(): they are padding, for the
 * next time. */
void header_write(struct cur raw, const struct stamp *st, size_t room,
                  struct str *out);

/* What the X-IMAP of folder data, which begins with raw, has from the last UID to the end
 * of the line, or empty. */
struct cur header_last(struct cur raw);

/* Write that with another UID and, if there are some, other names of keywords: no
 * shorter than it was, and if longer with room for the next ones. */
void header_write_last(struct cur old, uint32_t last, struct cur names,
                       struct str *out);

#endif
