/* server - the server's half: certificates, and which of them a client gets.
 * Called by main.c when the rights of root are gone. */
#include "io.h"
#include "log.h"
#include "relay.h"
#include "ticket.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct certificate {
	X509 *leaf;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
};

/* A key that wants a password is none: nobody is there to be asked. */
static int
no_password(char *buf, int size, int rw, void *arg)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

/* Did the system fail, which says nothing of the file? */
static bool
is_later(int fd)
{
	return fd < 0 && io_is_passing(-fd);
}

/* A file from its beginning, up to some size that none has; or NULL.  *later: it may
 * be there, and cannot be read now. */
static BIO *
open_bio(int fd, bool *later)
{
	BIO *b = NULL;
	char buf[8192];
	ssize_t n = 0;
	int i;

	*later |= is_later(fd);
	if (fd < 0)
		return NULL;
	if (lseek(fd, 0, SEEK_SET) < 0 || !(b = BIO_new(BIO_s_mem()))) {
		*later = true;
		return NULL;
	}
	for (i = 0; i < 32 && (n = io_readall(fd, buf, sizeof buf)) > 0; i++)
		BIO_write(b, buf, (int)n);
	*later |= n < 0;
	explicit_bzero(buf, sizeof buf);
	return b;
}

/* 0, or -1 when there is no certificate; the key may be missing.  *later: not all of
 * it can be read now. */
static int
parse(struct certificate *c, const struct secret *s, bool *later)
{
	BIO *b = open_bio(s->chain, later);
	X509 *x;

	*c = (struct certificate){.chain = sk_X509_new_null()};
	*later |= is_later(s->key);
	if (b)
		c->leaf = PEM_read_bio_X509(b, NULL, no_password, NULL);
	while (c->leaf && (x = PEM_read_bio_X509(b, NULL, no_password, NULL)))
		sk_X509_push(c->chain, x);
	BIO_free(b);
	ERR_clear_error(); /* the end of the chain was one */
	if (!c->leaf)
		return -1;
	b = open_bio(s->key >= 0 ? s->key : s->chain, later);
	if (b)
		c->key = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL);
	BIO_free(b);
	return 0;
}

static void
forget(struct certificate *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
}

static bool
is_for(const X509 *x, const char *name)
{
	return X509_check_host((X509 *)(uintptr_t)x, name, 0, 0, NULL) == 1;
}

/* The client has said hello.  RFC 6066 3: who asks for a name that nobody here
 * has gets the first certificate, and decides. */
static int
choose(SSL *ssl, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct secrets *s = arg;
	struct certificate c;
	bool found = false, later = false;
	size_t i;

	if (!name || s->n < 2 || is_for(SSL_get_certificate(ssl), name))
		return 1;
	for (i = 1; i < s->n && !found; i++) {
		bool unread = false;

		found =
		    parse(&c, &s->v[i], &unread) == 0 && is_for(c.leaf, name);
		later = unread || (later && !found);
		if (found && !unread &&
		    (!c.key ||
		     SSL_use_cert_and_key(ssl, c.leaf, c.key, c.chain, 1) != 1))
			log_warn(
			    "tls/%s: the key is not that of the certificate",
			    s->v[i].name);
		forget(&c);
	}
	ERR_clear_error();
	/* That may be the one for this name; another would look like an attack. */
	if (later)
		log_warn("tls: a certificate cannot be read now");
	return !later;
}

static bool
is_default(const struct secret *s)
{
	return strcmp(s->name, "default") == 0 ||
	       strcmp(s->name, "default.pem") == 0;
}

static int
order(const void *a, const void *b)
{
	const struct secret *x = a, *y = b;
	int first = is_default(y) - is_default(x);

	return first ? first : strcmp(x->name, y->name);
}

/* "default" first; without what is no certificate. */
static void
sort(struct secrets *s)
{
	size_t i, kept = 0, n;

	for (i = 0; i < s->n; i++) {
		n = strlen(s->v[i].name);
		if (s->v[i].key >= 0 || is_later(s->v[i].key) ||
		    (n > 4 && strcmp(s->v[i].name + n - 4, ".pem") == 0))
			s->v[kept++] = s->v[i];
	}
	s->n = kept;
	qsort(s->v, s->n, sizeof *s->v, order);
}

/* The first certificate is everybody's: it must be good. */
static int
use_first(SSL_CTX *ctx, struct secrets *s, struct str *why)
{
	struct certificate c;
	bool later = false;
	int ok;

	if (s->n == SECRETS_MAX)
		log_warn("tls: only %d names are looked at", SECRETS_MAX);
	sort(s);
	if (s->n == 0) {
		str_adds(why, "no certificate in tls");
		return -1;
	}
	ok = parse(&c, &s->v[0], &later) == 0 && c.key &&
	     SSL_CTX_use_cert_and_key(ctx, c.leaf, c.key, c.chain, 1) == 1;
	forget(&c);
	if (ok)
		return 0;
	str_addf(why, "tls/%s: ", s->v[0].name);
	why_not(why, "no certificate with its key");
	return -1;
}

static void
set_options(SSL_CTX *ctx)
{
	char groups[] = "X25519:P-256:P-384";

	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
	SSL_CTX_set1_groups_list(ctx, groups);
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE |
	                             SSL_OP_PRIORITIZE_CHACHA);
}

/* RFC 7301 3.2, RFC 9325 3.8: whoever names protocols, and not ours, was led here
 * for something else, as a browser that is to talk with this host's certificate. */
static int
agree(SSL *ssl, const unsigned char **to, unsigned char *n,
      const unsigned char *offer, unsigned len, void *protocol)
{
	const unsigned char *e = offer + len;
	size_t want = strlen(protocol);

	(void)ssl;
	for (; offer < e && *offer < e - offer; offer += 1 + *offer)
		if (*offer == want && memcmp(offer + 1, protocol, want) == 0) {
			*to = offer + 1;
			*n = *offer;
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

SSL *
server_new(struct secrets *s, struct tickets *t, const char *protocol,
           struct str *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl = NULL;

	if (!ctx) {
		why_not(why, "OpenSSL does not start");
		return NULL;
	}
	set_options(ctx);
	if (use_first(ctx, s, why) == 0) {
		tickets_read(t, s->tickets);
		tickets_use(ctx, t);
		SSL_CTX_set_cert_cb(ctx, choose, s);
		if (protocol)
			SSL_CTX_set_alpn_select_cb(ctx, agree,
			                           (void *)(uintptr_t)protocol);
		if ((ssl = SSL_new(ctx)))
			SSL_set_accept_state(ssl);
		else
			why_not(why, "OpenSSL does not start");
	}
	SSL_CTX_free(ctx);
	return ssl;
}
