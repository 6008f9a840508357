/* mboxscan - see mboxscan.h and mbox(5).
 * The file goes by in a window.  A header is read line by line; in a body only
 * those lines are looked at that begin with '>' or 'F', and the line ends are
 * counted block by block: opening a large mbox costs little more than reading
 * it.  What is kept of a line is bounded. */
#include "mboxscan.h"

#include "mboxline.h"
#include "mem.h"
#include "newlines.h"
#include "sum.h"

#include <errno.h>
#include <stdlib.h>

enum {
	WINDOW = 1 << 18,
	BEHIND = 3,   /* bytes before the place that stay: an empty line */
	AHEAD = 64,   /* bytes behind a place in a body that are there */
	VALUE = 4096, /* most that is kept of a private field */
	LINES = 2     /* line ends that Content-Length may leave out */
};

bool
scan_is_private(const struct cur *name)
{
	return line_is_private(line_field(name));
}

/* --- the window --- */

struct scan {
	scan_read *read;
	void *arg;
	uint64_t base;  /* offset of the window's first byte */
	size_t at, len; /* our place in it, and its bytes */
	size_t from;    /* bytes of the From_ line at our place, 0: not known */
	size_t run; /* start of bytes up to our place that have to be summed */
	bool head;  /* we are in a header: there may be such bytes */
	bool eof;   /* the file ends with the window */
	bool begun; /* there was a message before */
	int err;    /* errno of the first failed read */

	/* of this message */
	struct sum sum;
	uint64_t bare;   /* LF in its body without CR */
	uint64_t quoted; /* lines in its body that lose a '>' */
	uint64_t length; /* Content-Length, or 0 */
	enum field field;
	bool subject, daemon; /* as folder data has them */
	struct str value;     /* what the field says */
	struct str keywords;

	char window[WINDOW + NEWLINES]; /* what is looked at may go beyond */
};

struct scan *
scan_open(scan_read *read, void *arg, uint64_t off)
{
	struct scan *s = mem_alloc(sizeof *s);

	s->read = read;
	s->arg = arg;
	scan_again(s, off);
	return s;
}

void
scan_again(struct scan *s, uint64_t off)
{
	s->base = off;
	s->at = s->len = s->from = 0;
	s->eof = s->begun = s->head = false;
	s->err = 0;
}

void
scan_close(struct scan *s)
{
	if (!s)
		return;
	str_free(&s->value);
	str_free(&s->keywords);
	free(s);
}

static const char *
here(const struct scan *s)
{
	return s->window + s->at;
}

static uint64_t
place(const struct scan *s)
{
	return s->base + s->at;
}

/* Sum up what lies before our place, where it is shown; then go n bytes on. */
static void
sum_run(struct scan *s, bool shown, size_t n)
{
	if (shown && s->run < s->at)
		sum_add(&s->sum, s->window + s->run, s->at - s->run);
	s->at += n;
	s->run = s->at;
}

/* Move the window on, so that want bytes are in it behind our place. */
static void
fill(struct scan *s, size_t want)
{
	size_t gone = s->at > BEHIND ? s->at - BEHIND : 0;
	ssize_t n;

	if (s->head)
		sum_run(s, true, 0);
	memmove(s->window, s->window + gone, s->len - gone);
	s->base += gone;
	s->at -= gone;
	s->run = s->at;
	s->len -= gone;
	while (!s->eof && s->len - s->at < want) {
		n = s->read(s->arg, s->base + s->len, s->window + s->len,
		            WINDOW - s->len);
		if (n < 0)
			s->err = errno;
		s->eof = n <= 0;
		s->len += n > 0 ? (size_t)n : 0;
	}
}

/* Have want bytes in the window behind our place, or all up to the end of the
 * file.  How many there are. */
static inline size_t
look(struct scan *s, size_t want)
{
	if (s->len - s->at < want && !s->eof)
		fill(s, want);
	return s->len - s->at;
}

/* The n bytes at off or as many as there are, from the window or in buf.  How many. */
static size_t
peek(struct scan *s, uint64_t off, char *buf, size_t n, const char **p)
{
	uint64_t end = s->base + s->len;
	size_t got = 0;
	ssize_t k = 1;

	if (off >= s->base && off <= end && (s->eof || end - off >= n)) {
		*p = s->window + (off - s->base);
		return end - off < n ? (size_t)(end - off) : n;
	}
	while (got < n && k > 0) {
		k = s->read(s->arg, off + got, buf + got, n - got);
		got += k > 0 ? (size_t)k : 0;
	}
	if (k < 0)
		s->err = errno;
	*p = buf;
	return got;
}

/* --- where messages begin --- */

/* Our place is the start of a line: does a message begin there?  There is an empty
 * line before, or a header line behind. */
static bool
is_start(struct scan *s)
{
	size_t n = look(s, LINE_FROM + LINE_HEAD), k;
	const char *p = here(s);
	struct cur line;
	enum line next;

	if (n < 5 || memcmp(p, "From ", 5) != 0 ||
	    (k = line_from(p, n, &line)) == 0)
		return false;
	next = line_judge(p + k, n - k, &line);
	if (p[-2] != '\n' && (p[-2] != '\r' || p[-3] != '\n') &&
	    next != LINE_FIELD && next != LINE_QUOTED)
		return false;
	s->from = k;
	return true;
}

/* --- what the header says --- */

static void
trim(struct cur *c)
{
	cur_blanks(c);
	while (c->e > c->p && (c->e[-1] == ' ' || c->e[-1] == '\t'))
		c->e--;
}

static bool
begins(struct cur c, const char *z)
{
	size_t n = strlen(z);

	return cur_len(&c) >= n && memcmp(c.p, z, n) == 0;
}

/* A number that is all there is, up to max; false for any other thing. */
static bool
number(struct cur c, uint64_t max, uint64_t *v)
{
	unsigned long long n;

	if (cur_number(&c, max, &n) < 0 || cur_len(&c) > 0)
		return false;
	*v = n;
	return true;
}

/* Flags of these letters, in the order of their bits. */
static unsigned
flags_of(struct cur c, const char *letters)
{
	unsigned flags = 0;
	const char *hit;

	for (; c.p < c.e; c.p++)
		if (*c.p != ' ' && *c.p != '\0' &&
		    (hit = strchr(letters, *c.p)))
			flags |= 1u << (hit - letters);
	return flags;
}

/* "VALIDITY LAST words..." */
static bool
base_of(struct scan_msg *m, struct cur c)
{
	struct cur w;
	uint64_t validity, last;

	cur_word(&c, &w);
	if (!number(w, UINT32_MAX, &validity) || validity == 0)
		return false;
	cur_word(&c, &w);
	if (!number(w, UINT32_MAX, &last))
		return false;
	m->validity = (uint32_t)validity;
	m->last = (uint32_t)last;
	return true;
}

/* The words of a second field come to those of the first. */
static void
add_keywords(struct scan *s, struct cur c)
{
	if (cur_len(&c) == 0 || s->keywords.n + cur_len(&c) >= VALUE)
		return;
	if (s->keywords.n > 0)
		str_addc(&s->keywords, ' ');
	str_add(&s->keywords, c.p, cur_len(&c));
}

/* The field is over: what did it say? */
static void
field_end(struct scan *s, struct scan_msg *m)
{
	struct cur c;
	uint64_t n;

	if (s->value.n == 0)
		return;
	c = str_cur(&s->value);
	/* A word that was cut is none. */
	while (s->value.n == VALUE && c.e > c.p && c.e[-1] != ' ')
		c.e--;
	while (c.p < c.e && *c.p++ != ':')
		;
	trim(&c);
	switch (s->field) {
	case FIELD_STATUS: m->flags |= flags_of(c, "R    O"); break;
	case FIELD_X_STATUS: m->flags |= flags_of(c, " AFDT"); break;
	case FIELD_X_KEYWORDS: add_keywords(s, c); break;
	case FIELD_X_UID:
		if (number(c, UINT32_MAX, &n) && n > 0)
			m->uid = (uint32_t)n;
		break;
	case FIELD_X_IMAP: m->internal |= base_of(m, c); break;
	case FIELD_X_IMAPBASE: base_of(m, c); break;
	case FIELD_LENGTH:
		if (number(c, INT64_MAX / 2, &n))
			s->length = n;
		break;
	case FIELD_SUBJECT:
		s->subject = cur_is(&c, "DON'T DELETE THIS MESSAGE -- "
		                        "FOLDER INTERNAL DATA");
		break;
	case FIELD_FROM:
		s->daemon |= begins(c, "Mail System Internal Data");
		break;
	case FIELD_ANY:
	case FIELD_X_PAD:
	case FIELD_LINES: break;
	}
	str_clear(&s->value);
}

/* Is what the field says of interest?  Two tell of folder data, which comes first. */
static bool
is_kept(const struct scan *s)
{
	if (s->field == FIELD_SUBJECT || s->field == FIELD_FROM)
		return !s->begun;
	return s->field != FIELD_ANY && s->field != FIELD_X_PAD;
}

/* Keep what it says, up to a bound. */
static void
keep(struct scan *s, const char *p, size_t n)
{
	size_t room = VALUE - s->value.n;

	if (is_kept(s))
		str_add(&s->value, p, n < room ? n : room);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where the field at p ends, with how many lines, if it is all before e and all its
 * lines have LF alone; else NULL. */
static const char *
plain_field(const char *p, const char *e, unsigned *lines)
{
	uint64_t lf;

	*lines = 0;
	for (; e - p > NEWLINES; p += NEWLINES)
		for (lf = newlines(p); lf; lf &= lf - 1) {
			const char *q = p + __builtin_ctzll(lf);

			if (q[-1] == '\r')
				return NULL;
			++*lines;
			if (!is_blank(q[1]))
				return q + 1;
		}
	return NULL;
}

/* Take a line of the header, which belongs to s->field.  Lines with LF at their ends
 * are summed up many at a time. */
static void
take_line(struct scan *s, struct scan_msg *m)
{
	bool shown = !line_is_private(s->field), whole = false, bare = false;
	const char *p, *lf;
	size_t n, text;

	if (!shown)
		sum_run(s, true, 0);
	while (!whole && (n = look(s, LINE_HEAD)) > 0) {
		p = here(s);
		lf = memchr(p, '\n', n);
		whole = lf != NULL;
		if (whole)
			n = (size_t)(lf - p) + 1;
		/* A CR at the window's end may be half of a line end. */
		else if (!s->eof && p[n - 1] == '\r')
			n--;
		text = n - whole;
		if (whole && text > 0 && p[text - 1] == '\r')
			text--;
		keep(s, p, text);
		bare = whole && text + 1 == n;
		if (shown)
			m->size += text + (whole ? 2 : 0);
		s->at += bare ? n : text;
		if (!bare || !shown)
			sum_run(s, shown, bare ? 0 : n - text);
	}
	if (!whole && shown)
		m->size += here(s)[-1] == '\r' ? 1 : 2;
	if (shown && !bare)
		sum_add(&s->sum, "\n", 1);
}

/* Take a line that counts for nothing. */
static void
skip_line(struct scan *s)
{
	const char *lf = NULL;
	size_t n;

	sum_run(s, true, 0);
	while (!lf && (n = look(s, 1)) > 0) {
		lf = memchr(here(s), '\n', n);
		sum_run(s, false, lf ? (size_t)(lf + 1 - here(s)) : n);
	}
}

/* Take the field at our place, all its lines. */
static void
take_field(struct scan *s, struct scan_msg *m)
{
	unsigned lines;
	const char *p = here(s), *e = NULL;

	if (!is_kept(s) && !line_is_private(s->field))
		e = plain_field(p, s->window + s->len, &lines);
	if (e) {
		m->size += (size_t)(e - p) + lines;
		s->at += (size_t)(e - p);
		return;
	}
	do
		take_line(s, m);
	while (look(s, 1) > 0 && is_blank(*here(s)));
}

/* Take the header, behind the From_ line.  A line that cannot be in a header ends
 * it and is the body's first.  Was there an empty line? */
static bool
take_header(struct scan *s, struct scan_msg *m)
{
	enum line l = LINE_OTHER;
	bool top = true;
	struct cur name;
	size_t n;

	s->field = FIELD_ANY;
	s->head = true;
	s->run = s->at;
	while ((n = look(s, LINE_HEAD)) > 0) {
		l = line_judge(here(s), n, &name);
		if (top && l == LINE_QUOTED) {
			skip_line(s);
			continue;
		}
		if (l != LINE_FIELD && (top || l != LINE_FOLD))
			break;
		if (l == LINE_FIELD) {
			field_end(s, m);
			s->field = line_field(&name);
			if (name.p > here(s))
				sum_run(s, true, (size_t)(name.p - here(s)));
			top = false;
		}
		take_field(s, m);
	}
	field_end(s, m);
	m->size += 2;
	if (n > 0 && l == LINE_EMPTY)
		skip_line(s);
	sum_run(s, true, 0);
	s->head = false;
	return n > 0 && l == LINE_EMPTY;
}

/* --- the body --- */

/* Does Content-Length lead to where a message begins, or to the end of the file?
 * Some programs leave out the last line's end and the empty line.  The offset, or
 * UINT64_MAX: it is never believed blindly. */
static uint64_t
believed(struct scan *s)
{
	char buf[LINE_FROM + 2 * LINES + 1];
	uint64_t off = place(s) + s->length;
	const char *p, *e, *at;
	struct cur line;
	size_t n;
	int i;

	if (s->length == 0)
		return UINT64_MAX;
	/* The byte before tells the end of the file from what is beyond. */
	n = peek(s, off - 1, buf, sizeof buf, &p);
	if (n == 0)
		return UINT64_MAX;
	e = p + n;
	at = p + 1;
	for (i = 0; i < LINES; i++)
		if (e - at >= 2 && memcmp(at, "\r\n", 2) == 0)
			at += 2;
		else if (at < e && *at == '\n')
			at++;
	if (at < e &&
	    (at[-1] != '\n' || line_from(at, (size_t)(e - at), &line) == 0))
		return UINT64_MAX;
	return off - 1 + (uint64_t)(at - p);
}

/* Is the line at p, if it begins with F or >, a From_ line or a quoted one?  The file
 * ends at e, or there are some bytes more. */
static bool
may_be_from(const char *p, const char *e)
{
	const char *q = p;

	while (q < e && *q == '>')
		q++;
	return q == e ? q > p : *q == 'F' && (e - q < 5 || q[4] == ' ');
}

/* The start of the first such line behind p and before stop, else NULL.  Counts LF
 * without CR up to there. */
static const char *
candidate(const char *p, const char *stop, const char *e, uint64_t *bare)
{
	uint64_t lf;

	for (; p < stop; p += NEWLINES) {
		lf = newlines(p);
		if (stop - p < NEWLINES)
			lf &= (UINT64_C(1) << (stop - p)) - 1;
		for (; lf; lf &= lf - 1) {
			const char *q = p + __builtin_ctzll(lf);

			*bare += q[-1] != '\r';
			if ((q[1] == 'F' || q[1] == '>') &&
			    may_be_from(q + 1, e))
				return q + 1;
		}
	}
	return NULL;
}

/* Go to the start of the next such line, up to limit.  False at the end. */
static bool
next_candidate(struct scan *s, uint64_t limit)
{
	const char *p, *stop, *hit;
	size_t n;

	while ((n = look(s, NEWLINES + AHEAD)) > 0 && place(s) < limit) {
		p = here(s);
		stop = s->eof ? p + n : p + n - AHEAD;
		if ((uint64_t)(stop - p) > limit - place(s))
			stop = p + (limit - place(s));
		hit = candidate(p, stop, here(s) + n, &s->bare);
		s->at = (size_t)((hit ? hit : stop) - s->window);
		if (hit)
			return true;
	}
	return false;
}

/* Our place is the start of a line: is it ">From " with any number of '>'? */
static void
take_quotes(struct scan *s)
{
	size_t n, i;

	while ((n = look(s, 1)) > 0 && *here(s) == '>') {
		for (i = 0; i < n && here(s)[i] == '>'; i++)
			;
		s->at += i;
	}
	if (look(s, 5) >= 5 && memcmp(here(s), "From ", 5) == 0)
		s->quoted++;
}

/* Take the body up to where the next message begins. */
static void
take_body(struct scan *s, uint64_t limit)
{
	do {
		if (look(s, 1) == 0 || place(s) >= limit)
			return;
		if (*here(s) == '>')
			take_quotes(s);
		else if (limit == UINT64_MAX && is_start(s))
			return;
	} while (next_candidate(s, limit));
}

/* We are behind a message. */
static void
measure(struct scan *s, struct scan_msg *m)
{
	const char *p = here(s);
	uint64_t n;

	m->len = m->end = place(s) - m->off;
	n = m->len - m->body;
	m->size += n + s->bare - s->quoted;
	if (n == 0)
		return;
	if (p[-1] != '\n') {
		m->size += p[-1] == '\r' ? 1 : 2;
	} else if (p[-2] == '\n') {
		m->end -= 1;
		m->size -= 2;
	} else if (n > 1 && p[-2] == '\r' && p[-3] == '\n') {
		m->end -= 2;
		m->size -= 2;
	}
}

/* --- messages --- */

static void
skip_empty_lines(struct scan *s)
{
	while (look(s, 2) > 0)
		if (*here(s) == '\n')
			s->at++;
		else if (s->len - s->at >= 2 && memcmp(here(s), "\r\n", 2) == 0)
			s->at += 2;
		else
			break;
}

/* The From_ line at our place, of which n bytes are there: its bytes with its end, or
 * 0.  Who found the start of the message knows it already. */
static size_t
from_line(struct scan *s, size_t n, struct cur *line)
{
	const char *p = here(s);
	size_t k = s->from;

	s->from = 0;
	if (k == 0)
		return line_from(p, n, line);
	*line = (struct cur){p, p + k};
	if (line->e[-1] == '\n')
		line->e--;
	if (line->e[-1] == '\r')
		line->e--;
	return k;
}

/* Take the From_ line.  0, or -1 with errno. */
static int
take_from(struct scan *s, struct scan_msg *m)
{
	size_t n = look(s, LINE_FROM);
	struct cur line;

	m->off = place(s);
	m->from = (uint32_t)from_line(s, n, &line);
	if (m->from == 0) {
		errno = s->err ? s->err : EILSEQ;
		return -1;
	}
	m->date = line_date(line);
	sum_add(&s->sum, line.p, cur_len(&line));
	sum_add(&s->sum, "\n", 1);
	s->daemon = begins(line, "From MAILER-DAEMON ");
	s->at += m->from;
	return 0;
}

static bool
failed(const struct scan *s)
{
	if (s->err)
		errno = s->err;
	return s->err != 0;
}

int
scan_next(struct scan *s, struct scan_msg *m)
{
	uint64_t limit = UINT64_MAX;

	*m = (struct scan_msg){0};
	s->sum = (struct sum){0};
	s->bare = s->quoted = s->length = 0;
	s->subject = false;
	str_clear(&s->keywords);
	if (!s->begun)
		skip_empty_lines(s);
	if (look(s, 1) == 0)
		return failed(s) ? -1 : 0;
	if (take_from(s, m) < 0)
		return -1;
	if (take_header(s, m))
		limit = believed(s);
	m->body = place(s) - m->off;
	take_body(s, limit);
	measure(s, m);
	m->hash = sum_hash(&s->sum);
	m->hash += m->hash == 0;
	m->internal = !s->begun && (m->internal || (s->subject && s->daemon));
	m->keywords = str_cur(&s->keywords);
	s->begun = true;
	return failed(s) ? -1 : 1;
}
