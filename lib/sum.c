/* sum - see sum.h.  Pure. */
#include "sum.h"

static inline uint64_t
word(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	       (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

/* The last n bytes before e, fewer than 8, of all that there are. */
static inline uint64_t
tail(const unsigned char *e, size_t n, size_t all)
{
	uint64_t w = 0;

	if (all >= 8)
		return word(e - 8) >> (64 - 8 * n);
	while (n-- > 0)
		w = w << 8 | *--e;
	return w;
}

void
sum_add(struct sum *s, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t a, b;
	size_t all = n, k;

	/* What comes first fills up the word at hand. */
	if (s->bits > 0 && n > 0) {
		k = 8 - s->bits / 8;
		k = n < k ? n : k;
		s->part |= (n < 8 ? tail(p + n, n, n) : word(p)) << s->bits;
		s->bits += 8 * (unsigned)k;
		p += k;
		n -= k;
		if (s->bits < 64)
			return;
		s->a += s->part;
		s->b += s->a;
		s->part = s->bits = 0;
	}
	a = s->a;
	b = s->b;
	for (; n >= 8; p += 8, n -= 8) {
		a += word(p);
		b += a;
	}
	s->a = a;
	s->b = b;
	if (n > 0) {
		s->part = tail(p + n, n, all);
		s->bits = 8 * (unsigned)n;
	}
}

/* What both sums come to. */
static struct sum
whole(const struct sum *s)
{
	uint64_t a = s->a + s->part + s->bits / 8 + 1;

	return (struct sum){.a = a, .b = s->b + a};
}

uint64_t
sum_end(const struct sum *s)
{
	struct sum w = whole(s);

	return w.b ^ (w.a << 32 | w.a >> 32);
}

static uint64_t
stir(uint64_t h)
{
	h *= 0xd6e8feb86659fd93;
	return h ^ h >> 32;
}

uint64_t
sum_hash(const struct sum *s)
{
	struct sum w = whole(s);

	return stir(stir(stir(stir(w.a)) + w.b));
}

uint64_t
hash_of(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325;

	while (n-- > 0)
		h = stir(h ^ *p++);
	return h;
}

uint64_t
sum_of(const void *p, size_t n)
{
	struct sum s = {0};

	sum_add(&s, p, n);
	return sum_end(&s);
}
