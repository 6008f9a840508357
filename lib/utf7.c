/* utf7 - see utf7.h.  Runs of other than printable US-ASCII stand between & and -, as
 * UTF-16 in base64 with , for / and without padding; & itself is &-.  Called for
 * every mailbox name that comes, goes or lies on disk.  It must never take two
 * forms for one name. */
#include "utf7.h"

#include "code.h"

#include <stdint.h>

enum {
	HIGH = 0xd800, /* surrogates of UTF-16 (RFC 2781 2.1) */
	LOW = 0xdc00,
	SURROGATES_END = 0xe000,
	ASTRAL = 0x10000,
	UNIT = 16, /* bits */
	DIGIT = 6
};

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool
is_plain(int b)
{
	return b >= ' ' && b <= '~';
}

bool
utf7_is_name(struct cur c)
{
	const char *p;

	for (p = c.p; p < c.e; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return code_is_utf8(c);
}

/* The next character of what is known to be UTF-8. */
static uint32_t
next(struct cur *c)
{
	unsigned b = (unsigned)cur_get(c);
	int more = b < 0xc0 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
	uint32_t v = more == 0 ? b : b & (0x3fu >> more);

	for (; more > 0; more--)
		v = v << 6 | ((unsigned)cur_get(c) & 0x3f);
	return v;
}

/* Bits that do not yet fill a digit, or a character. */
struct bits {
	uint32_t v;
	int n;
};

static void
put_unit(struct str *out, struct bits *b, uint32_t unit)
{
	b->v = b->v << UNIT | unit;
	b->n += UNIT;
	while (b->n >= DIGIT) {
		b->n -= DIGIT;
		str_addc(out, digits[b->v >> b->n & 63]);
	}
}

static void
put_run(struct str *out, struct cur *c)
{
	struct bits b = {0};

	str_addc(out, '&');
	while (c->p < c->e && !is_plain(*c->p)) {
		uint32_t v = next(c);

		if (v >= ASTRAL) {
			v -= ASTRAL;
			put_unit(out, &b, HIGH | v >> 10);
			v = LOW | (v & 0x3ff);
		}
		put_unit(out, &b, v);
	}
	if (b.n > 0)
		str_addc(out, digits[b.v << (DIGIT - b.n) & 63]);
	str_addc(out, '-');
}

int
utf7_encode(struct str *out, struct cur utf8)
{
	if (!utf7_is_name(utf8))
		return -1;
	while (utf8.p < utf8.e) {
		if (!is_plain(*utf8.p)) {
			put_run(out, &utf8);
			continue;
		}
		str_addc(out, *utf8.p);
		if (*utf8.p++ == '&')
			str_addc(out, '-');
	}
	return 0;
}

static void
put_char(struct str *out, uint32_t v)
{
	if (v < 0x80) {
		str_addc(out, (char)v);
		return;
	}
	if (v < 0x800) {
		str_addc(out, (char)(0xc0 | v >> 6));
	} else {
		if (v < ASTRAL) {
			str_addc(out, (char)(0xe0 | v >> 12));
		} else {
			str_addc(out, (char)(0xf0 | v >> 18));
			str_addc(out, (char)(0x80 | (v >> 12 & 63)));
		}
		str_addc(out, (char)(0x80 | (v >> 6 & 63)));
	}
	str_addc(out, (char)(0x80 | (v & 63)));
}

/* A unit of UTF-16; the first half of a pair waits in *high. */
static int
take_unit(struct str *out, uint32_t unit, uint32_t *high)
{
	bool low = unit >= LOW && unit < SURROGATES_END;

	if ((*high != 0) != low)
		return -1;
	if (unit >= HIGH && unit < LOW) {
		*high = unit;
		return 0;
	}
	put_char(out,
	         low ? ASTRAL + ((*high - HIGH) << 10 | (unit - LOW)) : unit);
	*high = 0;
	return 0;
}

/* What stands behind a &, up to and with the -. */
static int
take_run(struct str *out, struct cur *c)
{
	struct bits b = {0};
	uint32_t high = 0;
	const char *d;
	int k;

	if (cur_take(c, '-')) {
		str_addc(out, '&');
		return 0;
	}
	while ((k = cur_get(c)) != '-') {
		if (k <= 0 || !(d = strchr(digits, k)))
			return -1;
		b.v = b.v << DIGIT | (uint32_t)(d - digits);
		b.n += DIGIT;
		if (b.n < UNIT)
			continue;
		b.n -= UNIT;
		if (take_unit(out, b.v >> b.n & 0xffff, &high) < 0)
			return -1;
	}
	return high ? -1 : 0;
}

static int
take(struct str *out, struct cur c)
{
	while (c.p < c.e) {
		int b = cur_get(&c);

		if (!is_plain(b) || (b == '&' && take_run(out, &c) < 0))
			return -1;
		if (b != '&')
			str_addc(out, (char)b);
	}
	return 0;
}

int
utf7_decode(struct str *out, struct cur utf7)
{
	size_t before = out->n;
	struct str again = {0};
	struct cur got;
	int r = take(out, utf7);

	/* The one form is that which we would write (RFC 3501 5.1.3: no printable
	 * character in base64, no superfluous shift, zero bits at the end). */
	if (r == 0 && out->n > before) {
		got = (struct cur){out->s + before, out->s + out->n};
		r = utf7_encode(&again, got);
	}
	if (again.n != cur_len(&utf7) ||
	    (again.n > 0 && memcmp(again.s, utf7.p, again.n) != 0))
		r = -1;
	str_free(&again);
	if (r < 0 && out->s) {
		out->n = before;
		out->s[before] = '\0';
	}
	return r;
}
