/* code - fuzz target: what is coded decodes to itself, lines stay short. */
#include "code.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct str a = {0}, b = {0};

	str_adds(&a, "");
	str_adds(&b, "");
	code_base64(&a, p, n);
	must(code_unbase64(&b, str_cur(&a)) == 0);
	must(b.n == n && (n == 0 || memcmp(b.s, p, n) == 0));
	str_clear(&a);
	if (code_unbase64(&a, (struct cur){p, p + n}) == 0) {
		str_clear(&b);
		code_base64(&b, a.s, a.n);
		must(b.n == n && (n == 0 || memcmp(b.s, p, n) == 0));
	}
	str_clear(&a);
	if (code_unxtext(&a, (struct cur){p, p + n}) == 0) {
		struct str c = {0};

		str_adds(&c, "");

		str_clear(&b);
		code_xtext(&b, a.s, a.n);
		must(code_unxtext(&c, str_cur(&b)) == 0);
		must(c.n == a.n && (a.n == 0 || memcmp(c.s, a.s, a.n) == 0));
		str_free(&c);
	}
	str_clear(&b);
	str_add(&b, p, n);
	str_clear(&a);
	code_phrase(&a, b.s);
	must(a.n > 0);
	str_free(&a);
	str_free(&b);
	return 0;
}
