/* mboxwork - a change to an mbox, step by step.  mboxedit begins one, mboxeditfix
 * goes on with one that it finds; nobody else knows of this. */
#ifndef MBOXWORK_H
#define MBOXWORK_H

#include "mboxjournal.h"
#include "mboxscript.h"

enum { WORK_PIECE = 1 << 17 }; /* bytes that are in memory at a time */

struct work {
	const struct edit_file *f;
	struct journal j;
	struct script s;
	char *buf;
	bool touched; /* the mbox may not be what it was */
};

void work_free(struct work *w);

/* The sum of what lies around the entry's place: by it a file that somebody has
 * rewritten is known.  0, or -1 with errno. */
int work_around(const struct work *w, uint64_t *sum);

/* Do the step of the newest entry, whose bytes are in the journal, and make it
 * durable. */
int work_apply(struct work *w);

/* Go on from where everything before done (rising: below, else: behind) was
 * moved, to the end of the change. */
int work_run(struct work *w, uint64_t done);

/* Turn the entry into the first one of another change: to remove len bytes at off;
 * and make that. */
int work_remove(struct work *w, uint64_t off, uint64_t len);

/* Does the token of the entry stand at its place?  1, 0, or -1 with errno. */
int work_has_token(const struct work *w);

/* Take blocks out of a file. */
int hole_close(int fd, uint64_t off, uint64_t len);

/* After a power cut that came while they were taken out the file may have a hole of
 * that size, behind off: take that out. */
int hole_mend(int fd, uint64_t off, uint64_t len);

#endif
