/* str - unit test of lib/str.c: what is the same, and what begins alike. */
#undef NDEBUG
#include "str.h"

#include <assert.h>

int
main(void)
{
	const struct cur ab = cur_of("ab"), large = cur_of("AB");

	assert(cur_same(ab, cur_of("ab")) && cur_same(cur_of(""), cur_of("")));
	assert(!cur_same(ab, large) && !cur_same(ab, cur_of("abc")));
	assert(cur_alike(ab, large) && !cur_alike(ab, cur_of("ABC")));
	assert(!cur_alike(ab, cur_of("AC")) && !cur_alike(cur_of("a"), ab));
	assert(cur_begins(large, "a") && cur_begins(ab, "AB"));
	assert(cur_begins(ab, "") && !cur_begins(ab, "abc"));
	assert(!cur_begins(ab, "b") && !cur_begins(cur_of(""), "a"));
	return 0;
}
