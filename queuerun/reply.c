/* reply - see reply.h.  Called by session.c and login.c. */
#include "reply.h"

#include <limits.h>
#include <stdio.h>

enum { CODE_LEN = 3 };

void
reply_start(struct reply *r)
{
	r->code = 0;
	r->status[0] = r->name[0] = '\0';
	r->lines = 0;
	str_clear(&r->text);
	str_adds(&r->text, "");
}

void
reply_free(struct reply *r)
{
	str_free(&r->text);
}

/* Take a number of the enhanced status: 1 to 3 digits (RFC 3463 2). */
static bool
take_number(struct cur *c)
{
	int n;

	for (n = 0; n < 3 && str_isdigit(cur_peek(c)); n++)
		c->p++;
	return n > 0;
}

/* Take a status code like 5.1.1 that agrees with the reply's class (RFC 2034
 * 4), with the blank behind it. */
static bool
take_status(struct cur *c, unsigned code, char out[12])
{
	struct cur s = *c;
	size_t n;

	if (cur_get(&s) != (int)(code / 100) + '0' || !cur_take(&s, '.') ||
	    !take_number(&s) || !cur_take(&s, '.') || !take_number(&s))
		return false;
	n = (size_t)(s.p - c->p);
	if (cur_len(&s) > 0 && !cur_take(&s, ' '))
		return false;
	snprintf(out, 12, "%.*s", (int)n, c->p);
	*c = s;
	return true;
}

/* The code of a line and what stands behind it; false: none. */
static bool
take_code(struct cur *c, unsigned *code, bool *more)
{
	unsigned v = 0;
	int i, b;

	for (i = 0; i < CODE_LEN; i++) {
		if (!str_isdigit(b = cur_get(c)))
			return false;
		v = v * 10 + (unsigned)(b - '0');
	}
	/* RFC 5321 4.2: "-" for more, else a blank, which some leave out. */
	*more = cur_take(c, '-');
	if (!*more && cur_len(c) > 0 && !cur_take(c, ' '))
		return false;
	*code = v;
	return v >= 200 && v <= 599;
}

/* Keep text of a peer: printable ASCII only, and not too much of it. */
static void
keep(struct str *s, struct cur c)
{
	if (s->n > 0 && s->n < REPLY_TEXT)
		str_addc(s, ' ');
	for (; c.p < c.e && s->n < REPLY_TEXT; c.p++)
		str_addc(s, *c.p < ' ' || *c.p > '~' ? '?' : *c.p);
}

static void
keep_name(struct reply *r, struct cur c)
{
	struct cur w;
	size_t i;

	cur_word(&c, &w);
	for (i = 0; w.p < w.e && i < sizeof r->name - 1; i++)
		r->name[i] = str_lower(*w.p++);
	r->name[i] = '\0';
}

int
reply_line(struct reply *r, struct cur line)
{
	struct cur c = line;
	bool more;

	if (r->lines++ == REPLY_LINES || !take_code(&c, &r->code, &more))
		return -1;
	if (r->lines == 1) {
		take_status(&c, r->code, r->status);
		keep_name(r, c);
	}
	keep(&r->text, line);
	/* The code of the last line is what counts. */
	if (!more && (unsigned)(r->status[0] - '0') != r->code / 100)
		r->status[0] = '\0';
	return more;
}

const char *
reply_words(const struct reply *r)
{
	const char *p = r->text.s;
	size_t n = strlen(r->status);

	p += r->text.n > CODE_LEN ? CODE_LEN + 1 : r->text.n;
	if (n > 0 && strncmp(p, r->status, n) == 0)
		p += n;
	return p + strspn(p, " ");
}

/* RFC 9422 4: LIMITS RCPTMAX=100 MAILMAX=10; zero is not allowed. */
static void
offer_limits(struct offer *o, struct cur c)
{
	struct cur w, name;
	unsigned long long v;

	while (cur_word(&c, &w) > 0) {
		cur_until(&w, "=", &name);
		if (!cur_take(&w, '=') || cur_number(&w, ULLONG_MAX, &v) < 0 ||
		    cur_len(&w) > 0)
			continue;
		if (cur_is(&name, "RCPTMAX"))
			o->rcpt_max = v;
		else if (cur_is(&name, "MAILMAX"))
			o->mail_max = v;
		else if (cur_is(&name, "RCPTDOMAINMAX"))
			o->domain_max = v;
	}
}

/* RFC 4954 3 */
static void
offer_auth(struct offer *o, struct cur c)
{
	struct cur w;

	while (cur_word(&c, &w) > 0) {
		if (cur_is(&w, "LOGIN"))
			o->auth |= OFFER_LOGIN;
		else if (cur_is(&w, "PLAIN"))
			o->auth |= OFFER_PLAIN;
		else if (cur_is(&w, "SCRAM-SHA-256"))
			o->auth |= OFFER_SCRAM;
		else if (cur_is(&w, "SCRAM-SHA-256-PLUS"))
			o->auth |= OFFER_PLUS;
	}
}

void
offer_line(struct offer *o, struct cur line)
{
	static const struct {
		const char *name;
		size_t at;
	} words[] = {
	    {"PIPELINING", offsetof(struct offer, pipelining)},
	    {"SIZE",       offsetof(struct offer, size)      },
	    {"8BITMIME",   offsetof(struct offer, eightbit)  },
	    {"SMTPUTF8",   offsetof(struct offer, utf8)      },
	    {"CHUNKING",   offsetof(struct offer, chunking)  },
	    {"DSN",        offsetof(struct offer, dsn)       },
	    {"STARTTLS",   offsetof(struct offer, starttls)  },
	};
	struct cur w, value;
	unsigned code;
	size_t i;
	bool more;

	if (!take_code(&line, &code, &more) || cur_word(&line, &w) == 0)
		return;
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (cur_is(&w, words[i].name))
			*(bool *)((char *)o + words[i].at) = true;
	if (cur_is(&w, "AUTH"))
		offer_auth(o, line);
	if (cur_is(&w, "LIMITS"))
		offer_limits(o, line);
	/* A number that cannot be read is no limit that we could keep. */
	cur_word(&line, &value);
	if (cur_is(&w, "SIZE") &&
	    (cur_number(&value, ULLONG_MAX, &o->size_max) < 0 ||
	     cur_len(&value) > 0))
		o->size_max = 0;
}
