/* mime - unit test of what imapd makes of the structure of messages, in one
 * portion and in pieces.
 * With: imapd/mime.c imapd/mimehead.c imapd/param.c imapd/field.c imapd/structure.c imapd/envelope.c imapd/address.c imapd/out.c */
#include "imapd/mime.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* LF to CRLF. */
static void
wire(struct str *s, const char *z)
{
	for (; *z; z++) {
		if (*z == '\n')
			str_addc(s, '\r');
		str_addc(s, *z);
	}
}

static struct part *
parse(struct arena *a, const struct str *s, size_t step)
{
	struct mime *m = mime_open(a);
	size_t i;

	for (i = 0; i < s->n; i += step)
		mime_feed(m, s->s + i, s->n - i < step ? s->n - i : step);
	return mime_end(m);
}

static void
structure_of(struct str *x, const struct str *s, size_t step, bool ext)
{
	struct arena a = {0};

	structure_write(x, parse(&a, s, step), ext);
	arena_free(&a);
}

#define TEXT(octets, lines)                                       \
	"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL " \
	"\"7bit\" " #octets " " #lines ")"
#define NOBODY  TEXT(0, 0)
#define MIXED   "Content-Type: multipart/mixed; boundary="
#define ENV_X   "(NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL)"
#define ENV_NIL "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
#define MESSAGE "\"message\" \"rfc822\" NIL NIL NIL "
#define OCTETS  "(\"application\" \"octet-stream\" "

/* Messages and what BODY says of them. */
static const char *const bodies[] = {
    /* no MIME at all */
    "",
    NOBODY,
    "\n",
    NOBODY,
    "x",
    TEXT(1, 0),
    "Subject: x\n",
    NOBODY,
    "Subject: x",
    NOBODY,
    "Subject: x\n\n",
    NOBODY,
    "Subject: x\n\na\nb\n",
    TEXT(6, 2),
    "Subject: x\n\na\nb",
    TEXT(4, 1),
    "Subject: x\nno field\n\nb",
    TEXT(13, 2),
    " a: b\n\n",
    TEXT(9, 2),
    "From jo Sat\nContent-Type: text/a\n\nb",
    "(\"text\" \"a\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0)",

    /* Content-Type as it comes */
    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\n\nx",
    "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 1 0)",
    "content-TYPE :\n image/png (a (b) \\) c) ;\n\tname=(d)\"e\\\"f g\"\n\nx",
    "(\"image\" \"png\" (\"name\" \"e\\\"f g\") NIL NIL \"7bit\" 1)",
    "Content-Type: text\n\n",
    NOBODY,
    "Content-Type: text/\n\n",
    NOBODY,
    "Content-Type: /plain\n\n",
    NOBODY,
    "Content-Type: ;\n\n",
    NOBODY,
    "Content-Type:\n\n",
    NOBODY,
    "Content-Type: text; charset=a\n\n",
    "(\"text\" \"plain\" (\"charset\" \"a\") NIL NIL \"7bit\" 0 0)",
    "Content-Type: image; name=a\n\n",
    OCTETS "(\"name\" \"a\") NIL NIL \"7bit\" 0)",
    "Content-Type: image/x\nContent-Type: text/y\n\n",
    "(\"image\" \"x\" NIL NIL NIL \"7bit\" 0)",
    "Content-Type: \"te\\xt\" / \"a\"\n\n",
    "(\"text\" \"a\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)",
    "Content-Type: t\xe9/x\n\n",
    "({2}\r\nt\xe9 \"x\" NIL NIL NIL \"7bit\" 0)",
    "Content-Type: a/b;; c=d e=f g; =h; i=; j=k=l/m\n\n",
    "(\"a\" \"b\" (\"c\" \"d\" \"e\" \"f\" \"i\" \"\" \"j\" \"k=l/m\") NIL NIL "
    "\"7bit\" 0)",
    "Content-Type: a/b; c=\"d\n\n",
    "(\"a\" \"b\" (\"c\" \"d\") NIL NIL \"7bit\" 0)",

    /* RFC 2231: its own examples, then wrong ones */
    "Content-Type: message/external-body; access-type=URL;\n"
    " URL*0=\"ftp://\";\n URL*1=\"cs.utk.edu/pub/moore/"
    "bulk-mailer/bulk-mailer.tar\"\n\n",
    "(\"message\" \"external-body\" (\"access-type\" \"URL\" \"URL\" "
    "\"ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\") NIL NIL "
    "\"7bit\" 0)",
    "Content-Type: application/x-stuff;\n"
    " title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A\n\n",
    "(\"application\" \"x-stuff\" (\"title*\" "
    "\"us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A\") NIL NIL \"7bit\" "
    "0)",
    "Content-Type: application/x-stuff\n"
    " title*0*=us-ascii'en'This%20is%20even%20more%20\n"
    " title*1*=%2A%2A%2Afun%2A%2A%2A%20\n title*2=\"isn't it!\"\n\n",
    "(\"application\" \"x-stuff\" (\"title*\" \"us-ascii'en'This%20is%20"
    "even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!\") NIL NIL \"7bit\" "
    "0)",
    "Content-Type: a/b; n*1=2; m=x; N*0=1\n\n",
    "(\"a\" \"b\" (\"m\" \"x\" \"N\" \"12\") NIL NIL \"7bit\" 0)",
    "Content-Type: a/b; n*0=1; n*1*=%20\n\n",
    "(\"a\" \"b\" (\"n*\" \"''1%20\") NIL NIL \"7bit\" 0)",
    MIXED "b\n\n--b\nContent-Type: a/b; n*0=1; x=y\n\n--b\n\n1\n--b--\n",
    "((\"a\" \"b\" (\"x\" \"y\" \"n\" \"1\") NIL NIL \"7bit\" 0)" TEXT(
        1, 0) " \"mixed\")",
    "Content-Type: a/b; n*0=1; n*2=3; m*1=x; o*0=1; o*0=2; n*x=y; *0=z\n\n",
    "(\"a\" \"b\" (\"n*x\" \"y\" \"*0\" \"z\" \"m*1\" \"x\" \"n*0\" \"1\" "
    "\"n*2\" "
    "\"3\" \"o*0\" \"1\" \"o*0\" \"2\") NIL NIL \"7bit\" 0)",

    /* multiparts */
    MIXED
    "b\n\npre\n--b\n\none\n--b\nContent-Type: a/b\n\ntwo\n\n--b--\npost\n",
    "(" TEXT(3, 0) "(\"a\" \"b\" NIL NIL NIL \"7bit\" 5) \"mixed\")",
    MIXED "\"gc0p4Jq0 2:?\"\n\n--gc0p4Jq0 2:?\n\nx\n--gc0p4Jq0 2:?--",
    "(" TEXT(1, 0) " \"mixed\")",
    MIXED "----=_a\n\n------=_a\n\nx\n------=_a--\n",
    "(" TEXT(1, 0) " \"mixed\")",
    "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n\n--ab\n\nx\n"
    "--ab--\n",
    "(" TEXT(1, 0) " \"mixed\")",
    MIXED "\"b \"\n\n--b\n\nx\n--b--\n",
    "(" TEXT(1, 0) " \"mixed\")",
    MIXED "b\n\n--b \t\n\nx\n--b-- \nno\n",
    "(" TEXT(1, 0) " \"mixed\")",
    MIXED "b\n\n--bx\n\nx\n -- b\n--b--x\n",
    "(" TEXT(8, 1) " \"mixed\")",
    MIXED "b\n\n--b\n\n--c\n--\n-\n--b--\n",
    "(" TEXT(10, 2) " \"mixed\")",
    /* ... that end too early, or never began */
    MIXED "b\n\n--b\n\nx\ny\n",
    "(" TEXT(6, 2) " \"mixed\")",
    MIXED "b\n\n--b\n\nx\n--b",
    "(" TEXT(1, 0) NOBODY " \"mixed\")",
    MIXED "b\n\n--b\n--b\n\n--b\n\n\n--b--",
    "(" NOBODY NOBODY NOBODY " \"mixed\")",
    MIXED "b\n--b\n\nx\n--b--",
    "(" TEXT(1, 0) " \"mixed\")",
    MIXED "b\n\n--b--\n--b\n\nx\n",
    "(" NOBODY " \"mixed\")",
    MIXED "b\n\nx\n",
    "(" NOBODY " \"mixed\")",
    MIXED "b",
    "(" NOBODY " \"mixed\")",
    MIXED "\"\"\n\n--\n\nx\n----\n",
    "(" NOBODY " \"mixed\")",
    "Content-Type: multipart/alternative\n\nx\n",
    "(" NOBODY " \"alternative\")",
    "Content-Type: multipart/\n\nx\n",
    "(" NOBODY " \"mixed\")",
    /* ... whose parts lack a header or the line behind it */
    MIXED "b\n\n--b\nno header\n--b\nX: y\n--b\nContent-Type: text/a\nz\n--b--",
    "(" TEXT(9, 0) NOBODY "(\"text\" \"a\" (\"charset\" \"us-ascii\") NIL NIL "
                          "\"7bit\" 1 0) \"mixed\")",
    /* ... in one another */
    MIXED "a\n\n--a\n" MIXED "b\n\n--b\n\n1\n--b--\nepi\n--a\n\n2\n--a--\n",
    "((" TEXT(1, 0) " \"mixed\")" TEXT(1, 0) " \"mixed\")",
    MIXED "a\n\n--a\n" MIXED "b\n\n--b\n\n1\n--a\n\n22\n--a--\n",
    "((" TEXT(1, 0) " \"mixed\")" TEXT(2, 0) " \"mixed\")",
    MIXED "a\n\n--a\n" MIXED "b\n\n--b\n\n1\n--a--\n\n22\n--b\n",
    "((" TEXT(1, 0) " \"mixed\") \"mixed\")",
    MIXED "a\n\n--a\n" MIXED "ab\n\n--ab\n\n1\n--ab--\n--a\n\n22\n--a--\n",
    "((" TEXT(1, 0) " \"mixed\")" TEXT(2, 0) " \"mixed\")",
    MIXED "a\n\n--a\n" MIXED "b\n--a\n\nx\n--b\n\ny\n--a--\n",
    "((" NOBODY " \"mixed\")" TEXT(11, 3) " \"mixed\")",
    MIXED "ab\n\n--ab\n" MIXED "a\n\n--a\n\n1\n--a--\n--ab\n\n22\n--ab--\n",
    "((" TEXT(1, 0) " \"mixed\")" TEXT(2, 0) " \"mixed\")",
    MIXED "a--\n\n--a--\n" MIXED "a\n\n--a\n\n1\n--a--\n\n22\n--a----\n",
    "((" TEXT(1, 0) " \"mixed\")" TEXT(2, 0) " \"mixed\")",
    MIXED "a\n\n--a\n" MIXED "a\n\n--a\n\n1\n--a--\n--a\n\n22\n--a--\n",
    "((" TEXT(1, 0) " \"mixed\")" TEXT(2, 0) " \"mixed\")",

    /* messages inside */
    "Content-Type: message/rfc822\n\nSubject: x\n\ny\n",
    "(" MESSAGE "\"7bit\" 17 " ENV_X " " TEXT(3, 1) " 3)",
    "Content-Type: message/global\n\nSubject: x\n\ny\n",
    "(\"message\" \"global\" NIL NIL NIL \"7bit\" 17 " ENV_X
    " " TEXT(3, 1) " 3)",
    "Content-Type: message/rfc822\n\n>From jo\nSubject: x\n\ny\n",
    "(" MESSAGE "\"7bit\" 27 " ENV_X " " TEXT(3, 1) " 4)",
    "Content-Type: message/rfc822\n\nno header\n",
    "(" MESSAGE "\"7bit\" 11 " ENV_NIL " " TEXT(11, 1) " 1)",
    "Content-Type: message/rfc822\nno header",
    "(" MESSAGE "\"7bit\" 9 " ENV_NIL " " TEXT(9, 0) " 0)",
    "Content-Type: message/rfc822\n\n",
    "(" MESSAGE "\"7bit\" 0 " ENV_NIL " " NOBODY " 0)",
    "Content-Type: message/rfc822",
    "(" MESSAGE "\"7bit\" 0 " ENV_NIL " " NOBODY " 0)",
    "Content-Type: message/delivery-status\n\nA: b\n\nC: d\n",
    "(\"message\" \"delivery-status\" NIL NIL NIL \"7bit\" 14)",
    MIXED "b\n\n--b\nContent-Type: message/rfc822\n\n--b\n"
          "Content-Type: message/rfc822\n--b\nContent-Type: message/rfc822\n\n"
          "Subject: x\n--b--\n",
    "((" MESSAGE "\"7bit\" 0 " ENV_NIL " " NOBODY " 0)(" MESSAGE
    "\"7bit\" 0 " ENV_NIL " " NOBODY " 0)(" MESSAGE "\"7bit\" 10 " ENV_X
    " " NOBODY " 0) \"mixed\")",
    "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n"
    "--b\nContent-Type: text/plain\n\nz\n--b--\n",
    "((" MESSAGE "\"7bit\" 15 " ENV_X
    " " TEXT(1, 0) " 2)" TEXT(1, 0) " \"digest\")",
    "Content-Type: message/rfc822\n\n" MIXED "b\n\n--b\n\n1\n--b--\n",
    "(" MESSAGE "\"7bit\" 62 " ENV_NIL " (" TEXT(1, 0) " \"mixed\") 6)",

    /* encodings that may not be there (RFC 2045 6.4) */
    "Content-Type: message/rfc822\nContent-Transfer-Encoding: Base64\n\nU3Vi\n",
    OCTETS "NIL NIL NIL \"Base64\" 6)",
    MIXED "b\nContent-Transfer-Encoding: base64 (x)\n\nU3Vi\n",
    OCTETS "(\"boundary\" \"b\") NIL NIL \"base64\" 6)",
    MIXED "b\nContent-Transfer-Encoding: quoted-printable\n\n--b\n\nx\n--b--\n",
    "(" TEXT(1, 0) " \"mixed\")",
};

/* The same for BODYSTRUCTURE. */
static const char *const structures[] = {
    "Content-Type: image/png\nContent-ID: <a@b>\n"
    "Content-Description: a  b\n c\nContent-Transfer-Encoding: base64\n"
    "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\nContent-Language: en, de (x) ,\n"
    "Content-Disposition: attachment; filename=\"a b.png\";\n size=1\n"
    "Content-Location: http://x/\n\nx",
    "(\"image\" \"png\" NIL \"<a@b>\" \"a  b c\" \"base64\" 1 "
    "\"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"attachment\" (\"filename\" \"a b.png\" "
    "\"size\" \"1\")) (\"en\" \"de\") \"http://x/\")",
    "Content-Type: image/png\nContent-ID:\nContent-Disposition: ;a=b\n"
    "Content-Language: ,\nContent-Transfer-Encoding:\n\nx",
    "(\"image\" \"png\" NIL \"\" NIL \"7bit\" 1 NIL NIL NIL NIL)",
    "Content-Disposition: \"inline\" x\nContent-Language: en us\n\n",
    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL "
    "(\"inline\" NIL) (\"en\") NIL)",
    MIXED "b; x=\"\"\nContent-Disposition: inline\n\n--b--\n",
    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL "
    "NIL NIL NIL) \"mixed\" (\"boundary\" \"b\" \"x\" \"\") (\"inline\" NIL) "
    "NIL NIL)",
    "Content-Type: message/rfc822\nContent-Language: en\n\nSubject: x\n\n",
    "(" MESSAGE "\"7bit\" 14 " ENV_X " (\"text\" \"plain\" (\"charset\" "
    "\"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL) 2 NIL NIL (\"en\") "
    "NIL)",
    /* RFC 2049, appendix A, with shorter texts */
    "MIME-Version: 1.0\nFrom: Nathaniel Borenstein <nsb@nsb.fv.com>\n"
    "Content-Type: multipart/mixed;\n              boundary=unique-boundary-1\n"
    "\nThis is the preamble.\n\n--unique-boundary-1\n\n  ... Some text\n\n"
    "--unique-boundary-1\nContent-type: text/plain; charset=US-ASCII\n\n"
    "This could have been\npart of it.\n\n--unique-boundary-1\n"
    "Content-Type: multipart/parallel; boundary=unique-boundary-2\n\n"
    "--unique-boundary-2\nContent-Type: audio/basic\n"
    "Content-Transfer-Encoding: base64\n\n  ... data\n\n"
    "--unique-boundary-2\nContent-Type: image/jpeg\n"
    "Content-Transfer-Encoding: base64\n\n  ... more\n\n"
    "--unique-boundary-2--\n\n--unique-boundary-1\n"
    "Content-type: text/enriched\n\nThis is <bold>it</bold>\n\n"
    "--unique-boundary-1\nContent-Type: message/rfc822\n\n"
    "From: (mailbox in US-ASCII)\nTo: (address in US-ASCII)\n"
    "Subject: (subject in US-ASCII)\n"
    "Content-Type: Text/plain; charset=ISO-8859-1\n"
    "Content-Transfer-Encoding: Quoted-printable\n\n  ... text\n\n"
    "--unique-boundary-1--\n",
    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 17 1 NIL "
    "NIL NIL NIL)(\"text\" \"plain\" (\"charset\" \"US-ASCII\") NIL NIL "
    "\"7bit\" 35 2 NIL NIL NIL NIL)((\"audio\" \"basic\" NIL NIL NIL "
    "\"base64\" 12 NIL NIL NIL NIL)(\"image\" \"jpeg\" NIL NIL NIL \"base64\" "
    "12 NIL NIL NIL NIL) \"parallel\" (\"boundary\" \"unique-boundary-2\") NIL "
    "NIL NIL)(\"text\" \"enriched\" (\"charset\" \"us-ascii\") NIL NIL "
    "\"7bit\" 25 1 NIL NIL NIL NIL)(\"message\" \"rfc822\" NIL NIL NIL "
    "\"7bit\" 193 (NIL \"(subject in US-ASCII)\" NIL NIL NIL NIL NIL NIL NIL "
    "NIL) (\"Text\" \"plain\" (\"charset\" \"ISO-8859-1\") NIL NIL "
    "\"Quoted-printable\" 12 1 NIL NIL NIL NIL) 7 NIL NIL NIL NIL) \"mixed\" "
    "(\"boundary\" \"unique-boundary-1\") NIL NIL NIL)",
};

static void
structure_is(const char *in, bool ext, const char *want)
{
	struct str s = {0}, x = {0};
	size_t step;

	wire(&s, in);
	for (step = 1; step < 9 || step == 1000;
	     step = step == 8 ? 1000 : step + 1) {
		str_clear(&x);
		structure_of(&x, &s, step, ext);
		if (strcmp(x.s, want) != 0) {
			fprintf(stderr, "%s\nis\n%s\nnot\n%s\n", in, x.s, want);
			abort();
		}
	}
	str_free(&s);
	str_free(&x);
}

static void
test_structures(void)
{
	size_t i;

	for (i = 0; i < sizeof bodies / sizeof *bodies; i += 2)
		structure_is(bodies[i], false, bodies[i + 1]);
	for (i = 0; i < sizeof structures / sizeof *structures; i += 2)
		structure_is(structures[i], true, structures[i + 1]);
}

/* --- places and numbers --- */

static void
text_is(const struct str *s, uint64_t from, uint64_t to, const char *want)
{
	struct str w = {0};

	str_adds(&w, "");
	wire(&w, want);
	assert(to - from == w.n && memcmp(s->s + from, w.s, w.n) == 0);
	str_free(&w);
}

static const struct part *
find(const struct part *root, uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t v[3] = {a, b, c};

	return mime_find(root, v, c ? 3 : b ? 2 : a ? 1 : 0);
}

static void
test_find(void)
{
	struct arena a = {0};
	struct str s = {0};
	const struct part *root, *p;

	wire(&s,
	     MIXED "b\n\n--b\nX: 1\n\none\n--b\nContent-Type: message/rfc822\n"
	           "\nSubject: in\n" MIXED "c\n\n--c\n\ntwo\n--c\n\n3\n"
	           "--c--\n\n--b\nContent-Type: message/rfc822\n\nA: b\n\nfour"
	           "\n--b--\n");
	root = parse(&a, &s, s.n);
	assert(find(root, 0, 0, 0) == root && root->end == s.n);
	text_is(&s, root->head, root->body, MIXED "b\n\n");
	p = find(root, 1, 0, 0);
	text_is(&s, p->head, p->body, "X: 1\n\n");
	text_is(&s, p->body, p->end, "one");
	assert(!find(root, 1, 1, 0) && !find(root, 4, 0, 0));
	p = find(root, 2, 0, 0);
	text_is(&s, p->head, p->body, "Content-Type: message/rfc822\n\n");
	assert(p->kind == MIME_MESSAGE && p->lines == 10);
	assert(p->child->head == p->body && p->child->end == p->end);
	text_is(&s, p->child->head, p->child->body,
	        "Subject: in\n" MIXED "c\n\n");
	assert(cur_len(&p->child->header) == p->child->body - p->body - 2);
	p = find(root, 2, 1, 0);
	text_is(&s, p->body, p->end, "two");
	p = find(root, 2, 2, 0);
	text_is(&s, p->body, p->end, "3");
	assert(!find(root, 2, 3, 0) && !find(root, 2, 1, 1));
	p = find(root, 3, 1, 0);
	text_is(&s, p->body, p->end, "four");
	assert(p == find(root, 3, 0, 0)->child && !find(root, 3, 2, 0));
	arena_free(&a);

	str_clear(&s);
	wire(&s, "Content-Type: message/rfc822\n\nA: b\n\nx");
	root = parse(&a, &s, s.n);
	assert(find(root, 1, 0, 0) == root && !find(root, 2, 0, 0));
	p = find(root, 1, 1, 0);
	text_is(&s, p->body, p->end, "x");
	assert(p == root->child && !find(root, 1, 1, 1));
	arena_free(&a);
	str_free(&s);
}

/* --- limits --- */

static void
repeat(struct str *s, const char *z, size_t n)
{
	while (n-- > 0)
		str_adds(s, z);
}

static size_t
depth_of(const struct part *p)
{
	size_t n = 1;

	for (; p->child; p = p->child)
		n++;
	return n;
}

static size_t
parts_of(const struct part *p)
{
	const struct part *c;
	size_t n = 1;

	for (c = p->child; c; c = c->next)
		n += parts_of(c);
	return n;
}

/* A tree of this size in little memory, and an answer. */
static void
size_is(const struct str *s, size_t parts, size_t depth)
{
	struct arena a = {0};
	struct str x = {0};
	struct part *root = parse(&a, s, 65536);

	assert(parts_of(root) == parts && depth_of(root) == depth);
	structure_write(&x, root, true);
	assert(x.n > 0 && x.n < 16 << 20 && a.total < 20 << 20);
	arena_free(&a);
	str_free(&x);
}

static void
test_deep(void)
{
	struct str s = {0};
	int i;

	for (i = 0; i < 10000; i++)
		str_addf(&s, MIXED "b%d\r\n\r\n--b%d\r\n", i, i);
	for (; i > 0; i--)
		str_addf(&s, "--b%d--\r\n", i);
	size_is(&s, MIME_DEPTH, MIME_DEPTH);
	str_clear(&s);
	repeat(&s, "Content-Type: message/rfc822\r\n\r\n", 10000);
	size_is(&s, MIME_DEPTH, MIME_DEPTH);
	/* What is too deep ends where what is around it ends. */
	str_clear(&s);
	for (i = 0; i < MIME_DEPTH; i++)
		str_addf(&s, MIXED "b%d\r\n\r\n--b%d\r\n", i, i);
	str_adds(&s, "\r\n--b98--\r\n--b0\r\n\r\nx");
	size_is(&s, MIME_DEPTH + 1, MIME_DEPTH);
	str_free(&s);
}

static void
test_wide(void)
{
	struct str s = {0};

	str_adds(&s, MIXED "b\r\n\r\n");
	repeat(&s, "--b\r\n\r\nx\r\n", 100000);
	size_is(&s, MIME_PARTS, 2);
	str_clear(&s);
	str_adds(&s, "Content-Type: multipart/digest; boundary=b\r\n\r\n");
	repeat(&s, "--b\r\n\r\nSubject: x\r\n\r\n", 100000);
	size_is(&s, MIME_PARTS, 3);
	/* Headers that would be more than we keep. */
	str_clear(&s);
	str_adds(&s, MIXED "b\r\n\r\n");
	for (size_t i = 0; i < 200; i++) {
		str_adds(&s, "--b\r\nContent-Type: a/b");
		repeat(&s, ";c=d", 15000);
		str_adds(&s, "\r\n\r\n");
	}
	size_is(&s, 201, 2);
	str_free(&s);
}

static void
test_header(void)
{
	struct arena a = {0};
	struct str s = {0};
	struct part *root;

	/* Content-Type counts wherever it stands. */
	repeat(&s, "X-Foo: bar\r\n", 100000);
	str_adds(&s, "Content-Type: text/html\r\n\r\nx");
	root = parse(&a, &s, 65536);
	assert(cur_is(&root->subtype, "html") && root->body == s.n - 1);
	assert(cur_len(&root->header) == MIME_HEADER);
	arena_free(&a);
	str_clear(&s);
	str_adds(&s, "Content-Type: a/b");
	repeat(&s, "; p*0=x; p*1=y; q*1=z", 100000);
	root = parse(&a, &s, 1000);
	assert(cur_is(&root->subtype, "b") && a.total < 4 << 20);
	arena_free(&a);
	str_free(&s);
}

/* NUL, and CR alone, are bytes as others. */
static void
test_bytes(void)
{
	static const char in[] =
	    MIXED "\"b\"\r\n\r\n--b\r\n\r\n\0\r\r\n--b\0\r\n\r\n"
	          "\0\r\n--b--";
	struct str s = {0}, x = {0};
	size_t step;

	str_add(&s, in, sizeof in - 1);
	for (step = 1; step < 10; step++) {
		str_clear(&x);
		structure_of(&x, &s, step, false);
		assert(strcmp(x.s, "(" TEXT(2, 0) TEXT(1, 0) " \"mixed\")") ==
		       0);
	}
	str_free(&s);
	str_free(&x);
}

/* A line longer than what is kept of it, in two pieces: its end, too, is one. */
static void
test_long_line(void)
{
	struct str s = {0}, x = {0};
	size_t step;

	str_adds(&s, MIXED "b\r\n\r\n--b\r\n\r\n");
	repeat(&s, "x", MIME_HEADER + 1000);
	str_adds(&s, "\r\n--b--\r\n");
	for (step = s.n - 12; step < s.n; step++) {
		str_clear(&x);
		structure_of(&x, &s, step, false);
		assert(strcmp(x.s, "(" TEXT(66536, 0) " \"mixed\")") == 0);
	}
	str_free(&s);
	str_free(&x);
}

/* A boundary at each place behind lines that are passed in blocks. */
static void
test_blocks(void)
{
	struct str s = {0}, x = {0}, y = {0};
	size_t n, i;

	for (n = 1; n < 600; n++) {
		str_clear(&s);
		str_clear(&x);
		str_clear(&y);
		str_adds(&s, MIXED "b\r\n\r\n--b\r\n\r\n");
		for (i = 1; i < n; i++)
			str_addc(&s, i * i % 37 == 3 ? '\n'
			             : n % 5         ? 'x'
			                             : '\r');
		str_adds(&s, n % 3 ? "\r\n--b--\r\n" : "\n--b\n\n-\n--b--");
		repeat(&s, "epilogue\r\n", n % 50);
		structure_of(&x, &s, 1, true);
		structure_of(&y, &s, s.n, true);
		assert(strcmp(x.s, y.s) == 0);
	}
	str_free(&s);
	str_free(&x);
	str_free(&y);
}

int
main(void)
{
	clock_t from = clock();

	test_structures();
	test_find();
	test_deep();
	test_wide();
	test_header();
	test_bytes();
	test_long_line();
	test_blocks();
	/* All of it, with a sanitizer too. */
	assert(clock() - from < 10 * CLOCKS_PER_SEC);
	return 0;
}
