/* letter - the message that comes on stdin, cleaned at the door: lines end in
 * LF, CR and NUL vanish wherever they stand (PHP writes CRLF, terminals and
 * binaries the rest), a lone dot may end it.  The header is held in memory, the
 * body goes by in pieces. */
#include "sendmail.h"

#include "hdr.h"
#include "log.h"

#include <string.h>
#include <sysexits.h>

enum {
	FRONT = 65536,       /* read before anything is decided */
	HEADER_MAX = 1 << 20 /* bytes of header */
};

void
letter_init(struct letter *l, bool dots)
{
	*l = (struct letter){.dots = dots, .start = true};
	io_init(&l->io, 0, 1);
}

void
letter_free(struct letter *l)
{
	str_free(&l->buf);
	io_free(&l->io);
}

/* Add bytes without CR and NUL. */
static void
add_clean(struct str *s, const char *p, size_t n)
{
	const char *e = p + n;

	if (!memchr(p, '\r', n) && !memchr(p, '\0', n)) {
		str_add(s, p, n);
		return;
	}
	for (; p < e; p++)
		if (*p != '\r' && *p != '\0')
			str_addc(s, *p);
}

/* The first bytes of a line, when a dot alone would end the message. */
static void
take_start(struct letter *l, char b)
{
	if (b == '\r' || b == '\0')
		return;
	if (!l->dot && b == '.') {
		l->dot = true;
		return;
	}
	if (l->dot && b == '\n') {
		l->eof = true;
		return;
	}
	if (l->dot)
		str_addc(&l->buf, '.');
	str_addc(&l->buf, b);
	l->dot = false;
	l->start = b == '\n';
}

/* Take input up to the end of the message. */
static void
take(struct letter *l, const char *p, size_t n)
{
	const char *e = p + n, *lf;

	if (l->dots) {
		add_clean(&l->buf, p, n);
		return;
	}
	while (p < e && !l->eof) {
		if (l->start) {
			take_start(l, *p++);
			continue;
		}
		lf = memchr(p, '\n', (size_t)(e - p));
		l->start = lf != NULL;
		lf = lf ? lf + 1 : e;
		add_clean(&l->buf, p, (size_t)(lf - p));
		p = lf;
	}
}

/* Read on behind what is in buf. */
static int
feed(struct letter *l)
{
	ssize_t n = io_fill(&l->io);

	if (n == IO_EOF) {
		l->eof = true;
	} else if (n < 0) {
		/* An error is no end: half a message is none. */
		log_warn("cannot read the message: %s", strerror(l->io.err));
		return EX_IOERR;
	} else {
		take(l, l->io.buf + l->io.pos, (size_t)n);
		l->io.pos = l->io.len;
	}
	return 0;
}

int
letter_more(struct letter *l)
{
	str_clear(&l->buf);
	while (!l->eof && l->buf.n == 0)
		if (feed(l))
			return EX_IOERR;
	l->body = str_cur(&l->buf);
	return 0;
}

/* Find header and body in what was read.  Returns whether the end of the
 * header was seen; last: the last line is judged though it may go on. */
static bool
divide(struct letter *l, bool last)
{
	struct cur c = str_cur(&l->buf), at, line;
	struct field f;
	const char *e = c.e;

	/* A From_ line that was left on an mbox's message, and is no field with a
	 * blank before its colon (RFC 5322 4.5). */
	at = c;
	if (cur_len(&c) > 5 && memcmp(c.p, "From ", 5) == 0 &&
	    !hdr_next(&at, &f)) {
		at = c;
		cur_line(&at, &line);
		if (hdr_next(&at, &f))
			c.p = f.all.p;
	}
	while (!last && e > c.p && e[-1] != '\n')
		e--;
	at = (struct cur){c.p, e};
	while (hdr_next(&at, &f))
		;
	l->header = (struct cur){c.p, at.p};
	l->body = (struct cur){at.p, c.e};
	return at.p < e;
}

int
letter_front(struct letter *l)
{
	size_t want = FRONT;

	str_adds(&l->buf, "");
	for (;; want *= 2) {
		while (!l->eof && l->buf.n < want)
			if (feed(l))
				return EX_IOERR;
		if (divide(l, l->eof || want >= HEADER_MAX) || l->eof)
			break;
		if (want >= HEADER_MAX)
			return complain(EX_DATAERR,
			                "the header is longer than %d bytes",
			                HEADER_MAX);
	}
	cur_take(&l->body, '\n');
	return 0;
}

bool
letter_is_ascii(const struct letter *l)
{
	return l->eof && !cur_has_8bit(str_cur(&l->buf));
}
