/* needle - unit test of imapd/needle.c and form.c: the search against the plainest
 * one that there is, and what makes a message plain.
 * With: imapd/needle.c imapd/form.c imapd/fold.c imapd/field.c */
#include "imapd/form.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t seed = 7;

static size_t
pick(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % n);
}

static const char *
plainest(struct cur hay, struct cur text)
{
	size_t n = cur_len(&text);

	for (; cur_len(&hay) >= n; hay.p++)
		if (mem_ieq(hay.p, text.p, n))
			return hay.p;
	return NULL;
}

static void
check(struct cur hay, struct cur text)
{
	struct arena a = {0};
	struct needle n;

	needle_make(&n, &a, text);
	assert(needle_find(&n, hay) == plainest(hay, text));
	arena_free(&a);
}

/* Text of few letters, that many needles nearly fit. */
static void
random_ones(void)
{
	static const char letters[] = "aAbB\xc3 \nzZ@`[{";
	char hay[700], text[40];
	size_t round, i;

	for (round = 0; round < 40000; round++) {
		size_t few = 2 + pick(sizeof letters - 2);
		size_t n = pick(sizeof hay), m = pick(sizeof text);
		char *exact;

		for (i = 0; i < n; i++)
			hay[i] = letters[pick(few)];
		for (i = 0; i < m; i++)
			text[i] = letters[pick(few)];
		if (m <= n && pick(2))
			memcpy(hay + pick(n - m + 1), text, m);
		/* Nothing behind its end is looked at. */
		exact = mem_alloc(n);
		memcpy(exact, hay, n);
		check((struct cur){exact, exact + n},
		      (struct cur){text, text + m});
		free(exact);
	}
}

/* A million of one letter, and a needle that nearly fits everywhere. */
static void
hostile(void)
{
	enum { HAY = 1 << 20, TEXT = 1 << 16 };
	char *hay = mem_alloc(HAY), *text = mem_alloc(TEXT);
	struct arena a = {0};
	struct needle n;

	memset(hay, 'a', HAY);
	memset(text, 'A', TEXT);
	text[TEXT / 2] = 'b';
	needle_make(&n, &a, (struct cur){text, text + TEXT});
	assert(!needle_find(&n, (struct cur){hay, hay + HAY}));
	memcpy(hay + HAY - TEXT, text, TEXT);
	assert(needle_find(&n, (struct cur){hay, hay + HAY}) ==
	       hay + HAY - TEXT);
	arena_free(&a);
	free(hay);
	free(text);
}

static void
form_is(const char *raw, unsigned form)
{
	struct arena a = {0};
	struct signs signs;
	struct halves h;

	signs_make(&signs, &a);
	form_split(cur_of(raw), &h);
	assert(form_find(&signs, &h) == (FORM_KNOWN | form));
	arena_free(&a);
}

static void
content_is(const char *head, const char *fields)
{
	struct arena a = {0};
	struct signs signs;
	struct str x = {0};

	signs_make(&signs, &a);
	form_content(&signs, cur_of(head), &x);
	assert(strcmp(x.s, fields) == 0);
	str_free(&x);
	arena_free(&a);
}

static void
contents(void)
{
	content_is("", "\n");
	content_is("\n", "\n");
	content_is("From x\nA: b\n\n", "\n");
	content_is("From x\nA: content-type:\n content-type:\n\n", "\n");
	content_is("cONTENT-X: a\nContent-Y:\n\tb\n c\nContents: no\n"
	           "X: y\nContent-Z: d\r\n\r\n",
	           "cONTENT-X: a\nContent-Y:\n\tb\n c\nContent-Z: d\r\n\n");
	content_is("A: b\nContent-X: a", "Content-X: a\n");
}

static void
forms(void)
{
	char long_name[300] = "";
	const unsigned simple = FORM_PLAIN | FORM_SIMPLE;

	memset(long_name, 'x', 250);
	memcpy(long_name + 250, ": y\n\ntext", 10);
	form_is("", simple);
	form_is("\n", simple);
	form_is("From a b\n\ntext", simple);
	form_is("Subject: x\n\ntext", simple);
	/* That may be no field for the mailbox. */
	form_is(long_name, 0);
	/* The header has no end, and a text all the same. */
	form_is("Subject: x\ntext of it\n", 0);
	form_is(" Subject: x\n\n", 0);
	form_is("Subject: x\r\n\r\ntext base64", simple);
	form_is("Subject: =?utf-8?q?x?=\n\ntext", FORM_RAW);
	form_is("Subject: x\n\nt\xe9xt", FORM_RAW);
	form_is("Subject: \xe9\n\ntext", FORM_RAW);
	form_is("Content-Type: text/plain; charset=\"UTF-8\"\n\ntext", simple);
	form_is("Content-Type: text/plain;\n charset=utf-7\n\ntext", FORM_RAW);
	form_is("Content-Type: text/plain; charset*=utf-8\n\ntext", FORM_RAW);
	form_is("Content-Type: text/plain; charset=iso-2022-jp\n\ntext",
	        FORM_RAW);
	form_is("Content-Type: text/plain; charset=iso-8859-15\n\nx", simple);
	form_is("Content-Transfer-Encoding:\n BASE64\n\ntext", FORM_RAW);
	form_is("CONTENT-TRANSFER-ENCODING: Quoted-Printable\n\ntext",
	        FORM_RAW);
	form_is("X: y\nContent-Type: multipart/mixed\n\ntext", FORM_PLAIN);
	form_is("X: y\nContent-Type: multipart/mixed\n\nBase64", FORM_RAW);
	form_is("Content-Type: multipart/mixed\n\ntext", FORM_PLAIN);
	form_is("Content-Type:\n multipart/mixed\n\ntext", FORM_PLAIN);
	form_is("Content-Type: text/plain\nX: base64\n\ntext", simple);
	form_is("Content-Type: text/plain\nX: y\n"
	        "Content-Transfer-Encoding:\n base64\n\ntext",
	        FORM_RAW);
	form_is("X: y\nContent-Type: application/pdf\n\ntext", FORM_PLAIN);
	form_is("X: y\nContent-Type: text/plain\n"
	        "Content-Type: image/gif\n\ntext",
	        FORM_PLAIN);
}

int
main(void)
{
	random_ones();
	hostile();
	contents();
	forms();
	return 0;
}
