/* list - patterns of LIST and the items of STATUS: what list.c, match.c and status.c
 * share. */
#ifndef LIST_H
#define LIST_H

#include "imap.h"

enum { LIST_PATTERNS = 100 /* in one command */ };

/* --- match.c --- */

/* A pattern of LIST: * stands for anything, % for anything but a separator.  Its
 * places are bits, that behind byte k of it bit k + 1; see match.c. */
struct pattern {
	size_t least; /* bytes that a name must have */
	bool levels;  /* it ends in %: levels that are no mailboxes match too */
	size_t length;
	size_t words;             /* of 64 places */
	uint64_t *byte;           /* [256][words]: places behind this byte */
	uint64_t *star, *percent; /* [words]: places behind these */
};

/* Reference and pattern together. */
void pattern_make(struct pattern *x, struct arena *a, struct cur reference,
                  struct cur pattern);
/* Time is that of the name's length times the pattern's, at most. */
bool pattern_match(const struct pattern *x, struct cur name, char separator,
                   bool any_case);

/* --- status.c --- */

/* "(" item *(SP item) ")": bits for status_tell(). */
int status_items(struct parse *p, unsigned *items);
/* STATUS of a mailbox.  0, or -1 with the answer given. */
int status_tell(struct session *s, struct cur name, unsigned items);

#endif
