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

/* Memory that is given back all at once: for a command, or a tree.  Zero-initialised
 * means empty.  What an arena gives is zeroed and aligned for anything. */
struct arena {
	struct slab *slab; /* the one at hand, the others behind it */
	size_t total;      /* bytes of them all */
};

void *arena_alloc(struct arena *a, size_t n);
/* A copy of the n bytes at p with a NUL behind them. */
char *arena_dup(struct arena *a, const void *p, size_t n);
/* Take everything back; arena_reset() keeps a slab for the next time. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
