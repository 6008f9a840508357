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

/* What a byte stands for, with a bit more; 0: nothing. */
enum { GOOD = 64, GOODS = (GOOD << 18) + (GOOD << 12) + (GOOD << 6) + GOOD };

static const unsigned char sextets[256] = {
    ['A'] = 64,  ['B'] = 65,  ['C'] = 66,  ['D'] = 67,  ['E'] = 68,
    ['F'] = 69,  ['G'] = 70,  ['H'] = 71,  ['I'] = 72,  ['J'] = 73,
    ['K'] = 74,  ['L'] = 75,  ['M'] = 76,  ['N'] = 77,  ['O'] = 78,
    ['P'] = 79,  ['Q'] = 80,  ['R'] = 81,  ['S'] = 82,  ['T'] = 83,
    ['U'] = 84,  ['V'] = 85,  ['W'] = 86,  ['X'] = 87,  ['Y'] = 88,
    ['Z'] = 89,  ['a'] = 90,  ['b'] = 91,  ['c'] = 92,  ['d'] = 93,
    ['e'] = 94,  ['f'] = 95,  ['g'] = 96,  ['h'] = 97,  ['i'] = 98,
    ['j'] = 99,  ['k'] = 100, ['l'] = 101, ['m'] = 102, ['n'] = 103,
    ['o'] = 104, ['p'] = 105, ['q'] = 106, ['r'] = 107, ['s'] = 108,
    ['t'] = 109, ['u'] = 110, ['v'] = 111, ['w'] = 112, ['x'] = 113,
    ['y'] = 114, ['z'] = 115, ['0'] = 116, ['1'] = 117, ['2'] = 118,
    ['3'] = 119, ['4'] = 120, ['5'] = 121, ['6'] = 122, ['7'] = 123,
    ['8'] = 124, ['9'] = 125, ['+'] = 126, ['/'] = 127};

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

		if (!(a & b & c & d & GOOD))
			break;
		v = (a << 18) + (b << 12) + (c << 6) + d - GOODS;
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
		d->bits = d->bits << 6 | (v & (GOOD - 1));
		d->nbits += 6;
		if (d->nbits < 8)
			continue;
		d->nbits -= 8;
		made[k++] = (unsigned char)(d->bits >> d->nbits);
	}
	str_add(out, made, k);
}

/* --- quoted-printable (RFC 2045 6.7) --- */

int
decode_hex(char c)
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
	if (d->nheld == 1 && decode_hex(c) >= 0) {
		d->held[d->nheld++] = c;
		return true;
	}
	if (d->nheld == 2 && (hi = decode_hex(d->held[1])) >= 0) {
		if ((lo = decode_hex(c)) < 0) {
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
	if (c == '\r' || (is_blank(c) && d->nheld < DECODE_HELD)) {
		d->held[d->nheld++] = c;
		return true;
	}
	release(d, out);
	return false;
}

/* Blanks may be the last ones of their line: 1 when that is so at p. */
static inline unsigned char
is_doubtful(const char *p)
{
	return ((p[0] == ' ') | (p[0] == '\t')) &
	       ((p[1] == '\r') | (p[1] == '\n'));
}

/* Is it so nowhere but at the end?  A loop for vector instructions. */
static bool
is_tidy(const char *p, const char *e)
{
	enum { BLOCK = 64 };
	unsigned char found = 0;
	int i;

	for (; e - p > BLOCK && !found; p += BLOCK)
		for (i = 0; i < BLOCK; i++)
			found |= is_doubtful(p + i);
	for (; e - p > 1; p++)
		found |= is_doubtful(p);
	return !found;
}

/* The first byte for which it matters what comes behind it, or e. */
static const char *
plain_end(const char *p, const char *e)
{
	while (
	    p < e && *p != '=' &&
	    !(is_blank(*p) && (p + 1 == e || is_blank(p[1]) || is_doubtful(p))))
		p++;
	return p;
}

static const char *
tidy_end(const char *p, const char *e)
{
	const char *q = memchr(p, '=', (size_t)(e - p));

	while (!q && e > p && is_blank(e[-1]))
		e--;
	return q ? q : e;
}

/* What nearly always stands at a '=': behind it, or p when it is something else. */
static const char *
escape(const char *p, const char *e, struct str *out)
{
	int hi, lo;

	if (e - p < 3)
		return p;
	if (p[1] == '\n')
		return p + 2;
	if (p[1] == '\r' && p[2] == '\n')
		return p + 3;
	if ((hi = decode_hex(p[1])) < 0 || (lo = decode_hex(p[2])) < 0)
		return p;
	str_addc(out, (char)(hi * 16 + lo));
	return p + 3;
}

static void
printable(struct decode *d, const char *p, size_t n, struct str *out)
{
	const char *e = p + n, *q;
	bool tidy = is_tidy(p, e);

	while (p < e) {
		if (d->nheld > 0) {
			if (behind(d, *p, out))
				p++;
			continue;
		}
		q = tidy ? tidy_end(p, e) : plain_end(p, e);
		if (q > p)
			str_add(out, p, (size_t)(q - p));
		p = q < e && *q == '=' ? escape(q, e, out) : q;
		if (p == q && q < e)
			d->held[d->nheld++] = *p++;
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
	if (d->nheld > 1 && d->held[0] == '=' && decode_hex(d->held[1]) >= 0)
		release(d, out);
	d->nheld = 0;
}
