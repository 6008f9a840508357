/* word - see word.h.  Lenient where mail is: words may touch other text, and
 * hold blanks; a character may be cut in two by the end of a word. */
#include "word.h"

#include "decode.h"

enum { WORD_CHARSET = 60 /* bytes of a charset and its language */ };

struct word {
	struct cur charset, text;
	bool base64;
};

bool
word_is_plain(struct cur c)
{
	const char *p;

	if (!is_ascii(c) || memchr(c.p, '\n', cur_len(&c)))
		return false;
	for (p = c.p; (p = memchr(p, '=', (size_t)(c.e - p))); p++)
		if (c.e - p > 1 && p[1] == '?')
			return false;
	return true;
}

/* An encoded word at p: its end, or NULL when there is none. */
static const char *
word_take(const char *p, const char *e, struct word *w)
{
	const char *q, *most;
	struct cur name;

	if (e - p < 2 || p[1] != '?')
		return NULL;
	q = p + 2;
	most = e - q > WORD_CHARSET ? q + WORD_CHARSET : e;
	q = memchr(q, '?', (size_t)(most - q));
	if (!q || e - q < 3 || q[2] != '?')
		return NULL;
	w->charset = (struct cur){p + 2, q};
	w->base64 = str_lower(q[1]) == 'b';
	if (!w->base64 && str_lower(q[1]) != 'q')
		return NULL;
	w->text.p = q + 3;
	w->text.e = q = memchr(w->text.p, '?', (size_t)(e - w->text.p));
	if (!q || e - q < 2 || q[1] != '=')
		return NULL;
	/* The language is of no interest (RFC 2231 5). */
	name = w->charset;
	cur_until(&name, "*", &w->charset);
	return q + 2;
}

/* RFC 2047 4.2 */
static void
add_q(struct str *out, struct cur c)
{
	for (; c.p < c.e; c.p++) {
		if (*c.p == '=' && c.e - c.p > 2 && decode_hex(c.p[1]) >= 0 &&
		    decode_hex(c.p[2]) >= 0) {
			str_addc(out, (char)(decode_hex(c.p[1]) * 16 +
			                     decode_hex(c.p[2])));
			c.p += 2;
		} else if (*c.p == '_') {
			str_addc(out, ' ');
		} else if (*c.p != '\r' && *c.p != '\n') {
			str_addc(out, *c.p);
		}
	}
}

static void
add_bytes(struct str *out, const struct word *w)
{
	struct decode d;

	if (!w->base64) {
		add_q(out, w->text);
		return;
	}
	decode_begin(&d, DECODE_BASE64);
	decode_feed(&d, w->text.p, cur_len(&w->text), out);
	decode_end(&d, out);
}

/* Text without its line ends. */
static void
add_text(struct str *out, struct cur c)
{
	const char *p;

	while ((p = memchr(c.p, '\n', cur_len(&c)))) {
		bool cr = p > c.p && p[-1] == '\r';

		str_add(out, c.p, (size_t)(p - c.p) - cr);
		c.p = p + 1;
	}
	str_add(out, c.p, cur_len(&c));
}

static bool
is_blank(struct cur c)
{
	for (; c.p < c.e; c.p++)
		if (!memchr(" \t\r\n", *c.p, 4))
			return false;
	return true;
}

/* What the words in hand, all of one charset, say. */
static void
flush(struct fold *f, struct str *out, struct str *bytes, struct cur charset)
{
	struct charset *cs;
	size_t bad;

	if (bytes->n == 0)
		return;
	if (charset_find(f, charset, &cs) < 0 || !cs)
		str_add(out, bytes->s, bytes->n);
	else
		charset_add(cs, out, str_cur(bytes), true, &bad);
	str_clear(bytes);
}

void
word_decode(struct fold *f, struct cur body, struct str *out)
{
	const char *p = body.p, *from = body.p, *end;
	struct cur charset = {0};
	struct str bytes = {0};
	struct word w;
	bool after = false; /* from is right behind a word */

	while (p < body.e && (p = memchr(p, '=', (size_t)(body.e - p)))) {
		struct cur gap = {from, p};

		if (!(end = word_take(p, body.e, &w))) {
			p++;
			continue;
		}
		/* Blanks between two words are not of the text (RFC 2047
		 * 6.2). */
		if (!after || !is_blank(gap)) {
			flush(f, out, &bytes, charset);
			add_text(out, gap);
		} else if (!cur_alike(charset, w.charset)) {
			flush(f, out, &bytes, charset);
		}
		charset = w.charset;
		add_bytes(&bytes, &w);
		p = from = end;
		after = true;
	}
	flush(f, out, &bytes, charset);
	add_text(out, (struct cur){from, body.e});
	str_free(&bytes);
}
