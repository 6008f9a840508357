/* md5 - RFC 1321, for the names that popa3d gives to messages and nothing else. */
#ifndef MD5_H
#define MD5_H

#include <stddef.h>
#include <stdint.h>

enum { MD5_SIZE = 16, MD5_BLOCK = 64 };

struct md5 {
	uint32_t s[4];
	uint64_t n; /* bytes so far */
	unsigned char part[MD5_BLOCK];
};

void md5_init(struct md5 *m);
void md5_add(struct md5 *m, const void *p, size_t n);
void md5_end(struct md5 *m, unsigned char out[MD5_SIZE]);

#endif
