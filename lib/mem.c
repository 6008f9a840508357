/* mem - see mem.h.  A limit on data (RLIMIT_DATA, or the machine's) turns into
 * a clean EX_TEMPFAIL here. */
#include "mem.h"

#include "log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

void *
mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		log_die(EX_TEMPFAIL, "out of memory");
	return p;
}

void *
mem_grow(void *p, size_t *cap, size_t want, size_t size)
{
	size_t to = *cap ? *cap : size == 1 ? 64 : 8; /* text is longer */

	if (want <= *cap)
		return p;
	while (to < want)
		to = to > SIZE_MAX / 2 ? want : to * 2;
	if (!p && to <= SIZE_MAX / size) {
		*cap = to;
		return mem_alloc(to * size);
	}
	if (to > SIZE_MAX / size || !(p = realloc(p, to * size)))
		log_die(EX_TEMPFAIL, "out of memory");
	memset((char *)p + *cap * size, 0, (to - *cap) * size);
	*cap = to;
	return p;
}

char *
mem_dup(const void *p, size_t n)
{
	char *s = mem_alloc(n + 1);

	if (n)
		memcpy(s, p, n);
	return s;
}

/* --- arenas --- */

#ifdef __SANITIZE_ADDRESS__ /* which sees to each piece if it stands alone */
enum { SLAB = 0, FIRST = 0, LAST = 0, UNIT = 1 };
#else
enum { SLAB = 16384, FIRST = 1024, LAST = 1 << 20, UNIT = sizeof(max_align_t) };
#endif

struct slab {
	struct slab *next;
	size_t used, size;
	max_align_t data[];
};

static struct slab *
slab_new(struct arena *a, size_t n)
{
	struct slab *s;

	if (n > SIZE_MAX - sizeof *s)
		log_die(EX_TEMPFAIL, "out of memory");
	s = mem_alloc(sizeof *s + n);
	s->size = n;
	a->total += n;
	return s;
}

/* What the next slab has room for: the more there is, the more comes. */
static size_t
next_size(const struct arena *a)
{
	size_t n = a->slab ? a->total / 4 : FIRST;

	if (a->slab && n < SLAB)
		return SLAB;
	return n < LAST ? n : LAST;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct slab *s = a->slab;
	char *p;

	if (n > SIZE_MAX - UNIT)
		log_die(EX_TEMPFAIL, "out of memory");
	n = (n + UNIT - 1) / UNIT * UNIT;
	if (!s || s->size - s->used < n) {
		/* What is large gets a slab of its own, behind the one at
		 * hand. */
		size_t usual = next_size(a);

		s = slab_new(a, n > usual / 4 ? n : usual);
		if (a->slab && n > usual / 4) {
			s->next = a->slab->next;
			a->slab->next = s;
		} else {
			s->next = a->slab;
			a->slab = s;
		}
	}
	p = (char *)s->data + s->used;
	s->used += n;
	return p;
}

char *
arena_dup(struct arena *a, const void *p, size_t n)
{
	char *s = arena_alloc(a, n + 1);

	if (n)
		memcpy(s, p, n);
	return s;
}

void
arena_reset(struct arena *a)
{
	struct slab *keep = NULL, *s, *next;

	for (s = a->slab; s; s = next) {
		next = s->next;
		if (!keep && s->size == SLAB && SLAB > 0)
			keep = s;
		else
			free(s);
	}
	*a = (struct arena){.slab = keep, .total = keep ? SLAB : 0};
	if (keep) {
		memset(keep->data, 0, keep->used);
		keep->used = 0;
		keep->next = NULL;
	}
}

void
arena_free(struct arena *a)
{
	struct slab *s, *next;

	for (s = a->slab; s; s = next) {
		next = s->next;
		free(s);
	}
	*a = (struct arena){0};
}
