/* imap_parse - every rule of imapd/parse.c, whatever pieces the input comes in.
 * With: imapd/parse.c */
#include "imapd/parse.h"
#include "mboxscan.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* --- input in pieces: a filter that gives step bytes at a time --- */

struct feed {
	const char *p, *e;
	size_t step;
};

static struct feed feed;
static struct io_filter filter;
static struct io io;
static struct arena arena;
static struct parse p;
static int none;

static ssize_t
give(void *arg, struct cur *c, char *to, size_t n)
{
	struct feed *f = arg;
	size_t left = (size_t)(f->e - f->p);

	(void)c;
	n = n < f->step ? n : f->step;
	n = n < left ? n : left;
	memcpy(to, f->p, n);
	f->p += n;
	return (ssize_t)n;
}

static int
keep(void *arg, const char *q, size_t n, struct str *raw)
{
	(void)arg;
	str_add(raw, q, n);
	return 0;
}

/* Begin with these bytes: what reading the first line says. */
static int
begin_n(const char *text, size_t n, size_t step)
{
	arena_free(&arena);
	io_free(&io);
	feed = (struct feed){text, text + n, step};
	filter =
	    (struct io_filter){.arg = &feed, .decode = give, .encode = keep};
	io_init(&io, none, none);
	io.filter = &filter;
	p = (struct parse){.io = &io, .arena = &arena, .left = PARSE_LINE};
	return parse_line(&p);
}

static int
begin(const char *text, size_t step)
{
	return begin_n(text, strlen(text), step);
}

static const size_t steps[] = {1, 2, 3, 7, 100000};

enum { STEPS = sizeof steps / sizeof *steps };

/* What is there, as a line. */
static struct parse *
given(const char *text)
{
	static char line[300000];
	size_t n = strlen(text);

	assert(n + 2 < sizeof line);
	memcpy(line, text, n);
	memcpy(line + n, "\r\n", 3);
	assert(begin(line, 100000) == 0);
	return &p;
}

static bool
same(const struct cur *c, const char *z)
{
	return cur_len(c) == strlen(z) && memcmp(c->p, z, strlen(z)) == 0;
}

/* --- lines --- */

static void
test_lines(void)
{
	size_t i;

	for (i = 0; i < STEPS; i++) {
		assert(begin("a b\r\n\r\nc\nd\r\r\ne", steps[i]) == 0);
		assert(same(&p.c, "a b"));
		assert(parse_line(&p) == 0 && same(&p.c, ""));
		assert(parse_line(&p) == 0 && same(&p.c, "c"));
		assert(parse_line(&p) == 0 && same(&p.c, "d\r"));
		assert(parse_line(&p) < 0 && p.end == IO_EOF);
		assert(begin_n("a\0b\r\nc\r\n", 8, steps[i]) < 0);
		assert(p.why && !p.end);
		assert(parse_line(&p) == 0 && same(&p.c, "c") && !p.why);
	}
}

/* A line is as long as what may still come, and not a byte longer. */
static void
test_long_lines(void)
{
	size_t i, n;
	char *text = mem_alloc(PARSE_LINE + 100);

	for (i = 0; i < STEPS; i++)
		for (n = 98; n <= 103; n++) {
			memset(text, 'x', n);
			memcpy(text + n, "\r\ny\r\n", 6);
			begin("", steps[i]);
			feed = (struct feed){text, text + n + 5, steps[i]};
			p.left = 100;
			assert((parse_line(&p) < 0) == (n > 100));
			assert(!p.end && !p.why == (n <= 100));
			assert(n > 100 || p.left == 100 - n);
			p.left = 100;
			assert(parse_line(&p) == 0 && same(&p.c, "y"));
		}
	memset(text, 'x', PARSE_LINE);
	memcpy(text + PARSE_LINE, "\r\n", 3);
	assert(begin(text, 100000) == 0);
	assert(cur_len(&p.c) == PARSE_LINE && p.left == 0);
	free(text);
}

/* --- literals --- */

static void
test_literals(void)
{
	struct cur s, t;
	size_t i;

	for (i = 0; i < STEPS; i++) {
		assert(begin("{3}\r\na\r\n {2+}\r\n{} \"x\"\r\n", steps[i]) ==
		       0);
		assert(parse_astring(&p, &s) == 0 && same(&s, "a\r\n"));
		assert(parse_sp(&p) == 0);
		assert(parse_astring(&p, &t) == 0 && same(&t, "{}"));
		assert(parse_sp(&p) == 0);
		assert(parse_astring(&p, &t) == 0 && same(&t, "x"));
		assert(parse_end(&p) == 0 && same(&s, "a\r\n"));
		assert(strcmp(io.obuf.s, "+ go on\r\n") == 0);
		/* RFC 7888 5: {n-} may be sent, too. */
		assert(begin("{2-}\r\nab\r\n", steps[i]) == 0);
		assert(parse_string(&p, &s) == 0 && same(&s, "ab"));
		assert(begin("{0}\r\n\r\n", steps[i]) == 0);
		assert(parse_string(&p, &s) == 0 && same(&s, ""));
		assert(begin("{5}\r\nab", steps[i]) == 0);
		assert(parse_string(&p, &s) < 0 && p.end == IO_EOF);
		assert(begin("{2}\r\nab", steps[i]) == 0);
		assert(parse_string(&p, &s) < 0 && p.end == IO_EOF);
		assert(begin_n("{3}\r\na\0b\r\nnext\r\n", 16, steps[i]) == 0);
		assert(parse_string(&p, &s) < 0 && p.why && !p.end);
		parse_skip(&p);
		assert(parse_line(&p) == 0 && same(&p.c, "next"));
	}
}

static void
test_wrong_literals(void)
{
	static const char *const wrong[] = {"{",
	                                    "{}",
	                                    "{+}",
	                                    "{-1}",
	                                    "{1",
	                                    "{1+",
	                                    "{1}}",
	                                    "{ 1}",
	                                    "{1 }",
	                                    "{0x1}",
	                                    "{1++}",
	                                    "{1+-}",
	                                    "{1} ",
	                                    "{1}x",
	                                    "{a}",
	                                    "~{1+}",
	                                    "~{1",
	                                    "{+1}",
	                                    "{1048577}",
	                                    "{4294967297}",
	                                    "{9223372036854775807}",
	                                    "{9223372036854775808}",
	                                    "{18446744073709551617}",
	                                    "{99999999999999999999999}"};
	struct cur s;
	size_t i;

	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		given(wrong[i]);
		assert(parse_string(&p, &s) < 0 && p.why && !p.end);
		assert(io.obuf.n == 0); /* nobody is asked to go on */
	}
}

/* All literals of a command together are limited. */
static void
test_literal_budget(void)
{
	struct cur s;

	begin("{60+}\r\n", 1);
	p.left = 50;
	assert(parse_string(&p, &s) < 0 && p.why && io.obuf.n == 0);
	begin("{30+}\r\n012345678901234567890123456789 {30+}\r\n", 3);
	p.left = 50;
	assert(parse_string(&p, &s) == 0 && parse_sp(&p) == 0);
	assert(parse_string(&p, &s) < 0 && p.why);
}

static void
test_skip(void)
{
	size_t i;

	for (i = 0; i < STEPS; i++) {
		assert(begin("bad {3+}\r\nx\r\n y {2+}\r\nab z\r\nnext\r\n",
		             steps[i]) == 0);
		parse_skip(&p);
		assert(!p.end && parse_line(&p) == 0 && same(&p.c, "next"));
		/* This one waits to be asked, and is not. */
		assert(begin("bad {3}\r\nnext\r\n", steps[i]) == 0);
		parse_skip(&p);
		assert(parse_line(&p) == 0 && same(&p.c, "next"));
		assert(begin("bad {9223372036854775807+}\r\nx", steps[i]) == 0);
		parse_skip(&p);
		assert(p.end == IO_LONG);
		assert(begin("bad {134217728+}\r\nx", steps[i]) == 0);
		parse_skip(&p);
		assert(p.end == IO_EOF);
	}
}

/* As APPEND reads them. */
static void
test_literal_portions(void)
{
	struct literal l;
	struct cur c;
	size_t i, n;

	for (i = 0; i < STEPS; i++) {
		assert(begin("~{5}\r\nabcde more\r\n", steps[i]) == 0);
		assert(parse_literal(&p, &l) == 0);
		assert(l.size == 5 && l.left == 5 && l.binary && !l.plus);
		parse_literal_go(&p, &l);
		for (n = 0; parse_literal_get(&p, &l, &c) > 0; n += cur_len(&c))
			assert(memcmp(c.p, &"abcde"[n], cur_len(&c)) == 0);
		assert(n == 5 && l.left == 0);
		assert(parse_line_more(&p) == 0 && same(&p.c, " more"));
		assert(strcmp(io.obuf.s, "+ go on\r\n") == 0);
		assert(begin("{5+}\r\nabc", steps[i]) == 0);
		assert(parse_literal(&p, &l) == 0 && l.plus && !l.binary);
		parse_literal_go(&p, &l);
		assert(io.obuf.n == 0);
		while (parse_literal_get(&p, &l, &c) > 0)
			;
		assert(l.left == 2 && p.end == IO_EOF);
	}
	/* A large one is a number only. */
	given("{9223372036854775807+}");
	assert(parse_literal(&p, &l) == 0 && l.size == INT64_MAX);
	given("x {3+}");
	assert(parse_literal(&p, &l) < 0);
}

/* --- words and strings --- */

static void
test_words(void)
{
	struct cur c;

	given("FLAGS.SILENT (a)b");
	assert(!parse_word(&p, "FLAG") && parse_word(&p, "flags.silent"));
	assert(parse_sp(&p) == 0 && parse_byte(&p, '(') == 0);
	assert(parse_peek(&p) == 'a' && parse_word(&p, "A"));
	assert(parse_byte(&p, ')') == 0 && parse_atom(&p, &c) == 0);
	assert(same(&c, "b") && parse_peek(&p) == -1 && parse_end(&p) == 0);
	assert(!p.why);
	assert(parse_sp(&p) < 0 && p.why);
	/* The names of FETCH go on behind these. */
	given("BODY[]");
	assert(!parse_word(&p, "BOD") && parse_word(&p, "BODY"));
	given("RFC822.SIZE");
	assert(parse_word(&p, "RFC822") && parse_peek(&p) == '.');
	given("BODYSTRUCTURE");
	assert(!parse_word(&p, "BODY"));
	given("x");
	assert(parse_end(&p) < 0 && p.why);
}

static void
test_atoms(void)
{
	struct cur c;
	int b;

	for (b = 1; b < 256; b++) {
		char text[] = {'a', (char)b, '\0'};
		bool ends = b <= ' ' || b >= 0x7f || strchr("(){%*\"\\]", b);

		if (b == '\n')
			continue;
		given(text);
		assert(parse_atom(&p, &c) == 0);
		assert(cur_len(&c) == (ends ? 1 : 2));
		given(text);
		assert(parse_astring(&p, &c) == 0);
		assert(cur_len(&c) == (ends && b != ']' ? 1 : 2));
	}
	given("");
	assert(parse_atom(&p, &c) < 0);
	given(" a");
	assert(parse_atom(&p, &c) < 0);
}

static void
test_strings(void)
{
	static const char *const wrong[] = {
	    "\"", "\"a", "\"a\\", "\"a\\\"", "\"\\x\"", "\"\\", "a", ""};
	struct cur c;
	size_t i;

	given("\"a \\\"b\\\\ (\" x");
	assert(parse_string(&p, &c) == 0 && same(&c, "a \"b\\ ("));
	assert(parse_sp(&p) == 0 && parse_astring(&p, &c) == 0);
	assert(same(&c, "x"));
	given("\"\" \"\xc3\xa4\"");
	assert(parse_astring(&p, &c) == 0 && same(&c, ""));
	assert(parse_sp(&p) == 0 && parse_astring(&p, &c) == 0);
	assert(same(&c, "\xc3\xa4"));
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		given(wrong[i]);
		assert(parse_string(&p, &c) < 0 && p.why);
	}
	given("NIL nil \"NIL\" NILS");
	assert(parse_nstring(&p, &c) == 0 && !c.p && parse_sp(&p) == 0);
	assert(parse_nstring(&p, &c) == 0 && !c.p && parse_sp(&p) == 0);
	assert(parse_nstring(&p, &c) == 0 && same(&c, "NIL"));
	assert(parse_sp(&p) == 0 && parse_nstring(&p, &c) < 0);
}

/* --- numbers and sets --- */

static void
test_numbers(void)
{
	static const char *const none_at_all[] = {"",  "-1", "+1",
	                                          "x", " 1", "*"};
	uint64_t v;
	uint32_t n;
	size_t i;

	given("0");
	assert(parse_number(&p, &n) == 0 && n == 0);
	given("0");
	assert(parse_nz_number(&p, &n) < 0);
	given("4294967295");
	assert(parse_number(&p, &n) == 0 && n == UINT32_MAX);
	given("4294967296");
	assert(parse_number(&p, &n) < 0);
	given("4294967297");
	assert(parse_nz_number(&p, &n) < 0);
	given("18446744073709551617");
	assert(parse_number(&p, &n) < 0);
	given("9223372036854775807");
	assert(parse_number64(&p, &v) == 0 && v == INT64_MAX);
	given("9223372036854775808");
	assert(parse_number64(&p, &v) < 0);
	given("18446744073709551617");
	assert(parse_number64(&p, &v) < 0);
	for (i = 0; i < sizeof none_at_all / sizeof *none_at_all; i++) {
		given(none_at_all[i]);
		assert(parse_number64(&p, &v) < 0 && p.why);
	}
}

static void
test_sets(void)
{
	static const char *const wrong[] = {
	    "",     "0",   "1:", ":1", ",1",         "1,",
	    "1,,2", "1:0", "-1", "x",  "4294967296", "1:18446744073709551617",
	    "**:",  "1:*,"};
	struct set s;
	size_t i;

	given("1,3:5,7:*,*,*:2 x");
	assert(parse_set(&p, &s) == 0 && s.n == 5 && !s.saved);
	assert(s.v[0].lo == 1 && s.v[0].hi == 1);
	assert(s.v[1].lo == 3 && s.v[1].hi == 5);
	assert(s.v[2].lo == 7 && s.v[2].hi == UINT32_MAX);
	assert(s.v[3].lo == UINT32_MAX && s.v[3].hi == UINT32_MAX);
	assert(s.v[4].lo == UINT32_MAX && s.v[4].hi == 2);
	assert(parse_peek(&p) == ' ');
	given("$");
	assert(parse_set(&p, &s) == 0 && s.saved && s.n == 0);
	assert(parse_end(&p) == 0);
	/* The greatest number is not the last message. */
	given("4294967295:4294967295");
	assert(parse_set(&p, &s) == 0);
	assert(s.v[0].lo < UINT32_MAX && s.v[0].hi < UINT32_MAX);
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		given(wrong[i]);
		assert(parse_set(&p, &s) < 0 || parse_end(&p) < 0);
		assert(p.why);
	}
}

static void
test_long_sets(void)
{
	char *text = mem_alloc(2 * PARSE_SETS + 10);
	struct set s;
	size_t i;

	for (i = 0; i < PARSE_SETS; i++)
		memcpy(text + 2 * i, "1,", 2);
	text[2 * PARSE_SETS - 1] = '\0';
	text[2 * PARSE_SETS - 3] = '\0';
	given(text);
	assert(parse_set(&p, &s) == 0 && s.n == PARSE_SETS - 1);
	text[2 * PARSE_SETS - 3] = ',';
	memcpy(text + 2 * PARSE_SETS - 1, ",1", 3);
	given(text);
	assert(parse_set(&p, &s) < 0 && p.why);
	free(text);
}

/* --- flags --- */

static void
test_flags(void)
{
	static const char *const wrong[] = {
	    "(",  "(a",  "(a b",  "( a)",  "(a )", "(a  b)", "(()",      "a]",
	    "\\", "\\*", "(\\X)", "\"a\"", "",     "(a)b)",  "(\\ Seen)"};
	struct flags f;
	size_t i;

	given("(\\Seen \\ANSWERED $Forwarded \\recent key[word \\Draft)");
	assert(parse_flags(&p, &f) == 0 && parse_end(&p) == 0);
	assert(f.bits == (FLAG_SEEN | FLAG_ANSWERED | FLAG_DRAFT));
	assert(f.n == 2 && same(&f.word[0], "$Forwarded"));
	assert(same(&f.word[1], "key[word"));
	given("()");
	assert(parse_flags(&p, &f) == 0 && f.bits == 0 && f.n == 0);
	given("\\Flagged a \\deleted b");
	assert(parse_flags(&p, &f) == 0 && parse_end(&p) == 0 && f.n == 2);
	assert(f.bits == (FLAG_FLAGGED | FLAG_DELETED));
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		given(wrong[i]);
		assert(parse_flags(&p, &f) < 0 || parse_end(&p) < 0);
		assert(p.why);
	}
}

/* --- mailbox names --- */

static void
test_names(void)
{
	static const struct {
		const char *text, *rev1, *utf8; /* NULL: refused */
	} v[] = {
	    {"inbox",        "INBOX",         "INBOX"   },
	    {"\"InBoX\"",    "INBOX",         "INBOX"   },
	    {"INBOX/x",      "INBOX/x",       "INBOX/x" },
	    {"a/B]c",        "a/B]c",         "a/B]c"   },
	    {"&AOQ-",        "\xc3\xa4",      "&AOQ-"   },
	    {"\"a &- b\"",   "a & b",         "a &- b"  },
	    {"&Jjo-!",       "\xe2\x98\xba!", "&Jjo-!"  },
	    {"\"\xc3\xa4\"", "\xc3\xa4",      "\xc3\xa4"},
	    {"\"\"",         "",              ""        },
	    {"&AOQ",         NULL,            "&AOQ"    },
	    {"&A-",          NULL,            "&A-"     },
	    {"\"\xc3\"",     NULL,            NULL      },
	    {"\"\xc0\x80\"", NULL,            NULL      },
	    {"\"a\tb\"",     NULL,            NULL      },
	    {"\"a\x7f\"",    NULL,            NULL      },
	    {"\"a\rb\"",     NULL,            NULL      },
	    {"%",            NULL,            NULL      },
	    {"",             NULL,            NULL      },
	};
	struct cur c;
	size_t i;
	int utf8;

	for (i = 0; i < sizeof v / sizeof *v; i++)
		for (utf8 = 0; utf8 < 2; utf8++) {
			const char *want = utf8 ? v[i].utf8 : v[i].rev1;

			given(v[i].text);
			p.utf8 = utf8;
			assert((parse_mailbox(&p, &c) == 0) == !!want);
			assert(!want == !!p.why);
			assert(!want || same(&c, want));
		}
	given("a%/*b]\"");
	assert(parse_pattern(&p, &c) == 0 && same(&c, "a%/*b]"));
	given("\"*\" {1+}");
	assert(parse_pattern(&p, &c) == 0 && same(&c, "*"));
	given("(");
	assert(parse_pattern(&p, &c) < 0);
}

/* --- dates --- */

static void
test_dates(void)
{
	static const struct {
		const char *text;
		int64_t days; /* -1: none */
	} v[] = {
	    {"1-Jan-1970",     0     },
            {"\"2-jan-1970\"", 1     },
	    {"01-FEB-1994",    8797  },
            {"29-Feb-2024",    19782 },
	    {"31-Dec-1969",    -1    },
            {"1-Jan-1900",     -25567},
	};
	static const char *const wrong[] = {
	    "",       "1-Jan-70",   "0-Jan-1970",   "32-Jan-1970", "1-Foo-1970",
	    "1-Jan-", "1 Jan 1970", "\"1-Jan-1970", "-1-Jan-1970", "1-Jan-x",
	    "1-J",    "Jan-1-1970", "31-Apr-1970",  "29-Feb-1900"};
	int64_t d;
	size_t i;

	for (i = 0; i < sizeof v / sizeof *v; i++) {
		given(v[i].text);
		assert(parse_date(&p, &d) == 0 && d == v[i].days);
		assert(parse_end(&p) == 0);
	}
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		given(wrong[i]);
		assert(parse_date(&p, &d) < 0 && p.why);
	}
}

static void
test_date_times(void)
{
	static const struct {
		const char *text;
		int64_t t;
	} v[] = {
	    {"\"01-Jan-1970 00:00:00 +0000\"", 0         },
	    {"\" 7-Feb-1994 21:52:25 -0800\"", 760686745 },
	    {"\"17-Jul-1996 02:44:25 -0700\"", 837596665 },
	    {"\"31-Dec-1969 23:59:59 +0000\"", -1        },
	    {"\"01-Jan-2039 00:00:60 +0130\"", 2177447460},
	};
	static const char *const wrong[] = {"",
	                                    "\"\"",
	                                    "01-Jan-1970",
	                                    "\"01-Jan-1970\"",
	                                    "\"01-Jan-1970 00:00:00\"",
	                                    "\"01-Jan-1970 00:00:00 0000\"",
	                                    "\"01-Jan-1970 00:00:00 +000\"",
	                                    "\"01-Jan-1970 00:00:00 +00000\"",
	                                    "\"01-Jan-1970 00:00:00 +0060\"",
	                                    "\"01-Jan-1970 24:00:00 +0000\"",
	                                    "\"01-Jan-1970 00:60:00 +0000\"",
	                                    "\"01-Jan-1970 00:00:61 +0000\"",
	                                    "\"01-Jan-1970 0:00:00 +0000\"",
	                                    "\"32-Jan-1970 00:00:00 +0000\"",
	                                    "\"01-Jan-1970  00:00:00 +0000\"",
	                                    "\"01-Jan-1970 00:00:00 +0000 \"",
	                                    "\"01-Jan-1970 00:00:00 +0000"};
	int64_t t;
	size_t i;

	for (i = 0; i < sizeof v / sizeof *v; i++) {
		given(v[i].text);
		assert(parse_date_time(&p, &t) == 0 && t == v[i].t);
		assert(parse_end(&p) == 0);
	}
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		given(wrong[i]);
		assert(parse_date_time(&p, &t) < 0 && p.why);
	}
}

int
main(void)
{
	none = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert(none >= 0);
	test_lines();
	test_long_lines();
	test_literals();
	test_wrong_literals();
	test_literal_budget();
	test_skip();
	test_literal_portions();
	test_words();
	test_atoms();
	test_strings();
	test_numbers();
	test_sets();
	test_long_sets();
	test_flags();
	test_names();
	test_dates();
	test_date_times();
	arena_free(&arena);
	io_free(&io);
	close(none);
	return 0;
}
