/* data - see data.h.  Fed by receive.c with whatever one read brought.
 * RFC 5321 4.1.1.4, 4.5.2, 2.3.8.  The one place where line ends are decided
 * on: nothing but CRLF.CRLF ends DATA, and a dot is stuffed only behind CRLF,
 * so that no next host can find an end where this one found none. */
#include "data.h"

#include "mem.h"

#include <stdint.h>

enum {
	START,  /* behind a CRLF */
	DOT,    /* START, then a dot */
	DOT_CR, /* START, then a dot and CR */
	TEXT,
	CR /* a CR that may be half of a CRLF */
};

void
data_init(struct data *d, bool dots, bool lf)
{
	*d = (struct data){.dots = dots, .lf = lf, .state = START};
}

/* A bare LF ends a line, but is not the CRLF that makes a dot special. */
static void
end_line(struct data *d, struct str *out, bool crlf)
{
	out->s[out->n++] = '\n';
	d->size += 2;
	d->state = crlf || d->lf ? START : TEXT;
	if (!crlf && !d->lf)
		d->seen |= DATA_BARE_LF;
}

/* Is one of the eight bytes of w less than n (up to 128)? */
static bool
has_less(uint64_t w, unsigned char n)
{
	const uint64_t ones = UINT64_MAX / 255;

	return ((w - ones * n) & ~w & ones << 7) != 0;
}

/* Take plain bytes up to a CR or LF, or e: where they end.  Eight at a time
 * where no control is among them, for lines are short and this is where the
 * time of a long message goes. */
static const char *
take_text(struct data *d, const char *p, const char *e, struct str *out)
{
	const char *from = p;
	char *to = out->s + out->n;
	uint64_t w;
	int i;

	while (p < e && *p != '\r' && *p != '\n') {
		for (; e - p >= 8; p += 8, to += 8) {
			memcpy(&w, p, 8);
			if (has_less(w, '\r' + 1))
				break;
			memcpy(to, &w, 8);
		}
		for (i = 0; i < 8 && p < e && *p != '\r' && *p != '\n'; i++) {
			if (*p == '\0')
				d->seen |= DATA_NUL;
			*to++ = *p++;
		}
	}
	out->n += (size_t)(p - from);
	d->size += (size_t)(p - from);
	return p;
}

/* The states that wait for one particular byte.  Returns how many bytes were
 * taken, 0 when the byte has another meaning in the new state. */
static int
take_special(struct data *d, char b, struct str *out)
{
	switch (d->state) {
	case START:
		d->state = d->dots && b == '.' ? DOT : TEXT;
		return d->state == DOT;
	case DOT: /* RFC 5321 4.5.2: a dot that was put before is dropped */
		d->done = b == '\n' && d->lf;
		d->state = b == '\r' ? DOT_CR : TEXT;
		return d->done || b == '\r';
	case DOT_CR:
		d->done = b == '\n';
		d->state = CR; /* else it was a bare CR */
		return d->done;
	default: /* CR */
		if (b == '\n') {
			end_line(d, out, true);
			return 1;
		}
		d->seen |= DATA_BARE_CR;
		d->state = TEXT;
		return 0;
	}
}

size_t
data_feed(struct data *d, const char *p, size_t n, struct str *out)
{
	const char *from = p, *e = p + n;

	if (d->done)
		return 0;
	/* Output is never longer than input. */
	out->s = mem_grow(out->s, &out->cap, out->n + n + 2, 1);
	while (p < e && !d->done) {
		if (d->state != TEXT) {
			p += take_special(d, *p, out);
			continue;
		}
		p = take_text(d, p, e, out);
		if (p == e)
			break;
		if (*p++ == '\r')
			d->state = CR;
		else
			end_line(d, out, false);
	}
	out->s[out->n] = '\0';
	return (size_t)(p - from);
}

void
data_finish(struct data *d, struct str *out)
{
	out->s = mem_grow(out->s, &out->cap, out->n + 2, 1);
	if (d->state == CR)
		d->seen |= DATA_BARE_CR;
	if (d->state != START)
		end_line(d, out, true);
	out->s[out->n] = '\0';
	d->done = true;
}

/* --- the header --- */

static void
take_id(struct head *h, struct cur c)
{
	size_t n;

	cur_blanks(&c);
	n = cur_len(&c);
	while (n > 0 && (c.p[n - 1] == ' ' || c.p[n - 1] == '\t'))
		n--;
	if (n >= sizeof h->id)
		n = sizeof h->id - 1;
	memcpy(h->id, c.p, n);
	h->id[n] = '\0';
	h->wants_id = n == 0; /* the value may be folded to the next line */
}

static void
head_line(struct head *h)
{
	struct cur c = {h->line, h->line + h->n}, name;

	if (c.p < c.e && (*c.p == ' ' || *c.p == '\t')) {
		if (h->wants_id)
			take_id(h, c);
		return;
	}
	h->wants_id = false;
	cur_until(&c, ": \t", &name);
	cur_blanks(&c); /* RFC 5322 4.5: blanks before the colon */
	if (!cur_take(&c, ':'))
		h->over = true;
	else if (cur_is(&name, "Received"))
		h->received++;
	else if (cur_is(&name, "Message-ID") && h->id[0] == '\0')
		take_id(h, c);
}

void
head_feed(struct head *h, const char *p, size_t n)
{
	const char *e = p + n, *end;

	while (p < e && !h->over) {
		size_t room = sizeof h->line - h->n, len;

		end = memchr(p, '\n', (size_t)(e - p));
		end = end ? end : e;
		len = (size_t)(end - p);
		memcpy(h->line + h->n, p, len < room ? len : room);
		h->n += len < room ? len : room;
		h->length += len;
		if (end == e)
			return;
		head_line(h);
		if (!h->over)
			h->bytes += h->length + 1;
		h->n = h->length = 0;
		p = end + 1;
	}
}
