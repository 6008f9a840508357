/* mem - memory that is there, or the end.
 * Running out ends the program with EX_TEMPFAIL: nothing that was not yet
 * acknowledged is lost by that, and nothing else is promised.  malloc and
 * realloc are called here and nowhere else. */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

/* n zeroed bytes; the caller frees. */
void *mem_alloc(size_t n);

/* Make room for at least want members of size bytes in the array p, which
 * has room for *cap; grows by doubling.  Returns the array, maybe moved; the
 * new room is zeroed. */
void *mem_grow(void *p, size_t *cap, size_t want, size_t size);

/* A copy of the n bytes at p with a NUL behind them; the caller frees. */
char *mem_dup(const void *p, size_t n);

#endif
