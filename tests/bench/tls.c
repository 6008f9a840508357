/* tls - many sessions over TLS: the client of the benchmarks of logins.
 *
 *	tls [-pr] [-c clients] [-n sessions] imap|smtp address port user secret
 *	    [command...]
 *
 * imap: a session logs in, gives the commands, and logs out.  smtp: it logs in by
 * AUTH PLAIN, and sends a message of 5 kB from user@a.test to bob@a.test.
 * The clients work side by side; a % in the user becomes the client's number.
 * With -r a client resumes the session that it had before, and must be let; with -p
 * there is no TLS.  Exits with 0 when all went well.
 *
 * The certificate is not looked at: it is the server that is measured. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	long clients, sessions;
	bool plain, resume, smtp;
	struct sockaddr_in where;
	const char *user, *secret;
	char **commands;
} o = {.clients = 1, .sessions = 1};

static SSL_SESSION *kept;

struct conn {
	int fd;
	SSL *ssl;
	size_t pos, len;
	char buf[65536];
};

static void
die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	_exit(1);
}

static int
keep(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = s;
	return 1;
}

static void
put(struct conn *c, const char *p, size_t n)
{
	while (n > 0) {
		int w = c->ssl ? SSL_write(c->ssl, p, (int)n)
		               : (int)write(c->fd, p, n);

		if (w <= 0)
			die("write");
		p += w;
		n -= (size_t)w;
	}
}

static void
puts_(struct conn *c, const char *z)
{
	put(c, z, strlen(z));
}

/* The next line, or what fits of it. */
static char *
line(struct conn *c)
{
	for (;;) {
		char *p = c->buf + c->pos, *nl;
		int n;

		nl = memchr(p, '\n', c->len - c->pos);
		if (nl) {
			*nl = '\0';
			c->pos = (size_t)(nl - c->buf) + 1;
			return p;
		}
		memmove(c->buf, p, c->len - c->pos);
		c->len -= c->pos;
		c->pos = 0;
		if (c->len == sizeof c->buf)
			c->len = 0;
		n = c->ssl ? SSL_read(c->ssl, c->buf + c->len,
		                      (int)(sizeof c->buf - c->len))
		           : (int)read(c->fd, c->buf + c->len,
		                       sizeof c->buf - c->len);
		if (n <= 0)
			die("read");
		c->len += (size_t)n;
	}
}

static void
must(const char *line, const char *want)
{
	if (strncmp(line, want, strlen(want)) == 0)
		return;
	fprintf(stderr, "tls: %s\n", line);
	_exit(1);
}

/* A whole reply of SMTP. */
static void
reply(struct conn *c, const char *want)
{
	char *l;

	do {
		l = line(c);
		must(l, want);
	} while (strlen(l) > 3 && l[3] == '-');
}

static void
imap_command(struct conn *c, const char *text)
{
	char *l;

	puts_(c, "a ");
	puts_(c, text);
	puts_(c, "\r\n");
	do
		l = line(c);
	while (strncmp(l, "a ", 2) != 0);
	must(l, "a OK");
}

static void
imap(struct conn *c, const char *user)
{
	char text[512], **p;

	must(line(c), "* OK");
	snprintf(text, sizeof text, "LOGIN %s %s", user, o.secret);
	imap_command(c, text);
	for (p = o.commands; *p; p++)
		imap_command(c, *p);
	imap_command(c, "LOGOUT");
}

static void
smtp(struct conn *c, const char *user)
{
	static const char words[] =
	    "Dix mille lettres par jour, et aucune qui se perde en chemin.\r\n";
	char plain[512], b64[1024], text[16384];
	int n, i, len;

	n = snprintf(plain, sizeof plain, "%c%s%c%s", 0, user, 0, o.secret);
	EVP_EncodeBlock((unsigned char *)b64, (unsigned char *)plain, n);
	reply(c, "220");
	puts_(c, "EHLO x.test\r\n");
	reply(c, "250");
	snprintf(text, sizeof text, "AUTH PLAIN %s\r\n", b64);
	puts_(c, text);
	reply(c, "235");
	snprintf(text, sizeof text, "MAIL FROM:<%s@a.test>\r\n", user);
	puts_(c, text);
	reply(c, "250");
	puts_(c, "RCPT TO:<bob@a.test>\r\n");
	reply(c, "250");
	puts_(c, "DATA\r\n");
	reply(c, "354");
	len = snprintf(text, sizeof text,
	               "From: %s@a.test\r\nSubject: load\r\n\r\n", user);
	for (i = 0; i < 80; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, "%s",
		                words);
	put(c, text, (size_t)len);
	puts_(c, ".\r\n");
	reply(c, "250");
	puts_(c, "QUIT\r\n");
	reply(c, "221");
}

static void
session(SSL_CTX *ctx, const char *user, bool first)
{
	static struct conn c;
	int on = 1;

	c.pos = c.len = 0;
	c.ssl = NULL;
	c.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c.fd < 0 ||
	    connect(c.fd, (struct sockaddr *)&o.where, sizeof o.where) < 0)
		die("connect");
	setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (!o.plain) {
		c.ssl = SSL_new(ctx);
		SSL_set_fd(c.ssl, c.fd);
		if (o.resume && kept)
			SSL_set_session(c.ssl, kept);
		if (SSL_connect(c.ssl) != 1)
			die("SSL_connect");
		if (o.resume && !first && !SSL_session_reused(c.ssl)) {
			fprintf(stderr, "tls: not resumed\n");
			_exit(2);
		}
	}
	if (o.smtp)
		smtp(&c, user);
	else
		imap(&c, user);
	if (c.ssl) {
		SSL_shutdown(c.ssl);
		SSL_free(c.ssl);
	}
	close(c.fd);
}

static void
client(long me)
{
	const char *star = strchr(o.user, '%');
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char user[256];
	long i;

	if (!ctx)
		die("SSL_CTX_new");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
	                                        SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep);
	if (star)
		snprintf(user, sizeof user, "%.*s%ld%s", (int)(star - o.user),
		         o.user, me, star + 1);
	else
		snprintf(user, sizeof user, "%s", o.user);
	for (i = me; i < o.sessions; i += o.clients)
		session(ctx, user, i == me);
	_exit(0);
}

int
main(int argc, char **argv)
{
	int opt, status, rc = 0;
	long i;

	while ((opt = getopt(argc, argv, "prc:n:")) != -1)
		switch (opt) {
		case 'p': o.plain = true; break;
		case 'r': o.resume = true; break;
		case 'c': o.clients = strtol(optarg, NULL, 10); break;
		case 'n': o.sessions = strtol(optarg, NULL, 10); break;
		default: return 64;
		}
	if (argc - optind < 5)
		return 64;
	argv += optind;
	o.smtp = strcmp(argv[0], "smtp") == 0;
	o.where.sin_family = AF_INET;
	o.where.sin_port = htons((unsigned short)strtol(argv[2], NULL, 10));
	if (inet_pton(AF_INET, argv[1], &o.where.sin_addr) != 1)
		return 64;
	o.user = argv[3];
	o.secret = argv[4];
	o.commands = argv + 5;
	for (i = 0; i < o.clients; i++)
		if (fork() == 0)
			client(i);
	while (wait(&status) > 0)
		if (status != 0)
			rc = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	return rc;
}
