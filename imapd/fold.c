/* fold - see fold.h.  The one user of iconv(3) and of libunistring. */
#include "fold.h"

#include <errno.h>
#include <iconv.h>
#include <stddef.h>
#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>

#if defined(__GNUC__) && !defined(__clang__)
/* gcc 12 takes the failure of iconv_open(3), which is no pointer, for a leak. */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

enum {
	NO_CHARACTER = 0xfffd,
	UTF8_MOST = 4,   /* bytes of a character */
	DECOMPOSED = 18, /* characters that one can become */
};

/* --- ASCII --- */

bool
is_ascii(struct cur c)
{
	enum { BLOCK = 64 };
	unsigned char all = 0;
	int i;

	for (; c.e - c.p >= BLOCK; c.p += BLOCK) {
		for (i = 0; i < BLOCK; i++)
			all |= (unsigned char)c.p[i];
		if (all & 0x80)
			return false;
	}
	for (; c.p < c.e; c.p++)
		all |= (unsigned char)*c.p;
	return !(all & 0x80);
}

void
fold_end(struct fold *f)
{
	size_t i;

	for (i = 0; i < FOLD_CHARSETS; i++)
		if (f->charset[i].name[0])
			iconv_close(f->charset[i].handle);
	memset(f->charset, 0, sizeof f->charset);
}

/* --- characters --- */

static void
put(char *to, uint8_t *len, uint32_t c)
{
	unsigned char b[UTF8_MOST], n = 0;

	if (c < 0x80) {
		b[n++] = (unsigned char)c;
	} else if (c < 0x800) {
		b[n++] = (unsigned char)(0xc0 | c >> 6);
		b[n++] = (unsigned char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		b[n++] = (unsigned char)(0xe0 | c >> 12);
		b[n++] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		b[n++] = (unsigned char)(0x80 | (c & 0x3f));
	} else {
		b[n++] = (unsigned char)(0xf0 | c >> 18);
		b[n++] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
		b[n++] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		b[n++] = (unsigned char)(0x80 | (c & 0x3f));
	}
	memcpy(to + *len, b, n);
	*len = (uint8_t)(*len + n);
}

/* The character at p, above ASCII, and its length; 0 when it is cut. */
static size_t
take(const char *p, const char *e, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char b = (unsigned char)*p;
	size_t i, n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
	uint32_t v = b & (0xffU >> (n + 1));

	*c = b; /* Latin-1 */
	if (b < 0xc2 || b > 0xf4)
		return 1;
	for (i = 1; i < n && p + i < e; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 1;
		v = v << 6 | ((unsigned char)p[i] & 0x3f);
	}
	if (i < n)
		return 0;
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 1;
	*c = v;
	return n;
}

/* The folded form of a character; to has room for all that it can become. */
static uint8_t
form(uint32_t c, char to[DECOMPOSED * UTF8_MOST])
{
	uint32_t room[DECOMPOSED], *v;
	size_t i, n = DECOMPOSED;
	uint8_t len = 0;

	c = uc_totitle(c);
	v = u32_normalize(UNINORM_NFKD, &c, 1, room, &n);
	if (!v) {
		put(to, &len, c);
		return len;
	}
	for (i = 0; i < n && i < DECOMPOSED; i++)
		put(to, &len, v[i]);
	if (v != room)
		free(v);
	return len;
}

static void
add_folded(struct fold *f, struct str *out, uint32_t c)
{
	struct fold_form *k = &f->known[c % FOLD_KNOWN];
	char to[DECOMPOSED * UTF8_MOST];
	uint8_t len;

	if (k->c == c) {
		str_add(out, k->text, k->len);
		return;
	}
	len = form(c, to);
	str_add(out, to, len);
	if (len > FOLD_LEN)
		return;
	k->c = c;
	k->len = len;
	memcpy(k->text, to, len);
}

/* A run of ASCII. */
static void
add_plain(struct str *out, const char *p, size_t n, bool fold)
{
	char *to;
	size_t i;

	str_add(out, p, n);
	to = out->s + out->n - n;
	for (i = 0; fold && i < n; i++)
		if (to[i] >= 'a' && to[i] <= 'z')
			to[i] = (char)(to[i] - 'a' + 'A');
}

/* The first byte that is not ASCII, or e. */
static const char *
ascii_end(const char *p, const char *e)
{
	uint64_t w;

	for (; e - p >= (ptrdiff_t)sizeof w; p += sizeof w) {
		memcpy(&w, p, sizeof w);
		if (w & UINT64_C(0x8080808080808080))
			break;
	}
	while (p < e && (unsigned char)*p < 0x80)
		p++;
	return p;
}

size_t
fold_add(struct fold *f, struct str *out, struct cur text, bool ascii,
         bool last)
{
	const char *p = text.p, *q;
	uint32_t c;
	size_t n;

	while (p < text.e) {
		q = ascii_end(p, text.e);
		if (q > p)
			add_plain(out, p, (size_t)(q - p), ascii);
		p = q;
		if (p == text.e)
			break;
		n = take(p, text.e, &c);
		if (n == 0 && !last)
			break;
		add_folded(f, out, c);
		p += n ? n : 1;
	}
	return (size_t)(p - text.p);
}

/* --- charsets --- */

static bool
is_name(struct cur c)
{
	const char *p;

	for (p = c.p; p < c.e; p++)
		if (!str_isalpha(*p) && !str_isdigit(*p) &&
		    !memchr("-_.:+()", *p, 7))
			return false;
	return c.e > c.p && c.e - c.p <= FOLD_NAME;
}

/* The free place in the table, or the one whose turn it is. */
static struct charset *
place(struct fold *f)
{
	struct charset *cs = &f->charset[f->next++ % FOLD_CHARSETS];

	if (cs->name[0])
		iconv_close(cs->handle);
	memset(cs, 0, sizeof *cs);
	return cs;
}

static bool
is_utf8(struct cur c)
{
	return cur_is(&c, "utf-8") || cur_is(&c, "us-ascii") ||
	       cur_is(&c, "utf8") || cur_is(&c, "ascii") ||
	       cur_is(&c, "ansi_x3.4-1968") || cur_is(&c, "x-unknown") ||
	       cur_is(&c, "unknown-8bit");
}

/* Names that stand in mail, and what every iconv(3) knows them by. */
static const struct {
	const char *name, *known_as;
} names[] = {
    {"cp932",          "shift_jis"  },
    {"cp936",          "gbk"        },
    {"csbig5",         "big5"       },
    {"cseuckr",        "euc-kr"     },
    {"csgb2312",       "gb2312"     },
    {"csiso2022jp",    "iso-2022-jp"},
    {"csisolatin1",    "iso-8859-1" },
    {"csksc56011987",  "euc-kr"     },
    {"csshiftjis",     "shift_jis"  },
    {"eucjp-ms",       "euc-jp"     },
    {"ibm850",         "cp850"      },
    {"ibm866",         "cp866"      },
    {"iso-2022-jp-2",  "iso-2022-jp"},
    {"iso-8859-6-i",   "iso-8859-6" },
    {"iso-8859-8-i",   "iso-8859-8" },
    {"ks_c_5601-1987", "euc-kr"     },
    {"ms_kanji",       "shift_jis"  },
    {"uhc",            "euc-kr"     },
    {"windows-31j",    "shift_jis"  },
    {"windows-874",    "tis-620"    },
    {"x-gbk",          "gbk"        },
    {"x-sjis",         "shift_jis"  },
};

static iconv_t
open_charset(struct cur name, const char *z)
{
	iconv_t handle = iconv_open("UTF-8", z);
	size_t i;

	for (i = 0; handle == (iconv_t)-1 && i < sizeof names / sizeof *names;
	     i++)
		if (cur_is(&name, names[i].name))
			handle = iconv_open("UTF-8", names[i].known_as);
	return handle;
}

int
charset_find(struct fold *f, struct cur name, struct charset **cs)
{
	char z[FOLD_NAME + 1] = "";
	iconv_t handle;
	size_t i;

	*cs = NULL;
	if (is_utf8(name))
		return 0;
	if (!is_name(name))
		return -1;
	for (i = 0; i < FOLD_CHARSETS; i++)
		if (cur_is(&name, f->charset[i].name)) {
			*cs = &f->charset[i];
			iconv((*cs)->handle, NULL, NULL, NULL, NULL);
			return 0;
		}
	memcpy(z, name.p, cur_len(&name));
	handle = open_charset(name, z);
	if (handle == (iconv_t)-1)
		return -1;
	*cs = place(f);
	memcpy((*cs)->name, z, sizeof z);
	(*cs)->handle = handle;
	return 0;
}

size_t
charset_add(struct charset *cs, struct str *out, struct cur text, bool last,
            size_t *bad)
{
	enum { ROOM = 4096 };
	char room[ROOM], *from, *to;
	size_t left = cur_len(&text), have, n;
	uint8_t len;

	*bad = 0;
	/* iconv(3) has no const, and changes nothing. */
	memcpy(&from, &text.p, sizeof from);
	while (left > 0) {
		to = room;
		have = sizeof room;
		n = iconv(cs->handle, &from, &left, &to, &have);
		str_add(out, room, sizeof room - have);
		if (n != (size_t)-1 || errno == E2BIG)
			continue;
		if (errno == EINVAL && !last)
			break;
		len = 0;
		put(room, &len, NO_CHARACTER);
		str_add(out, room, len);
		++*bad;
		from++;
		left--;
	}
	/* Some hold a character back that the next one may add an accent to. */
	to = room;
	have = sizeof room;
	if (last && iconv(cs->handle, NULL, NULL, &to, &have) != (size_t)-1)
		str_add(out, room, sizeof room - have);
	return cur_len(&text) - left;
}
