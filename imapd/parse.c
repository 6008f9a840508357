/* parse - see parse.h.  What a literal or a number may be is decided here and
 * nowhere else; nothing that a client announces is allocated before it came. */
#include "parse.h"

#include "code.h"
#include "date.h"
#include "mboxscan.h"
#include "utf7.h"

#include <stdlib.h>
#include <time.h>

enum { DAY = 86400 /* s */ };

int
parse_fail(struct parse *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return -1;
}

/* --- lines --- */

/* Take bytes up to a line's end from the buffer, as many as may still come; true
 * when the end was there. */
static bool
take_line(struct parse *p, struct str *s, bool *over)
{
	struct io *io = p->io;
	const char *b = io->buf + io->pos;
	size_t n = io->len - io->pos, room = p->left + 2 - s->n;
	const char *lf = memchr(b, '\n', n);

	if (lf)
		n = (size_t)(lf - b) + 1;
	*over = *over || n > room;
	str_add(s, b, n > room ? room : n);
	io->pos += n;
	return lf;
}

/* Read a line into the arena.  A bare LF ends it too: no byte of a command means
 * something else by it. */
static int
read_line(struct parse *p)
{
	struct str s = {0};
	bool done = false, over = false;
	ssize_t n = 0;

	while (!done && (n = io_fill(p->io)) > 0)
		done = take_line(p, &s, &over);
	if (!over && done) {
		s.n--;
		if (s.n > 0 && s.s[s.n - 1] == '\r')
			s.n--;
	}
	over = over || s.n > p->left;
	p->c.p = arena_dup(p->arena, s.s, s.n);
	p->c.e = p->c.p + s.n;
	str_free(&s);
	if (!done) {
		p->end = (int)n;
		return -1;
	}
	p->left -= over ? p->left : cur_len(&p->c);
	if (over)
		return parse_fail(p, "that command is too long");
	if (memchr(p->c.p, '\0', cur_len(&p->c)))
		return parse_fail(p, "there is a NUL in that line");
	return 0;
}

int
parse_line(struct parse *p)
{
	p->why = NULL;
	p->end = 0;
	return read_line(p);
}

int
parse_line_more(struct parse *p)
{
	return read_line(p);
}

/* --- literals --- */

/* The announcement at the end of the line: 1, 0 there is none, -1 it is wrong. */
static int
announced(const struct parse *p, struct literal *l, const char **at)
{
	struct cur c = p->c;
	unsigned long long n;
	const char *q = c.e;

	*l = (struct literal){0};
	if (q == c.p || *--q != '}')
		return 0;
	while (q > c.p && *q != '{')
		q--;
	if (*q != '{')
		return 0;
	*at = q > c.p && q[-1] == '~' ? q - 1 : q;
	l->binary = *at < q;
	c.p = q + 1;
	if (cur_number(&c, INT64_MAX, &n) < 0)
		return -1;
	l->size = l->left = n;
	l->plus = cur_take(&c, '+') || cur_take(&c, '-');
	return cur_is(&c, "}") ? 1 : -1;
}

int
parse_literal(struct parse *p, struct literal *l)
{
	const char *at;

	if (announced(p, l, &at) <= 0 || at != p->c.p)
		return parse_fail(p, "a literal is missing");
	p->c.p = p->c.e;
	return 0;
}

void
parse_literal_go(struct parse *p, struct literal *l)
{
	if (!l->plus)
		io_puts(p->io, "+ go on\r\n");
}

ssize_t
parse_literal_get(struct parse *p, struct literal *l, struct cur *c)
{
	struct io *io = p->io;
	ssize_t n;

	if (l->left == 0)
		return 0;
	if ((n = io_fill(io)) < 0) {
		p->end = (int)n;
		return n;
	}
	if ((uint64_t)n > l->left)
		n = (ssize_t)l->left;
	*c = (struct cur){io->buf + io->pos, io->buf + io->pos + n};
	io->pos += (size_t)n;
	l->left -= (uint64_t)n;
	return n;
}

/* A literal inside a command, and the line that goes on behind it. */
static int
literal_string(struct parse *p, struct cur *s)
{
	const char *announcement = p->c.p;
	struct literal l;
	struct str text = {0};
	struct cur c;

	if (parse_literal(p, &l) < 0)
		return -1;
	if (l.binary)
		return parse_fail(p, "no binary literal can be here");
	if (l.size > p->left) {
		p->c.p = announcement; /* for parse_skip() */
		return parse_fail(p, "that literal is too long");
	}
	parse_literal_go(p, &l);
	while (parse_literal_get(p, &l, &c) > 0)
		str_add(&text, c.p, cur_len(&c));
	if (!p->end) {
		s->p = arena_dup(p->arena, text.s, text.n);
		s->e = s->p + text.n;
		p->left -= text.n;
	}
	str_free(&text);
	if (p->end)
		return -1;
	if (memchr(s->p, '\0', cur_len(s)))
		parse_fail(p, "there is a NUL in that literal");
	return read_line(p) < 0 || p->why ? -1 : 0;
}

/* Throw away a literal that comes without being asked for. */
static int
skip_literal(struct parse *p, struct literal *l)
{
	struct cur c;

	if (l->size > PARSE_SKIP)
		p->end = IO_LONG;
	while (!p->end && parse_literal_get(p, l, &c) > 0)
		;
	return p->end ? -1 : 0;
}

void
parse_skip(struct parse *p)
{
	struct literal l;
	const char *at;

	while (!p->end && announced(p, &l, &at) == 1 && l.plus) {
		if (skip_literal(p, &l) < 0)
			break;
		p->c = (struct cur){0};
		p->left = PARSE_LINE;
		if (read_line(p) < 0)
			break;
	}
}

/* --- bytes and words --- */

int
parse_peek(const struct parse *p)
{
	return cur_peek(&p->c);
}

int
parse_byte(struct parse *p, char b)
{
	static const char *const missing[] = {"a blank is missing",
	                                      "a parenthesis is missing",
	                                      "that cannot be understood"};

	if (cur_take(&p->c, b))
		return 0;
	return parse_fail(p, missing[b == ' '               ? 0
	                             : b == '(' || b == ')' ? 1
	                                                    : 2]);
}

int
parse_sp(struct parse *p)
{
	return parse_byte(p, ' ');
}

int
parse_end(struct parse *p)
{
	return cur_len(&p->c) == 0
	           ? 0
	           : parse_fail(p, "there is too much in that command");
}

/* ATOM-CHAR without what ends one in a fetch attribute; above 127 nothing is. */
static bool
is_atom(int c)
{
	return c > ' ' && c < 0x7f && !strchr("(){%*\"\\]", c);
}

bool
parse_word(struct parse *p, const char *word)
{
	size_t n = strlen(word);
	const char *end = p->c.p + n;

	if (cur_len(&p->c) < n || !mem_ieq(p->c.p, word, n))
		return false;
	if (end < p->c.e && is_atom((unsigned char)*end) && *end != '[' &&
	    *end != '.' && *end != '<')
		return false;
	p->c.p = end;
	return true;
}

static int
run(struct parse *p, struct cur *s, const char *also)
{
	s->p = p->c.p;
	while (p->c.p < p->c.e) {
		int c = (unsigned char)*p->c.p;

		if (!is_atom(c) && !(c && strchr(also, c)))
			break;
		p->c.p++;
	}
	s->e = p->c.p;
	return cur_len(s) > 0 ? 0 : parse_fail(p, "a word is missing");
}

int
parse_atom(struct parse *p, struct cur *atom)
{
	return run(p, atom, "");
}

/* --- strings --- */

/* Its closing quote, or the end of the line. */
static const char *
quoted_end(struct cur c)
{
	int b;

	cur_get(&c);
	while ((b = cur_get(&c)) >= 0 && b != '"')
		if (b == '\\')
			cur_get(&c);
	return c.p;
}

static int
quoted(struct parse *p, struct cur *s)
{
	const char *end = quoted_end(p->c);
	char *to = arena_alloc(p->arena, (size_t)(end - p->c.p) + 1);
	int c;

	s->p = to;
	cur_get(&p->c);
	while ((c = cur_get(&p->c)) != '"') {
		if (c == '\\' && (c = cur_get(&p->c)) != '"' && c != '\\')
			c = -1;
		if (c < 0)
			return parse_fail(p, "a quoted string has no end");
		*to++ = (char)c;
	}
	s->e = to;
	return 0;
}

int
parse_string(struct parse *p, struct cur *s)
{
	switch (parse_peek(p)) {
	case '"': return quoted(p, s);
	case '{': return literal_string(p, s);
	default: return parse_fail(p, "a string is missing");
	}
}

int
parse_astring(struct parse *p, struct cur *s)
{
	int c = parse_peek(p);

	if (c == '"' || c == '{')
		return parse_string(p, s);
	return run(p, s, "]");
}

int
parse_nstring(struct parse *p, struct cur *s)
{
	if (parse_word(p, "NIL")) {
		*s = (struct cur){0};
		return 0;
	}
	return parse_string(p, s);
}

/* --- numbers --- */

static int
number(struct parse *p, uint64_t max, uint64_t *n)
{
	unsigned long long v;

	if (cur_number(&p->c, max, &v) < 0)
		return parse_fail(p, "a number is missing or too large");
	*n = v;
	return 0;
}

int
parse_number64(struct parse *p, uint64_t *n)
{
	return number(p, INT64_MAX, n);
}

int
parse_number(struct parse *p, uint32_t *n)
{
	uint64_t v = 0;

	if (number(p, UINT32_MAX, &v) < 0)
		return -1;
	*n = (uint32_t)v;
	return 0;
}

int
parse_nz_number(struct parse *p, uint32_t *n)
{
	if (parse_number(p, n) < 0)
		return -1;
	return *n > 0 ? 0 : parse_fail(p, "a number must not be 0");
}

/* seq-number: 2^32-1 is what * is for us, and no message has it; who says that
 * number means the one below, which no message has either. */
static int
seq_number(struct parse *p, uint32_t *n)
{
	if (cur_take(&p->c, '*')) {
		*n = UINT32_MAX;
		return 0;
	}
	if (parse_nz_number(p, n) < 0)
		return -1;
	*n -= *n == UINT32_MAX;
	return 0;
}

int
parse_set(struct parse *p, struct set *s)
{
	size_t cap = 0;
	struct range *v = NULL;

	*s = (struct set){0};
	if (cur_take(&p->c, '$')) {
		s->saved = true;
		return 0;
	}
	do {
		struct range *r;

		v = mem_grow(v, &cap, s->n + 1, sizeof *v);
		r = &v[s->n++];
		if (seq_number(p, &r->lo) < 0)
			break;
		r->hi = r->lo;
		if (cur_take(&p->c, ':') && seq_number(p, &r->hi) < 0)
			break;
		if (s->n == PARSE_SETS)
			parse_fail(p, "that set has too many parts");
	} while (!p->why && cur_take(&p->c, ','));
	if (!p->why) {
		s->v = arena_alloc(p->arena, s->n * sizeof *v);
		memcpy(s->v, v, s->n * sizeof *v);
	}
	free(v);
	return p->why ? -1 : 0;
}

/* --- flags --- */

static const struct {
	const char *name;
	unsigned bit;
} flag_names[] = {
    {"Seen",     FLAG_SEEN    },
    {"Answered", FLAG_ANSWERED},
    {"Flagged",  FLAG_FLAGGED },
    {"Deleted",  FLAG_DELETED },
    {"Draft",    FLAG_DRAFT   },
    {"Recent",   0            }, /* nobody can set it */
};

static int
flag(struct parse *p, struct flags *f)
{
	bool system = cur_take(&p->c, '\\');
	struct cur word;
	size_t i;

	if (parse_atom(p, &word) < 0)
		return -1;
	if (!system) {
		f->word[f->n++] = word;
		return 0;
	}
	for (i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
		if (cur_is(&word, flag_names[i].name)) {
			f->bits |= flag_names[i].bit;
			return 0;
		}
	return parse_fail(p, "there is no such flag");
}

int
parse_flags(struct parse *p, struct flags *f)
{
	bool list = cur_take(&p->c, '(');

	*f = (struct flags){0};
	f->word =
	    arena_alloc(p->arena, (cur_len(&p->c) / 2 + 1) * sizeof *f->word);
	if (list && cur_take(&p->c, ')'))
		return 0;
	do
		if (flag(p, f) < 0)
			return -1;
	while (cur_take(&p->c, ' '));
	return list ? parse_byte(p, ')') : 0;
}

/* --- mailbox names --- */

/* In IMAP4rev1 a name is modified UTF-7; those who send UTF-8 without having said
 * so are taken as they mean it (RFC 9051 A.1). */
static int
name(struct parse *p, struct cur *s)
{
	struct str t = {0};
	const char *q;
	int r = 0;

	for (q = s->p; q < s->e; q++)
		if ((unsigned char)*q < ' ' || *q == 0x7f)
			return parse_fail(p,
			                  "a name has no control characters");
	if (!code_is_utf8(*s))
		return parse_fail(p, "that name is not UTF-8");
	if (!p->utf8 && memchr(s->p, '&', cur_len(s))) {
		r = utf7_decode(&t, *s);
		s->p = arena_dup(p->arena, t.s, t.n);
		s->e = s->p + t.n;
		str_free(&t);
	}
	return r < 0 ? parse_fail(p, "that name is not modified UTF-7") : 0;
}

int
parse_mailbox(struct parse *p, struct cur *s)
{
	if (parse_astring(p, s) < 0 || name(p, s) < 0)
		return -1;
	if (cur_is(s, "INBOX"))
		*s = cur_of("INBOX");
	return 0;
}

int
parse_pattern(struct parse *p, struct cur *s)
{
	int c = parse_peek(p);

	if (c == '"' || c == '{') {
		if (parse_string(p, s) < 0)
			return -1;
	} else if (run(p, s, "]%*") < 0) {
		return -1;
	}
	if (name(p, s) == 0)
		return 0;
	p->why = NULL;
	return 1;
}

/* --- dates --- */

static int
month(struct cur *c)
{
	int m = date_month(*c);

	c->p += m < 0 ? 0 : 3;
	return m;
}

/* Exactly n digits, or up to n where fewer may do. */
static int
digits(struct cur *c, int n, bool fewer, int max)
{
	int v = 0, k;

	for (k = 0; k < n && str_isdigit(cur_peek(c)); k++)
		v = v * 10 + (cur_get(c) - '0');
	return k == 0 || (k < n && !fewer) || v > max ? -1 : v;
}

/* day-month-year: the days since the epoch. */
static int
day(struct cur *c, int64_t *days)
{
	struct tm tm = {0};
	int mday = digits(c, 2, true, 31);
	time_t t;

	tm.tm_mday = mday;
	if (mday < 1 || !cur_take(c, '-') || (tm.tm_mon = month(c)) < 0 ||
	    !cur_take(c, '-') || (tm.tm_year = digits(c, 4, false, 9999)) < 0)
		return -1;
	tm.tm_year -= 1900;
	t = timegm(&tm);
	if (tm.tm_mday != mday) /* 31-Apr */
		return -1;
	*days = t >= 0 ? t / DAY : -((-t + DAY - 1) / DAY);
	return 0;
}

int
parse_date(struct parse *p, int64_t *days)
{
	bool quotes = cur_take(&p->c, '"');

	if (day(&p->c, days) < 0 || (quotes && !cur_take(&p->c, '"')))
		return parse_fail(p, "that is no date");
	return 0;
}

/* SP zone at the end of a date-time, in s. */
static int
zone(struct cur *c, long *s)
{
	int sign = cur_take(c, '-') ? -1 : cur_take(c, '+') ? 1 : 0;
	int v = digits(c, 4, false, 9999);

	*s = sign * (v / 100 * 3600L + v % 100 * 60L);
	return sign && v >= 0 && v % 100 < 60 ? 0 : -1;
}

int
parse_date_time(struct parse *p, int64_t *t)
{
	struct cur c, *k = &c;
	int h, m, s;
	int64_t days;
	long z;

	if (parse_peek(p) != '"' || quoted(p, k) < 0)
		return parse_fail(p, "a date is missing");
	if (cur_peek(k) == ' ')
		cur_get(k);
	if (day(k, &days) == 0 && cur_take(k, ' ') &&
	    (h = digits(k, 2, false, 23)) >= 0 && cur_take(k, ':') &&
	    (m = digits(k, 2, false, 59)) >= 0 && cur_take(k, ':') &&
	    (s = digits(k, 2, false, 60)) >= 0 && cur_take(k, ' ') &&
	    zone(k, &z) == 0 && cur_len(k) == 0) {
		*t = days * DAY + h * 3600L + m * 60L + s - z;
		return 0;
	}
	return parse_fail(p, "that is no date and time");
}
