/* relay - what the files of tlsrelay share: the set-up of a server and of a client,
 * the handshake, the relay. */
#ifndef RELAY_H
#define RELAY_H

#include "secret.h"
#include "ticket.h"

#include <openssl/core.h>
#include <openssl/ssl.h>
#include <stdbool.h>

/* What a client wants of the server; lists end with NULL. */
struct wants {
	char *name;   /* to ask for (SNI), or NULL */
	char *dir;    /* of CA certificates, by their hash */
	char **names; /* the certificate must be good for one of them */
	char **tlsa;  /* "USAGE SELECTOR MTYPE HEX" */
};

/* A server of the protocol (ALPN), or NULL for any; what it is given stays.  NULL
 * with why. */
SSL *server_new(struct secrets *s, struct tickets *t, const char *protocol,
                struct str *why);

/* A client; NULL with why. */
SSL *client_new(const struct wants *w, struct str *why);

/* Shake hands, within TLS_TIME: 0 with the line about it; or -1 with why, nothing
 * when who started us is gone. */
int hello(SSL *ssl, struct str *line);

/* Let OpenSSL know no algorithms but those that TLS needs. */
void few_load(bool client);

/* What it has chosen.  main.c has it: OpenSSL hands nothing of ours back when it
 * asks for them. */
enum { FEW_KINDS = 10, FEW_EACH = 30 };
extern struct few {
	const OSSL_PROVIDER *all;
	OSSL_ALGORITHM v[FEW_KINDS][FEW_EACH]; /* an empty one ends each */
} few;

/* Add text, and what OpenSSL says of it. */
void why_not(struct str *s, const char *text);

/* Carry bytes between the network and the plain end until both have ended. */
void relay(SSL *ssl);

#endif
