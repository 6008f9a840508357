/* preview - the first words of a message (RFC 8970): what its first text part
 * says, without markup, quotations and runs of white space.
 * Called by fetch.c. */
#include "code.h"
#include "decode.h"
#include "fetch.h"
#include "fold.h"

#include <stdlib.h>

enum {
	PREVIEW_LOOK = 1 << 15, /* octets of the part that are looked at */
	PREVIEW_TEXT = 2048,    /* bytes of what is left then */
	PREVIEW_MOST = 200,     /* characters (RFC 8970 3.3) */
	PREVIEW_LAZY = 1 << 20, /* octets of a message that need no patience */
	PREVIEW_DEPTH = 20
};

/* --- which part --- */

static bool
is_attachment(const struct part *p)
{
	return p->disposition.p && cur_is(&p->disposition, "attachment");
}

/* The first text part of a subtype. */
static const struct part *
text_part(const struct part *p, const char *subtype, int depth)
{
	const struct part *found;

	if (p->kind == MIME_TEXT)
		return cur_is(&p->subtype, subtype) && !is_attachment(p) ? p
		                                                         : NULL;
	if (p->kind != MIME_MULTIPART || depth == PREVIEW_DEPTH)
		return NULL;
	for (p = p->child; p; p = p->next)
		if ((found = text_part(p, subtype, depth + 1)))
			return found;
	return NULL;
}

/* --- markup --- */

/* Behind the element whose "<" is at p; what style and script hold is no
 * text. */
static const char *
skip_element(const char *p, const char *e)
{
	static const char *const silent[] = {"style", "script", "title"};
	const char *gt = memchr(p, '>', (size_t)(e - p));
	size_t i, n;

	if (e - p > 3 && memcmp(p, "<!--", 4) == 0) {
		for (p += 4; p < e; p++)
			if (e - p > 2 && memcmp(p, "-->", 3) == 0)
				return p + 3;
		return e;
	}
	if (!gt)
		return e;
	for (i = 0; i < sizeof silent / sizeof *silent; i++) {
		n = strlen(silent[i]);
		if ((size_t)(gt - p) <= n || !mem_ieq(p + 1, silent[i], n))
			continue;
		for (p = gt; (size_t)(e - p) > n + 2; p++)
			if (*p == '<' && p[1] == '/' &&
			    mem_ieq(p + 2, silent[i], n))
				break;
		gt = memchr(p, '>', (size_t)(e - p));
		return gt ? gt + 1 : e;
	}
	return gt + 1;
}

/* What the entity at p stands for goes to out: behind it, or p it is none. */
static const char *
entity(const char *p, const char *e, struct str *out)
{
	static const struct {
		const char *name, *text;
	} names[] = {
	    {"&amp;",  "&" },
            {"&lt;",   "<" },
            {"&gt;",   ">" },
	    {"&quot;", "\""},
            {"&nbsp;", " " },
            {"&#39;",  "'" },
	};
	size_t i, n;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		n = strlen(names[i].name);
		if ((size_t)(e - p) >= n && memcmp(p, names[i].name, n) == 0) {
			str_adds(out, names[i].text);
			return p + n;
		}
	}
	return p;
}

static void
strip(struct cur c, struct str *out)
{
	const char *p = c.p, *q;

	while (p < c.e) {
		if (*p == '<') {
			p = skip_element(p, c.e);
			str_addc(out, ' ');
		} else if (*p == '&' && (q = entity(p, c.e, out)) > p) {
			p = q;
		} else {
			str_addc(out, *p++);
		}
	}
}

/* --- words --- */

/* Lines that quote another message tell nothing new. */
static void
unquote(struct cur c, struct str *out)
{
	while (c.p < c.e) {
		const char *lf = memchr(c.p, '\n', cur_len(&c));
		const char *end = lf ? lf + 1 : c.e;

		if (*c.p != '>')
			str_add(out, c.p, (size_t)(end - c.p));
		c.p = end;
	}
}

/* Without half a character at its end. */
static struct cur
whole_characters(struct cur c)
{
	const char *e = c.e;
	unsigned char lead;

	while (e > c.p && c.e - e < 3 && ((unsigned char)e[-1] & 0xc0) == 0x80)
		e--;
	lead = e > c.p ? (unsigned char)e[-1] : 0;
	if (lead >= 0xc0 && c.e - e < 1 + (lead >= 0xe0) + (lead >= 0xf0))
		c.e = e - 1;
	return c;
}

/* A control character that takes two bytes (U+0080 to U+009F). */
static bool
is_control(struct cur c)
{
	return cur_len(&c) > 1 && *c.p == '\xc2' &&
	       ((unsigned char)c.p[1] & 0xe0) == 0x80;
}

/* The length of the UTF-8 character that c begins with; 0: there is none. */
static size_t
character(struct cur c)
{
	unsigned char b = (unsigned char)*c.p;
	size_t n = b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;

	if (is_control(c))
		return n;
	return n <= cur_len(&c) && code_is_utf8((struct cur){c.p, c.p + n}) ? n
	                                                                    : 0;
}

/* Up to PREVIEW_MOST characters, with one blank where there was white space.  A
 * byte that is no UTF-8 counts as Latin-1. */
static void
squeeze(struct cur c, struct str *out)
{
	bool cut = cur_len(&c) > PREVIEW_TEXT, blank = false;
	struct cur whole;
	size_t n = 0, len;

	if (cut)
		c.e = c.p + PREVIEW_TEXT;
	/* The input may have ended inside of one. */
	whole = whole_characters(c);
	if (cut || code_is_utf8(whole))
		c = whole;
	for (; c.p < c.e; c.p += len) {
		unsigned char b = (unsigned char)*c.p;
		bool utf8 = (len = character(c)) > 0;

		len += !utf8;
		if (b <= ' ' || b == 0x7f || is_control(c) ||
		    (!utf8 && b < 0xa0)) {
			blank = out->n > 0;
			continue;
		}
		n += blank ? 2 : 1;
		if (n > PREVIEW_MOST)
			break;
		if (blank)
			str_addc(out, ' ');
		blank = false;
		if (utf8)
			str_add(out, c.p, len);
		else
			str_add(out,
			        (char[]){(char)(0xc0 | b >> 6),
			                 (char)(0x80 | (b & 0x3f))},
			        2);
	}
}

static int
take(void *to, const char *p, size_t n)
{
	str_add(to, p, n);
	return 0;
}

static int
part_text(struct line *l, struct letter *letter, const struct part *p,
          struct str *out)
{
	uint64_t n = p->end - p->body;
	struct str raw = {0};
	struct decode d;
	int r;

	if (n > PREVIEW_LOOK)
		n = PREVIEW_LOOK;
	r = letter_range(l->s, letter, p->body, n, take, &raw);
	decode_begin(&d, decode_kind(p->encoding));
	decode_feed(&d, raw.s, raw.n, out);
	decode_end(&d, out);
	str_free(&raw);
	return r;
}

/* Text in UTF-8, if its charset is known. */
static void
to_utf8(const struct part *p, struct str *text)
{
	struct cur name = param_find(p->params, "charset");
	struct charset *cs = NULL;
	struct str made = {0};
	struct fold *f;
	size_t wrong = 0;

	if (cur_len(&name) == 0 || cur_is(&name, "utf-8") ||
	    cur_is(&name, "us-ascii"))
		return;
	f = mem_alloc(sizeof *f);
	if (charset_find(f, name, &cs) == 0 && cs) {
		charset_add(cs, &made, str_cur(text), true, &wrong);
		str_free(text);
		*text = made;
	}
	fold_end(f);
	free(f);
}

int
preview_item(struct line *l, bool lazy)
{
	struct letter *letter = letter_at(l->s, l->i);
	const struct part *root, *p;
	struct str text = {0}, bare = {0}, words = {0};
	bool html;
	int r;

	if (letter && lazy && letter->size > PREVIEW_LAZY && !letter->root) {
		str_adds(&l->x, "NIL");
		return 0;
	}
	if (!letter || !(root = letter_root(l->s, letter)))
		return ITEM_FAILED;
	p = text_part(root, "plain", 0);
	html = !p;
	if (!p && !(p = text_part(root, "html", 0))) {
		str_adds(&l->x, "\"\"");
		return 0;
	}
	r = part_text(l, letter, p, &text);
	to_utf8(p, &text);
	(html ? strip : unquote)(str_cur(&text), &bare);
	squeeze(str_cur(&bare), &words);
	if (r == 0)
		out_string(&l->x, str_cur(&words));
	str_free(&text);
	str_free(&bare);
	str_free(&words);
	return r < 0 ? ITEM_FAILED : 0;
}
