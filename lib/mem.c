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
	size_t to = *cap ? *cap : 8;

	if (want <= *cap)
		return p;
	while (to < want)
		to = to > SIZE_MAX / 2 ? want : to * 2;
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
