/* encode - see encode.h: 7bit for hosts that want nothing else (RFC 6152 3, RFC
 * 2045 6).  Called by transact.c.  The first pass learns which parts hold bytes
 * that may not go out, the second encodes these: text as quoted-printable,
 * the rest as base64.  What is 7bit already stays as it is, byte for byte.
 * No recursion: the open multiparts are a stack. */
#include "encode.h"

#include "code.h"
#include "hdr.h"

/* What a part is. */
enum { TEXT, OTHER, MULTIPART, MESSAGE, FIXED };

/* How it is encoded already. */
enum { SEVEN, EIGHT, QP, CODED };

/* What happens to the bytes of a body. */
enum {
	STRICT,  /* as they are; the impossible becomes '?' */
	OUTSIDE, /* the same where nobody minds: between parts, in base64 */
	MEND,    /* quoted-printable already: what is not becomes so */
	TO_QP,
	TO_BASE64
};

/* In need.s. */
enum { NEED = 1, NOT_UTF8 = 2 };

enum { QP_MAX = 75, LINE_MAX_7BIT = 998 };

static bool
is_bad(char c)
{
	return (unsigned char)c > 127 || c == '\0' || c == '\r';
}

static bool
has_bad(const char *p, size_t n)
{
	for (; n > 0; p++, n--)
		if (is_bad(*p))
			return true;
	return false;
}

static unsigned char
need_of(const struct encode *e)
{
	if (e->part >= ENCODE_PARTS)
		return NEED | NOT_UTF8;
	return e->part < e->need.n ? (unsigned char)e->need.s[e->part] : 0;
}

static void
need_add(struct encode *e, unsigned char bits)
{
	if (e->part >= ENCODE_PARTS)
		return;
	while (e->need.n <= e->part)
		str_addc(&e->need, 0);
	e->need.s[e->part] = (char)(need_of(e) | bits);
}

static void
emit(struct encode *e, struct str *out, const char *p, size_t n)
{
	if (!e->learn)
		str_add(out, p, n);
}

static void
emits(struct encode *e, struct str *out, const char *z)
{
	emit(e, out, z, strlen(z));
}

/* --- bodies --- */

static void
qp_byte(struct encode *e, struct str *out, char c, bool plain)
{
	if (e->col + (plain ? 1 : 3) > QP_MAX) {
		emit(e, out, "=\n", 2);
		e->col = 0;
	}
	if (plain)
		str_addc(out, c);
	else
		str_addf(out, "=%02X", (unsigned char)c);
	e->col += plain ? 1 : 3;
}

/* RFC 2045 6.7; end: the line ends behind p. */
static void
qp_put(struct encode *e, struct str *out, const char *p, size_t n, bool end)
{
	size_t i;

	for (i = 0; i < n; i++) {
		bool blank = p[i] == ' ' || p[i] == '\t';

		if (blank)
			qp_byte(e, out, p[i], i + 1 < n || !end);
		else
			qp_byte(e, out, p[i],
			        p[i] > ' ' && p[i] <= '~' && p[i] != '=');
	}
	if (end)
		e->col = 0;
}

/* Write what is gathered as a line of base64. */
static void
base64_flush(struct encode *e, struct str *out)
{
	if (e->ngroup == 0)
		return;
	code_base64(out, e->group, e->ngroup);
	str_addc(out, '\n');
	e->ngroup = 0;
}

static void
base64_put(struct encode *e, struct str *out, const char *p, size_t n)
{
	for (; n > 0; p++, n--) {
		e->group[e->ngroup++] = (unsigned char)*p;
		if (e->ngroup == sizeof e->group)
			base64_flush(e, out);
	}
}

/* A piece of a body that may be 7bit only as far as we can help it. */
static void
strict_put(struct encode *e, struct str *out, const char *p, size_t n)
{
	for (; n > 0; p++, n--) {
		if (is_bad(*p) && e->mode == MEND)
			str_addf(out, "=%02X", (unsigned char)*p);
		else
			str_addc(out, is_bad(*p) ? '?' : *p);
	}
}

/* The first pass: does this piece ask for an encoding? */
static void
learn(struct encode *e, const char *p, size_t n)
{
	bool bad = has_bad(p, n);

	if (e->mode == TO_QP || e->mode == TO_BASE64) {
		if (bad || n > LINE_MAX_7BIT)
			need_add(e, NEED);
		if (!code_is_utf8((struct cur){p, p + n}))
			need_add(e, NOT_UTF8);
	} else if (bad && e->mode == STRICT) {
		e->stuck = true;
	}
}

/* A piece of a line of a body; newline: it ends with one, end: or with the
 * message. */
static void
body_piece(struct encode *e, struct str *out, const char *p, size_t n,
           bool newline, bool end)
{
	if (e->learn) {
		learn(e, p, n);
		return;
	}
	switch (e->mode) {
	case TO_QP: qp_put(e, out, p, n, end); break;
	case TO_BASE64:
		/* RFC 2046 5.1.1: the line end before a boundary is its. */
		if (e->newline)
			base64_put(e, out, "\r\n", 2);
		e->newline = newline;
		base64_put(e, out, p, n);
		return;
	default: strict_put(e, out, p, n);
	}
	if (newline)
		str_addc(out, '\n');
}

/* The body of a part is over; last: with the message. */
static void
body_end(struct encode *e, struct str *out, bool last)
{
	if (!e->learn && !e->header && e->mode == TO_BASE64) {
		if (last && e->newline)
			base64_put(e, out, "\r\n", 2);
		base64_flush(e, out);
	}
	e->newline = false;
	e->col = 0;
}

/* --- header --- */

static void
header_start(struct encode *e, bool message, bool digest)
{
	e->header = true;
	e->message = message;
	e->has_version = e->has_type = e->digest = e->raw = false;
	/* RFC 2046 5.1.5 */
	e->kind = digest ? MESSAGE : TEXT;
	e->cte = SEVEN;
	e->bound[0] = '\0';
	str_clear(&e->field);
}

/* Take a token or a quoted string (RFC 2045 5.1) into out; what does not fit
 * makes it empty. */
static void
take_value(struct cur *c, char *out, size_t size)
{
	bool quoted;
	size_t n = 0;
	int b;

	hdr_cfws(c);
	quoted = cur_take(c, '"');
	while ((b = cur_peek(c)) >= 0) {
		if (quoted ? b == '"' : strchr(" \t\r\n;()/=\"", b) != NULL)
			break;
		cur_get(c);
		if (quoted && b == '\\')
			b = cur_get(c);
		if (n < size)
			out[n++] = (char)b;
	}
	if (quoted)
		cur_take(c, '"');
	out[n < size ? n : 0] = '\0';
}

/* Content-Type: what kind of part is it, and what is its boundary? */
static void
read_type(struct encode *e, struct cur c)
{
	char type[20], sub[40], name[20], skipped[2];

	take_value(&c, type, sizeof type);
	hdr_cfws(&c);
	if (!cur_take(&c, '/'))
		return;
	take_value(&c, sub, sizeof sub);
	e->digest = false;
	e->kind = str_ieq(type, "text") ? TEXT : OTHER;
	if (str_ieq(type, "multipart")) {
		e->kind = MULTIPART;
		e->digest = str_ieq(sub, "digest");
	} else if (str_ieq(type, "message")) {
		/* RFC 2046 5.2.1, 5.2.2: what else there is must be 7bit, but
		 * for message/global and its reports (RFC 6532 3.7, 6533). */
		e->kind = str_ieq(sub, "rfc822") ? MESSAGE : FIXED;
		if (strlen(sub) >= 6 && mem_ieq(sub, "global", 6))
			e->kind = TEXT;
	}
	while (c.p < c.e) {
		hdr_cfws(&c);
		if (!cur_take(&c, ';')) {
			cur_get(&c);
			continue;
		}
		take_value(&c, name, sizeof name);
		hdr_cfws(&c);
		if (!cur_take(&c, '='))
			continue;
		if (str_ieq(name, "boundary") && !*e->bound)
			take_value(&c, e->bound, sizeof e->bound);
		else
			take_value(&c, skipped, sizeof skipped);
	}
}

static unsigned char
read_cte(struct cur c)
{
	char name[20];

	take_value(&c, name, sizeof name);
	if (str_ieq(name, "8bit") || str_ieq(name, "binary"))
		return EIGHT;
	if (str_ieq(name, "quoted-printable"))
		return QP;
	return str_ieq(name, "7bit") || !*name ? SEVEN : CODED;
}

/* A whole field is in e->field: look into it and pass it on. */
static void
field_end(struct encode *e, struct str *out)
{
	struct cur c, all, name;
	unsigned char cte;

	if (e->field.n == 0)
		return;
	all = str_cur(&e->field);
	c = all;
	cur_until(&c, ": \t\n", &name);
	cur_blanks(&c);
	cur_take(&c, ':');
	if (cur_is(&name, "Content-Type")) {
		e->has_type = true;
		read_type(e, c);
	} else if (cur_is(&name, "MIME-Version")) {
		e->has_version = true;
	}
	if (cur_is(&name, "Content-Transfer-Encoding")) {
		cte = read_cte(c);
		if (e->cte == SEVEN)
			e->cte = cte;
		/* Replaced at the end of the header, or not true any more. */
		if (cte == EIGHT || (cte == SEVEN && need_of(e) & NEED))
			all.p = all.e;
	}
	if (!e->learn)
		encode_field(out, all);
	str_clear(&e->field);
}

/* Add the fields that tell how the body is encoded now. */
static void
emit_encoding(struct encode *e, struct str *out)
{
	if (e->message && !e->has_version)
		emits(e, out, "MIME-Version: 1.0\n");
	/* RFC 1428 3: an unknown character set, if it is not plainly UTF-8. */
	if (!e->has_type)
		emits(e, out,
		      need_of(e) & NOT_UTF8
		          ? "Content-Type: text/plain; charset=unknown-8bit\n"
		          : "Content-Type: text/plain; charset=utf-8\n");
	emits(e, out, "Content-Transfer-Encoding: ");
	emits(e, out, e->mode == TO_QP ? "quoted-printable\n" : "base64\n");
}

/* The header is over: how will the body be treated? */
static void
header_end(struct encode *e, struct str *out)
{
	bool leaf, coded;

	field_end(e, out);
	leaf = e->kind == TEXT || e->kind == OTHER;
	coded = e->cte == QP || e->cte == CODED;
	e->header = false;
	e->mode = STRICT;
	/* Boundaries cannot be encoded: such a body is as it is, or stuck. */
	if (e->kind == MULTIPART && *e->bound && e->depth < ENCODE_DEPTH &&
	    !has_bad(e->bound, strlen(e->bound))) {
		memcpy(e->stack[e->depth].bound, e->bound, sizeof e->bound);
		e->stack[e->depth++].digest = e->digest;
		e->mode = OUTSIDE;
	} else if (coded) {
		e->mode = e->cte == QP ? MEND : OUTSIDE;
	} else if (leaf && (e->learn || need_of(e) & NEED)) {
		e->mode = e->kind == TEXT ? TO_QP : TO_BASE64;
		emit_encoding(e, out);
	}
	e->col = 0;
}

/* --- lines --- */

/* Which open multipart does this whole line delimit?  Its place in the stack,
 * or -1; *close: for good. */
static int
delimiter(const struct encode *e, const char *p, size_t n, bool *close)
{
	struct cur c;
	size_t i;

	if (n < 3 || p[0] != '-' || p[1] != '-')
		return -1;
	for (i = e->depth; i-- > 0;) {
		size_t len = strlen(e->stack[i].bound);

		if (n - 2 < len || memcmp(p + 2, e->stack[i].bound, len) != 0)
			continue;
		c = (struct cur){p + 2 + len, p + n};
		*close = cur_len(&c) >= 2 && c.p[0] == '-' && c.p[1] == '-';
		if (*close)
			c.p += 2;
		while (c.p < c.e &&
		       (*c.p == ' ' || *c.p == '\t' || *c.p == '\r'))
			c.p++;
		if (c.p == c.e)
			return (int)i;
	}
	return -1;
}

/* Is this line the start of a field: name, colon (RFC 5322 2.2)? */
static bool
is_field(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && p[i] > ' ' && p[i] <= '~'; i++)
		if (p[i] == ':')
			return i > 0;
	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	return i < n && i > 0 && p[i] == ':';
}

/* A piece of a field that is too long to be encoded: what is not 7bit becomes
 * '?'. */
static void
emit_long(struct encode *e, struct str *out, const char *p, size_t n)
{
	for (; n > 0 && !e->learn; p++, n--)
		str_addc(out, is_bad(*p) ? '?' : *p);
}

/* A piece of a header line goes to the field; false: the header was over
 * before it. */
static bool
header_piece(struct encode *e, struct str *out, const char *p, size_t n,
             bool start, bool newline)
{
	if (start && n == 0) {
		header_end(e, out);
		if (newline)
			emit(e, out, "\n", 1);
		if (e->kind == MESSAGE && e->cte != QP && e->cte != CODED) {
			e->part++;
			header_start(e, true, false);
		}
		return true;
	}
	if (start && *p != ' ' && *p != '\t') {
		field_end(e, out);
		e->raw = false;
		if (!is_field(p, n)) {
			header_end(e, out);
			emit(e, out, "\n", 1);
			return false;
		}
	}
	if (!e->raw && e->field.n + n > ENCODE_FIELD) {
		emit_long(e, out, e->field.s, e->field.n);
		str_clear(&e->field);
		e->raw = true;
	}
	if (e->raw) {
		emit_long(e, out, p, n);
		emit(e, out, "\n", newline);
	} else {
		str_add(&e->field, p, n);
		str_add(&e->field, "\n", newline);
	}
	return true;
}

/* A piece of a line.  start: it begins the line; newline: it ends it; last: the
 * message ends without newline. */
static void
piece(struct encode *e, struct str *out, const char *p, size_t n, bool newline,
      bool last)
{
	bool start = !e->mid, close = false;
	int at = start && (newline || last) ? delimiter(e, p, n, &close) : -1;

	e->mid = !newline;
	if (at >= 0) {
		if (e->header)
			field_end(e, out);
		body_end(e, out, false);
		emit(e, out, p, n);
		emit(e, out, "\n", newline);
		e->depth = (size_t)at + !close;
		e->part++;
		e->header = false;
		e->mode = OUTSIDE;
		if (!close)
			header_start(e, false, e->stack[at].digest);
		return;
	}
	if (e->header && header_piece(e, out, p, n, start, newline))
		return;
	body_piece(e, out, p, n, newline, newline || last);
}

void
encode_start(struct encode *e, bool learning)
{
	if (learning) { /* nothing of the message before */
		e->stuck = false;
		str_clear(&e->need);
	}
	e->learn = learning;
	e->part = 0;
	e->depth = 0;
	e->mid = e->newline = false;
	e->col = e->ngroup = 0;
	str_clear(&e->line);
	str_adds(&e->line, "");
	header_start(e, true, false);
}

void
encode_put(struct encode *e, struct str *out, const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end) {
		size_t room = ENCODE_LINE - e->line.n, left = (size_t)(end - p);
		const char *q = memchr(p, '\n', left < room ? left : room);

		if (q) {
			str_add(&e->line, p, (size_t)(q - p));
			piece(e, out, e->line.s, e->line.n, true, false);
			str_clear(&e->line);
			p = q + 1;
		} else if (room == 0 && *p != '\n') {
			/* More follows, so a blank is not the line's last. */
			piece(e, out, e->line.s, e->line.n, false, false);
			str_clear(&e->line);
		} else if (room == 0) {
			piece(e, out, e->line.s, e->line.n, true, false);
			str_clear(&e->line);
			p++;
		} else {
			str_add(&e->line, p, left < room ? left : room);
			p += left < room ? left : room;
		}
	}
}

void
encode_end(struct encode *e, struct str *out)
{
	if (e->line.n > 0 || e->mid)
		piece(e, out, e->line.s, e->line.n, false, true);
	if (e->header)
		field_end(e, out);
	body_end(e, out, true);
}

void
encode_free(struct encode *e)
{
	str_free(&e->need);
	str_free(&e->line);
	str_free(&e->field);
}
