/* utf7 - unit test of lib/utf7.c. */
#include "utf7.h"

#include <assert.h>
#include <stdlib.h>

static void
is(const char *utf8, const char *utf7)
{
	struct str s = {0};

	str_adds(&s, "x");
	assert(utf7_encode(&s, cur_of(utf8)) == 0);
	assert(strcmp(s.s + 1, utf7) == 0);
	str_clear(&s);
	str_adds(&s, "yy");
	assert(utf7_decode(&s, cur_of(utf7)) == 0);
	assert(strcmp(s.s + 2, utf8) == 0);
	str_free(&s);
}

static void
test_both_ways(void)
{
	is("", "");
	is("INBOX", "INBOX");
	is("a b/c.d~\"\\", "a b/c.d~\"\\");
	is("&", "&-");
	is("a&b", "a&-b");
	is("&&", "&-&-");
	is("\xc3\xbc", "&APw-");
	is("B\xc3\xbc"
	   "cher tok",
	   "B&APw-cher tok");
	is("\xc3\xa9 & co", "&AOk- &- co");
	/* RFC 3501 5.1.3 */
	is("~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
	   "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	   "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
	is("\xf0\x9f\x93\xab", "&2D3c6w-");
	is("\xf0\x9f\x93\xab\xe2\x82\xac", "&2D3c6yCs-");
	is("\xf4\x8f\xbf\xbf", "&2,,f,w-");
	is("\xef\xbf\xbd", "&,,0-");
}

static void
test_bad_utf7(void)
{
	static const char *const bad[] = {
	    "&",
	    "a&",
	    "&A",
	    "&APw",               /* no end */
	    "&APw/-",             /* base64's own / */
	    "&APx-",              /* bits behind the end */
	    "&AP-",               /* no whole character */
	    "&APwA-",             /* a digit too much */
	    "&AGE-",              /* a printable character */
	    "&AGEA6Q-",           /* and one in front */
	    "&ACY-",              /* & itself */
	    "&U,BTFw-&ZeVnLIqe-", /* a superfluous shift */
	    "&2D0-",              /* half a pair */
	    "&3Ks-",              /* the other half */
	    "&2D0AYQ-",           /* a pair with something else */
	    "&2D3YPQ-",           /* two first halves */
	    "&AAA-",              /* NUL */
	    "&AAo-",              /* LF */
	    "&AH8-",              /* DEL */
	    "&AIA-",              /* U+0080 */
	    "&A Pw-",
	    "&APw=-",
	    "&APw-\n",
	    "a\tb",
	    "a\x7f",
	    "B\xc3\xbc", /* UTF-8 */
	    "&AP\xc3-",  /* and inside */
	    "&AC8-",     /* a slash in disguise */
	    "&AC4ALg-",  /* and two dots */
	};
	struct str s = {0};
	size_t i;

	str_adds(&s, "as it was");
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert(utf7_decode(&s, cur_of(bad[i])) < 0);
		assert(strcmp(s.s, "as it was") == 0);
	}
	assert(utf7_decode(&s, (struct cur){"a\0b", (const char *)"a\0b" + 3}) <
	       0);
	str_free(&s);
	assert(utf7_decode(&s, cur_of("&")) < 0 && s.n == 0);
	str_free(&s);
}

static void
test_bad_utf8(void)
{
	static const char *const bad[] = {
	    "\x80",         "\xc3",         "\xc0\xaf",
	    "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
	    "a\xff",        "a\nb",         "\x1f",
	    "\x7f",         "\xc2\x85",     "\xfc\x80\x80\x80"};
	struct str s = {0};
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert(utf7_encode(&s, cur_of(bad[i])) < 0 && s.n == 0);
	str_free(&s);
}

/* Every character for itself. */
static void
test_all(void)
{
	struct str a = {0}, b = {0};
	unsigned v;

	for (v = 0xa0; v < 0x800; v++) {
		char c[3] = {(char)(0xc0 | v >> 6), (char)(0x80 | (v & 63)), 0};

		str_clear(&a);
		str_clear(&b);
		assert(utf7_encode(&a, cur_of(c)) == 0);
		assert(a.s[0] == '&' && a.s[a.n - 1] == '-');
		assert(utf7_decode(&b, str_cur(&a)) == 0);
		assert(strcmp(b.s, c) == 0);
	}
	str_free(&a);
	str_free(&b);
}

int
main(void)
{
	test_both_ways();
	test_bad_utf7();
	test_bad_utf8();
	test_all();
	return 0;
}
