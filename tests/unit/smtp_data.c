/* smtp_data - the end of DATA and the ends of lines, for every short input.
 * Each string over the bytes that matter is fed whole and in two pieces, and
 * held against RFC 5321 4.1.1.4 read literally: the end is the first
 * CRLF.CRLF, the CRLF before the first byte counted in.  What comes out, sent
 * on by a host that stuffs dots, must come out again as it is.
 * With: smtpd/data.c */
#include "smtpd/data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 8 };

static const char bytes[] = "\r\n.a";

/* How much of p belongs to the message, or n + 1 when it does not end. */
static size_t
find_end(const char *p, size_t n)
{
	char all[LENGTH + 2] = "\r\n";
	size_t i;

	memcpy(all + 2, p, n);
	for (i = 0; i + 5 <= n + 2; i++)
		if (memcmp(all + i, "\r\n.\r\n", 5) == 0)
			return i + 3;
	return n + 1;
}

static bool
has_bare(const char *p, size_t n, unsigned *which)
{
	size_t i;

	*which = 0;
	for (i = 0; i < n; i++) {
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			*which |= DATA_BARE_LF;
		/* The last CR of what was read may still find its LF. */
		if (p[i] == '\r' && i + 1 < n && p[i + 1] != '\n')
			*which |= DATA_BARE_CR;
	}
	return *which != 0;
}

static void
send_on(const struct str *clean)
{
	struct str wire = {0}, again = {0};
	struct data d;
	size_t i;

	for (i = 0; i < clean->n; i++) {
		if (clean->s[i] == '.' && (i == 0 || clean->s[i - 1] == '\n'))
			str_addc(&wire, '.');
		if (clean->s[i] == '\n')
			str_addc(&wire, '\r');
		str_addc(&wire, clean->s[i]);
	}
	if (clean->n == 0 || clean->s[clean->n - 1] == '\n')
		str_adds(&wire, ".\r\n");
	else
		str_adds(&wire, "\r\n.\r\n");
	data_init(&d, true, false);
	assert(data_feed(&d, wire.s, wire.n, &again) == wire.n);
	assert(d.done && d.seen == 0);
	assert(again.n >= clean->n);
	assert(memcmp(again.s, clean->s, clean->n) == 0);
	str_free(&wire);
	str_free(&again);
}

static void
check(const char *p, size_t n)
{
	size_t end = find_end(p, n), used, cut;
	struct str whole = {0}, parts = {0};
	struct data d, e;
	unsigned bare;

	data_init(&d, true, false);
	used = data_feed(&d, p, n, &whole);
	assert(d.done == (end <= n));
	assert(used == (d.done ? end : n));
	assert(has_bare(p, used, &bare) == (d.seen != 0) && bare == d.seen);
	assert(whole.n <= n && !memchr(whole.s, '\r', whole.n));
	for (cut = 0; cut <= n; cut++) {
		size_t a, b;

		str_clear(&parts);
		data_init(&e, true, false);
		a = data_feed(&e, p, cut, &parts);
		b = data_feed(&e, p + cut, n - cut, &parts);
		assert(a + b == used && e.done == d.done && e.seen == d.seen);
		assert(e.size == d.size && parts.n == whole.n);
		assert(memcmp(parts.s, whole.s, whole.n) == 0);
	}
	send_on(&whole);
	str_free(&whole);
	str_free(&parts);
}

static void
every(char *p, size_t n, size_t max)
{
	const char *b;

	check(p, n);
	for (b = bytes; n < max && *b; b++) {
		p[n] = *b;
		every(p, n + 1, max);
	}
}

/* BDAT: no dot is special, an open line is closed. */
static void
chunks(void)
{
	struct str out = {0};
	struct data d;

	data_init(&d, false, false);
	assert(data_feed(&d, ".\r\n..\r\n.\r", 9, &out) == 9);
	assert(!d.done && d.seen == 0 && strcmp(out.s, ".\n..\n.") == 0);
	assert(data_feed(&d, "\nx", 2, &out) == 2);
	data_finish(&d, &out);
	assert(d.done && d.seen == 0);
	assert(strcmp(out.s, ".\n..\n.\nx\n") == 0);
	str_clear(&out);
	data_init(&d, false, false);
	assert(data_feed(&d, "a\r", 2, &out) == 2);
	data_finish(&d, &out);
	assert(d.seen == DATA_BARE_CR && strcmp(out.s, "a\n") == 0);
	str_clear(&out);
	data_init(&d, false, false);
	data_finish(&d, &out);
	assert(out.n == 0 && d.seen == 0);
	str_free(&out);
}

/* A terminal: LF alone ends lines and the message. */
static void
terminal(void)
{
	struct str out = {0};
	struct data d;

	data_init(&d, true, true);
	assert(data_feed(&d, "a\n..\nb\r\n.\nQUIT\n", 15, &out) == 10);
	assert(d.done && d.seen == 0 && strcmp(out.s, "a\n.\nb\n") == 0);
	str_free(&out);
}

static void
nul(void)
{
	struct str out = {0};
	struct data d;

	data_init(&d, true, false);
	assert(data_feed(&d, "a\0b\r\n.\r\n", 8, &out) == 8);
	assert(d.done && d.seen == DATA_NUL && out.n == 4);
	str_free(&out);
}

static void
head(const char *text, unsigned long received, const char *id, bool over)
{
	size_t cut, n = strlen(text);

	for (cut = 0; cut <= n; cut++) {
		struct head h = {0};

		head_feed(&h, text, cut);
		head_feed(&h, text + cut, n - cut);
		assert(h.received == received && h.over == over);
		assert(strcmp(h.id, id) == 0);
	}
}

static void
heads(void)
{
	char *line = calloc(1, 3000);

	assert(line);
	head("", 0, "", false);
	head("\nReceived: x\n", 0, "", true);
	head("Received: x\n\treceived: y\nRECEIVED : z\nA: b\n\n", 2, "", true);
	head("Message-ID: <a@b> \n", 0, "<a@b>", false);
	head("message-id:\n <a@b>\nMessage-Id: <c@d>\n", 0, "<a@b>", false);
	head("Message-ID:\nX: y\n <c@d>\n", 0, "", false);
	head("no field\nReceived: x\n", 0, "", true);
	/* Longer than what is looked at. */
	memcpy(line, "Message-ID: ", 12);
	memset(line + 12, 'x', 2900);
	line[2912] = '\n';
	{
		struct head h = {0};

		head_feed(&h, line, 2913);
		head_feed(&h, "Received: x\n", 12);
		assert(strlen(h.id) == sizeof h.id - 1 && h.received == 1);
	}
	free(line);
}

int
main(void)
{
	char p[LENGTH];

	every(p, 0, LENGTH);
	chunks();
	terminal();
	nul();
	heads();
	return 0;
}
