/* wire - the plain half of encode.h: what is in a message, and CRLF with dots.
 * Called by transact.c for each block of a message. */
#include "encode.h"

/* The header ends at the first empty line, n bytes from p; or it goes on. */
static size_t
header_part(struct scan *s, const char *p, size_t n)
{
	const char *q = p, *e = p + n;

	if (n > 0 && *p == '\n' && (s->last == '\n' || !s->any)) {
		s->body = true;
		return 0;
	}
	while ((q = memchr(q, '\n', (size_t)(e - q)))) {
		if (++q < e && *q == '\n') {
			s->body = true;
			return (size_t)(q - p);
		}
	}
	return n;
}

void
scan_put(struct scan *s, const char *p, size_t n)
{
	size_t i, lines = 0, head = s->body ? 0 : header_part(s, p, n);
	unsigned char bits = 0;

	if (n == 0)
		return;
	for (i = 0; i < head; i++)
		bits |= (unsigned char)p[i];
	s->header8 |= bits > 127;
	for (i = 0; i < n; i++) {
		bits |= (unsigned char)p[i];
		lines += p[i] == '\n';
	}
	s->eightbit |= bits > 127;
	s->binary |= memchr(p, '\r', n) || memchr(p, '\0', n);
	s->size += n + lines;
	s->last = p[n - 1];
	s->any = true;
}

void
scan_end(struct scan *s)
{
	if (s->any && s->last != '\n')
		s->size += 2;
}

/* Append part of a line, without its end. */
static void
put_part(struct wire *w, struct str *out, const char *p, size_t n)
{
	char *q;

	if (n == 0)
		return;
	/* RFC 5321 4.5.2 */
	if (!w->mid && w->dots && *p == '.')
		str_addc(out, '.');
	w->mid = true;
	str_add(out, p, n);
	if (!memchr(p, '\r', n) && !memchr(p, '\0', n))
		return;
	for (q = out->s + out->n - n; q < out->s + out->n; q++)
		if (*q == '\r' || *q == '\0')
			*q = ' ';
}

void
wire_put(struct wire *w, struct str *out, const char *p, size_t n)
{
	const char *e = p + n, *q;

	while (p < e && (q = memchr(p, '\n', (size_t)(e - p)))) {
		put_part(w, out, p, (size_t)(q - p));
		str_add(out, "\r\n", 2);
		w->mid = false;
		p = q + 1;
	}
	put_part(w, out, p, (size_t)(e - p));
}

void
wire_end(struct wire *w, struct str *out)
{
	if (w->mid)
		str_add(out, "\r\n", 2);
	w->mid = false;
	if (w->dots)
		str_add(out, ".\r\n", 3);
}
