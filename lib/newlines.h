/* newlines - where lines end, for who goes over much text: bit i of the answer says that
 * p[i] is LF. */
#ifndef NEWLINES_H
#define NEWLINES_H

#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { NEWLINES = 64 }; /* bytes that are looked at */

#if defined(__SSE2__)
static inline uint64_t
newlines_16(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

	v = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));
	return (unsigned)_mm_movemask_epi8(v);
}

static inline uint64_t
newlines(const char *p)
{
	return newlines_16(p) | newlines_16(p + 16) << 16 |
	       newlines_16(p + 32) << 32 | newlines_16(p + 48) << 48;
}
#else
static inline uint64_t
newlines(const char *p)
{
	uint64_t all = 0;
	int i;

	for (i = 0; i < NEWLINES; i++)
		all |= (uint64_t)(p[i] == '\n') << i;
	return all;
}
#endif

#endif
