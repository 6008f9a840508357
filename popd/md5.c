/* md5 - see md5.h.  Called by uidl.c. */
#include "md5.h"

#include <string.h>

static uint32_t
turn(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void
block(struct md5 *m, const unsigned char *p)
{
	static const uint32_t k[64] = {
	    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf,
	    0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af,
	    0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e,
	    0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa,
	    0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6,
	    0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
	    0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
	    0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039,
	    0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97,
	    0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d,
	    0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
	    0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
	};
	static const unsigned char by[4][4] = {
	    {7, 12, 17, 22},
            {5, 9,  14, 20},
            {4, 11, 16, 23},
            {6, 10, 15, 21}
        };
	static const unsigned char step[4] = {1, 5, 3, 7},
	                           start[4] = {0, 1, 5, 0};
	uint32_t a = m->s[0], b = m->s[1], c = m->s[2], d = m->s[3], f, x, w;
	unsigned i, r, at;

	for (i = 0; i < 64; i++) {
		r = i / 16;
		if (r == 0)
			f = (b & c) | (~b & d);
		else if (r == 1)
			f = (b & d) | (c & ~d);
		else if (r == 2)
			f = b ^ c ^ d;
		else
			f = c ^ (b | ~d);
		at = (i % 16 * step[r] + start[r]) % 16 * 4;
		w = (uint32_t)p[at] | (uint32_t)p[at + 1] << 8 |
		    (uint32_t)p[at + 2] << 16 | (uint32_t)p[at + 3] << 24;
		x = b + turn(a + f + k[i] + w, by[r][i % 4]);
		a = d;
		d = c;
		c = b;
		b = x;
	}
	m->s[0] += a;
	m->s[1] += b;
	m->s[2] += c;
	m->s[3] += d;
}

void
md5_init(struct md5 *m)
{
	*m = (struct md5){
	    .s = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}
        };
}

void
md5_add(struct md5 *m, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (; n > 0; n--) {
		m->part[m->n++ % MD5_BLOCK] = *p++;
		if (m->n % MD5_BLOCK == 0)
			block(m, m->part);
	}
}

void
md5_end(struct md5 *m, unsigned char out[MD5_SIZE])
{
	uint64_t bits = m->n * 8;
	unsigned char b = 0x80;
	unsigned i;

	md5_add(m, &b, 1);
	for (b = 0; m->n % MD5_BLOCK != MD5_BLOCK - 8;)
		md5_add(m, &b, 1);
	for (i = 0; i < 8; i++) {
		b = (unsigned char)(bits >> 8 * i);
		md5_add(m, &b, 1);
	}
	for (i = 0; i < MD5_SIZE; i++)
		out[i] = (unsigned char)(m->s[i / 4] >> 8 * (i % 4));
}
