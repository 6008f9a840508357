/* sha256 - FIPS 180-4, with HMAC (RFC 2104) and PBKDF2 (RFC 8018 5.2) over it.  Pure. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_BLOCK = 64 };

struct sha256 {
	uint32_t s[8];
	uint64_t n; /* bytes so far */
	unsigned char part[SHA256_BLOCK];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_end(struct sha256 *h, unsigned char out[SHA256_SIZE]);

void sha256_hmac(const void *key, size_t nkey, const void *p, size_t n,
                 unsigned char out[SHA256_SIZE]);

/* One block of it: as many bytes as SCRAM wants (RFC 5802 2.2, Hi). */
void sha256_pbkdf2(const void *secret, size_t nsecret, const void *salt,
                   size_t nsalt, unsigned long rounds,
                   unsigned char out[SHA256_SIZE]);

#endif
