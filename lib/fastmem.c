/* fastmem - memcpy(3), memmove(3) and memchr(3) in the place of musl's for amd64, which cost
 * several times as much for the short pieces that mail is made of. */
#include <emmintrin.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char vec
    __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t u64 __attribute__((aligned(1), may_alias));
typedef uint32_t u32 __attribute__((aligned(1), may_alias));

enum { VEC = sizeof(vec), FEW = 4 * VEC };

/* Read all, then write: the two may overlap. */
static void
copy_few(unsigned char *to, const unsigned char *from, size_t n)
{
	if (n > 2 * VEC) {
		vec a = *(const vec *)from, b = *(const vec *)(from + VEC);
		vec c = *(const vec *)(from + n - 2 * VEC);
		vec d = *(const vec *)(from + n - VEC);

		*(vec *)to = a;
		*(vec *)(to + VEC) = b;
		*(vec *)(to + n - 2 * VEC) = c;
		*(vec *)(to + n - VEC) = d;
	} else if (n >= VEC) {
		vec a = *(const vec *)from, b = *(const vec *)(from + n - VEC);

		*(vec *)to = a;
		*(vec *)(to + n - VEC) = b;
	} else if (n >= sizeof(u64)) {
		u64 a = *(const u64 *)from;
		u64 b = *(const u64 *)(from + n - sizeof b);

		*(u64 *)to = a;
		*(u64 *)(to + n - sizeof b) = b;
	} else if (n >= sizeof(u32)) {
		u32 a = *(const u32 *)from;
		u32 b = *(const u32 *)(from + n - sizeof b);

		*(u32 *)to = a;
		*(u32 *)(to + n - sizeof b) = b;
	} else if (n > 0) {
		unsigned char a = from[0], b = from[n / 2], c = from[n - 1];

		to[0] = a;
		to[n / 2] = b;
		to[n - 1] = c;
	}
}

/* From the front, FEW bytes at a time; the last of them are read first. */
static void
copy_up(unsigned char *to, const unsigned char *from, size_t n)
{
	unsigned char tail[FEW];
	size_t i;

	copy_few(tail, from + n - FEW, FEW);
	for (i = 0; i < n - FEW; i += FEW)
		copy_few(to + i, from + i, FEW);
	copy_few(to + n - FEW, tail, FEW);
}

static void
copy_down(unsigned char *to, const unsigned char *from, size_t n)
{
	unsigned char head[FEW];
	size_t i;

	copy_few(head, from, FEW);
	for (i = n; i > FEW; i -= FEW)
		copy_few(to + i - FEW, from + i - FEW, FEW);
	copy_few(to, head, FEW);
}

void *
memmove(void *to, const void *from, size_t n)
{
	if (n <= FEW)
		copy_few(to, from, n);
	else if ((uintptr_t)to - (uintptr_t)from >= n)
		copy_up(to, from, n);
	else
		copy_down(to, from, n);
	return to;
}

void *
memcpy(void *restrict to, const void *restrict from, size_t n)
{
	return memmove(to, from, n);
}

/* Bit i: p[i] is that byte. */
static unsigned
which(const unsigned char *p, __m128i all)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, all));
}

void *
memchr(const void *where, int c, size_t n)
{
	const unsigned char *p = where, *e = p + n;
	const __m128i all = _mm_set1_epi8((char)c);
	unsigned hit;

	for (; e - p >= VEC; p += VEC)
		if ((hit = which(p, all)) != 0)
			return (void *)(uintptr_t)(p + __builtin_ctz(hit));
	for (; p < e; p++)
		if (*p == (unsigned char)c)
			return (void *)(uintptr_t)p;
	return NULL;
}
