/* headername - names of header fields: those that are kept in the cache, by
 * number, and sets of names as FETCH asks for them.  Pure. */
#ifndef HEADERNAME_H
#define HEADERNAME_H

#include "str.h"

#include <stdint.h>

/* A new name changes the form of the cache: its magic, too. */
enum { HEADERNAME_KNOWN = 72, HEADERNAME_LONGEST = 27 };

/* Where the names of a length begin. */
struct headernames {
	uint8_t first[HEADERNAME_LONGEST + 2];
};

void headernames_begin(struct headernames *h);

/* The number of a name, or -1: it is not kept. */
int headername_find(const struct headernames *h, struct cur name);
const char *headername_of(size_t i);

/* The name of a field; empty when it is none. */
struct cur headername_take(struct cur field);

/* A set of n names.  Those that are not known by number stay in name, which is
 * put in order and must stay. */
struct headerset {
	struct headernames names;
	bool known[HEADERNAME_KNOWN];
	struct cur *name;
	size_t n;
};

void headerset_make(struct headerset *h, struct cur *name, size_t n);
bool headerset_has(const struct headerset *h, struct cur name);

#endif
