/* code - unit test of lib/code.c. */
#include "code.h"

#include <assert.h>
#include <stdlib.h>

static void
base64_is(const char *plain, size_t n, const char *coded)
{
	struct str s = {0};

	str_adds(&s, "");
	code_base64(&s, plain, n);
	assert(strcmp(s.s, coded) == 0);
	str_clear(&s);
	assert(code_unbase64(&s, cur_of(coded)) == 0);
	assert(s.n == n && memcmp(s.s, plain, n) == 0);
	str_free(&s);
}

static void
test_base64(void)
{
	static const char *const bad[] = {
	    "Z",    "Zg",   "Zg=",    "Zh==", "Zm9=", "Zg==Zg==",
	    "Zm 9", "====", "Zm9v\n", "Z===", "Zm9-"};
	struct str s = {0};
	size_t i;

	base64_is("", 0, "");
	base64_is("f", 1, "Zg==");
	base64_is("fo", 2, "Zm8=");
	base64_is("foo", 3, "Zm9v");
	base64_is("foob", 4, "Zm9vYg==");
	base64_is("\0kim\0pw", 7, "AGtpbQBwdw==");
	base64_is("\xff\xfe\xfd", 3, "//79");
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		str_clear(&s);
		assert(code_unbase64(&s, cur_of(bad[i])) < 0);
	}
	str_free(&s);
}

static void
xtext_is(const char *plain, const char *coded)
{
	struct str s = {0};

	code_xtext(&s, plain, strlen(plain));
	assert(strcmp(s.s, coded) == 0);
	str_clear(&s);
	assert(code_unxtext(&s, cur_of(coded)) == 0);
	assert(strcmp(s.s, plain) == 0);
	str_free(&s);
}

static void
test_unitext(void)
{
	struct str s = {0};

	code_unitext(&s, cur_of("a+\\\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80\xc3"),
	             "\\+");
	assert(strcmp(s.s, "a\\x{2B}\\x{5C}\\x{F6}\\x{20AC}\\x{1F600}"
	                   "\\x{C3}") == 0);
	str_free(&s);
}

static void
test_xtext(void)
{
	static const char *const bad[] = {"a b", "a=b", "a+0Ab", "a+2",
	                                  "a+",  "+2b", "a+7F",  "a\xc3\xbc",
	                                  "+C3", "a\n", "+zz",   "+00"};
	struct str s = {0};
	size_t i;

	xtext_is("rfc822;bob@b.test", "rfc822;bob@b.test");
	xtext_is("a+b=c d", "a+2Bb+3Dc+20d");
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		str_clear(&s);
		assert(code_unxtext(&s, cur_of(bad[i])) < 0);
	}
	str_free(&s);
}

static void
phrase_is(const char *name, const char *want)
{
	struct str s = {0};

	code_phrase(&s, name);
	assert(strcmp(s.s, want) == 0);
	str_free(&s);
}

static void
test_phrase(void)
{
	char name[202];
	struct str s = {0};
	const char *p, *e;
	size_t i;

	phrase_is("Kim Lee", "Kim Lee");
	phrase_is("", "\"\"");
	phrase_is("Kim  Lee", "\"Kim  Lee\"");
	phrase_is(" Kim", "\" Kim\"");
	phrase_is("Kim J. \"K\" Lee\\", "\"Kim J. \\\"K\\\" Lee\\\\\"");
	phrase_is("CronDaemon", "CronDaemon");
	phrase_is("=?x?", "\"=?x?\"");
	phrase_is("J\xc3\xb6rg M\xc3\xbcller (x)",
	          "=?UTF-8?Q?J=C3=B6rg_M=C3=BCller_=28x=29?=");
	phrase_is("J\xf6rg", "=?ISO-8859-1?Q?J=F6rg?=");
	phrase_is("a\nBcc: x", "=?UTF-8?Q?a=0ABcc=3A_x?=");
	for (i = 0; i < 200; i += 2)
		memcpy(name + i, "\xc3\xb6", 3);
	code_phrase(&s, name);
	for (p = s.s; (e = strchr(p, '\n')); p = e + 2) {
		assert(e - p <= 75 && memcmp(p, "=?UTF-8?Q?=C3", 13) == 0);
		assert(memcmp(e - 5, "=B6?=", 5) == 0);
	}
	str_free(&s);
}

static void
test_utf8(void)
{
	static const char *const good[] = {"", "a", "\xc2\xa0", "\xe0\xa0\x80",
	                                   "\xf4\x8f\xbf\xbf"};
	static const char *const bad[] = {"\x80",
	                                  "\xc3",
	                                  "\xc0\xaf",
	                                  "\xe0\x9f\x80",
	                                  "\xed\xa0\x80",
	                                  "\xf0\x8f\x80\x80",
	                                  "\xf4\x90\x80\x80",
	                                  "\xf5\x80\x80\x80",
	                                  "\xc2\x9f",
	                                  "\xe2\x82"};
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++)
		assert(code_is_utf8(cur_of(good[i])));
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert(!code_is_utf8(cur_of(bad[i])));
}

int
main(void)
{
	test_base64();
	test_xtext();
	test_unitext();
	test_phrase();
	test_utf8();
	return 0;
}
