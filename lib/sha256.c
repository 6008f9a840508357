/* sha256 - see sha256.h.  Called by scram.c.  Nothing of what was hashed stays
 * in memory. */
#include "sha256.h"

#include <string.h>

static const uint32_t rounds256[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t
turn(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void
block(struct sha256 *h, const unsigned char *p)
{
	uint32_t w[64], v[8], a, b;
	unsigned i;

	for (i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		       (uint32_t)p[2] << 8 | (uint32_t)p[3];
	for (; i < 64; i++) {
		a = w[i - 15];
		b = w[i - 2];
		w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) +
		       w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
	}
	memcpy(v, h->s, sizeof v);
	for (i = 0; i < 64; i++) {
		a = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) +
		    ((v[4] & v[5]) ^ (~v[4] & v[6])) + rounds256[i] + w[i];
		b = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) +
		    ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += a;
		v[0] = a + b;
	}
	for (i = 0; i < 8; i++)
		h->s[i] += v[i];
}

void
sha256_init(struct sha256 *h)
{
	*h = (struct sha256){
	    .s = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
	          0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
        };
}

void
sha256_add(struct sha256 *h, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t at, take;

	for (; n > 0; n -= take, p += take) {
		at = h->n % SHA256_BLOCK;
		take = SHA256_BLOCK - at < n ? SHA256_BLOCK - at : n;
		memcpy(h->part + at, p, take);
		h->n += take;
		if (at + take == SHA256_BLOCK)
			block(h, h->part);
	}
}

void
sha256_end(struct sha256 *h, unsigned char out[SHA256_SIZE])
{
	unsigned char last[SHA256_BLOCK + 8] = {0x80};
	uint64_t bits = h->n * 8;
	size_t pad = SHA256_BLOCK - (h->n + 8) % SHA256_BLOCK;
	unsigned i;

	for (i = 0; i < 8; i++)
		last[pad + i] = (unsigned char)(bits >> (56 - 8 * i));
	sha256_add(h, last, pad + 8);
	for (i = 0; i < SHA256_SIZE; i++)
		out[i] = (unsigned char)(h->s[i / 4] >> (24 - 8 * (i % 4)));
	explicit_bzero(h, sizeof *h);
}

/* --- RFC 2104 --- */

/* What a key costs once, however much it is used for. */
struct hmac {
	struct sha256 in, out;
};

static void
hmac_init(struct hmac *m, const void *key, size_t n)
{
	unsigned char pad[SHA256_BLOCK] = {0};
	unsigned i;

	if (n > sizeof pad) {
		sha256_init(&m->in);
		sha256_add(&m->in, key, n);
		sha256_end(&m->in, pad);
	} else if (n > 0) {
		memcpy(pad, key, n);
	}
	for (i = 0; i < sizeof pad; i++)
		pad[i] ^= 0x36;
	sha256_init(&m->in);
	sha256_add(&m->in, pad, sizeof pad);
	for (i = 0; i < sizeof pad; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_init(&m->out);
	sha256_add(&m->out, pad, sizeof pad);
	explicit_bzero(pad, sizeof pad);
}

/* The end of what was added to in, a copy of m's. */
static void
hmac_end(const struct hmac *m, struct sha256 *in, unsigned char to[SHA256_SIZE])
{
	struct sha256 out = m->out;

	sha256_end(in, to);
	sha256_add(&out, to, SHA256_SIZE);
	sha256_end(&out, to);
}

void
sha256_hmac(const void *key, size_t nkey, const void *p, size_t n,
            unsigned char out[SHA256_SIZE])
{
	struct hmac m;

	hmac_init(&m, key, nkey);
	sha256_add(&m.in, p, n);
	hmac_end(&m, &m.in, out);
	explicit_bzero(&m, sizeof m);
}

/* --- RFC 8018 5.2 --- */

void
sha256_pbkdf2(const void *secret, size_t nsecret, const void *salt,
              size_t nsalt, unsigned long rounds,
              unsigned char out[SHA256_SIZE])
{
	static const unsigned char first[4] = {0, 0, 0, 1};
	unsigned char u[SHA256_SIZE];
	struct sha256 in;
	struct hmac m;
	unsigned i;

	hmac_init(&m, secret, nsecret);
	in = m.in;
	sha256_add(&in, salt, nsalt);
	sha256_add(&in, first, sizeof first);
	hmac_end(&m, &in, u);
	memcpy(out, u, sizeof u);
	while (--rounds > 0) {
		in = m.in;
		sha256_add(&in, u, sizeof u);
		hmac_end(&m, &in, u);
		for (i = 0; i < sizeof u; i++)
			out[i] ^= u[i];
	}
	explicit_bzero(&m, sizeof m);
	explicit_bzero(u, sizeof u);
}
