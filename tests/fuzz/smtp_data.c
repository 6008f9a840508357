/* smtp_data - the content of a message in pieces of any size.
 * The first byte says how the rest is cut; the pieces must give what the whole
 * gives.  With: smtpd/data.c */
#include "smtpd/data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct run {
	struct data d;
	struct head h;
	struct str out;
	size_t used;
};

static void
feed(struct run *r, const char *p, size_t n, size_t step, int how)
{
	size_t i, len, old;

	*r = (struct run){0};
	data_init(&r->d, how & 1, how & 2);
	for (i = 0; i < n && !r->d.done; i += len) {
		len = n - i < step ? n - i : step;
		old = r->out.n;
		r->used += data_feed(&r->d, p + i, len, &r->out);
		head_feed(&r->h, r->out.s + old, r->out.n - old);
	}
	if (!(how & 1))
		data_finish(&r->d, &r->out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct run a, b;
	size_t step;
	int how;

	if (n == 0)
		return 0;
	how = p[0] & 3;
	step = (size_t)(p[0] >> 2) + 1;
	feed(&a, (const char *)p + 1, n - 1, n, how);
	feed(&b, (const char *)p + 1, n - 1, step, how);
	if (a.used != b.used || a.out.n != b.out.n || a.d.seen != b.d.seen ||
	    a.d.size != b.d.size || a.d.done != b.d.done ||
	    a.h.received != b.h.received || strcmp(a.h.id, b.h.id) != 0 ||
	    (a.out.n && memcmp(a.out.s, b.out.s, a.out.n) != 0) ||
	    (a.out.n && memchr(a.out.s, '\r', a.out.n)))
		abort();
	str_free(&a.out);
	str_free(&b.out);
	return 0;
}
