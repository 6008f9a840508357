/* main - tlsrelay, TLS as a process of its own: descriptors 0 and 1 are the network,
 * 3 is who speaks plainly.  Started by lib/tls.c; see lib/tls.h for what it says
 * there.  As root it copies the certificates and becomes somebody else for good, before
 * it reads anything of the network. */
#include "become.h"
#include "io.h"
#include "limit.h"
#include "log.h"
#include "mem.h"
#include "relay.h"
#include "tls.h"
#include "wall.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	MEMORY = 32 << 20, /* more than a handshake can need */
	RECORDS = 65536    /* bytes that one read of the network takes */
};

static struct conf conf;
static struct secrets secrets;
static struct tickets tickets;
static const char *protocol; /* of a server */
struct few few;

/* What the other end hears of us, before the peer is heard. */
static void
say(const char *mark, const struct str *text)
{
	struct str s = {0};

	str_adds(&s, mark);
	str_adds_clean(&s, text->s, text->n, TLS_LINE - strlen(mark));
	str_addc(&s, '\n');
	io_writeall(TLS_PLAIN_FD, s.s, s.n);
	str_free(&s);
}

/* Nobody who started us needs these. */
static void
own_descriptors(void)
{
	static const int fds[] = {STDIN_FILENO, STDOUT_FILENO, TLS_PLAIN_FD};
	size_t i;
	int flags, on = 1;

	closefrom(TLS_PLAIN_FD + 1);
	for (i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if ((flags = fcntl(fds[i], F_GETFL)) < 0 ||
		    fcntl(fds[i], F_SETFL, flags | O_NONBLOCK) < 0)
			log_die(EX_USAGE, "descriptor %d: %s", fds[i],
			        strerror(errno));
	}
	setsockopt(STDOUT_FILENO, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Give up what root has, and all else. */
static void
drop(const char *file, const struct wants *client)
{
	struct str jail = {0};

	str_addf(&jail, "%s/.empty", conf.state);
	log_ready();
	if (!client)
		secrets_open(&conf, &secrets);
	become_talker(file, client ? NULL : jail.s);
	str_free(&jail);
	limit_memory(MEMORY);
	if (client)
		wall_verifier(client->dir);
	else
		wall_relay();
}

static SSL *
start(const char *file, const struct wants *client, struct str *why)
{
	drop(file, client);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	                        OPENSSL_INIT_NO_ATEXIT |
	                        OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
	                        OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
	                        OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
	                    NULL);
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_SSL_STRINGS, NULL);
	few_load(client != NULL);
	return client ? client_new(client, why)
	              : server_new(&secrets, &tickets, protocol, why);
}

/* The certificate is shown, the key no longer needed. */
static void
forget_secrets(void)
{
	for (; secrets.n > 0; secrets.n--) {
		close(secrets.v[secrets.n - 1].chain);
		close(secrets.v[secrets.n - 1].key);
	}
}

static int
run(const char *file, const struct wants *client)
{
	struct str text = {0};
	SSL *ssl;

	signal(SIGPIPE, SIG_IGN);
	own_descriptors();
	if (!(ssl = start(file, client, &text))) {
		say("! ", &text);
		return EX_UNAVAILABLE;
	}
	say("ready", &text);
	SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                         SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
	                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                      SSL_MODE_RELEASE_BUFFERS);
	SSL_set_read_ahead(ssl, 1);
	SSL_set_default_read_buffer_len(ssl, RECORDS);
	SSL_set_rfd(ssl, STDIN_FILENO);
	SSL_set_wfd(ssl, STDOUT_FILENO);
	if (hello(ssl, &text) < 0) {
		if (text.n > 0)
			say("! ", &text);
		return EX_PROTOCOL;
	}
	forget_secrets();
	say("", &text);
	relay(ssl);
	return 0;
}

static int
usage(void)
{
	fputs("usage: tlsrelay [-V] [-C file] [-p protocol]\n"
	      "       tlsrelay -c [-C file] [-A dir] [-n name] [-v name] ... "
	      "[-d tlsa] ...\n"
	      "       tlsrelay -r [-C file] < old > new\n",
	      stderr);
	return EX_USAGE;
}

static int
renew(const char *file)
{
	log_stderr(1);
	become_talker(file, NULL);
	if (tickets_renew() == 0)
		return 0;
	log_warn("cannot make a key for tickets: %s", strerror(errno));
	return EX_IOERR;
}

int
main(int argc, char **argv)
{
	char dir[] = "/etc/ssl/certs";
	struct wants w = {.dir = dir};
	bool client = false, rotating = false;
	size_t names = 0, records = 0;
	const char *file = NULL;
	int opt;

	log_open("tlsrelay");
	w.names = mem_alloc((size_t)(argc + 1) * sizeof *w.names);
	w.tlsa = mem_alloc((size_t)(argc + 1) * sizeof *w.tlsa);
	while ((opt = getopt(argc, argv, "A:C:Vcd:n:p:rv:")) != -1)
		switch (opt) {
		case 'A': w.dir = optarg; break;
		case 'C': file = optarg; break;
		case 'V': puts("facteur " VERSION); return 0;
		case 'c': client = true; break;
		case 'd': w.tlsa[records++] = optarg; break;
		case 'n': w.name = optarg; break;
		case 'p': protocol = optarg; break;
		case 'r': rotating = true; break;
		case 'v': w.names[names++] = optarg; break;
		default: return usage();
		}
	if (optind < argc || (client && rotating) ||
	    ((client || rotating) && protocol) ||
	    (!client && (w.name || names > 0 || records > 0)) ||
	    (records > 0 && !w.name && names == 0))
		return usage();
	if (rotating)
		return renew(file);
	conf_use(&conf, file);
	return run(file, client ? &w : NULL);
}
