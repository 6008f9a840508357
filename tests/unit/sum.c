/* sum - what is much the same is told apart. */
#include "sum.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 26 * 10000 };

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
differ(uint64_t *h)
{
	size_t i;

	qsort(h, NAMES, sizeof *h, compare);
	for (i = 1; i < NAMES; i++)
		assert(h[i - 1] != h[i]);
}

int
main(void)
{
	static uint64_t hash[NAMES], sum[NAMES];
	size_t i, pad;

	for (pad = 0; pad < 8; pad++) {
		for (i = 0; i < NAMES; i++) {
			struct sum s = {0};
			char name[64];
			int n =
			    snprintf(name, sizeof name, "%*s/mail/%c%04zu",
			             (int)pad, "", (int)('A' + i % 26), i / 26);

			sum_add(&s, name, (size_t)n);
			sum[i] = sum_hash(&s);
			hash[i] = hash_of(name, (size_t)n);
		}
		differ(sum);
		differ(hash);
	}
	return 0;
}
