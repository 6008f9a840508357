/* alias - fuzz target: every right side is cut into items, in bounded time. */
#include "alias.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cur c = {(const char *)data, (const char *)data + n};
	struct str item = {0};
	size_t items = 0;

	while (alias_item(&c, &item) > 0)
		if (++items > n || item.n == 0 || item.n > n)
			abort();
	str_free(&item);
	return 0;
}
