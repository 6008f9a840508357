/* scram - the arithmetic of SCRAM-SHA-256 (RFC 5802, RFC 7677), for both sides.
 * Pure but for the randomness of a nonce. */
#ifndef SCRAM_H
#define SCRAM_H

#include "str.h"

#include <stdbool.h>

enum {
	SCRAM_KEY = 32,      /* bytes */
	SCRAM_ROUNDS = 4096, /* that a new key has, and the least */
	SCRAM_ROUNDS_MAX = 1000000
};

/* What a server stores for a user: "{SCRAM-SHA-256}ROUNDS,SALT,STORED,SERVER" as
 * Dovecot writes it, with salt and keys in base64. */
struct scram_key {
	unsigned long rounds;
	char salt[128]; /* base64, as it is sent */
	unsigned char stored[SCRAM_KEY], server[SCRAM_KEY];
};

/* Read what is behind the braces.  0 or -1. */
int scram_parse(struct cur text, struct scram_key *k);

/* From a password; salt is base64. */
int scram_derive(const char *secret, const char *salt, unsigned long rounds,
                 struct scram_key *k);

/* The server: is the proof (base64) that of auth, the AuthMessage?  Then the
 * signature is added to to, in base64.  0 or -1. */
int scram_verify(const struct scram_key *k, struct cur proof, struct cur auth,
                 struct str *to);

/* A nonce of printable characters without a comma. */
void scram_nonce(char to[33]);

/* The client: three messages, without the base64 around each.  It starts
 * zero-initialised.  binding: base64 of the channel's, or "" for none; plus: the server
 * offers -PLUS, and c->flag then says whether that is the mechanism to ask for ('p').
 * Buffers are added to; 0 or -1 when the server cannot be trusted or understood.
 * secret and binding stay the caller's, and where they are until scram_free(). */
struct scram_client {
	struct str bare, auth; /* what both have said */
	struct scram_key key;
	char nonce[33]; /* "": to be made */
	const char *secret, *binding;
	char flag; /* 'p', 'y' or 'n' of the GS2 header */
};

void scram_begin(struct scram_client *c, const char *name, const char *secret,
                 const char *binding, bool plus, struct str *to);
int scram_prove(struct scram_client *c, struct cur first, struct str *to);
int scram_believe(const struct scram_client *c, struct cur final);
void scram_free(struct scram_client *c);

#endif
