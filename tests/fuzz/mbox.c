/* mbox - append letters, split the result as a reader does, and get the same
 * letters back (mboxrd), however the bytes came in portions. */
#include "mbox.h"

#include <stdint.h>
#include <stdlib.h>

enum { LETTERS = 8 };

static void
must(int ok)
{
	if (!ok)
		abort();
}

/* Add a letter in portions of 1 to step bytes. */
static void
put(struct mbox *m, const uint8_t *p, size_t n, size_t step)
{
	mbox_begin(m, "", 0);
	while (n > 0) {
		size_t k = 1 + (n * 7 + step) % step;

		if (k > n)
			k = n;
		mbox_write(m, p, k);
		p += k;
		n -= k;
	}
	mbox_end(m);
}

/* The end of the line at p, with its LF. */
static const char *
line_end(const char *p, const char *e)
{
	const char *lf = memchr(p, '\n', (size_t)(e - p));

	must(lf != NULL);
	return lf + 1;
}

/* Take one letter out of the box: its text as it was before. */
static void
take(struct cur *c, struct str *out)
{
	const char *p = line_end(c->p, c->e), *e;

	must(mbox_is_from((struct cur){c->p, p - 1}));
	for (; p < c->e; p = e) {
		const char *q = p;

		e = line_end(p, c->e);
		if (mbox_is_from((struct cur){p, e - 1}) && out->n > 0 &&
		    out->s[out->n - 1] == '\n' &&
		    (out->n == 1 || out->s[out->n - 2] == '\n'))
			break;
		while (*q == '>')
			q++;
		if (q > p && e - q >= 5 && memcmp(q, "From ", 5) == 0)
			p++;
		str_add(out, p, (size_t)(e - p));
	}
	/* The empty line behind. */
	must(out->n > 0 && out->s[out->n - 1] == '\n');
	out->n--;
	c->p = p;
}

static void
check(const uint8_t *p, size_t n, const struct str *got)
{
	must(got->n >= n && (n == 0 || memcmp(got->s, p, n) == 0));
	if (n == 0 || p[n - 1] == '\n')
		must(got->n == n);
	else
		must(got->n == n + 1 && got->s[n] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The first byte is the size of the portions; 0xff ends a letter. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct mbox m = {.fd = -1, .from = -1, .plan = {.fd = -1}};
	const uint8_t *start[LETTERS], *e = p + n;
	size_t len[LETTERS], step, i, count = 0;
	struct cur c;

	if (n == 0 || n > PLAN_MEM / 4)
		return 0;
	for (step = 1 + *p++; count < LETTERS && p <= e; count++) {
		const uint8_t *q =
		    p < e ? memchr(p, 0xff, (size_t)(e - p)) : NULL;

		start[count] = p;
		len[count] = (size_t)((q ? q : e) - p);
		put(&m, p, len[count], step);
		p += len[count] + 1;
	}
	c = str_cur(&m.plan.buf);
	for (i = 0; i < count; i++) {
		struct str out = {0};

		take(&c, &out);
		check(start[i], len[i], &out);
		str_free(&out);
	}
	must(cur_len(&c) == 0);
	str_free(&m.plan.buf);
	return 0;
}
