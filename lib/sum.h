/* sum - a checksum that tells a whole queue file from a torn one.
 * Two 64-bit sums over 8-byte words, as Fletcher's: blocks that are missing,
 * zero or swapped change it; it is no defence against malice. */
#ifndef SUM_H
#define SUM_H

#include <stddef.h>
#include <stdint.h>

struct sum {
	uint64_t a, b;
	uint64_t part; /* the bytes of an unfinished word */
	unsigned bits; /* how many these are */
};

/* Zero-initialised is the start; bytes may come in any portions. */
void sum_add(struct sum *s, const void *p, size_t n);
uint64_t sum_end(const struct sum *s);

/* The sum of n bytes. */
uint64_t sum_of(const void *p, size_t n);

/* To tell apart what differs in a few digits, for which sum_end() may be the same: of both
 * sums, well stirred; and of n bytes, each of which stirs it. */
uint64_t sum_hash(const struct sum *s);
uint64_t hash_of(const void *p, size_t n);

#endif
