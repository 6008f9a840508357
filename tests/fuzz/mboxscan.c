/* mboxscan - fuzz target.  Any file is tiled by its messages, each as long on the
 * wire as was said; nothing depends on how the bytes come; private fields do
 * not change what a message is; and what mbox_write() put in comes out. */
#include "mboxscan.h"
#include "mbox.h"
#include "mboxline.h"

#include <stdint.h>
#include <stdlib.h>

enum { MOST = 64 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

struct file {
	const char *p;
	size_t n, step;
};

static ssize_t
read_file(void *arg, uint64_t off, void *p, size_t n)
{
	const struct file *f = arg;

	if (off >= f->n)
		return 0;
	if (n > f->n - off)
		n = f->n - (size_t)off;
	if (n > f->step)
		n = f->step;
	memcpy(p, f->p + off, n);
	return (ssize_t)n;
}

static void
show(struct cur raw, size_t step, struct str *out)
{
	struct wire w;

	wire_begin(&w);
	while (cur_len(&raw) > 0) {
		size_t n = cur_len(&raw) < step ? cur_len(&raw) : step;

		wire_feed(&w, raw.p, n, out);
		raw.p += n;
	}
	wire_end(&w, out);
}

/* Is every LF behind a CR, and the header ended? */
static void
check_wire(const struct str *s)
{
	size_t i;

	must(s->n >= 2 && s->s[s->n - 1] == '\n');
	for (i = 0; i < s->n; i++)
		must(s->s[i] != '\n' || (i > 0 && s->s[i - 1] == '\r'));
	must(memcmp(s->s, "\r\n", 2) == 0 || strstr(s->s, "\r\n\r\n") ||
	     memchr(s->s, '\0', s->n));
}

static void
check_msg(const struct file *f, const struct scan_msg *m)
{
	struct cur raw = {f->p + m->off, f->p + m->off + m->end};
	struct str a = {0}, b = {0};

	must(m->off + m->len <= f->n && m->hash != 0);
	must(m->from > 0 && m->from <= m->body);
	must(m->body <= m->end && m->end <= m->len && m->len - m->end <= 2);
	show(raw, SIZE_MAX, &a);
	show(raw, f->step, &b);
	must(a.n == m->size);
	must(a.n == b.n && memcmp(a.s, b.s, a.n) == 0);
	check_wire(&a);
	str_free(&a);
	str_free(&b);
}

static bool
equal(const struct cur *a, const struct cur *b)
{
	return cur_len(a) == cur_len(b) && memcmp(a->p, b->p, cur_len(a)) == 0;
}

static void
same(const struct scan_msg *a, const struct scan_msg *b)
{
	must(a->off == b->off && a->len == b->len && a->body == b->body);
	must(a->end == b->end && a->size == b->size && a->hash == b->hash);
	must(a->date == b->date && a->from == b->from && a->uid == b->uid);
	must(a->flags == b->flags && a->internal == b->internal);
	must(a->validity == b->validity && a->last == b->last);
	must(equal(&a->keywords, &b->keywords));
}

/* Scan with large and with small reads. */
static size_t
check_file(const char *p, size_t n, size_t step, struct scan_msg msg[MOST])
{
	struct file whole = {p, n, SIZE_MAX}, parts = {p, n, step};
	struct scan *s = scan_open(read_file, &whole, 0);
	struct scan *t = scan_open(read_file, &parts, 0);
	struct scan_msg a, b;
	uint64_t off = 0;
	size_t count = 0;
	int r;

	while ((r = scan_next(s, &a)) > 0) {
		must(scan_next(t, &b) == 1);
		same(&a, &b);
		must(count == 0 || a.off == off);
		check_msg(&parts, &a);
		off = a.off + a.len;
		if (count < MOST)
			msg[count] = a;
		count++;
	}
	must(scan_next(t, &b) == r);
	must(r < 0 || count == 0 || off == n);
	scan_close(s);
	scan_close(t);
	return count;
}

/* What readers add to a header changes nothing else. */
static void
check_private(const char *p, size_t n, const struct scan_msg *old)
{
	static const char add[] = "X-UID: 7\nStatus: RO\nX-Keywords: a\n b\n";
	struct scan_msg msg[MOST];
	struct str s = {0};
	struct cur name;
	size_t at = (size_t)(old->off + old->from);

	if (at >= n || line_judge(p + at, n - at, &name) != LINE_FIELD)
		return;
	str_add(&s, p, at);
	str_adds(&s, add);
	str_add(&s, p + at, n - at);
	must(check_file(s.s, s.n, s.n, msg) > 0);
	must(msg->hash == old->hash && msg->size == old->size);
	must(msg->len == old->len + strlen(add) && msg->date == old->date);
	must(msg->flags == (old->flags | FLAG_SEEN | FLAG_OLD));
	must(msg->uid == (old->uid ? old->uid : 7));
	str_free(&s);
}

/* Put text with LF as CRLF. */
static void
put(struct str *s, const char *p, const char *e)
{
	for (; p < e; p++) {
		if (*p == '\n' && (s->n == 0 || s->s[s->n - 1] != '\r'))
			str_addc(s, '\r');
		str_addc(s, *p);
	}
}

/* What is to come out when this text goes in.  -1 when its header has private
 * fields. */
static int
expect(struct cur c, struct str *s)
{
	static const char lf[] = "\n";
	enum line l = LINE_OTHER;
	struct cur name;

	while (cur_len(&c) > 0) {
		const char *end = memchr(c.p, '\n', cur_len(&c));

		end = end ? end + 1 : c.e;
		l = line_judge(c.p, (size_t)(end - c.p), &name);
		if (l == LINE_FIELD && scan_is_private(&name))
			return -1;
		/* Quoting makes it longer than a field's start may be. */
		if (*c.p != 'A' && end - c.p >= LINE_HEAD)
			return -1;
		if (l != LINE_FIELD && l != LINE_FOLD)
			break;
		put(s, c.p, end);
		c.p = end;
	}
	if (cur_len(&c) == 0 || l != LINE_EMPTY)
		put(s, lf, lf + 1);
	put(s, c.p, c.e);
	return 0;
}

/* Append the text, and a message behind it, and take them out again. */
static void
check_round(const char *p, size_t n, size_t step)
{
	static const char next[] = "S: 2\n\nFrom here\n";
	struct mbox m = {.fd = -1, .from = -1, .plan = {.fd = -1}};
	struct str text = {0}, want = {0}, got = {0};
	struct scan_msg msg[MOST];
	struct cur raw;

	str_adds(&text, "A: 1\n");
	str_add(&text, p, n);
	/* As mbox_end() does. */
	if (text.s[text.n - 1] != '\n')
		str_addc(&text, '\n');
	if (expect(str_cur(&text), &want) == 0) {
		mbox_begin(&m, "", 0);
		mbox_write(&m, text.s, 5 + n);
		mbox_end(&m);
		mbox_begin(&m, "", 0);
		mbox_write(&m, next, strlen(next));
		mbox_end(&m);
		raw.p = m.plan.buf.s;
		must(check_file(raw.p, m.plan.buf.n, step, msg) == 2);
		raw.e = raw.p + msg->end;
		show(raw, step, &got);
		must(got.n == want.n && memcmp(got.s, want.s, want.n) == 0);
		must(msg[1].size == strlen(next) + 3);
		str_free(&m.plan.buf);
	}
	str_free(&text);
	str_free(&want);
	str_free(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first byte is the size of the portions. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct scan_msg msg[MOST];
	size_t step;

	if (n == 0 || n > PLAN_MEM / 4)
		return 0;
	step = 1 + *data;
	if (check_file(p + 1, n - 1, step, msg) > 0)
		check_private(p + 1, n - 1, msg);
	check_round(p + 1, n - 1, step);
	return 0;
}
