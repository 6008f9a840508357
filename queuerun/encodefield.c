/* encodefield - a header field with bytes over 127 as 7bit, for encode.c.  Without
 * SMTPUTF8 such a field is outside of every standard, but it happens. */
#include "code.h"
#include "encode.h"
#include "hdr.h"

/* Of an encoded word (RFC 2047 2), less the room of one character. */
enum { WORD_BODY = 45 };

/* Behind the quoted string that begins at p, or behind p where it has no end. */
static const char *
behind_quotes(const char *p, const char *e)
{
	const char *q;

	for (q = p + 1; q < e && *q != '"'; q++)
		if (*q == '\\')
			q++;
	return q < e ? q + 1 : p + 1;
}

/* Take what goes up to one of the bytes of stop outside of quotes.  No quoted string
 * begins behind a backslash: many of them would be sought an end in vain. */
static struct cur
take_until(struct cur *c, const char *stop)
{
	struct cur w = {c->p, c->p};
	char last = '\0';

	for (; c->p < c->e && !strchr(stop, *c->p); last = c->p[-1])
		c->p = *c->p == '"' && last != '\\' ? behind_quotes(c->p, c->e)
		                                    : c->p + 1;
	w.e = c->p;
	return w;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The next run of words that hold bytes over 127, with the blanks between
 * them; false: there is none.  A quoted string is of one word, as there are no
 * encoded words in it (RFC 2047 5).  In a phrase what parts addresses ends it. */
static bool
next_run(struct cur c, struct cur *run, bool phrase)
{
	struct cur w;

	run->p = NULL;
	while (c.p < c.e) {
		w = take_until(&c, phrase ? " \t\n()<>,:;" : " \t\n");
		if (cur_len(&w) == 0) {
			if (run->p && !is_blank(*c.p))
				break;
			c.p++;
			continue;
		}
		if (cur_has_8bit(w)) {
			run->p = run->p ? run->p : w.p;
			run->e = w.e;
		} else if (run->p) {
			break;
		}
	}
	return run->p != NULL;
}

/* Write a run as encoded words (RFC 2047 4.2), broken between characters.  In a phrase
 * quotes are not of the text. */
static void
put_words(struct str *out, struct cur run, bool phrase)
{
	bool utf8 = code_is_utf8(run);
	const char *open = utf8 ? "=?utf-8?Q?" : "=?unknown-8bit?Q?";
	size_t n = 0;

	str_adds(out, open);
	for (; run.p < run.e; run.p++) {
		bool inside;
		char c;

		if (phrase && *run.p == '"')
			continue;
		run.p += phrase && *run.p == '\\' && run.p + 1 < run.e;
		c = *run.p;
		if (c == '\n')
			continue;
		inside = utf8 && ((unsigned char)c & 0xc0) == 0x80;
		if (n + 3 > WORD_BODY && !inside) {
			str_addf(out, "?=\n %s", open);
			n = 0;
		}
		if (c == ' ' || c == '\t')
			str_addc(out, '_');
		else if (str_isalpha(c) || str_isdigit(c))
			str_addc(out, c);
		else
			str_addf(out, "=%02X", (unsigned char)c);
		n += str_isalpha(c) || str_isdigit(c) ? 1 : 3;
	}
	str_adds(out, "?=");
}

/* Write what no form can be found for. */
static void
put_seven(struct str *out, struct cur c)
{
	for (; c.p < c.e; c.p++)
		str_addc(out, (unsigned char)*c.p > 127 ? '?' : *c.p);
}

/* Write name="value", with bytes over 127 in it, as RFC 2231 4 has it. */
static void
put_param(struct str *out, struct cur c)
{
	struct cur name, v;
	bool quoted;

	cur_until(&c, "=", &name);
	put_seven(out, name);
	if (cur_has_8bit(name) || !cur_take(&c, '=')) {
		put_seven(out, c);
		return;
	}
	quoted = cur_peek(&c) == '"' && behind_quotes(c.p, c.e) > c.p + 1;
	if (quoted) {
		v.p = c.p + 1;
		c.p = behind_quotes(c.p, c.e);
		v.e = c.p - 1;
	} else {
		cur_until(&c, " \t\n", &v);
	}
	str_addf(out, "*=%s''", code_is_utf8(v) ? "utf-8" : "unknown-8bit");
	for (; v.p < v.e; v.p++) {
		v.p += quoted && *v.p == '\\';
		if (*v.p == '\n') /* of a folded line */
			continue;
		if (str_isalpha(*v.p) || str_isdigit(*v.p) || *v.p == '.')
			str_addc(out, *v.p);
		else
			str_addf(out, "%%%02X", (unsigned char)*v.p);
	}
	put_seven(out, c);
}

/* A field of MIME: there are no encoded words in its parameters (RFC 2047 5). */
static void
put_params(struct str *out, struct cur c)
{
	struct cur w;

	while (c.p < c.e) {
		w = take_until(&c, ";");
		if (cur_has_8bit(w))
			put_param(out, w);
		else
			str_add(out, w.p, cur_len(&w));
		if (c.p < c.e)
			str_addc(out, *c.p++);
	}
}

void
encode_field(struct str *out, struct cur c)
{
	static const char *const mime[] = {"Content-Type",
	                                   "Content-Disposition", NULL};
	static const char *const phrases[] = {
	    "From",      "Sender",    "Reply-To",    "To",
	    "Cc",        "Bcc",       "Resent-From", "Resent-Sender",
	    "Resent-To", "Resent-Cc", NULL};
	struct cur run, at = c, name;
	bool phrase;

	cur_until(&at, ": \t\n", &name);
	if (hdr_name_in(&name, mime)) {
		put_params(out, c);
		return;
	}
	phrase = hdr_name_in(&name, phrases);
	while (next_run(c, &run, phrase)) {
		str_add(out, c.p, (size_t)(run.p - c.p));
		/* Encoded words stand by themselves (RFC 2047 5). */
		if (phrase && run.p > c.p && strchr("<>,:;)", run.p[-1]))
			str_addc(out, ' ');
		put_words(out, run, phrase);
		if (phrase && run.e < c.e && strchr("<>,:;(", *run.e))
			str_addc(out, ' ');
		c.p = run.e;
	}
	str_add(out, c.p, cur_len(&c));
}
