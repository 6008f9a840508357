/* mboxhead - give a message a stamp: it stays the same message to a reader, says
 * what it was given, and has the length that was asked for. */
#include "mboxhead.h"
#include "mboxscan.h"

#include <stdint.h>
#include <stdlib.h>

static void
must(int ok)
{
	if (!ok)
		abort();
}

static ssize_t
read_at(void *arg, uint64_t off, void *p, size_t n)
{
	const struct cur *c = arg;

	if (off >= cur_len(c))
		return 0;
	if (n > cur_len(c) - off)
		n = (size_t)(cur_len(c) - off);
	memcpy(p, c->p + off, n);
	return (ssize_t)n;
}

/* The first message of the text. */
static bool
first(struct cur text, struct scan_msg *m)
{
	struct scan *s = scan_open(read_at, &text, 0);
	bool got = scan_next(s, m) > 0;

	scan_close(s);
	return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct stamp st = {.names = cur_of("work $Junk")};
	struct scan_msg was, is;
	struct str out = {0};
	size_t least, more;
	struct cur raw;

	if (n < 4)
		return 0;
	st.uid = 1 + data[0] * 77777u;
	st.flags = data[1] & 63;
	if (data[1] & 64)
		st.validity = st.last = 1 + data[2];
	if (data[1] & 128)
		st.keywords = cur_of("work $Junk later");
	more = data[2] * (size_t)data[3] / 8;
	if (!first((struct cur){(const char *)data + 4, (const char *)data + n},
	           &was) ||
	    was.internal)
		return 0;
	raw.p = (const char *)data + 4 + was.off;
	raw.e = raw.p + was.body;
	least = header_least(raw, &st);
	if (least == 0)
		return 0;
	header_write(raw, &st, more, &out);
	must(out.n == least + more);
	str_add(&out, raw.e, (size_t)(was.len - was.body));
	must(first(str_cur(&out), &is));
	must(is.off == 0 && is.hash == was.hash && is.size == was.size);
	must(is.body == least + more && is.len == out.n);
	must(is.uid == st.uid && is.flags == st.flags);
	must(is.validity == st.validity && is.last == st.last);
	must((cur_len(&is.keywords) > 0) == (cur_len(&st.keywords) > 0));
	str_free(&out);
	return 0;
}
