/* client - the client's half: what is asked of a server's certificate.
 * Called by main.c. */
#include "relay.h"

#include <openssl/x509v3.h>

/* A record of DNS (RFC 6698 2.1). */
struct tlsa {
	unsigned long long usage, selector, matching;
	unsigned char data[4096];
	size_t n;
};

/* Hexadecimal digits to the end: 0 or -1. */
static int
parse_data(struct cur c, struct tlsa *t)
{
	int high, low;

	while (cur_peek(&c) >= 0 && t->n < sizeof t->data) {
		high = OPENSSL_hexchar2int((unsigned char)cur_get(&c));
		low = OPENSSL_hexchar2int((unsigned char)cur_get(&c));
		if (high < 0 || low < 0)
			return -1;
		t->data[t->n++] = (unsigned char)(high << 4 | low);
	}
	return cur_peek(&c) < 0 && t->n > 0 ? 0 : -1;
}

/* "USAGE SELECTOR MTYPE HEX": 0 or -1. */
static int
parse_tlsa(const char *text, struct tlsa *t)
{
	struct cur c = cur_of(text), usage, selector, matching, data;

	*t = (struct tlsa){0};
	cur_word(&c, &usage);
	cur_word(&c, &selector);
	cur_word(&c, &matching);
	cur_word(&c, &data);
	return cur_number(&usage, 255, &t->usage) < 0 ||
	               cur_number(&selector, 255, &t->selector) < 0 ||
	               cur_number(&matching, 255, &t->matching) < 0
	           ? -1
	           : parse_data(data, t);
}

/* Is there one that can be used?  RFC 7672 3.1.3: those of usage 0 and 1 cannot;
 * OpenSSL knows which others. */
static bool
add_records(SSL *ssl, char *const *v)
{
	struct tlsa t;
	bool usable = false;

	for (; *v; v++)
		usable |= parse_tlsa(*v, &t) == 0 && t.usage >= 2 &&
		          SSL_dane_tlsa_add(
		              ssl, (uint8_t)t.usage, (uint8_t)t.selector,
		              (uint8_t)t.matching, t.data, t.n) == 1;
	return usable;
}

/* Certificates by their hash: the one that is needed is read, not all of a
 * bundle. */
static int
use_directory(SSL_CTX *ctx, const char *dir)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_LOOKUP *l = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());

	return l && X509_LOOKUP_add_dir(l, dir, X509_FILETYPE_PEM) == 1 ? 0
	                                                                : -1;
}

/* What must hold.  Without any record that can be used nothing must: RFC 7672
 * 2.2 wants TLS then, and no more. */
static int
demand(SSL *ssl, const struct wants *w)
{
	const char *base = w->name ? w->name : w->names[0];
	bool must = w->names[0] != NULL;
	size_t i;

	if (w->tlsa[0]) {
		if (SSL_dane_enable(ssl, base) != 1)
			return -1;
		SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
		must = add_records(ssl, w->tlsa);
	}
	for (i = 0; w->names[i]; i++)
		if (SSL_add1_host(ssl, w->names[i]) != 1)
			return -1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set_verify(ssl, must ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	/* RFC 7435: weak is better than clear, where clear is the other way. */
	return must || SSL_set_cipher_list(ssl, "DEFAULT:@SECLEVEL=0") == 1
	           ? 0
	           : -1;
}

SSL *
client_new(const struct wants *w, struct str *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;

	if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    use_directory(ctx, w->dir) == 0 && SSL_CTX_dane_enable(ctx) == 1 &&
	    (ssl = SSL_new(ctx)) &&
	    (demand(ssl, w) < 0 ||
	     (w->name && SSL_set_tlsext_host_name(ssl, w->name) != 1))) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (ssl)
		SSL_set_connect_state(ssl);
	else
		why_not(why, "OpenSSL does not start");
	SSL_CTX_free(ctx);
	return ssl;
}
