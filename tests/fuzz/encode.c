/* encode - fuzz target: what comes out is 7bit, is the same wherever the input
 * is cut, and is fit for the wire.
 * With: queuerun/encode.c queuerun/encodefield.c queuerun/wire.c */
#include "queuerun/encode.h"
#include "tests/fuzz/fuzz.h"

/* Both passes in pieces of step bytes; then what came out is 7bit. */
static bool
convert(const char *p, size_t n, size_t step, struct str *out)
{
	struct encode *e = calloc(1, sizeof *e);
	size_t i;
	bool ok;
	int pass;

	must(e != NULL);
	for (pass = 0; pass < 2; pass++) {
		str_clear(out);
		str_adds(out, "");
		encode_start(e, pass == 0);
		for (i = 0; i < n; i += step)
			encode_put(e, out, p + i, n - i < step ? n - i : step);
		encode_end(e, out);
	}
	ok = !e->stuck;
	encode_free(e);
	free(e);
	return ok;
}

static void
wire(const char *p, size_t n, size_t step, bool dots, struct str *out)
{
	struct wire w = {.dots = dots};
	size_t i;

	str_clear(out);
	str_adds(out, "");
	for (i = 0; i < n; i += step)
		wire_put(&w, out, p + i, n - i < step ? n - i : step);
	wire_end(&w, out);
}

/* INVARIANTS S2: no CR, LF or NUL by itself, the one lone dot is the last. */
static void
wire_check(const struct str *s)
{
	size_t i, bol = 0;

	for (i = 0; i < s->n; i++) {
		must(s->s[i] != '\0');
		must(s->s[i] != '\r' || (i + 1 < s->n && s->s[i + 1] == '\n'));
		if (s->s[i] != '\n')
			continue;
		must(i > 0 && s->s[i - 1] == '\r');
		must(s->s[bol] != '.' || s->s[bol + 1] == '.' ||
		     (i == s->n - 1 && i == bol + 2));
		bol = i + 1;
	}
	must(bol == s->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct str a = {0}, b = {0};
	struct scan s = {0};
	size_t i;

	wire(p, n, n + 1, true, &a);
	wire(p, n, 3, true, &b);
	must(a.n == b.n && memcmp(a.s, b.s, a.n) == 0);
	wire_check(&a);
	wire(p, n, n + 1, false, &a);
	scan_put(&s, p, n);
	scan_end(&s);
	must(s.size == a.n);
	must(convert(p, n, n + 1, &a) == convert(p, n, 5, &b));
	must(a.n == b.n && memcmp(a.s, b.s, a.n) == 0);
	for (i = 0; i < a.n; i++)
		must((unsigned char)a.s[i] < 128);
	str_free(&a);
	str_free(&b);
	return 0;
}
