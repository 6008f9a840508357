/* mboxedit - change an mbox in the middle, so that a crash at any instant leaves
 * something that the next of us can finish or undo.
 * What is going to be done is put on record durably first, in a journal of
 * its own beside the record of appends (mboxplan): STATE/USER/edit.HASH.  Used
 * under the mbox's locks only; mbox(5) has the argument. */
#ifndef MBOXEDIT_H
#define MBOXEDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Replace len bytes at off by n bytes at p. */
struct edit {
	uint64_t off, len;
	const char *p;
	size_t n;
};

/* Where the file is and where its journal. */
struct edit_file {
	int fd;            /* open for reading and writing */
	const char *path;  /* of the mbox */
	const char *state; /* directory of the user's records */
	uid_t owner;
	uint64_t chunk; /* most bytes that are moved at a time, 0: the usual */
};

/* Do all edits: sorted by off, not overlapping, at most to the end of the file.
 * Either none of them makes the file longer up to its place (expunge: the
 * sum of n - len over the first k edits is <= 0 for each k), or none shorter
 * (sums >= 0); edits of equal length are patches and may stand in both.
 * Durable when it returns 0.  -1 with errno: nothing was changed, or the
 * journal is open and the next one will go on (*pending). */
int mbox_edit(const struct edit_file *f, const struct edit *e, size_t n,
              bool *pending);

/* Can this file system take a range of blocks out of a file?  The block size, or
 * 0. */
size_t mbox_can_collapse(int fd);

/* Take the len bytes at off out of the file, both multiples of the block size,
 * after the patches (edits with n == len, outside of that range) were made.
 * Costs no copy of what follows.  As mbox_edit. */
int mbox_collapse(const struct edit_file *f, const struct edit *patch, size_t n,
                  uint64_t off, uint64_t len, bool *pending);

/* Finish or drop what the journal says of this file.  Called by whoever got both
 * locks, before he looks at the file.  0, or -1 with errno when the file could
 * not be changed. */
int mbox_edit_fix(const struct edit_file *f);

/* Is there a change of this mbox on record that was begun and is not over?  A
 * look without a lock, before what the mbox holds is believed. */
bool mbox_edit_is_open(const struct edit_file *f);

#endif
