/* utf7 - fuzz target: what is taken is taken in one form only, and comes back. */
#include "utf7.h"
#include "tests/fuzz/fuzz.h"

static struct cur
all(const struct str *s)
{
	return str_cur(s);
}

static bool
same(const struct str *s, const char *p, size_t n)
{
	return s->n == n && memcmp(s->s, p, n) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct cur in = {p, p + n};
	struct str a = {0}, b = {0};
	size_t i;

	str_adds(&a, "");
	str_adds(&b, "");
	if (utf7_decode(&a, in) == 0) {
		must(utf7_encode(&b, all(&a)) == 0 && same(&b, p, n));
	} else {
		must(a.n == 0);
	}
	str_clear(&a);
	str_clear(&b);
	if (utf7_encode(&a, in) == 0) {
		for (i = 0; i < a.n; i++)
			must(a.s[i] >= ' ' && a.s[i] <= '~');
		must(utf7_decode(&b, all(&a)) == 0 && same(&b, p, n));
	} else {
		must(a.n == 0);
	}
	str_free(&a);
	str_free(&b);
	return 0;
}
