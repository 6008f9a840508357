/* storetext - see storetext.h. */
#include "storetext.h"

#include "io.h"
#include "mboxline.h"

#include <errno.h>

enum { HELD = 2 }; /* CR at the end of what was read may belong to a LF */

void
newtext_begin(struct newtext *t, const struct store_new *m)
{
	t->fd = m->fd;
	t->off = m->off;
	t->end = m->off + m->len;
	t->err = 0;
	t->at = t->len = 0;
}

/* Take out the CR of each CRLF in the n bytes at p; those before start belong to
 * what is there already.  Of CR CR LF nothing, or it would be a CRLF.  How many
 * bytes are left. */
static size_t
clean(const char *start, char *p, size_t n)
{
	const char *in = p, *e = p + n, *lf;
	char *out = p;
	size_t k;

	while ((lf = memchr(in, '\n', (size_t)(e - in)))) {
		k = (size_t)(lf - in);
		memmove(out, in, k);
		out += k;
		if (out > start && out[-1] == '\r' && out > p &&
		    (out - start < 2 || out[-2] != '\r'))
			out--;
		*out++ = '\n';
		in = lf + 1;
	}
	k = (size_t)(e - in);
	memmove(out, in, k);
	return (size_t)(out - p) + k;
}

/* Have want bytes at our place, or all that are left.  How many there are. */
static size_t
have(struct newtext *t, size_t want)
{
	size_t gone = t->at > HELD ? t->at - HELD : 0, n;
	ssize_t got;

	if (t->len - t->at >= want || t->off == t->end)
		return t->len - t->at;
	memmove(t->buf, t->buf + gone, t->len - gone);
	t->at -= gone;
	t->len -= gone;
	while (t->len - t->at < want && t->off < t->end) {
		n = sizeof t->buf - t->len;
		if (n > t->end - t->off)
			n = (size_t)(t->end - t->off);
		got = io_preadall(t->fd, t->buf + t->len, n, (off_t)t->off);
		if (got < (ssize_t)n) {
			t->err = got < 0 ? errno : EIO;
			t->off = t->end;
			break;
		}
		t->off += n;
		for (gone = 0; t->off < t->end && gone < HELD && n > 1 &&
		               t->buf[t->len + n - 1] == '\r';
		     gone++) {
			n--;
			t->off--;
		}
		t->len += clean(t->buf, t->buf + t->len, n);
	}
	return t->len - t->at;
}

/* --- the header --- */

/* Pass the rest of a line, which goes to put unless that is NULL. */
static void
pass_line(struct newtext *t, void (*put)(void *arg, const void *p, size_t n),
          void *arg)
{
	const char *p, *lf = NULL;
	size_t n;

	while (!lf && (n = have(t, 1)) > 0) {
		p = t->buf + t->at;
		if ((lf = memchr(p, '\n', n)))
			n = (size_t)(lf - p) + 1;
		if (put)
			put(arg, p, n);
		t->at += n;
	}
}

/* Is it the From_ line of another mailbox, quoted or not? */
static bool
is_from(struct newtext *t)
{
	size_t n = have(t, LINE_FROM);
	struct cur c = {t->buf + t->at, t->buf + t->at + n}, line;

	while (cur_take(&c, '>'))
		;
	return cur_len(&c) >= 5 && memcmp(c.p, "From ", 5) == 0 &&
	       line_from(c.p, cur_len(&c), &line) > 0;
}

bool
newtext_header(struct newtext *t,
               void (*put)(void *arg, const void *p, size_t n), void *arg)
{
	enum line l = LINE_OTHER;
	bool top = true, drop = false;
	struct cur name;
	size_t n;

	while ((n = have(t, LINE_HEAD)) > 0) {
		l = line_judge(t->buf + t->at, n, &name);
		if (top && l != LINE_FIELD && is_from(t)) {
			pass_line(t, NULL, NULL);
			continue;
		}
		if (l != LINE_FIELD && (top || l != LINE_FOLD))
			break;
		if (l == LINE_FIELD)
			drop = line_is_private(line_field(&name));
		pass_line(t, drop ? NULL : put, arg);
		top = false;
	}
	if (n == 0 || l != LINE_EMPTY)
		return false;
	pass_line(t, NULL, NULL);
	return true;
}

int
newtext_body(struct newtext *t, void (*put)(void *arg, const void *p, size_t n),
             void *arg)
{
	size_t n;

	while ((n = have(t, 1)) > 0) {
		put(arg, t->buf + t->at, n);
		t->at += n;
	}
	errno = t->err;
	return t->err ? -1 : 0;
}
