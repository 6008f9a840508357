/* decode - see decode.h. */
#include "decode.h"

unsigned
decode_kind(struct cur c)
{
	if (cur_len(&c) == 0 || cur_is(&c, "7bit") || cur_is(&c, "8bit") ||
	    cur_is(&c, "binary"))
		return DECODE_NONE;
	if (cur_is(&c, "base64"))
		return DECODE_BASE64;
	return cur_is(&c, "quoted-printable") ? DECODE_QP : DECODE_UNKNOWN;
}

void
decode_begin(struct decode *d, unsigned kind)
{
	d->kind = kind;
	d->bits = 0;
	d->nbits = 0;
	d->nheld = 0;
}

/* --- base64 (RFC 2045 6.8) --- */

/* What a byte stands for, or one of these. */
enum { RUBBISH = 64, PAD = 65 };

static unsigned
sextet(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26U;
	if (c >= '0' && c <= '9')
		return c - '0' + 52U;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return c == '=' ? PAD : RUBBISH;
}

/* Padding ends a run; what follows it is another one. */
static void
base64(struct decode *d, const char *p, size_t n, struct str *out)
{
	enum { ROOM = 3072 };
	unsigned char made[ROOM];
	const char *e = p + n;
	size_t k = 0;

	for (; p < e; p++) {
		unsigned v = sextet((unsigned char)*p);

		if (v == PAD)
			d->nbits = 0;
		if (v >= RUBBISH)
			continue;
		d->bits = d->bits << 6 | v;
		d->nbits += 6;
		if (d->nbits < 8)
			continue;
		d->nbits -= 8;
		made[k++] = (unsigned char)(d->bits >> d->nbits);
		if (k == ROOM) {
			str_add(out, made, k);
			k = 0;
		}
	}
	str_add(out, made, k);
}

/* --- quoted-printable (RFC 2045 6.7) --- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What was held is text. */
static void
release(struct decode *d, struct str *out)
{
	str_add(out, d->held, d->nheld);
	d->nheld = 0;
}

/* A byte behind something that is held: true when it was taken. */
static bool
behind(struct decode *d, char c, struct str *out)
{
	bool line = c == '\r' || c == '\n';
	int hi, lo;

	if (d->held[0] != '=') {
		/* Blanks at the end of a line are not of the text. */
		if (line)
			d->nheld = 0;
		else if (!is_blank(c) || d->nheld == DECODE_HELD)
			release(d, out);
		else
			d->held[d->nheld++] = c;
		return d->nheld > 0;
	}
	if (d->nheld == 1 && hex(c) >= 0) {
		d->held[d->nheld++] = c;
		return true;
	}
	if (d->nheld == 2 && (hi = hex(d->held[1])) >= 0) {
		if ((lo = hex(c)) < 0) {
			release(d, out);
			return false;
		}
		str_addc(out, (char)(hi * 16 + lo));
		d->nheld = 0;
		return true;
	}
	/* A soft line break, maybe with blanks before it. */
	if (c == '\n' || d->held[d->nheld - 1] == '\r') {
		d->nheld = 0;
		return c == '\n';
	}
	if ((is_blank(c) || c == '\r') && d->nheld < DECODE_HELD) {
		d->held[d->nheld++] = c;
		return true;
	}
	release(d, out);
	return false;
}

static void
printable(struct decode *d, const char *p, size_t n, struct str *out)
{
	const char *e = p + n, *q;

	while (p < e) {
		if (d->nheld > 0) {
			if (behind(d, *p, out))
				p++;
			continue;
		}
		if (*p == '=' || is_blank(*p)) {
			d->held[d->nheld++] = *p++;
			continue;
		}
		for (q = p; q < e && *q != '=' && !is_blank(*q); q++)
			;
		str_add(out, p, (size_t)(q - p));
		p = q;
	}
}

/* --- both --- */

void
decode_feed(struct decode *d, const char *p, size_t n, struct str *out)
{
	if (d->kind == DECODE_BASE64)
		base64(d, p, n, out);
	else if (d->kind == DECODE_QP)
		printable(d, p, n, out);
	else
		str_add(out, p, n);
}

void
decode_end(struct decode *d, struct str *out)
{
	if (d->nheld > 1 && d->held[0] == '=' && hex(d->held[1]) >= 0)
		release(d, out);
	d->nheld = 0;
}
