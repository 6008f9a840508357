/* envelope - unit test of what imapd makes of header fields and addresses.
 * With: imapd/field.c imapd/envelope.c imapd/address.c imapd/out.c */
#include "imapd/mime.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* LF to CRLF. */
static void
wire(struct str *s, const char *z)
{
	str_adds(s, "");
	for (; *z; z++) {
		if (*z == '\n')
			str_addc(s, '\r');
		str_addc(s, *z);
	}
}

static struct cur
all(const struct str *s)
{
	return str_cur(s);
}

static void
must_be(const char *in, const char *is, const char *want)
{
	if (strcmp(is, want) != 0) {
		fprintf(stderr, "%s\nis\n%s\nnot\n%s\n", in, is, want);
		abort();
	}
}

/* --- addresses --- */

/* A list, and what ENVELOPE has of it. */
static const char *const lists[] = {
    "",
    "NIL",
    " ,, (x) ,",
    "NIL",
    "joe@x",
    "((NIL NIL \"joe\" \"x\"))",
    "<joe@x>",
    "((NIL NIL \"joe\" \"x\"))",
    "Joe Doe <joe@x.y>, bob@z",
    "((\"Joe Doe\" NIL \"joe\" \"x.y\")(NIL NIL \"bob\" \"z\"))",
    "\"Joe \\\"Q\\\" Doe\" <joe@x>",
    "((\"Joe \\\"Q\\\" Doe\" NIL \"joe\" \"x\"))",
    "\"Doe, Joe\" <joe@x>, \"a\" \"b\"c <d@e>",
    "((\"Doe, Joe\" NIL \"joe\" \"x\")(\"a b c\" NIL \"d\" \"e\"))",
    "Joe. Q. Doe <joe@x>",
    "((\"Joe. Q. Doe\" NIL \"joe\" \"x\"))",
    "=?utf-8?q?J=C3=B6?= <j@x>",
    "((\"=?utf-8?q?J=C3=B6?=\" NIL \"j\" \"x\"))",
    "J\xc3\xb6 <j\xc3\xb6@\xc3\xa4>",
    "(({3}\r\nJ\xc3\xb6 NIL {3}\r\nj\xc3\xb6 {2}\r\n\xc3\xa4))",
    "\"\" <a@b>",
    "((NIL NIL \"a\" \"b\"))",
    "[list] Joe <a@b>",
    "((\"[list] Joe\" NIL \"a\" \"b\"))",

    /* comments, folds */
    "joe@x (Joe Doe)",
    "((\"Joe Doe\" NIL \"joe\" \"x\"))",
    "(a) joe (b (c) \\) \"d\") @ (e) x . y ( f\n  g )",
    "((\"f  g\" NIL \"joe\" \"x.y\"))",
    "joe (b (c) \\) \"d\") @x",
    "((\"b (c) ) \\\"d\\\"\" NIL \"joe\" \"x\"))",
    "(a) Joe (b)\n\tDoe <joe @ x\n .y> (c), ()joe@x",
    "((\"Joe Doe\" NIL \"joe\" \"x.y\")(NIL NIL \"joe\" \"x\"))",
    "\"Joe\n Doe\" <joe@x>",
    "((\"Joe Doe\" NIL \"joe\" \"x\"))",

    /* groups */
    "Undisclosed recipients:;",
    "((NIL NIL \"Undisclosed recipients\" NIL)(NIL NIL NIL NIL))",
    "a@b, \"G x\" : c@d, E <e@f> ; (x), g@h",
    "((NIL NIL \"a\" \"b\")(NIL NIL \"G x\" NIL)(NIL NIL \"c\" \"d\")(\"E\" "
    "NIL "
    "\"e\" \"f\")(NIL NIL NIL NIL)(NIL NIL \"g\" \"h\"))",
    "G: a@b",
    "((NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL))",
    "G: <a@b>;,H:c;",
    "((NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)(NIL NIL \"H\" "
    "NIL)(NIL NIL \"c\" \"MISSING_DOMAIN\")(NIL NIL NIL NIL))",
    "G: a@b; c@d",
    "((NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)(NIL NIL \"c\" "
    "\"d\"))",
    ":;",
    "((NIL NIL \"\" NIL)(NIL NIL NIL NIL))",
    "a:b@c:d@e;;",
    "((NIL NIL \"a\" NIL)(NIL NIL \"b\" \"c\")(NIL NIL \"d\" \"e\")(NIL NIL "
    "NIL "
    "NIL))",

    /* obsolete forms (RFC 5322 4.4) */
    "<@a,@b:c@d>, X < @ a . b : c@d >",
    "((NIL \"@a,@b\" \"c\" \"d\")(\"X\" \"@a.b\" \"c\" \"d\"))",
    "a . b . c @ d",
    "((NIL NIL \"a.b.c\" \"d\"))",
    "\"joe doe\"@x, a.\"b c\"@d",
    "((NIL NIL \"joe doe\" \"x\")(NIL NIL \"a.b c\" \"d\"))",
    "joe@[1.2.3.4], joe@[IPv6:::1]",
    "((NIL NIL \"joe\" \"[1.2.3.4]\")(NIL NIL \"joe\" \"[IPv6:::1]\"))",

    /* what is missing, and rubbish */
    "joe",
    "((NIL NIL \"joe\" \"MISSING_DOMAIN\"))",
    "<joe>",
    "((NIL NIL \"joe\" \"MISSING_DOMAIN\"))",
    "Joe Doe, \"Joe\"",
    "((\"Joe Doe\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")(\"Joe\" NIL "
    "\"MISSING_MAILBOX\" \"MISSING_DOMAIN\"))",
    "<>, @x, joe@",
    "((NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")(NIL NIL "
    "\"MISSING_MAILBOX\" \"x\")(NIL NIL \"joe\" \"MISSING_DOMAIN\"))",
    "Joe Doe joe@x",
    "((\"Joe Doe\" NIL \"joe\" \"x\"))",
    "joe@x <joe@x>",
    "((\"joe@x\" NIL \"joe\" \"x\"))",
    "joe@x bob@y, a@b@c",
    "((NIL NIL \"joe\" \"x\")(NIL NIL \"a\" \"b\"))",
    "a@b; c@d",
    "((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))",
    "<a@b>; c@d",
    "((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))",
    "Joe <joe@x, Bob <bob@y",
    "((\"Joe\" NIL \"joe\" \"x\")(\"Bob\" NIL \"bob\" \"y\"))",
    "Joe joe@x>, <<a@b>>, Joe <c@d> junk",
    "((\"Joe\" NIL \"joe\" \"x\")(NIL NIL \"a\" \"b\")(\"Joe\" NIL \"c\" "
    "\"d\"))",
    "joe@x (no end, bob@y",
    "((\"no end, bob@y\" NIL \"joe\" \"x\"))",
    "\"no end <joe@x>",
    "((\"no end <joe@x>\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\"))",
    "\"a\\",
    "((\"a\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\"))",
    "a@[b, <@a, <@b",
    "((NIL NIL \"a\" \"[b\")(NIL NIL \"MISSING_MAILBOX\" \"a\")(NIL NIL "
    "\"MISSING_MAILBOX\" \"b\"))",
};

static void
test_lists(void)
{
	size_t i;

	for (i = 0; i < sizeof lists / sizeof *lists; i += 2) {
		struct str s = {0}, x = {0}, want = {0};

		str_adds(&s, "To: ");
		wire(&s, lists[i]);
		str_adds(&s, "\r\n\r\n");
		envelope_write(&x, all(&s));
		str_addf(&want, "(NIL NIL NIL NIL NIL %s NIL NIL NIL NIL)",
		         lists[i + 1]);
		must_be(lists[i], x.s, want.s);
		str_free(&s);
		str_free(&x);
		str_free(&want);
	}
}

/* --- envelopes --- */

static const char *const envelopes[] = {
    /* RFC 9051 8 */
    "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\n"
    "From: Terry Gray <gray@cac.washington.edu>\n"
    "Subject: IMAP4rev2 WG mtg summary and minutes\n"
    "To: imap@cac.washington.edu\n"
    "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\n"
    "Message-Id: <B27397-0100000@cac.washington.edu>\nMIME-Version: 1.0\n"
    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\n\n",
    "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" "
    "\"IMAP4rev2 WG mtg summary and minutes\" "
    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
    "((NIL NIL \"imap\" \"cac.washington.edu\")) "
    "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
    "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
    "\"<B27397-0100000@cac.washington.edu>\")",
    "",
    "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
    "\nFrom: a@b\n",
    "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
    /* there, but empty */
    "Date:\nSubject: \n \nFrom:\nSender: ,\nTo:\nIn-Reply-To:\nMessage-ID:",
    "(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")",
    /* defaults */
    "From: a@b, c@d\nSender: e@f\nReply-To: (x)\n",
    "(NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) "
    "((NIL NIL \"e\" \"f\")) ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL "
    "NIL "
    "NIL NIL NIL)",
    "Reply-To: a@b\nBcc: c@d\n",
    "(NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")) NIL NIL ((NIL NIL \"c\" \"d\")) "
    "NIL "
    "NIL)",
    /* more than one */
    "To: a@b\nSubject: one\nTO: c@d\nSubject: two\nDate: 1\nto : \"e\nDate: 2\n"
    "To: f@g\nMessage-Id: <1>\nMessage-Id: <2>\n",
    "(\"1\" \"one\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" "
    "\"d\")(\"e\" "
    "NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")(NIL NIL \"f\" \"g\")) NIL NIL "
    "NIL "
    "\"<1>\")",
    /* folds, bytes that a quoted string cannot hold, names that begin alike */
    "Subject:\n  =?utf-8?q?a?=\n  \"b\\\"  \nIn-Reply-To: <a@b>\n <c@d> (x)\n"
    "Dates: x\nDat: y\nSubjects : z\njunk\n",
    "(NIL \"=?utf-8?q?a?=  \\\"b\\\\\\\"\" NIL NIL NIL NIL NIL NIL "
    "\"<a@b> <c@d> (x)\" NIL)",
    "Subject: \xe9\n",
    "(NIL {1}\r\n\xe9 NIL NIL NIL NIL NIL NIL NIL NIL)",
};

static void
test_envelopes(void)
{
	size_t i;

	for (i = 0; i < sizeof envelopes / sizeof *envelopes; i += 2) {
		struct str s = {0}, x = {0};

		wire(&s, envelopes[i]);
		envelope_write(&x, all(&s));
		must_be(envelopes[i], x.s, envelopes[i + 1]);
		str_clear(&x);
		envelope_write(&x, cur_of(envelopes[i])); /* LF */
		must_be(envelopes[i], x.s, envelopes[i + 1]);
		str_free(&s);
		str_free(&x);
	}
}

/* --- fields --- */

/* The value of the first field of that name. */
static struct cur
header_field(struct arena *a, struct cur header, const char *name)
{
	struct cur field, body;

	while (header_next(&header, &field))
		if (header_is(field, name, &body))
			return header_value(a, body);
	return (struct cur){NULL, NULL};
}

static void
test_field(void)
{
	static const char nul[] = "A\0: x\r\nB: y\0z\r\n\r\n";
	struct cur h = {nul, nul + sizeof nul - 1}, v;
	struct arena a = {0};

	v = header_field(&a, h, "b");
	assert(cur_len(&v) == 3 && memcmp(v.p, "y\0z", 3) == 0);
	assert(!header_field(&a, h, "A").p && !header_field(&a, h, "").p);
	h = cur_of(
	    "To: a\r\nX: \r\nto: b\r\nLong: a\r\n b\n\tc \r\n\r\nIn: body");
	v = header_field(&a, h, "TO");
	assert(cur_is(&v, "a"));
	v = header_field(&a, h, "X");
	assert(v.p && cur_len(&v) == 0);
	assert(a.total == 0); /* on one line it costs nothing */
	v = header_field(&a, h, "long");
	assert(cur_is(&v, "a b\tc") && a.total > 0);
	assert(!header_field(&a, h, "In").p && !header_field(&a, h, "T").p);
	arena_free(&a);
}

/* One after the other, as SORT and THREAD take them. */
static void
test_next(void)
{
	struct arena a = {0};
	struct address_list l = {.c = cur_of("g: Joe <a@b>;"), .arena = &a};
	struct address x;

	assert(address_next(&l, &x) && x.group_begin && !x.group_end);
	assert(cur_is(&x.mailbox, "g") && !x.host.p && !x.name.p);
	assert(address_next(&l, &x) && !x.group_begin && !x.group_end);
	assert(cur_is(&x.name, "Joe") && cur_is(&x.host, "b"));
	assert(address_next(&l, &x) && x.group_end && !x.mailbox.p);
	assert(!address_next(&l, &x) && !address_next(&l, &x));
	arena_free(&a);
}

/* --- much --- */

static void
repeat(struct str *s, const char *z, size_t n)
{
	while (n-- > 0)
		str_adds(s, z);
}

static size_t
count(const struct str *x, const char *what)
{
	size_t len = strlen(what), n = 0, i;

	for (i = 0; i + len <= x->n; i++)
		n += memcmp(x->s + i, what, len) == 0;
	return n;
}

static void
test_many(void)
{
	static const char *const rubbish[] = {
	    "(",  "\"",   "<",   "@[",  "<@a,", "\\",    ":;", "a:", "((a)",
	    "<>", "@\t[", "<@:", "\" ", "a ",   "\r\n ", ".",  ",",  "a,"};
	struct str s = {0}, x = {0};
	size_t i;

	repeat(&s, "To: a@b\r\n", 100000);
	envelope_write(&x, all(&s));
	assert(count(&x, "\"a\" \"b\"") == 100000);
	str_clear(&s);
	str_clear(&x);
	str_adds(&s, "From: ");
	repeat(&s, "a@b,\r\n ", 99999);
	envelope_write(&x, all(&s));
	assert(count(&x, "\"a\" \"b\"") == 3 * 99999);
	/* Beyond the limit none comes, and no end without a beginning. */
	str_clear(&s);
	str_clear(&x);
	str_adds(&s, "To: ");
	repeat(&s, ":;", 200000);
	envelope_write(&x, all(&s));
	i = count(&x, "\"\" NIL)");
	assert(i == count(&x, "(NIL NIL NIL NIL)") && i <= ENVELOPE_ADDRESSES);
	for (i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
		str_clear(&s);
		str_clear(&x);
		str_adds(&s, "From: ");
		repeat(&s, rubbish[i], (1 << 20) / strlen(rubbish[i]));
		envelope_write(&x, all(&s));
		assert(x.n > 2 && x.s[x.n - 1] == ')');
	}
	str_free(&s);
	str_free(&x);
}

int
main(void)
{
	clock_t from = clock();

	test_lists();
	test_envelopes();
	test_field();
	test_next();
	test_many();
	/* All of it, with a sanitizer too. */
	assert(clock() - from < 10 * CLOCKS_PER_SEC);
	return 0;
}
