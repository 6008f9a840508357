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

/* One more than what a byte stands for; 0: nothing. */
static const unsigned char sextets[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
    ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
    ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
    ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64};

/* Take whole groups, as long as nothing else comes: how many bytes. */
static size_t
groups(const char *p, const char *e, unsigned char *to, size_t room, size_t *n)
{
	const unsigned char *q = (const unsigned char *)p;
	size_t k = 0, all = (size_t)(e - p) / 4;

	all = all < room / 3 ? all : room / 3;
	for (; k < all; k++, q += 4) {
		unsigned a = sextets[q[0]], b = sextets[q[1]];
		unsigned c = sextets[q[2]], d = sextets[q[3]], v;

		if (!a || !b || !c || !d)
			break;
		v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		*to++ = (unsigned char)(v >> 16);
		*to++ = (unsigned char)(v >> 8);
		*to++ = (unsigned char)v;
	}
	*n = 3 * k;
	return 4 * k;
}

/* Padding ends a run; what follows it is another one. */
static void
base64(struct decode *d, const char *p, size_t n, struct str *out)
{
	enum { ROOM = 3072 };
	unsigned char made[ROOM];
	const char *e = p + n;
	size_t k = 0, more;

	for (; p < e; p++) {
		unsigned v;

		if (d->nbits == 0) {
			p += groups(p, e, made + k, ROOM - k, &more);
			k += more;
		}
		if (k > ROOM - 3) {
			str_add(out, made, k);
			k = 0;
		}
		if (p == e)
			break;
		v = sextets[(unsigned char)*p];
		if (*p == '=')
			d->nbits = 0;
		if (v == 0)
			continue;
		d->bits = d->bits << 6 | (v - 1);
		d->nbits += 6;
		if (d->nbits < 8)
			continue;
		d->nbits -= 8;
		made[k++] = (unsigned char)(d->bits >> d->nbits);
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

/* The first byte for which it matters what comes behind it, or e: a blank may be
 * the last one of its line. */
static const char *
plain_end(const char *p, const char *e)
{
	for (; p < e && *p != '='; p++)
		if (is_blank(*p) && (p + 1 == e || is_blank(p[1]) ||
		                     p[1] == '\r' || p[1] == '\n'))
			break;
	return p;
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
		q = plain_end(p, e);
		if (q > p)
			str_add(out, p, (size_t)(q - p));
		if (q < e)
			d->held[d->nheld++] = *q++;
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
