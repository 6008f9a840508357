/* decode - base64 and quoted-printable in portions of every size give the same,
 * and what is wrong in them is passed over. With: imapd/decode.c */
#include "imapd/decode.h"

#include <assert.h>
#include <stdio.h>

static void
one(unsigned kind, struct cur in, const char *want, size_t n)
{
	size_t step, at, k;

	for (step = 1; step <= cur_len(&in) + 1; step++) {
		struct str out = {0};
		struct decode d;

		decode_begin(&d, kind);
		for (at = 0; at < cur_len(&in); at += k) {
			k = cur_len(&in) - at < step ? cur_len(&in) - at : step;
			decode_feed(&d, in.p + at, k, &out);
		}
		decode_end(&d, &out);
		if (out.n != n || (n > 0 && memcmp(out.s, want, n) != 0)) {
			fprintf(stderr, "%.*s, by %zu: %.*s\n",
			        (int)cur_len(&in), in.p, step, (int)out.n,
			        out.s);
			assert(0);
		}
		str_free(&out);
	}
}

static void
qp(const char *in, const char *want)
{
	one(DECODE_QP, cur_of(in), want, strlen(want));
}

static void
b64(const char *in, const char *want)
{
	one(DECODE_BASE64, cur_of(in), want, strlen(want));
}

/* More at once than any buffer holds, with something odd at each place. */
static void
large(void)
{
	enum { SIZE = 9000 };
	struct str in = {0}, out = {0};
	struct decode d;
	size_t odd, i;

	for (odd = 0; odd < 40; odd++) {
		str_clear(&in);
		str_clear(&out);
		for (i = 0; i < SIZE; i += 4) {
			if (i == 4 * odd * 40)
				str_add(&in, "\r\n!", odd % 4);
			str_adds(&in, "YWJj");
		}
		decode_begin(&d, DECODE_BASE64);
		decode_feed(&d, in.s, in.n, &out);
		decode_end(&d, &out);
		assert(out.n == SIZE / 4 * 3);
		for (i = 0; i < out.n; i++)
			assert(out.s[i] == "abc"[i % 3]);
	}
	str_free(&in);
	str_free(&out);
}

/* Blanks at the end of a line, at each place of a long text; and the LF and CRLF
 * form of it say the same. */
static void
blanks(void)
{
	enum { SIZE = 150, BLANKS = 79 };
	char in[SIZE + 1] = "", want[SIZE + 1] = "";
	size_t at;

	for (at = 0; at + 2 < SIZE; at++) {
		memset(in, 'x', SIZE);
		memcpy(in + at, at % 2 ? "\t\n" : " \r", 2);
		memset(want, 'x', SIZE);
		want[at] = in[at + 1];
		want[SIZE - 1] = '\0';
		qp(in, want);
	}
	for (at = 0; at < 2; at++) {
		memset(in, 0, SIZE);
		memset(in, ' ', 1 + BLANKS);
		in[0] = '=';
		memcpy(in + 1 + BLANKS, at ? "\r\nx" : "\nx\0", 4);
		qp(in, "x");
	}
}

int
main(void)
{
	char line[200];

	large();
	blanks();
	b64("aGVsbG8=", "hello");
	b64("aGVs\r\nbG8=\r\n", "hello");
	b64("aGVsbG8", "hello");
	b64("a!G*V s-b_G8===", "hello");
	b64("aA==aA==", "hh");
	b64("", "");
	one(DECODE_BASE64, cur_of("AAECAwQ="), "\0\1\2\3\4", 5);

	qp("caf=C3=A9", "caf\xc3\xa9");
	qp("caf=c3=a9", "caf\xc3\xa9");
	qp("soft =\r\nbreak", "soft break");
	qp("soft= \t\r\nbreak", "softbreak");
	qp("soft=\nbreak", "softbreak");
	qp("blanks  \t\r\nat end \n", "blanks\r\nat end\n");
	qp("a = b", "a = b");
	qp("100=", "100");
	qp("=4", "=4");
	qp("=4G=G4=", "=4G=G4");
	qp("==41", "=A");
	qp("=\r=41", "A");
	qp("end ", "end");
	memset(line, ' ', sizeof line);
	line[sizeof line - 2] = 'x';
	line[sizeof line - 1] = '\0';
	qp(line, line);

	one(DECODE_NONE, cur_of("=41 \r\n"), "=41 \r\n", 6);
	assert(decode_kind((struct cur){NULL, NULL}) == DECODE_NONE);
	assert(decode_kind(cur_of("8BIT")) == DECODE_NONE);
	assert(decode_kind(cur_of("Base64")) == DECODE_BASE64);
	assert(decode_kind(cur_of("QUOTED-Printable")) == DECODE_QP);
	assert(decode_kind(cur_of("x-uuencode")) == DECODE_UNKNOWN);
	return 0;
}
