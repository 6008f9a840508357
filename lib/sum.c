/* sum - see sum.h.  Pure. */
#include "sum.h"

#include <string.h>

static inline uint64_t
word(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	       (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

void
sum_add(struct sum *s, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (; n > 0 && s->npart > 0; n--) {
		s->part[s->npart++] = *p++;
		if (s->npart == 8) {
			s->a += word(s->part);
			s->b += s->a;
			s->npart = 0;
		}
	}
	for (; n >= 8; p += 8, n -= 8) {
		s->a += word(p);
		s->b += s->a;
	}
	if (n > 0) {
		memcpy(s->part, p, n);
		s->npart = (unsigned)n;
	}
}

uint64_t
sum_end(const struct sum *s)
{
	unsigned char last[8] = {0};
	uint64_t a = s->a, b;

	memcpy(last, s->part, s->npart);
	a += word(last) + s->npart + 1;
	b = s->b + a;
	return b ^ (a << 32 | a >> 32);
}

uint64_t
sum_of(const void *p, size_t n)
{
	struct sum s = {0};

	sum_add(&s, p, n);
	return sum_end(&s);
}
