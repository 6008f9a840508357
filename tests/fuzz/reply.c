/* reply - fuzz target: lines divided by LF are what a server may send.
 * With: queuerun/reply.c */
#include "queuerun/reply.h"
#include "tests/fuzz/fuzz.h"

static void
check(const struct reply *r)
{
	const char *w = reply_words(r);
	size_t i;

	must(r->code >= 200 && r->code <= 599);
	must(!*r->status || r->status[0] - '0' == (int)(r->code / 100));
	must(r->text.n <= REPLY_TEXT + 1 && strlen(r->text.s) == r->text.n);
	must(w >= r->text.s && w <= r->text.s + r->text.n);
	for (i = 0; i < r->text.n; i++)
		must(r->text.s[i] >= ' ' && r->text.s[i] <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cur c = {(const char *)data, (const char *)data + n}, line;
	struct reply r = {0};
	struct offer o = {0};
	int more = 0;

	while (c.p < c.e) {
		if (more <= 0)
			reply_start(&r);
		cur_until(&c, "\n", &line);
		cur_get(&c);
		more = reply_line(&r, line);
		offer_line(&o, line);
		must(r.lines <= REPLY_LINES + 1);
		if (more == 0)
			check(&r);
	}
	reply_free(&r);
	return 0;
}
