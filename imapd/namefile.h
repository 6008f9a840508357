/* namefile - a small file of lines that several programs read and replace as a whole:
 * subscriptions, special uses.  The new one is written as NAME.lock and renamed,
 * as Dovecot does it; so there is one writer at a time, and a reader sees the old
 * or the new. */
#ifndef NAMEFILE_H
#define NAMEFILE_H

#include "str.h"

enum { NAMEFILE_MAX = 1 << 20 };

struct namefile {
	int dir, fd; /* fd: of the new file, which is the lock */
	const char *name;
	struct str text; /* of the file */
};

/* Read it; one that is not there is empty.  0, or -1 with errno. */
int namefile_read(int dir, const char *name, struct str *text);

/* Lock and read, waiting for another writer up to patience ms. */
int namefile_begin(struct namefile *f, int dir, const char *name,
                   long patience);
/* Replace its text, durably, and release; text NULL: leave it as it is.  0, or -1
 * with errno and the old one is there. */
int namefile_end(struct namefile *f, const struct str *text);

/* The next line without its LF; false at the end. */
bool namefile_line(struct cur *text, struct cur *line);

#endif
