/* imap - an IMAP client with a stop-watch: the client of imapd's benchmarks.
 *
 *	imap [-c clients] [-n sessions] [-i] address port user secret [command...]
 *
 * A session logs in, gives the commands, and logs out.  For each command a line is
 * printed: the ms from sending it until its answer was complete, and how much
 * it found: the numbers of SEARCH, SORT and THREAD, how many EXIST, or how many
 * were FETCHed or EXPUNGEd.
 * With -n so many sessions by clients side by side, and nothing is printed; a % in
 * the user becomes the client's number.  With -i the clients log in and give the
 * commands, "idle" is printed, and they log out at the end of stdin.
 *
 * Several commands with | between them, and "1000*NOOP", are sent at once and
 * measured as one; a % in those is their number.  "APPEND box bytes" brings
 * a letter, and IDLE is not ended before the next command.
 *
 * ACKs are never delayed, see pop.c. */
#include <stdbool.h>
#include <stddef.h>

/* Bytes that have room to grow. */
struct bytes {
	char *p;
	size_t n, cap;
};

struct conn {
	int fd;
	bool idles;
	long tags;
	size_t pos;
	struct bytes in, out;
};

#include "clients.h"

static void
fail(const char *what, const char *text)
{
	fprintf(stderr, "imap: %s: %.200s\n", what, text);
	_exit(1);
}

static void
room(struct bytes *b, size_t n)
{
	if (b->n + n <= b->cap)
		return;
	b->cap = (b->n + n) * 2;
	b->p = realloc(b->p, b->cap);
	if (!b->p)
		die("realloc");
}

static void
add(struct bytes *b, const char *p, size_t n)
{
	room(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

/* Read more; false at the end. */
static bool
fill(struct conn *c)
{
	int on = 1;
	ssize_t r;

	if (c->pos > 0) {
		memmove(c->in.p, c->in.p + c->pos, c->in.n - c->pos);
		c->in.n -= c->pos;
		c->pos = 0;
	}
	room(&c->in, 1 << 18);
	setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
	r = read(c->fd, c->in.p + c->in.n, c->in.cap - c->in.n);
	if (r < 0)
		die("read");
	c->in.n += (size_t)r;
	return r > 0;
}

/* The next line, without its end; valid until the next call. */
static char *
line(struct conn *c)
{
	size_t seen = 0;
	char *start, *lf;

	while (!(lf = memchr(c->in.p + c->pos + seen, '\n',
	                     c->in.n - c->pos - seen))) {
		seen = c->in.n - c->pos;
		if (!fill(c))
			fail("the server closed", "");
	}
	start = c->in.p + c->pos;
	c->pos = (size_t)(lf - c->in.p) + 1;
	lf[lf > start && lf[-1] == '\r' ? -1 : 0] = '\0';
	return start;
}

static void
skip(struct conn *c, size_t n)
{
	while (c->in.n - c->pos < n) {
		n -= c->in.n - c->pos;
		c->pos = c->in.n;
		if (!fill(c))
			fail("the server closed", "in a literal");
	}
	c->pos += n;
}

/* Go over the literal that a line announces; was there one? */
static bool
literal(struct conn *c, const char *s)
{
	size_t len = strlen(s);
	const char *open;

	if (len == 0 || s[len - 1] != '}')
		return false;
	open = strrchr(s, '{');
	if (!open)
		return false;
	skip(c, strtoul(open + 1, NULL, 10));
	return true;
}

/* What an untagged line found. */
static long
findings(const char *s)
{
	static const char *const lists[] = {"* SEARCH", "* SORT", "* THREAD"};
	long n = 0;
	size_t i;
	char *word;

	for (i = 0; i < 3; i++)
		if (strncmp(s, lists[i], strlen(lists[i])) == 0)
			break;
	if (i == 3) {
		n = strtol(s + 1, &word, 10);
		if (strcmp(word, " EXISTS") == 0)
			return n;
		return strncmp(word, " FETCH", 6) == 0 ||
		       strcmp(word, " EXPUNGE") == 0;
	}
	for (; *s; s++)
		n += *s >= '0' && *s <= '9' && (s[1] < '0' || s[1] > '9');
	return n;
}

/* Read until the answer with the last tag; what it found. */
static long
answer(struct conn *c, const char *command)
{
	long found = 0, tag;
	char *s;

	for (;;) {
		s = line(c);
		if (*s == '+' && c->idles)
			return found;
		if (*s == 't') {
			tag = strtol(s + 1, &s, 10);
			if (strncmp(s, " OK", 3) != 0)
				fail(command, s);
			if (tag == c->tags)
				return found;
			continue;
		}
		found += findings(s);
		while (literal(c, s))
			s = line(c);
	}
}

static void
send_all(struct conn *c)
{
	size_t done = 0;
	ssize_t w;

	while (done < c->out.n) {
		w = write(c->fd, c->out.p + done, c->out.n - done);
		if (w < 0)
			die("write");
		done += (size_t)w;
	}
	c->out.n = 0;
}

/* A letter as the literal of an APPEND. */
static void
add_letter(struct bytes *b, size_t size)
{
	static const char head[] = "From: Kim <kim@a.test>\r\n"
	                           "Subject: from a client\r\n\r\n";
	static const char text[] =
	    "Dix mille lettres par jour, et aucune qui se perde.\r\n";
	char buf[32];
	size_t end;

	size += sizeof head;
	add(b, buf, (size_t)snprintf(buf, sizeof buf, "{%zu+}\r\n", size));
	end = b->n + size;
	add(b, head, sizeof head - 1);
	while (b->n < end)
		add(b, text, sizeof text - 1);
	b->n = end - 2;
	add(b, "\r\n", 2);
}

/* One command of n bytes, i instead of a %. */
static void
add_command(struct conn *c, const char *s, size_t n, long i)
{
	const char *percent = memchr(s, '%', n), *size;
	char buf[32];

	add(&c->out, buf,
	    (size_t)snprintf(buf, sizeof buf, "t%ld ", ++c->tags));
	c->idles = n == 4 && memcmp(s, "IDLE", 4) == 0;
	if (strncmp(s, "APPEND ", 7) == 0) {
		size = memchr(s + 7, ' ', n - 7);
		if (!size)
			fail("no size", s);
		add(&c->out, s, (size_t)(size + 1 - s));
		add_letter(&c->out, strtoul(size, NULL, 10));
	} else if (percent) {
		add(&c->out, s, (size_t)(percent - s));
		add(&c->out, buf,
		    (size_t)snprintf(buf, sizeof buf, "%ld", i + 1));
		add(&c->out, percent + 1, n - (size_t)(percent + 1 - s));
	} else {
		add(&c->out, s, n);
	}
	add(&c->out, "\r\n", 2);
}

/* Run what an argument says; what was found. */
static long
run(struct conn *c, const char *text)
{
	const char *s = text, *end;
	char *star;
	long times = 1, i;

	if (c->idles)
		add(&c->out, "DONE\r\n", 6);
	if (*s >= '0' && *s <= '9') {
		times = strtol(s, &star, 10);
		s = star + 1;
	}
	for (i = 0; i < times; i++)
		add_command(c, s, strcspn(s, "|"), i);
	while (*(end = s + strcspn(s, "|"))) {
		s = end + 1;
		add_command(c, s, strcspn(s, "|"), 0);
	}
	send_all(c);
	return answer(c, text);
}

static void
login(struct conn *c, long i)
{
	char user[200], buf[512];

	c->in.n = c->pos = 0;
	c->fd = dial();
	room(&c->in, 1 << 18);
	if (strncmp(line(c), "* OK", 4) != 0)
		fail("greeting", c->in.p);
	name(i, user, sizeof user);
	snprintf(buf, sizeof buf, "LOGIN %s %s", user, o.secret);
	run(c, buf);
}

static void
enter(struct conn *c, long i)
{
	char **p;

	login(c, i);
	for (p = o.commands; *p; p++)
		run(c, *p);
}

static void
quit(struct conn *c)
{
	run(c, "LOGOUT");
	while (fill(c))
		c->pos = c->in.n;
	close(c->fd);
}

static void
session(struct conn *c, long i)
{
	double start;
	long found;
	char **p;

	login(c, i);
	for (p = o.commands; *p; p++) {
		start = now();
		found = run(c, *p);
		if (o.sessions == 0)
			printf("%.2f %ld\n", now() - start, found);
	}
	quit(c);
}
