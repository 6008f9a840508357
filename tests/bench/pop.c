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
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	long clients, sessions;
	bool idle;
	struct sockaddr_in where;
	const char *user, *secret;
	char **commands;
} o = {.clients = 1};

struct conn {
	int fd;
	size_t n, pos;
	char buf[65536];
};

static void
die(const char *what)
{
	perror(what);
	_exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

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
login(struct conn *c, long i)
{
	const char *star = strchr(o.user, '%');
	char buf[512];
	int on = 1;

	c->n = c->pos = 0;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (struct sockaddr *)&o.where, sizeof o.where) < 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	expect(c, "greeting");
	if (star)
		snprintf(buf, sizeof buf, "USER %.*s%ld%s",
		         (int)(star - o.user), o.user, i, star + 1);
	else
		snprintf(buf, sizeof buf, "USER %s", o.user);
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

	login(c, i);
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

static void
idle(void)
{
	struct conn *c = calloc((size_t)o.clients, sizeof *c);
	char b;
	long i;

	if (!c)
		die("calloc");
	for (i = 0; i < o.clients; i++)
		login(&c[i], i);
	puts("idle");
	fflush(stdout);
	if (read(0, &b, 1) < 0)
		die("read");
	for (i = 0; i < o.clients; i++)
		quit(&c[i]);
	free(c);
}

static void
client(long i)
{
	static struct conn c;
	long n;

	for (n = i; n < o.sessions; n += o.clients)
		session(&c, i);
	_exit(0);
}

int
main(int argc, char **argv)
{
	static struct conn c;
	int opt, status, rc = 0;
	long i;

	while ((opt = getopt(argc, argv, "c:n:i")) != -1)
		switch (opt) {
		case 'c': o.clients = strtol(optarg, NULL, 10); break;
		case 'n': o.sessions = strtol(optarg, NULL, 10); break;
		case 'i': o.idle = true; break;
		default: return 64;
		}
	if (argc - optind < 4)
		return 64;
	argv += optind;
	o.where.sin_family = AF_INET;
	o.where.sin_port = htons((unsigned short)strtol(argv[1], NULL, 10));
	if (inet_pton(AF_INET, argv[0], &o.where.sin_addr) != 1)
		return 64;
	o.user = argv[2];
	o.secret = argv[3];
	o.commands = argv + 4;
	if (o.idle || o.sessions == 0) {
		o.idle ? idle() : session(&c, 0);
		return 0;
	}
	for (i = 0; i < o.clients; i++)
		if (fork() == 0)
			client(i);
	while (wait(&status) > 0)
		if (status != 0)
			rc = 1;
	return rc;
}
