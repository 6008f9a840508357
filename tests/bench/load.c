/* load - send many messages to an SMTP server: the client of the benchmarks.
 *
 *	load [-k] [-c clients] [-s size] [-m names] -n count -t to address port
 *
 * The clients work side by side.  Each message gets a connection of its own, or
 * with -k a client keeps one.  A % in the recipient becomes the number of
 * the message modulo names.  Exits with 0 when every message was accepted. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	bool keep;
	long clients, size, names, count;
	const char *to;
	struct sockaddr_in where;
	char *body;
	size_t len;
} o = {.clients = 10, .size = 5120, .names = 1};

static void
die(const char *what)
{
	perror(what);
	_exit(1);
}

static void
put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);

		if (r < 0)
			die("write");
		p += r;
		n -= (size_t)r;
	}
}

/* Read a whole reply; it must begin with the digit want. */
static void
expect(int fd, char want)
{
	char buf[4096], *line;
	size_t n = 0;

	for (;;) {
		ssize_t r = read(fd, buf + n, sizeof buf - 1 - n);

		if (r <= 0)
			die("read");
		n += (size_t)r;
		buf[n] = '\0';
		if (buf[n - 1] != '\n')
			continue;
		line = buf + n - 1;
		while (line > buf && line[-1] != '\n')
			line--;
		if (line[3] != '-')
			break;
	}
	if (buf[0] != want) {
		fprintf(stderr, "load: %s", buf);
		_exit(1);
	}
}

static void
command(int fd, char want, const char *text)
{
	put(fd, text, strlen(text));
	expect(fd, want);
}

static int
greet(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&o.where, sizeof o.where) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	expect(fd, '2');
	command(fd, '2', "EHLO x.test\r\n");
	return fd;
}

static void
transaction(int fd, long i)
{
	const char *star = strchr(o.to, '%');
	char rcpt[512];

	if (star)
		snprintf(rcpt, sizeof rcpt, "RCPT TO:<%.*s%ld%s>\r\n",
		         (int)(star - o.to), o.to, i % o.names, star + 1);
	else
		snprintf(rcpt, sizeof rcpt, "RCPT TO:<%s>\r\n", o.to);
	command(fd, '2', "MAIL FROM:<jo@x.test>\r\n");
	command(fd, '2', rcpt);
	command(fd, '3', "DATA\r\n");
	put(fd, o.body, o.len);
	expect(fd, '2');
}

static void
client(long first)
{
	int fd = -1;
	long i;

	for (i = first; i < o.count; i += o.clients) {
		if (fd < 0)
			fd = greet();
		transaction(fd, i);
		if (!o.keep || i + o.clients >= o.count) {
			command(fd, '2', "QUIT\r\n");
			close(fd);
			fd = -1;
		}
	}
	_exit(0);
}

static void
make_body(void)
{
	static const char head[] = "From: jo@x.test\r\nSubject: load\r\n\r\n";
	static const char line[] =
	    "Dix mille lettres par jour, et aucune qui se perde en chemin.\r\n";

	o.body = malloc((size_t)o.size + sizeof head + 2 * sizeof line);
	if (!o.body)
		die("malloc");
	memcpy(o.body, head, o.len = sizeof head - 1);
	while (o.len < (size_t)o.size) {
		memcpy(o.body + o.len, line, sizeof line - 1);
		o.len += sizeof line - 1;
	}
	memcpy(o.body + o.len, ".\r\n", 3);
	o.len += 3;
}

int
main(int argc, char **argv)
{
	int opt, status, rc = 0;
	long i;

	while ((opt = getopt(argc, argv, "kc:s:m:n:t:")) != -1)
		switch (opt) {
		case 'k': o.keep = true; break;
		case 'c': o.clients = strtol(optarg, NULL, 10); break;
		case 's': o.size = strtol(optarg, NULL, 10); break;
		case 'm': o.names = strtol(optarg, NULL, 10); break;
		case 'n': o.count = strtol(optarg, NULL, 10); break;
		case 't': o.to = optarg; break;
		default: return 64;
		}
	if (argc - optind != 2 || !o.to || o.count < 1 || o.clients < 1)
		return 64;
	o.where.sin_family = AF_INET;
	o.where.sin_port =
	    htons((unsigned short)strtol(argv[optind + 1], NULL, 10));
	if (inet_pton(AF_INET, argv[optind], &o.where.sin_addr) != 1)
		return 64;
	make_body();
	for (i = 0; i < o.clients; i++)
		if (fork() == 0)
			client(i);
	while (wait(&status) > 0)
		if (status != 0)
			rc = 1;
	return rc;
}
