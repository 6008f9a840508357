/* encode - unit test of queuerun/encode.c and wire.c.
 * With: queuerun/encode.c queuerun/encodefield.c queuerun/wire.c */
#include "queuerun/encode.h"

#include <assert.h>
#include <stdlib.h>

/* --- wire --- */

/* In pieces of step bytes. */
static void
wire_is(const char *in, size_t n, size_t step, bool dots, const char *want)
{
	struct wire w = {.dots = dots};
	struct scan sc = {0};
	struct str out = {0};
	size_t i, stuffed = 0;

	str_adds(&out, "");
	for (i = 0; i < n; i += step) {
		size_t k = n - i < step ? n - i : step;

		wire_put(&w, &out, in + i, k);
		scan_put(&sc, in + i, k);
	}
	wire_end(&w, &out);
	scan_end(&sc);
	assert(strcmp(out.s, want) == 0);
	for (i = 0; dots && i < n; i++)
		stuffed += in[i] == '.' && (i == 0 || in[i - 1] == '\n');
	assert(sc.size + stuffed + (dots ? 3 : 0) == strlen(want));
	str_free(&out);
}

static void
test_wire(void)
{
	size_t step;

	for (step = 1; step < 12; step++) {
		wire_is("", 0, step, true, ".\r\n");
		wire_is("", 0, step, false, "");
		wire_is("a", 1, step, true, "a\r\n.\r\n");
		wire_is("a\n", 2, step, false, "a\r\n");
		wire_is(".\n..\na.\n\n.", 10, step, true,
		        "..\r\n...\r\na.\r\n\r\n..\r\n.\r\n");
		wire_is(".\n..\n.", 6, step, false, ".\r\n..\r\n.\r\n");
		wire_is("a\rb\r\n\r.\n\0x\n", 11, step, true,
		        "a b \r\n .\r\n x\r\n.\r\n");
	}
}

static struct scan
scanned(const char *in, size_t n, size_t step)
{
	struct scan s = {0};
	size_t i;

	for (i = 0; i < n; i += step)
		scan_put(&s, in + i, n - i < step ? n - i : step);
	scan_end(&s);
	return s;
}

static void
test_scan(void)
{
	size_t step;
	struct scan s;

	for (step = 1; step < 12; step++) {
		s = scanned("A: b\n\n\xff\n", 8, step);
		assert(s.eightbit && !s.header8 && !s.binary);
		s = scanned("A: \xc3\xa4\n\nx", 8, step);
		assert(s.eightbit && s.header8);
		s = scanned("\n\xe4", 2, step);
		assert(s.eightbit && !s.header8);
		s = scanned("A: b\n\nc\0", 8, step);
		assert(!s.eightbit && s.binary);
		s = scanned("A: b\r\n", 6, step);
		assert(s.binary && !s.body);
	}
}

/* --- encode --- */

static bool
convert(struct encode *e, struct str *out, const char *in, size_t n,
        size_t step)
{
	size_t i;
	int pass;

	for (pass = 0; pass < 2 && (pass == 0 || !e->stuck); pass++) {
		str_clear(out);
		str_adds(out, "");
		encode_start(e, pass == 0);
		for (i = 0; i < n; i += step)
			encode_put(e, out, in + i, n - i < step ? n - i : step);
		encode_end(e, out);
	}
	return !e->stuck;
}

/* in becomes want (NULL: it cannot be converted), in pieces of any size. */
static void
encode_is(const char *in, const char *want)
{
	static const size_t steps[] = {1, 2, 3, 7, 64, 100000};
	struct str out = {0};
	size_t i;

	for (i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct encode *e = calloc(1, sizeof *e);

		assert(e);
		assert(convert(e, &out, in, strlen(in), steps[i]) ==
		       (want != NULL));
		assert(!want || strcmp(out.s, want) == 0);
		encode_free(e);
		free(e);
	}
	str_free(&out);
}

static void
test_leaf(void)
{
	/* What is 7bit stays as it is. */
	encode_is("A: b\n\nhello\n.\n", "A: b\n\nhello\n.\n");
	encode_is("", "");
	encode_is("A: b", "A: b");
	encode_is("A: b\n\nno newline", "A: b\n\nno newline");
	/* No MIME at all: RFC 1428. */
	encode_is("A: b\n\nh\xc3\xa4 = \n",
	          "A: b\nMIME-Version: 1.0\n"
	          "Content-Type: text/plain; charset=utf-8\n"
	          "Content-Transfer-Encoding: quoted-printable\n"
	          "\nh=C3=A4 =3D=20\n");
	encode_is("\n\xe4", "MIME-Version: 1.0\n"
	                    "Content-Type: text/plain; charset=unknown-8bit\n"
	                    "Content-Transfer-Encoding: quoted-printable\n"
	                    "\n=E4");
	/* A field that lies is replaced, one that is right is not. */
	encode_is("MIME-Version: 1.0\nContent-Type: text/html;\n"
	          " charset=utf-8\ncontent-transfer-encoding: 8bit\nB: c\n\n"
	          "\xc3\xa4\t\n",
	          "MIME-Version: 1.0\nContent-Type: text/html;\n"
	          " charset=utf-8\nB: c\n"
	          "Content-Transfer-Encoding: quoted-printable\n"
	          "\n=C3=A4=09\n");
	encode_is("MIME-Version: 1.0\nContent-Type: text/plain\n"
	          "Content-Transfer-Encoding: quoted-printable\n\n"
	          "a=C3\xa4\n",
	          "MIME-Version: 1.0\nContent-Type: text/plain\n"
	          "Content-Transfer-Encoding: quoted-printable\n\n"
	          "a=C3=A4\n");
	encode_is("MIME-Version: 1.0\nContent-Type: image/png\n"
	          "Content-Transfer-Encoding: binary\n\n\xff\xfe\n\n",
	          "MIME-Version: 1.0\nContent-Type: image/png\n"
	          "Content-Transfer-Encoding: base64\n\n//4NCg0K\n");
	/* A header without end. */
	encode_is("A: b\n\xe4 text\n",
	          "A: b\nMIME-Version: 1.0\n"
	          "Content-Type: text/plain; charset=unknown-8bit\n"
	          "Content-Transfer-Encoding: quoted-printable\n"
	          "\n=E4 text\n");
}

static void
test_multipart(void)
{
	encode_is(
	    "MIME-Version: 1.0\n"
	    "Content-Type: multipart/mixed; x=\"a;b\"; boundary=\"=b (1)\"\n"
	    "Content-Transfer-Encoding: 8bit\n\n"
	    "pre\n--=b (1)\n\nplain\n--=b (1)  \n"
	    "Content-Type: text/plain; charset=latin1 (c)\n\n\xe4\n"
	    "--=b (1)\nContent-Type: application/x\n\n\xff\n\n"
	    "--=b (1)--\nepi\xff\n",
	    "MIME-Version: 1.0\n"
	    "Content-Type: multipart/mixed; x=\"a;b\"; boundary=\"=b (1)\"\n"
	    "\npre\n--=b (1)\n\nplain\n--=b (1)  \n"
	    "Content-Type: text/plain; charset=latin1 (c)\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=E4\n"
	    "--=b (1)\nContent-Type: application/x\n"
	    "Content-Transfer-Encoding: base64\n\n/w0K\n"
	    "--=b (1)--\nepi?\n");
	/* A message inside, a digest, an outer boundary that ends both. */
	encode_is("Content-Type: multipart/mixed; boundary=o\n\n"
	          "--o\nContent-Type: multipart/digest; boundary=i\n\n"
	          "--i\n\nSubject: in\n\n\xe4\n"
	          "--o\nContent-Type: message/rfc822\n\nA: b\n\nok\n--o--\n",
	          "Content-Type: multipart/mixed; boundary=o\n\n"
	          "--o\nContent-Type: multipart/digest; boundary=i\n\n"
	          "--i\n\nSubject: in\nMIME-Version: 1.0\n"
	          "Content-Type: text/plain; charset=unknown-8bit\n"
	          "Content-Transfer-Encoding: quoted-printable\n\n=E4\n"
	          "--o\nContent-Type: message/rfc822\n\nA: b\n\nok\n--o--\n");
	/* A part that ends in its header. */
	encode_is("Content-Type: multipart/mixed; boundary=o\n\n"
	          "--o\nContent-Type: text/plain\n--o--\n",
	          "Content-Type: multipart/mixed; boundary=o\n\n"
	          "--o\nContent-Type: text/plain\n--o--\n");
	/* RFC 6532 3.7 */
	encode_is(
	    "MIME-Version: 1.0\n"
	    "Content-Type: message/Global-delivery-status\n\na: \xc3\xa4\n",
	    "MIME-Version: 1.0\n"
	    "Content-Type: message/Global-delivery-status\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n"
	    "a: =C3=A4\n");
	/* Nobody may encode these. */
	encode_is("Content-Type: multipart/mixed\n\n\xe4\n", NULL);
	encode_is("Content-Type: message/partial\n\n\xe4\n", NULL);
	encode_is("Content-Type: multipart/mixed; boundary=\"\xe4\"\n\n"
	          "--\xe4\n\nx\n--\xe4--\n",
	          NULL);
	/* Comments are no parameters. */
	encode_is(
	    "Content-Type: multipart/x (a; boundary=b\\)); boundary=o\n\n"
	    "--o\n\n\xe4\n--o--\n",
	    "Content-Type: multipart/x (a; boundary=b\\)); boundary=o\n\n"
	    "--o\nContent-Type: text/plain; charset=unknown-8bit\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=E4\n--o--\n");
}

static void
test_header(void)
{
	encode_is(
	    "Subject: a \xc3\xa4 \xc3\xb6 b\nFrom: \"J\xc3\xbc X\" <j@x>\n\n",
	    "Subject: a =?utf-8?Q?=C3=A4_=C3=B6?= b\n"
	    "From: =?utf-8?Q?J=C3=BC_X?= <j@x>\n\n");
	/* What has a meaning in a list of addresses keeps it. */
	encode_is(
	    "From: jo@x (J\xc3\xbc X)\n"
	    "To: \xc3\xbc<j@x>,b@x,\xc3\xb6 o <o@x>;\n\n",
	    "From: jo@x (=?utf-8?Q?J=C3=BC?= X)\n"
	    "To: =?utf-8?Q?=C3=BC?= <j@x>,b@x, =?utf-8?Q?=C3=B6?= o <o@x>;\n"
	    "\n");
	encode_is("From: \"Jo J\xc3\xbc\\\" X\" <j@x>\nA: 5\" \xc3\xbc \"\n\n",
	          "From: =?utf-8?Q?Jo_J=C3=BC=22_X?= <j@x>\n"
	          "A: =?utf-8?Q?5=22_=C3=BC_=22?=\n\n");
	encode_is("A: \"\xc3\xbc b\n\n", "A: =?utf-8?Q?=22=C3=BC?= b\n\n");
	/* RFC 2231 4 */
	encode_is(
	    "Content-Type: text/x;\n\tname=\"a;\\\" \xc3\xbc.x\"; b=c\n\n",
	    "Content-Type: text/x;\n"
	    "\tname*=utf-8''a%3B%22%20%C3%BC.x; b=c\n\n");
	encode_is("Content-Disposition: attachment; filename=\xe4z (\xe4)\n\n",
	          "Content-Disposition: attachment; "
	          "filename*=unknown-8bit''%E4z (?)\n\n");
	encode_is("Content-Disposition: x; filename=\"\xc3\xbc\n b\"\n\n",
	          "Content-Disposition: x; filename*=utf-8''%C3%BC%20b\n\n");
	encode_is("Content-Description: \xc3\xbc; b\n\n",
	          "Content-Description: =?utf-8?Q?=C3=BC=3B?= b\n\n");
	encode_is("Subject: \xe4\n \xf6\n\n",
	          "Subject: =?unknown-8bit?Q?=E4_=F6?=\n\n");
	/* Of what is no UTF-8 no byte belongs to that before it. */
	encode_is("Subject: \x8f\xe0\xa8\xa2\xa5\xe2\x8f\xe0\xa8\xa2\xa5\xe2"
	          "\x80\x80\x80\x80\n\n",
	          "Subject: =?unknown-8bit?Q?=8F=E0=A8=A2=A5=E2=8F=E0=A8=A2=A5="
	          "E2=80=80=80?=\n =?unknown-8bit?Q?=80?=\n\n");
}

/* Long lines, in and out; a blank where the pieces meet. */
static void
test_long(void)
{
	struct encode *e = calloc(1, sizeof *e);
	struct str in = {0}, out = {0};
	size_t i, col = 0;

	assert(e);
	str_adds(&in, "A: b\n\n");
	for (i = 1; i < 5000; i++)
		str_addc(&in, i % 10 ? 'x' : ' ');
	str_addc(&in, ' ');
	str_addc(&in, '\n');
	str_adds(&in, "\xc3\xa4\n");
	assert(convert(e, &out, in.s, in.n, 4096));
	assert(strstr(out.s, "quoted-printable"));
	for (i = 0; i < out.n; i++) {
		col = out.s[i] == '\n' ? 0 : col + 1;
		assert(col <= 76);
		assert(out.s[i] != '\n' || i == 0 || out.s[i - 1] != ' ');
	}
	assert(out.n > 5000 && strstr(out.s, "=20\n=C3=A4\n"));
	encode_free(e);
	free(e);
	str_free(&in);
	str_free(&out);
}

/* A field that is too long to be encoded is 7bit all the same. */
static void
test_long_field(void)
{
	struct encode *e = calloc(1, sizeof *e);
	struct str in = {0}, out = {0};
	size_t i;

	assert(e);
	str_adds(&in, "A: ");
	while (in.n < 2 * ENCODE_FIELD)
		str_adds(&in, "\xc3\xa4\n ");
	str_adds(&in, "b\n\nx\n");
	assert(convert(e, &out, in.s, in.n, 1000));
	assert(out.n == in.n && strstr(out.s, " ??\n b\n\nx\n"));
	for (i = 0; i < out.n; i++)
		assert((unsigned char)out.s[i] < 128);
	encode_free(e);
	free(e);
	str_free(&in);
	str_free(&out);
}

/* Multiparts in each other without end, parts without number. */
static void
test_deep(void)
{
	struct encode *e = calloc(1, sizeof *e);
	struct str in = {0}, out = {0};
	int i;

	assert(e);
	str_adds(&in, "Content-Type: multipart/mixed; boundary=b0\n\n");
	for (i = 1; i < 3000; i++)
		str_addf(&in,
		         "--b%d\nContent-Type: multipart/x; boundary=b%d\n\n",
		         i - 1, i);
	for (i = 0; i < 30000; i++)
		str_adds(&in, "--b0\n\nx\n");
	assert(convert(e, &out, in.s, in.n, 1000));
	assert(out.n >= in.n);
	encode_free(e);
	free(e);
	str_free(&in);
	str_free(&out);
}

/* Messages over one connection: nothing is known of one from those before. */
static void
test_again(void)
{
	static const char *const in[] = {
	    "Content-Type: message/partial\n\n\xe4\n",
	    "A: b\n\n\xe4\n",
	    "A: b\n\n\xc3\xa4\n",
	    "A: b\n\nplain\n",
	};
	struct encode *used = calloc(1, sizeof *used);
	struct str got = {0}, want = {0};
	size_t i;

	assert(used);
	for (i = 0; i < sizeof in / sizeof *in; i++) {
		struct encode *fresh = calloc(1, sizeof *fresh);
		bool ok;

		assert(fresh);
		ok = convert(fresh, &want, in[i], strlen(in[i]), 64);
		assert(ok == (i > 0));
		assert(convert(used, &got, in[i], strlen(in[i]), 64) == ok);
		assert(!ok || strcmp(got.s, want.s) == 0);
		encode_free(fresh);
		free(fresh);
	}
	encode_free(used);
	free(used);
	str_free(&got);
	str_free(&want);
}

int
main(void)
{
	test_wire();
	test_scan();
	test_leaf();
	test_multipart();
	test_header();
	test_long();
	test_long_field();
	test_deep();
	test_again();
	return 0;
}
