/* fold - unit test of imapd/fold.c and word.c: RFC 5051's folding, charsets, encoded
 * words (RFC 2047 8).  What needs libunistring is left out where there is none.
 * With: imapd/fold.c imapd/word.c imapd/decode.c */
#include "imapd/word.h"
#include "mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static struct fold *fold;

static void
is(const struct str *s, const char *want, const char *of)
{
	if (s->n == strlen(want) &&
	    (s->n == 0 || memcmp(s->s, want, s->n) == 0))
		return;
	fprintf(stderr, "%s: %s, not %s\n", of, s->n > 0 ? s->s : "", want);
	assert(false);
}

/* All ways to cut it give the same. */
static void
folds(const char *text, bool ascii, const char *want)
{
	size_t n = strlen(text), cut, took;

	for (cut = 0; cut <= n; cut++) {
		struct str s = {0};

		took = fold_add(fold, &s, (struct cur){text, text + cut}, ascii,
		                false);
		assert(took <= cut && cut - took < 4);
		took += fold_add(fold, &s, (struct cur){text + took, text + n},
		                 ascii, true);
		assert(took == n);
		is(&s, want, text);
		str_free(&s);
	}
}

static void
folding(void)
{
	folds("", true, "");
	folds("Hello", false, "Hello");
	folds("Hello {z", true, "HELLO {Z");
	folds("\xc3\xa9", false, "E\xcc\x81"); /* é: E and its accent */
	folds("\xc3\x89", false, "E\xcc\x81"); /* É */
	folds("\xc3\x9f", false, "\xc3\x9f");  /* ß has no title case */
	folds("\xd0\xb9\xd0\x98", false, "\xd0\x98\xcc\x86\xd0\x98");
	folds("\xc7\x86", false, "D\x7a\xcc\x8c");      /* dž: Dž */
	folds("\xef\xac\x81", false, "fi");             /* ligature */
	folds("\xe2\x84\xaa", false, "K");              /* Kelvin */
	folds("\xef\xbc\xa1\xef\xbd\x81", false, "AA"); /* full width A, a */
	folds("\xea\xb0\x80", false, "\xe1\x84\x80\xe1\x85\xa1"); /* Hangul */
	folds("\xcf\x82\xcf\x83", false, "\xce\xa3\xce\xa3");     /* sigmas */
	folds("a\xf0\x90\x90\xa8z", false, "a\xf0\x90\x90\x80z");
	/* No UTF-8: as Latin-1; cut, overlong, surrogate. */
	folds("\xe9t\xe9", false, "E\xcc\x81tE\xcc\x81");
	folds("\xc0\x80", false, "A\xcc\x80\xc2\x80");
	folds("\xed\xa0\x80", false, "I\xcc\x81 \xc2\x80");
	folds("x\xe2\x84", false, "xA\xcc\x82\xc2\x84");
}

static void
charset_is(const char *name, const char *text, const char *want)
{
	size_t n = strlen(text), cut, took, bad;

	for (cut = 0; cut <= n; cut++) {
		struct charset *cs;
		struct str s = {0};

		if (charset_find(fold, cur_of(name), &cs) < 0)
			return; /* not every system knows it */
		assert(cs);
		took = charset_add(cs, &s, (struct cur){text, text + cut},
		                   false, &bad);
		took += charset_add(cs, &s, (struct cur){text + took, text + n},
		                    true, &bad);
		assert(took == n);
		is(&s, want, name);
		str_free(&s);
	}
}

static void
charsets(void)
{
	struct charset *cs;
	char name[30];
	int i;

	charset_is("ISO-8859-1", "caf\xe9", "caf\xc3\xa9");
	charset_is("windows-1252", "\x80", "\xe2\x82\xac");
	charset_is("koi8-r", "\xed\xc9\xd2", "\xd0\x9c\xd0\xb8\xd1\x80");
	charset_is("shift_jis", "\x93\xfa\x96{", "\xe6\x97\xa5\xe6\x9c\xac");
	charset_is("ISO-2022-JP", "\x1b$B4A;z\x1b(B",
	           "\xe6\xbc\xa2\xe5\xad\x97");
	charset_is("gb2312", "\xff", "\xef\xbf\xbd");
	/* An accent may follow each letter. */
	charset_is("windows-1258", "Vi\xeat", "Vi\xc3\xaat");
	charset_is("windows-1258", "ti\xeang", "ti\xc3\xaang");
	assert(charset_find(fold, cur_of("UTF-8"), &cs) == 0 && !cs);
	assert(charset_find(fold, cur_of("us-ascii"), &cs) == 0 && !cs);
	assert(charset_find(fold, cur_of("no-such"), &cs) < 0);
	assert(charset_find(fold, cur_of(""), &cs) < 0);
	assert(charset_find(fold, cur_of("utf-16//IGNORE"), &cs) < 0);
	assert(charset_find(fold, cur_of("../../x"), &cs) < 0);
	/* More than are kept open. */
	for (i = 1; i < 40; i++) {
		snprintf(name, sizeof name, "iso-8859-%d", i % 16);
		charset_find(fold, cur_of(name), &cs);
	}
}

static void
word_is(const char *text, const char *want)
{
	struct str s = {0};

	word_decode(fold, cur_of(text), &s);
	is(&s, want, text);
	str_free(&s);
}

static void
words(void)
{
	/* RFC 2047 8 */
	word_is("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>",
	        "Keith Moore <moore@cs.utk.edu>");
	word_is("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=",
	        "Patrik F\xc3\xa4ltstr\xc3\xb6m");
	word_is("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
	        "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
	        "If you can read this you understand the example.");
	word_is("(=?ISO-8859-1?Q?a?=)", "(a)");
	word_is("(=?ISO-8859-1?Q?a?= b)", "(a b)");
	word_is("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)");
	word_is("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)");
	word_is("(=?ISO-8859-1?Q?a?=\r\n       =?ISO-8859-1?Q?b?=)", "(ab)");
	word_is("(=?ISO-8859-1?Q?a_b?=)", "(a b)");
	word_is("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)");
	/* What is none. */
	word_is("=?", "=?");
	word_is("=?x?", "=?x?");
	word_is("=?x?q?", "=?x?q?");
	word_is("=?x?q?y", "=?x?q?y");
	word_is("=?x?q?y?", "=?x?q?y?");
	word_is("=?x?z?y?=", "=?x?z?y?=");
	word_is("a=b?c=?d", "a=b?c=?d");
	word_is("plain\r\n folded", "plain folded");
	word_is("plain\n\tfolded", "plain\tfolded");
	word_is("caf\xe9", "caf\xe9");
}

static void
odd_words(void)
{
	word_is("x=?utf-8?q?y?=z", "xyz");
	word_is("=?utf-8*en?q?y?=", "y");
	word_is("=?utf-8?q?\?=", "");
	word_is("=?utf-8?q?a b?=", "a b");
	word_is("=?utf-8?q?=4?=", "=4");
	word_is("=?no-such?q?y?=", "y");
	/* A character cut by the end of a word. */
	word_is("=?utf-8?B?w6?= =?utf-8?q?=A9?=", "\xc3\xa9");
	word_is("=?utf-8?q?=C3?=\r\n =?UTF-8?q?=A9?=", "\xc3\xa9");
	word_is("a =?utf-8?q?b?= =?utf-8?q?c?= d =?utf-8?q?e?=", "a bc d e");
}

/* A megabyte of the beginnings of words. */
static void
hostile(void)
{
	static const char *const what[] = {
	    "=?", "=?a?q?", "=?utf-8?q?x?= ", "=?utf-8?b?", "\r\n ", "?="};
	size_t i;

	for (i = 0; i < sizeof what / sizeof *what; i++) {
		struct str in = {0}, out = {0};

		while (in.n < 1 << 20)
			str_adds(&in, what[i]);
		word_decode(fold, str_cur(&in), &out);
		assert(out.n <= in.n);
		str_free(&in);
		str_free(&out);
	}
}

static void
plain(void)
{
	assert(word_is_plain(cur_of("hello = there ?=")));
	assert(word_is_plain(cur_of("")));
	assert(!word_is_plain(cur_of("hello =?x")));
	assert(!word_is_plain(cur_of("hello\n there")));
	assert(!word_is_plain(cur_of("caf\xe9")));
}

int
main(void)
{
	struct str s = {0};

	fold = mem_alloc(sizeof *fold);
	/* Load the library. */
	fold_add(fold, &s, cur_of("\xc3\xa9"), false, true);
	str_free(&s);
	folding();
	charsets();
	words();
	odd_words();
	hostile();
	plain();
	fold_end(fold);
	free(fold);
	return 0;
}
