/* code - see code.h.  Called wherever text changes its dress: AUTH, DSN
 * parameters, downgraded content, header fields that sendmail adds. */
#include "code.h"

enum { WORD_MAX = 75 /* an encoded word (RFC 2047 2) */ };

/* --- base64, RFC 4648 4 --- */

static const char digits64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
code_base64(struct str *s, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (; n > 0; b += 3, n -= n < 3 ? n : 3) {
		unsigned v = (unsigned)b[0] << 16;

		v |= n > 1 ? (unsigned)b[1] << 8 : 0;
		v |= n > 2 ? b[2] : 0;
		str_addc(s, digits64[v >> 18]);
		str_addc(s, digits64[v >> 12 & 63]);
		str_addc(s, n > 1 ? digits64[v >> 6 & 63] : '=');
		str_addc(s, n > 2 ? digits64[v & 63] : '=');
	}
}

static int
value64(int b)
{
	if (b >= 'A' && b <= 'Z')
		return b - 'A';
	if (b >= 'a' && b <= 'z')
		return b - 'a' + 26;
	if (b >= '0' && b <= '9')
		return b - '0' + 52;
	return b == '+' ? 62 : b == '/' ? 63 : -1;
}

int
code_unbase64(struct str *s, struct cur c)
{
	if (cur_len(&c) % 4)
		return -1;
	while (c.p < c.e) {
		int v[4] = {0}, n = 4, i;

		if (c.e - c.p == 4 && c.p[3] == '=')
			n = c.p[2] == '=' ? 2 : 3;
		for (i = 0; i < n; i++)
			if ((v[i] = value64(c.p[i])) < 0)
				return -1;
		/* RFC 4648 3.5: bits that nobody sees are zero. */
		if ((n == 2 && v[1] & 15) || (n == 3 && v[2] & 3))
			return -1;
		str_addc(s, (char)(v[0] << 2 | v[1] >> 4));
		if (n > 2)
			str_addc(s, (char)((v[1] & 15) << 4 | v[2] >> 2));
		if (n > 3)
			str_addc(s, (char)((v[2] & 3) << 6 | v[3]));
		c.p += 4;
	}
	return 0;
}

/* --- xtext, RFC 3461 4 --- */

static const char hex[] = "0123456789ABCDEF";

static void
add_hex(struct str *s, char mark, unsigned char b)
{
	str_add(s, (char[]){mark, hex[b >> 4], hex[b & 15]}, 3);
}

static bool
is_printable(int b)
{
	return b >= ' ' && b <= '~';
}

void
code_xtext(struct str *s, const char *p, size_t n)
{
	for (; n > 0; n--, p++)
		if (*p > ' ' && *p <= '~' && *p != '+' && *p != '=')
			str_addc(s, *p);
		else
			add_hex(s, '+', (unsigned char)*p);
}

/* Upper case only (RFC 3461 4, hexchar). */
static int
hex_value(int b)
{
	const char *p = b > 0 ? strchr(hex, b) : NULL;

	return p ? (int)(p - hex) : -1;
}

int
code_unxtext(struct str *s, struct cur c)
{
	while (c.p < c.e) {
		int b = cur_get(&c);

		if (b == '+') {
			int hi = hex_value(cur_get(&c));
			int lo = hex_value(cur_get(&c));

			if (hi < 0 || lo < 0 || !is_printable(hi << 4 | lo))
				return -1;
			b = hi << 4 | lo;
		} else if (b == ' ' || b == '=' || !is_printable(b)) {
			return -1;
		}
		str_addc(s, (char)b);
	}
	return 0;
}

/* --- UTF-8, RFC 3629 --- */

/* The length of the UTF-8 character at the cursor, or 0 when there is none. */
static size_t
utf8_len(const struct cur *c)
{
	const unsigned char *u = (const unsigned char *)c->p;
	size_t n, i;

	if (c->p == c->e)
		return 0;
	if (u[0] < 0x80)
		return 1;
	n = u[0] < 0xc2   ? 0
	    : u[0] < 0xe0 ? 2
	    : u[0] < 0xf0 ? 3
	    : u[0] < 0xf5 ? 4
	                  : 0;
	if (n == 0 || n > cur_len(c))
		return 0;
	for (i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	if ((u[0] == 0xe0 && u[1] < 0xa0) || /* overlong */
	    (u[0] == 0xed && u[1] > 0x9f) || /* surrogates */
	    (u[0] == 0xf0 && u[1] < 0x90) || /* overlong */
	    (u[0] == 0xf4 && u[1] > 0x8f))   /* above U+10FFFF */
		return 0;
	return n;
}

bool
code_is_utf8(struct cur c)
{
	size_t n;

	for (; c.p < c.e; c.p += n) {
		n = utf8_len(&c);
		if (n == 0 || (n == 2 && c.p[0] == '\xc2' && c.p[1] < '\xa0'))
			return false;
	}
	return true;
}

void
code_unitext(struct str *s, struct cur c, const char *special)
{
	size_t n, i;

	for (; c.p < c.e; c.p += n) {
		unsigned long v = (unsigned char)*c.p;

		n = utf8_len(&c);
		if (n < 2) {
			n = 1;
			if (v < 0x80 && (v == 0 || !strchr(special, *c.p))) {
				str_addc(s, *c.p);
				continue;
			}
		} else {
			v &= 0x7ful >> n;
			for (i = 1; i < n; i++)
				v = v << 6 | ((unsigned char)c.p[i] & 0x3f);
		}
		str_addf(s, "\\x{%02lX}", v);
	}
}

/* --- phrases, RFC 5322 3.2.5 and RFC 2047 5 (3) --- */

enum { PHRASE_BARE, PHRASE_QUOTED, PHRASE_ENCODED };

static int
phrase_kind(const char *name)
{
	const char *p;
	int kind = *name == '\0' ? PHRASE_QUOTED : PHRASE_BARE;

	for (p = name; *p; p++) {
		if (!is_printable(*p))
			return PHRASE_ENCODED;
		if (*p == ' ' ? p == name || p[1] == ' ' || p[1] == '\0'
		              : !str_isalpha(*p) && !str_isdigit(*p) &&
		                    !strchr("!#$%&'*+-/^_`{|}~", *p))
			kind = PHRASE_QUOTED;
	}
	return kind;
}

static void
phrase_quoted(struct str *s, const char *name)
{
	str_addc(s, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			str_addc(s, '\\');
		str_addc(s, *name);
	}
	str_addc(s, '"');
}

/* The Q form of one byte as a phrase allows it. */
static void
word_byte(struct str *s, char b)
{
	if (b == ' ')
		str_addc(s, '_');
	else if (str_isalpha(b) || str_isdigit(b) ||
	         (b > 0 && strchr("!*+-/", b)))
		str_addc(s, b);
	else
		add_hex(s, '=', (unsigned char)b);
}

/* Words are folded apart; a character is never cut in two.  A name that is not
 * UTF-8 is taken for the Latin-1 of an old passwd file. */
static void
phrase_encoded(struct str *s, const char *name)
{
	struct cur c = cur_of(name);
	bool utf8 = code_is_utf8(c);
	const char *start = utf8 ? "=?UTF-8?Q?" : "=?ISO-8859-1?Q?";
	struct str one = {0};
	size_t col = 0, n;

	for (; c.p < c.e; c.p += n) {
		size_t i;

		n = utf8 ? utf8_len(&c) : 1;
		str_clear(&one);
		for (i = 0; i < n; i++)
			word_byte(&one, c.p[i]);
		if (col == 0 || col + one.n + 2 > WORD_MAX) {
			str_addf(s, "%s%s", col ? "?=\n " : "", start);
			col = strlen(start);
		}
		str_add(s, one.s, one.n);
		col += one.n;
	}
	str_adds(s, "?=");
	str_free(&one);
}

void
code_phrase(struct str *s, const char *name)
{
	switch (phrase_kind(name)) {
	case PHRASE_BARE: str_adds(s, name); break;
	case PHRASE_QUOTED: phrase_quoted(s, name); break;
	default: phrase_encoded(s, name); break;
	}
}

void
code_json(struct str *s, const char *z)
{
	bool utf8 = code_is_utf8(cur_of(z));

	str_addc(s, '"');
	for (; *z; z++) {
		unsigned char b = (unsigned char)*z;

		if (b < ' ' || b == 0x7f || (b > 0x7f && !utf8)) {
			str_addf(s, "\\u%04X", b);
			continue;
		}
		if (b == '"' || b == '\\')
			str_addc(s, '\\');
		str_addc(s, *z);
	}
	str_addc(s, '"');
}
