/* clients - what the clients with a stop-watch share, pop.c and imap.c: options,
 * connections, who works side by side, main().  Included behind struct conn, and
 * by one file of a program. */
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

/* Connect and log in as client i, and what else comes before it idles. */
static void enter(struct conn *c, long i);
/* Take leave, and wait until the server has closed. */
static void quit(struct conn *c);
/* The whole of it, from connecting on. */
static void session(struct conn *c, long i);

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

static int
dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&o.where, sizeof o.where) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

/* The user of client i. */
static void
name(long i, char *to, size_t size)
{
	const char *star = strchr(o.user, '%');

	if (star)
		snprintf(to, size, "%.*s%ld%s", (int)(star - o.user), o.user, i,
		         star + 1);
	else
		snprintf(to, size, "%s", o.user);
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
		enter(&c[i], i);
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
