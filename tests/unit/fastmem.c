/* fastmem - unit test of lib/fastmem.c: every length, place and overlap against loops of
 * bytes, and what lies around stays as it was. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define memcpy  fast_memcpy
#define memmove fast_memmove
#define memchr  fast_memchr
void *fast_memcpy(void *restrict to, const void *restrict from, size_t n);
void *fast_memmove(void *to, const void *from, size_t n);
void *fast_memchr(const void *where, int c, size_t n);
#include "lib/fastmem.c"

enum { AREA = 1024, MOST = 300, PLACES = 20, AT = 400 };

static unsigned char was[AREA], is[AREA], want[AREA];

static void
fill(void)
{
	size_t i;

	for (i = 0; i < AREA; i++)
		was[i] = is[i] = want[i] =
		    (unsigned char)(i * 167 + i / 256 * 31);
}

/* By copy, of another area, or by memmove() within one. */
static void
takes(bool copy, size_t to, size_t from, size_t n)
{
	size_t i;

	fill();
	for (i = 0; i < n; i++)
		want[to + i] = was[from + i];
	if (copy)
		assert(memcpy(is + to, was + from, n) == is + to);
	else
		assert(memmove(is + to, is + from, n) == is + to);
	assert(memcmp(is, want, AREA) == 0);
}

static void
finds(size_t at, size_t n)
{
	size_t i;

	memset(is, 'a', AREA);
	is[at - 1] = is[at + n] = 0xff; /* just outside */
	assert(memchr(is + at, 0xff, n) == NULL);
	for (i = n; i-- > 0;) {
		is[at + i] = 0xff;
		assert(memchr(is + at, -1, n) == is + at + i);
	}
}

int
main(void)
{
	size_t n, k;

	for (n = 0; n <= MOST; n++)
		for (k = 0; k < PLACES; k++) {
			takes(true, k, PLACES - k, n);
			finds(k + 1, n);
		}
	for (n = 0; n <= MOST; n++)
		for (k = 0; k <= n + 1; k += 1 + n / 40) {
			takes(false, AT, AT + k, n);
			takes(false, AT + k, AT, n);
		}
	return 0;
}
#else
int
main(void)
{
	return 0;
}
#endif
