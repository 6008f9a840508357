/* ticket - see ticket.h. */
#include "ticket.h"

#include "code.h"
#include "io.h"
#include "log.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One line; what cannot be read, or is too old, is no key. */
static void
parse_line(struct tickets *t, struct cur line, long long now)
{
	struct ticket *k = &t->v[t->n];
	struct cur made, key;
	struct str raw = {0};
	unsigned long long s;

	if (cur_word(&line, &made) > 0 && cur_word(&line, &key) > 0 &&
	    cur_number(&made, INT64_MAX / 2, &s) == 0 &&
	    now - (long long)s < TICKET_STALE &&
	    code_unbase64(&raw, key) == 0 && raw.n == sizeof k->key) {
		k->made = (long long)s;
		memcpy(&k->key, raw.s, sizeof k->key);
		t->n++;
	}
	if (raw.s)
		explicit_bzero(raw.s, raw.n);
	str_free(&raw);
}

static void
parse(struct tickets *t, int fd)
{
	long long now = time(NULL);
	char buf[4096];
	ssize_t n = io_readall(fd, buf, sizeof buf);
	struct cur all = {buf, buf + (n > 0 ? n : 0)}, line;

	while (cur_peek(&all) >= 0 && t->n < TICKET_KEYS) {
		cur_until(&all, "\n", &line);
		cur_get(&all);
		parse_line(t, line, now);
	}
	explicit_bzero(buf, sizeof buf);
}

void
tickets_read(struct tickets *t, int fd)
{
	struct stat st;

	if (fd < 0)
		return;
	/* It lies where anybody may make files. */
	if (fstat(fd, &st) < 0 || (st.st_mode & 077) != 0 ||
	    (st.st_uid != 0 && st.st_uid != geteuid()))
		log_warn(".tickets is not private, and not used");
	else
		parse(t, fd);
	close(fd);
}

/* A key is needed as long as there may be tickets of it: until its successor has
 * been there for their life. */
static void
print(const struct tickets *t, struct str *s)
{
	long long now = t->v[0].made;
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (i > 0 && t->v[i - 1].made + TICKET_LIFE < now)
			break;
		str_addf(s, "%lld ", t->v[i].made);
		code_base64(s, &t->v[i].key, sizeof t->v[i].key);
		str_addc(s, '\n');
	}
}

int
tickets_renew(void)
{
	struct tickets t = {.n = 1};
	struct str s = {0};
	int r;

	if (getentropy(&t.v[0].key, sizeof t.v[0].key) < 0)
		return -1;
	t.v[0].made = time(NULL);
	parse(&t, STDIN_FILENO);
	print(&t, &s);
	r = io_writeall(STDOUT_FILENO, s.s, s.n);
	str_free(&s);
	return r;
}

/* The key of a ticket, or -1. */
static int
find(const struct tickets *t, const unsigned char name[16])
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (memcmp(t->v[i].key.name, name, 16) == 0)
			return (int)i;
	return -1;
}

static int
set_mac(EVP_MAC_CTX *mac, struct ticket *k)
{
	char sha256[] = "SHA256";
	OSSL_PARAM p[] = {
	    OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->key.mac,
	                                      sizeof k->key.mac),
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
	    OSSL_PARAM_construct_end()};

	return EVP_MAC_CTX_set_params(mac, p);
}

/* OpenSSL asks: make a ticket (1: done, -1), or which key was it (0: none, 1, 2: it
 * was, and it is time for a new one)? */
static int
give_key(SSL *ssl, unsigned char name[16], unsigned char *iv,
         EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int make)
{
	struct tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const EVP_CIPHER *aes = EVP_aes_256_cbc();
	struct ticket *k;
	int i = make ? 0 : find(t, name);

	if (i < 0)
		return 0;
	k = &t->v[i];
	if (make) {
		memcpy(name, k->key.name, 16);
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1)
			return -1;
	}
	if (EVP_CipherInit_ex(cipher, aes, NULL, k->key.aes, iv, make) != 1 ||
	    set_mac(mac, k) != 1)
		return -1;
	/* TLS 1.3 tickets are new each time (RFC 8446 C.4). */
	return make || (i == 0 && SSL_version(ssl) < TLS1_3_VERSION) ? 1 : 2;
}

void
tickets_use(SSL_CTX *ctx, struct tickets *t)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TICKET_LIFE);
	SSL_CTX_set_num_tickets(ctx, t->n > 0);
	SSL_CTX_set_app_data(ctx, t);
	if (t->n == 0)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	else
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, give_key);
}
