/* pop - a POP3 client with a stop-watch: the client of popd's benchmarks.
 *
 *	pop [-c clients] [-n sessions] [-i] address port user secret [command...]
 *
 * A session logs in, gives the commands, one after the other's reply, and quits;
 * "LAST n" are RETRs of the last n.  Prints two times in ms: from connecting until
 * the reply to the last command, and of QUIT until the server has closed.
 * With -n so many sessions by clients side by side, and nothing is printed; a % in
 * the user becomes the client's number.  With -i the clients log in, "idle" is
 * printed, and they quit at the end of stdin.
 *
 * A server that writes a reply in two halves without TCP_NODELAY waits for our ACK
 * between them, 40 ms where the client's system delays it.  We never delay it,
 * so that what is measured is the server's own work. */
#include <stdbool.h>
#include <stddef.h>

struct conn {
	int fd;
	size_t n, pos;
	char buf[65536];
};

#include "clients.h"

/* Read more; false at the end. */
static bool
fill(struct conn *c)
{
	int on = 1;
	ssize_t r;

	if (c->pos > 0) {
		memmove(c->buf, c->buf + c->pos, c->n - c->pos);
		c->n -= c->pos;
		c->pos = 0;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
	r = read(c->fd, c->buf + c->n, sizeof c->buf - c->n);
	if (r < 0)
		die("read");
	c->n += (size_t)r;
	return r > 0;
}

/* The next line, without its end; valid until the next call. */
static char *
line(struct conn *c)
{
	char *start, *lf;

	while (!(lf = memchr(c->buf + c->pos, '\n', c->n - c->pos)))
		if (!fill(c)) {
			fprintf(stderr, "pop: the server closed\n");
			_exit(1);
		}
	start = c->buf + c->pos;
	c->pos = (size_t)(lf - c->buf) + 1;
	lf[lf > start && lf[-1] == '\r' ? -1 : 0] = '\0';
	return start;
}

/* The reply must be +OK; its text. */
static char *
expect(struct conn *c, const char *what)
{
	char *s = line(c);

	if (strncmp(s, "+OK", 3) != 0) {
		fprintf(stderr, "pop: %s: %s\n", what, s);
		_exit(1);
	}
	return s + 3;
}

static char *
command(struct conn *c, const char *text)
{
	char buf[512];
	int n = snprintf(buf, sizeof buf, "%s\r\n", text);

	if (write(c->fd, buf, (size_t)n) != n)
		die("write");
	return expect(c, text);
}

static bool
is_long(const char *s)
{
	return strncmp(s, "RETR ", 5) == 0 || strncmp(s, "TOP ", 4) == 0 ||
	       strcmp(s, "UIDL") == 0 || strcmp(s, "LIST") == 0 ||
	       strcmp(s, "CAPA") == 0;
}

static void
run(struct conn *c, const char *text)
{
	command(c, text);
	if (is_long(text))
		while (strcmp(line(c), ".") != 0)
			;
}

static void
run_last(struct conn *c, long n)
{
	long count = strtol(command(c, "STAT"), NULL, 10), i;
	char buf[64];

	for (i = n < count ? count - n + 1 : 1; i <= count; i++) {
		snprintf(buf, sizeof buf, "RETR %ld", i);
		run(c, buf);
	}
}

static void
enter(struct conn *c, long i)
{
	char user[256], buf[512];

	c->n = c->pos = 0;
	c->fd = dial();
	expect(c, "greeting");
	name(i, user, sizeof user);
	snprintf(buf, sizeof buf, "USER %s", user);
	command(c, buf);
	snprintf(buf, sizeof buf, "PASS %s", o.secret);
	command(c, buf);
}

static void
quit(struct conn *c)
{
	command(c, "QUIT");
	while (fill(c))
		c->pos = c->n;
	close(c->fd);
}

static void
session(struct conn *c, long i)
{
	double start = now(), end;
	char **p;

	enter(c, i);
	for (p = o.commands; *p; p++)
		if (strncmp(*p, "LAST ", 5) == 0)
			run_last(c, strtol(*p + 5, NULL, 10));
		else
			run(c, *p);
	end = now();
	quit(c);
	if (o.sessions == 0)
		printf("%.2f %.2f\n", end - start, now() - end);
}
