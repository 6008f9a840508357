/* threads - who answered whom (RFC 5256 3, THREAD=REFERENCES and
 * ORDEREDSUBJECT). Pure.  Called by thread.c.  Messages are added in the
 * order of their numbers; a chain of 100,000 costs no C stack, and time
 * grows with what is added.  Memory grows with the messages: references to more that are
 * not there than honest mail has are passed over. */
#ifndef THREADS_H
#define THREADS_H

#include "mem.h"
#include "str.h"

#include <stdint.h>

/* A message.  Header fields as they stand there; they are not kept. */
struct threads_msg {
	uint32_t number; /* or UID: what the answer calls it */
	int64_t sent;
	struct cur subject; /* the base subject, folded */
	bool reply;         /* see subject_base() */
	struct cur id, references, in_reply_to;
};

struct threads;

/* n: how many messages there will be, more or less. */
struct threads *threads_begin(struct arena *a, size_t n);
void threads_add(struct threads *t, const struct threads_msg *m);
/* Add the threads, "(2)(3 6 (4 23)(44 7 96))", to x; once. */
void threads_by_references(struct threads *t, struct str *x);
void threads_by_subject(struct threads *t, struct str *x);
void threads_end(struct threads *t);

#endif
