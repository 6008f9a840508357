/* copy - a message on its way from stdin to where it goes: our header fields on
 * top, those that only we may write taken out, and a look for a loop.
 * Knows nothing of mailboxes; memory stays flat whatever the lines' length. */
#include "addr.h"
#include "deliver.h"
#include "hdr.h"
#include "mbox.h"

#include <string.h>

/* As much of a line as is needed to know what it is. */
enum { LINE_HEAD = 1024 };

/* Verdict on a line: the next one tells. */
enum { HOLD = 2 };

/* What mailbox programs keep there; from outside it would be a lie.  Return-Path
 * is written at final delivery only (RFC 5321 4.4). */
static const char *const ours[] = {"Return-Path", "Status", "X-Status",
                                   "X-Keywords",  "X-UID",  "Content-Length",
                                   "X-IMAPbase",  "X-IMAP", NULL};

struct copy {
	struct str to; /* Delivered-To as we write it */
	struct copy_how how;
	void (*put)(void *arg, const void *p, size_t n);
	void *arg;
	struct str head; /* header that was not yet put */
	struct str line; /* first part of a line that was not yet judged */
	struct str held; /* "From ..." without a date: the next line tells */
	bool mid;        /* inside a line that was */
	bool keep;       /* ... or field: for its other lines */
	bool any;        /* a field was seen */
	bool body, loop, started;
	char last; /* byte of the header */
};

static void
flush(struct copy *c)
{
	if (!c->loop && c->head.n > 0) {
		c->put(c->arg, c->head.s, c->head.n);
		c->started = true;
	}
	str_clear(&c->head);
}

/* Add header text. */
static void
add(struct copy *c, const char *p, size_t n)
{
	if (n == 0)
		return;
	str_add(&c->head, p, n);
	c->last = p[n - 1];
	if (c->head.n > HEADER_HELD)
		flush(c);
}

static void
end_header(struct copy *c)
{
	if (c->last != '\n')
		add(c, "\n", 1);
	if (c->how.room > 0)
		str_addf(&c->head, "X-Keywords:%*s\n", c->how.room, "");
	add(c, "\n", 1);
	flush(c);
	str_free(&c->head);
	c->body = true;
}

/* The header was over before what is held, and the line. */
static void
end_before(struct copy *c)
{
	end_header(c);
	if (c->loop)
		return;
	if (c->held.n > 0)
		c->put(c->arg, c->held.s, c->held.n);
	if (c->line.n > 0)
		c->put(c->arg, c->line.s, c->line.n);
}

static void
check_loop(struct copy *c, struct cur value)
{
	while (value.e > value.p && (value.e[-1] == ' ' || value.e[-1] == '\t'))
		value.e--;
	cur_blanks(&value);
	if (!c->started && c->to.n > 0 && cur_is(&value, c->to.s))
		c->loop = true;
}

/* Is the line, which is no field, the From_ line of another mailbox?  0 it is, to be
 * dropped; HOLD perhaps, namely if a field follows; -1 it is not. */
static int
judge_from(const struct copy *c)
{
	struct cur line = str_cur(&c->line);

	cur_take(&line, '>');
	if (cur_len(&line) < 5 || memcmp(line.p, "From ", 5) != 0)
		return -1;
	if (line.e[-1] != '\n')
		return mbox_is_from(line) ? 0 : -1;
	line.e--;
	return mbox_is_from(line) ? 0 : c->held.n == 0 ? HOLD : -1;
}

/* Is the line a header field that is kept?  1, 0 for one to drop, HOLD, -1 for no
 * field at all. */
static int
judge_field(struct copy *c)
{
	struct cur line = str_cur(&c->line);
	struct field f;

	if (!hdr_next(&line, &f))
		return judge_from(c);
	if (cur_is(&f.name, "Delivered-To"))
		check_loop(c, f.body);
	return !hdr_name_in(&f.name, ours);
}

/* Decide about the line whose beginning is in c->line. */
static void
judge(struct copy *c)
{
	char first = c->line.s[0];
	int keep = 1;

	if ((first == ' ' || first == '\t') && c->any && c->held.n == 0)
		keep = c->keep;
	else if (first != '\n')
		keep = judge_field(c);
	else if (c->held.n > 0)
		keep = -1;
	c->mid = c->line.s[c->line.n - 1] != '\n';
	c->any = true;
	c->keep = keep == 1;
	if (keep < 0)
		end_before(c);
	else if (first == '\n')
		end_header(c);
	else if (keep == 1)
		add(c, c->line.s, c->line.n);
	str_clear(&c->held);
	if (keep == HOLD)
		str_add(&c->held, c->line.s, c->line.n);
	str_clear(&c->line);
}

/* Take a part of one line of the header; the number of bytes taken. */
static size_t
feed_header(struct copy *c, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);

	if (lf)
		n = (size_t)(lf - p) + 1;
	if (c->mid) {
		if (c->keep)
			add(c, p, n);
		c->mid = !lf;
		return n;
	}
	if (n > LINE_HEAD - c->line.n)
		n = LINE_HEAD - c->line.n;
	str_add(&c->line, p, n);
	if (p[n - 1] == '\n' || c->line.n == LINE_HEAD)
		judge(c);
	return n;
}

static void
feed(struct copy *c, const char *p, size_t n)
{
	while (n > 0 && !c->loop) {
		size_t k = n;

		if (c->body)
			c->put(c->arg, p, n);
		else
			k = feed_header(c, p, n);
		p += k;
		n -= k;
	}
}

/* Feed without the CR of CRLF; *cr: one was held back at the end. */
static void
feed_crlf(struct copy *c, const char *p, size_t n, bool *cr)
{
	const char *e = p + n, *q;

	if (*cr && n > 0 && *p != '\n')
		feed(c, "\r", 1);
	*cr = false;
	while (p < e && (q = memchr(p, '\r', (size_t)(e - p)))) {
		feed(c, p, (size_t)(q - p));
		*cr = q + 1 == e;
		if (!*cr && q[1] != '\n')
			feed(c, "\r", 1);
		p = q + 1;
	}
	feed(c, p, (size_t)(e - p));
}

static void
begin(struct copy *c, const struct letter *l)
{
	struct str orig = {0};

	str_adds(&c->head, "Return-Path: <");
	if (l->sender.n > 0)
		addr_write(&c->head, l->sender.s);
	str_adds(&c->head, ">\n");
	if (l->to.n > 0)
		addr_write(&c->to, l->to.s);
	if (l->orig.n > 0)
		addr_write(&orig, l->orig.s);
	if (orig.n > 0 && (c->to.n == 0 || !str_ieq(orig.s, c->to.s)))
		str_addf(&c->head, "X-Original-To: %s\n", orig.s);
	if (c->to.n > 0)
		str_addf(&c->head, "Delivered-To: %s\n", c->to.s);
	str_free(&orig);
	c->last = '\n';
}

/* The end of input: a header may end without an empty line. */
static void
finish(struct copy *c)
{
	if (!c->body && c->line.n > 0)
		judge(c);
	if (!c->body)
		end_before(c);
}

/* Give the letter's bytes to c, or to nobody. */
static int
read_letter(const struct letter *l, struct io *in, struct copy *c)
{
	unsigned long long left = l->size;
	bool cr = false;

	while (left > 0) {
		ssize_t r = io_fill(in);
		size_t n;

		if (r < 0)
			return COPY_SHORT;
		n = (unsigned long long)r < left ? (size_t)r : (size_t)left;
		if (c && c->how.crlf)
			feed_crlf(c, in->buf + in->pos, n, &cr);
		else if (c)
			feed(c, in->buf + in->pos, n);
		in->pos += n;
		left -= n;
	}
	if (cr)
		feed(c, "\r", 1);
	return COPY_OK;
}

int
copy_letter(const struct letter *l, struct io *in, struct copy_how how,
            void (*put)(void *arg, const void *p, size_t n), void *arg)
{
	struct copy c = {.how = how, .put = put, .arg = arg};
	int r;

	begin(&c, l);
	r = read_letter(l, in, &c);
	if (r == COPY_OK) {
		finish(&c);
		r = c.loop ? COPY_LOOP : COPY_OK;
	}
	str_free(&c.to);
	str_free(&c.head);
	str_free(&c.line);
	str_free(&c.held);
	return r;
}

int
copy_skip(const struct letter *l, struct io *in)
{
	return read_letter(l, in, NULL);
}
