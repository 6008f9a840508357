/* mboxwire - a message of an mbox on its way out: see wire_feed() in mboxscan.h.
 * What is held back of a line that is not yet judged is bounded. */
#include "mboxline.h"
#include "mboxscan.h"
#include "mem.h"

_Static_assert((int)WIRE_HELD >= (int)LINE_HEAD, "a line's start must fit");

enum {
	W_FROM,  /* in a line that is not shown, before the header */
	W_TOP,   /* at the start of the header */
	W_START, /* at the start of a line of the header */
	W_LINE,  /* in a line of the header */
	W_BODY,  /* at the start of a line of the body */
	W_TEXT   /* in a line of the body */
};

void
wire_begin(struct wire *w)
{
	*w = (struct wire){.state = W_FROM};
}

/* Behind the line at p, or the end. */
static const char *
line_end(const char *p, const char *e)
{
	const char *lf = p < e ? memchr(p, '\n', (size_t)(e - p)) : NULL;

	return lf ? lf + 1 : e;
}

/* Put what there is of one line, with its end as CRLF. */
static void
put_line(struct wire *w, const char *p, const char *e, struct str *out)
{
	bool whole = p < e && e[-1] == '\n';
	size_t n = (size_t)(e - p) - whole;
	char *to;

	out->s = mem_grow(out->s, &out->cap, out->n + n + 3, 1);
	to = out->s + out->n;
	memcpy(to, p, n);
	to += n;
	if (n > 0)
		w->last = p[n - 1];
	if (whole) {
		if (w->last != '\r')
			*to++ = '\r';
		*to++ = w->last = '\n';
	}
	*to = '\0';
	out->n = (size_t)(to - out->s);
}

/* Put a line, or as much as there is of it.  Where the next begins. */
static const char *
put(struct wire *w, const char *p, const char *e, struct str *out)
{
	const char *end = line_end(p, e);

	put_line(w, p, end, out);
	return end;
}

static void
put_word(struct wire *w, const char *z, size_t n, struct str *out)
{
	put(w, z, z + n, out);
}

/* What was held back at the start of a body line is not, or is no longer, of
 * interest. */
static void
release(struct wire *w, struct str *out)
{
	if (w->quoted && w->match < 5)
		put_word(w, ">", 1, out);
	put_word(w, "From ", w->match, out);
	w->quoted = false;
	w->match = 0;
	w->state = W_TEXT;
}

/* Whole lines of the body that need no second look, with room in out for all; we are
 * at the start of one. */
static const char *
lines(struct wire *w, const char *p, const char *e, struct str *out)
{
	char *to = out->s + out->n;
	const char *lf;

	while (p < e && *p != '>' && *p != 'F' &&
	       (lf = memchr(p, '\n', (size_t)(e - p)))) {
		size_t n = (size_t)(lf - p);

		memcpy(to, p, n);
		to += n;
		if (n == 0 || lf[-1] != '\r')
			*to++ = '\r';
		*to++ = '\n';
		w->last = '\n';
		p = lf + 1;
	}
	*to = '\0';
	out->n = (size_t)(to - out->s);
	return p;
}

/* mboxrd: behind ">From " it makes no difference which '>' is taken away. */
static void
body(struct wire *w, const char *p, const char *e, struct str *out)
{
	/* Each byte may be a LF, and each of those on its own. */
	out->s = mem_grow(out->s, &out->cap,
	                  out->n + 2 * (size_t)(e - p) + WIRE_HELD, 1);
	while (p < e) {
		if (w->state == W_BODY && w->match == 0 && !w->quoted)
			p = lines(w, p, e, out);
		if (p == e)
			break;
		if (w->state == W_BODY && w->match == 0 && *p == '>') {
			if (w->quoted)
				put_word(w, ">", 1, out);
			w->quoted = true;
			p++;
		} else if (w->state == W_BODY && *p == "From "[w->match]) {
			p++;
			if (++w->match == 5)
				release(w, out);
		} else {
			if (w->state == W_BODY)
				release(w, out);
			p = put(w, p, e, out);
			if (p[-1] == '\n')
				w->state = W_BODY;
		}
	}
}

/* Judge the header line that begins with these bytes: all of it, or LINE_HEAD or
 * more. */
static void
settle(struct wire *w, const char *p, const char *e, struct str *out)
{
	bool whole = e[-1] == '\n';
	struct cur name;
	enum line l = line_judge(p, (size_t)(e - p), &name);

	w->nheld = 0;
	if (l == LINE_QUOTED && w->state == W_TOP) {
		w->state = whole ? W_TOP : W_FROM;
	} else if (l == LINE_FIELD || (l == LINE_FOLD && w->state == W_START)) {
		if (l == LINE_FIELD) {
			w->drop = scan_is_private(&name);
			p = name.p;
		}
		if (!w->drop)
			put_line(w, p, e, out);
		w->state = whole ? W_START : W_LINE;
	} else {
		put_word(w, "\n", 1, out);
		w->state = W_BODY;
		if (l != LINE_EMPTY)
			body(w, p, e, out);
	}
}

/* Hold the start of a line until it can be judged.  How many bytes were taken. */
static size_t
hold(struct wire *w, const char *p, size_t n, struct str *out)
{
	if (n > LINE_HEAD - w->nheld)
		n = LINE_HEAD - w->nheld;
	memcpy(w->held + w->nheld, p, n);
	w->nheld += n;
	if (w->nheld == LINE_HEAD || p[n - 1] == '\n')
		settle(w, w->held, w->held + w->nheld, out);
	return n;
}

/* A line of the header that begins so goes on with the field before. */
static bool
is_fold(const struct wire *w, char first)
{
	return w->state == W_START && w->nheld == 0 &&
	       (first == ' ' || first == '\t');
}

/* Take bytes of the header: where the rest begins. */
static const char *
head(struct wire *w, const char *p, const char *e, struct str *out)
{
	const char *end = line_end(p, e);
	bool whole = end[-1] == '\n';

	if (w->state == W_FROM) {
		w->state = whole ? W_TOP : W_FROM;
	} else if (w->state == W_LINE || is_fold(w, *p)) {
		if (!w->drop)
			put_line(w, p, end, out);
		w->state = whole ? W_START : W_LINE;
	} else if (w->nheld == 0 && (whole || end - p >= LINE_HEAD)) {
		settle(w, p, end, out);
	} else {
		return p + hold(w, p, (size_t)(end - p), out);
	}
	return end;
}

void
wire_feed(struct wire *w, const char *p, size_t n, struct str *out)
{
	const char *e = p + n;

	while (p < e && w->state < W_BODY)
		p = head(w, p, e, out);
	body(w, p, e, out);
}

/* The last line and the header end here, if they did not before. */
void
wire_end(struct wire *w, struct str *out)
{
	if (w->nheld > 0)
		settle(w, w->held, w->held + w->nheld, out);
	if (w->state == W_BODY && (w->quoted || w->match > 0))
		release(w, out);
	if (w->state == W_TEXT || (w->state == W_LINE && !w->drop))
		put_word(w, "\n", 1, out);
	if (w->state < W_BODY)
		put_word(w, "\n", 1, out);
}
