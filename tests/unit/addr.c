/* addr - unit test of lib/addr.c: silent when all is well. */
#include "addr.h"

#include <assert.h>
#include <stdlib.h>

static struct cur
cur_nul(const char *p, size_t n)
{
	return (struct cur){p, p + n};
}

static void
parse_is(const char *in, const char *want)
{
	char addr[ADDR_MAX + 1];
	int r = addr_parse(cur_of(in), addr);

	assert(r == (want ? 0 : -1));
	assert(strcmp(addr, want ? want : "") == 0);
	/* What is stored is read again as itself. */
	if (want) {
		assert(addr_parse(cur_of(want), addr) == 0);
		assert(strcmp(addr, want) == 0);
	}
}

static void
path_is(const char *in, const char *want, const char *rest)
{
	char addr[ADDR_MAX + 1];
	struct cur c = cur_of(in);
	int r = addr_path(&c, addr);

	assert(r == (want ? 0 : -1));
	if (want) {
		assert(strcmp(addr, want) == 0);
		assert(strcmp(c.p, rest) == 0);
	}
}

static void
test_parse(void)
{
	char addr[ADDR_MAX + 1];

	parse_is("bob@b.test", "bob@b.test");
	parse_is("bob", "bob");
	parse_is("Bob.B+tag@B.Test", "Bob.B+tag@B.Test");
	parse_is("\"bob\"@b.test", "bob@b.test");
	parse_is("\"b\\o\\b\"@b.test", "bob@b.test");
	parse_is("\"b b\"@b.test", "\"b b\"@b.test");
	parse_is("\"a@x.test\"@b.test", "\"a@x.test\"@b.test");
	parse_is("\"a@x.test\"", "\"a@x.test\"");
	parse_is("\"a\\\"b\\\\\"@b.test", "\"a\\\"b\\\\\"@b.test");
	parse_is("\"> NOTIFY=NEVER\"@x", "\"> NOTIFY=NEVER\"@x");
	parse_is("\"\"@b.test", "\"\"@b.test");
	parse_is("a..b@b.test", "\"a..b\"@b.test");
	parse_is("a.@b.test", "\"a.\"@b.test");
	parse_is("a%x@b.test", "a%x@b.test");
	parse_is("x!y@b.test", "x!y@b.test");
	parse_is("bob@b.test.", "bob@b.test");
	parse_is("bob@[127.0.0.1]", "bob@[127.0.0.1]");
	parse_is("bob@[IPv6:::1]", "bob@[IPv6:::1]");
	parse_is("bob@127.0.0.1", "bob@127.0.0.1");
	parse_is("bob@b_c.test", "bob@b_c.test");
	parse_is("j\xc3\xb6rg@b\xc3\xbc"
	         "cher.test",
	         "j\xc3\xb6rg@b\xc3\xbc"
	         "cher.test");
	parse_is("", NULL);
	parse_is("@b.test", NULL);
	parse_is("bob@", NULL);
	parse_is("bob@@b.test", NULL);
	parse_is("a@b@c", NULL);
	parse_is("bob@b..test", NULL);
	parse_is("bob@.", NULL);
	parse_is("bob@-b.test", NULL);
	parse_is("bob@b-.test", NULL);
	parse_is("bob@[1.2.3]", NULL);
	parse_is("bob@[::1]", NULL);
	parse_is("bob@[X-tag:1]", NULL);
	parse_is("bob@[1.2.3.4", NULL);
	parse_is("bob@xn--a", NULL); /* not an A-label */
	parse_is("bob@b\xef\xbc\xa0"
	         "c.test",
	         NULL); /* maps to an @ */
	parse_is("bob bob@b.test", NULL);
	parse_is("bob\n@b.test", NULL);
	parse_is("\"bob\n\"@b.test", NULL);
	parse_is("\"bob", NULL);
	parse_is("\"bob\\", NULL);
	parse_is("<bob@b.test>", NULL);
	parse_is("bob@b.test ", NULL);
	parse_is("j\xf6rg@b.test", NULL);
	parse_is("j\xc2\x80rg@b.test", NULL);
	parse_is("bob\x7f@b.test", NULL);
	assert(addr_parse(cur_nul("a\0b@c", 5), addr) < 0);
	assert(addr_parse(cur_nul("\"a\0b\"@c", 7), addr) < 0);
}

static void
test_path(void)
{
	path_is("<> SIZE=1", "", " SIZE=1");
	path_is("<bob@b.test> X", "bob@b.test", " X");
	path_is("<postmaster>", "postmaster", "");
	path_is("<@a.test,@c.test:bob@b.test>", "bob@b.test", "");
	path_is("<\"a>b\"@b.test>", "\"a>b\"@b.test", "");
	path_is("bob@b.test", NULL, NULL);
	path_is("<bob@b.test", NULL, NULL);
	path_is("<@a.test:>", NULL, NULL);
	path_is("<@a.test,b.test:c@d>", NULL, NULL);
	path_is("<@a.test bob@b.test>", NULL, NULL);
	path_is("< bob@b.test>", NULL, NULL);
	path_is("<j\xc3\xb6rg@b.test>", "j\xc3\xb6rg@b.test", "");
	path_is("", NULL, NULL);
}

static void
test_limits(void)
{
	char big[4096], addr[ADDR_MAX + 1];
	size_t n;

	for (n = 1; n < 700; n++) {
		memset(big, 'a', n);
		memcpy(big + n, "@b.test", 8);
		assert((addr_parse(cur_of(big), addr) == 0) ==
		       (n <= ADDR_LOCAL_MAX));
		/* each needs a backslash, two quotes around them */
		memset(big + 1, '"', n + 1);
		big[0] = '"';
		memcpy(big + n + 1, "\"@b.test", 9);
		addr_parse(cur_of(big), addr);
	}
	for (n = 1; n < 600; n++) {
		size_t i;

		memcpy(big, "b@", 2);
		for (i = 0; i < n; i++)
			big[2 + i] = i % 32 == 31 ? '.' : 'x';
		big[2 + n] = '\0';
		assert((addr_parse(cur_of(big), addr) == 0) ==
		       (n - (n % 32 == 0) <= 253 && n <= 254));
	}
	memset(big, 'x', 64);
	big[64] = '\0';
	assert(addr_to_ascii(big, addr) < 0);
	assert(addr_to_ascii(big + 1, addr) == 0);
}

static void
ascii_is(const char *in, const char *want)
{
	char out[ADDR_DOMAIN_MAX + 1];
	int r = addr_to_ascii(in, out);

	assert(r == (want ? 0 : -1));
	assert(!want || strcmp(out, want) == 0);
}

static void
test_domain(void)
{
	ascii_is("B.Test", "b.test");
	ascii_is("b.test.", "b.test");
	ascii_is("B\xc3\x9c"
	         "cher.Example",
	         "xn--bcher-kva.example");
	ascii_is("XN--BCHER-KVA.Example", "xn--bcher-kva.example");
	ascii_is("stra\xc3\x9f"
	         "e.example",
	         "xn--strae-oqa.example");
	ascii_is("a\xe3\x80\x82"
	         "b",
	         "a.b");
	ascii_is("[IPv6:0:0::1]", "[ipv6:::1]");
	ascii_is("[127.0.0.1]", "[127.0.0.1]");
	ascii_is("", NULL);
	ascii_is("a b", NULL);
	ascii_is("b\xfc"
	         "cher",
	         NULL);
	ascii_is("xn--bcher-kv\xc3\xa4.example", NULL);
	assert(addr_is_domain(cur_of("a.test")));
	assert(addr_is_domain(cur_of("[IPv6:::1]")));
	assert(!addr_is_domain(cur_of("")));
	assert(!addr_is_domain(cur_of("a b")));
	assert(!addr_is_domain(cur_of("b\xc3\xbc"
	                              "cher")));
	assert(!addr_is_domain(cur_nul("a\0", 2)));
}

static void
write_is(const char *in, const char *want)
{
	struct str s = {0};

	addr_write(&s, in);
	assert(strcmp(s.s, want) == 0);
	str_free(&s);
}

static void
test_look(void)
{
	assert(strcmp(addr_domain("bob@b.test"), "b.test") == 0);
	assert(strcmp(addr_domain("bob"), "") == 0);
	assert(strcmp(addr_domain("\"a@x\"@b.test"), "b.test") == 0);
	assert(strcmp(addr_domain("\"a\\\"@x\"@b.test"), "b.test") == 0);
	assert(addr_at("\"a@x\"") == NULL);
	assert(addr_at("\"a") == NULL);
	assert(addr_at("\"\\") == NULL);
	assert(addr_at("") == NULL);
	assert(addr_is_utf8("b\xc3\xbc"));
	assert(!addr_is_utf8("bob"));
	write_is("bob@b.test", "bob@b.test");
	write_is("\"a b\"@b.test", "\"a b\"@b.test");
	write_is("a b@b.test", "\"a b\"@b.test");
	write_is("a\"b", "\"a\\\"b\"");
	write_is("", "");
}

static int
collect(void *arg, const char *addr)
{
	str_addf(arg, "%s|", addr);
	return 0;
}

static void
list_is(const char *in, const char *want)
{
	struct str s = {0};
	int r;

	str_adds(&s, "");
	r = addr_list(cur_of(in), collect, &s);
	assert(r == (want ? 0 : -1));
	assert(!want || strcmp(s.s, want) == 0);
	str_free(&s);
}

static int
refuse(void *arg, const char *addr)
{
	(void)addr;
	++*(int *)arg;
	return -1;
}

static void
test_list(void)
{
	int n = 0;

	list_is("", "");
	list_is(" ,\n ,", "");
	list_is("a@b", "a@b|");
	list_is(" a@b,\n\tc@d (x, (y) \\) z) , bob", "a@b|c@d|bob|");
	list_is("Bob <a@b>, \"Lee, Kim\" <c@d>", "a@b|c@d|");
	list_is("J. R. Bob <a@b>,x@y", "a@b|x@y|");
	list_is("bob@b.test <bob@b.test>", "bob@b.test|");
	list_is("=?UTF-8?Q?J=C3=B6rg?= <a@b>", "a@b|");
	list_is("J\xf6rg <a@b>", "a@b|");
	list_is("undisclosed-recipients:;", "");
	list_is("friends: a@b, Kim <c@d>;, e@f", "a@b|c@d|e@f|");
	list_is("a@b; c@d;", "a@b|c@d|");
	list_is("<@x.test,@y.test:a@b>", "a@b|");
	list_is("a . b @ c . test", "a.b@c.test|");
	list_is("\"a\n b\"@c", "\"a b\"@c|");
	list_is("\"a,b\"@c,d", "\"a,b\"@c|d|");
	list_is("(c) a (c) @ (c) [127.0.0.1] (c)", "a@[127.0.0.1]|");
	list_is("[list] <a@b>", "a@b|");
	list_is("j\xc3\xb6rg@b", "j\xc3\xb6rg@b|");
	list_is("John Smith", NULL);
	list_is("a@b c@d", NULL);
	list_is("<a@b> <c@d>", NULL);
	list_is("<a@b> c", NULL);
	list_is("<a@b>.", NULL);
	list_is("<a@b", NULL);
	list_is("<>", NULL);
	list_is("a@b>", NULL);
	list_is("a@b (", NULL);
	list_is("a@b )", NULL);
	list_is("\"a", NULL);
	list_is("\"a\\", NULL);
	list_is("[a", NULL);
	list_is("a@b@c", NULL);
	list_is("a\\b@c", NULL);
	assert(addr_list(cur_of("a, b"), refuse, &n) < 0 && n == 1);
}

/* A megabyte of display name, of nested comments, of addresses. */
static void
test_big(void)
{
	size_t n = 1 << 20, i;
	char *big = malloc(n + 8);
	int count = 0;

	assert(big);
	memset(big, 'a', n);
	memcpy(big + n, " <a@b>", 7);
	list_is(big, "a@b|");
	memset(big, '(', n);
	list_is(big, NULL);
	for (i = 0; i + 2 <= n; i += 2)
		memcpy(big + i, "a,", 2);
	assert(addr_list((struct cur){big, big + n}, refuse, &count) < 0);
	free(big);
}

int
main(void)
{
	test_parse();
	test_path();
	test_limits();
	test_domain();
	test_look();
	test_list();
	test_big();
	return 0;
}
