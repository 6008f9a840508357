/* namefile - a small file of lines that several programs read and replace as a whole:
 * subscriptions, special uses.  The new one is written as NAME.lock and renamed,
 * as Dovecot does it; so there is one writer at a time, and a reader sees the old
 * or the new.  Or the file stays the same one, where nothing may be made beside
 * it: then flock(2) locks it. */
#ifndef NAMEFILE_H
#define NAMEFILE_H

#include "str.h"

#include <stdbool.h>

enum { NAMEFILE_MAX = 1 << 20 };

struct namefile {
	int dir, fd; /* fd: of the new file, which is the lock */
	const char *name;
	bool stays;      /* fd is of the file itself */
	struct str text; /* of the file */
};

/* Read it; one that is not there is empty.  0, or -1 with errno. */
int namefile_read(int dir, const char *name, struct str *text);

/* Lock and read, waiting for another writer up to patience ms. */
int namefile_begin(struct namefile *f, int dir, const char *name,
                   long patience);
/* Likewise, of a file that stays. */
int namefile_stay(struct namefile *f, int dir, const char *name, long patience);
/* Replace its text, durably, and release; text NULL: leave it as it is.  0, or -1
 * with errno and the old one is there. */
int namefile_end(struct namefile *f, const struct str *text);

/* The next line without its LF; false at the end. */
bool namefile_line(struct cur *text, struct cur *line);

#endif
