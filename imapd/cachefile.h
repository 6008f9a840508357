/* cachefile - the file of the cache: entries one behind the other, and only at
 * its end is it written, under a lock.  It is never cut, and a new one takes
 * its place by rename(2); so what was read of it once stays so.  Called by
 * cache.c. */
#ifndef CACHEFILE_H
#define CACHEFILE_H

#include "str.h"

#include <stdint.h>
#include <sys/types.h>

enum { CACHEFILE_HEAD = 32, CACHEFILE_UNIT = 8 };

struct cachefile {
	const char *state, *path; /* as record_open() takes them */
	uid_t owner;
	int fd;       /* -1: none */
	bool refused; /* it cannot be written */
	uint64_t end; /* its length, when it was looked at last */
	char *window; /* len bytes from off on */
	uint64_t off;
	size_t len, ahead;
};

void cachefile_open(struct cachefile *f);
void cachefile_close(struct cachefile *f);

/* The n bytes at off, or NULL.  Good until the next call. */
const char *cachefile_at(struct cachefile *f, uint64_t off, size_t n);

/* See what others did to it, or put in its place. */
void cachefile_look(struct cachefile *f);

/* Add entries, so many; off is where they are.  0, or -1. */
int cachefile_add(struct cachefile *f, const struct str *x, size_t entries,
                  uint64_t *off);

/* How long it is, and how many entries were ever put into it. */
void cachefile_size(struct cachefile *f, uint64_t *size, uint64_t *entries);

/* Replace it: begin makes an empty one beside it, which cachefile_add() then
 * fills and cachefile_at() does not see; end puts it in place. */
int cachefile_begin(struct cachefile *old, struct cachefile *f);
int cachefile_end(struct cachefile *old, struct cachefile *f, bool good);

#endif
