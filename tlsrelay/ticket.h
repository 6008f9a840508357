/* ticket - sessions are resumed in another process, with keys that all share
 * (RFC 5077, RFC 8446 4.6.1). */
#ifndef TICKET_H
#define TICKET_H

#include "str.h"

#include <openssl/ssl.h>

enum {
	TICKET_KEYS = 8,
	TICKET_LIFE = 4 * 3600,  /* s that a session can be resumed */
	TICKET_STALE = 7 * 86400 /* s, a key that old is not used */
};

struct ticket {
	long long made; /* time(2) */
	struct {
		unsigned char name[16], aes[32], mac[32];
	} key;
};

struct tickets {
	struct ticket v[TICKET_KEYS]; /* newest first */
	size_t n;
};

/* The file: a line "TIME KEY" for each, the key in base64. */
void tickets_parse(struct tickets *t, const struct str *file, long long now);
void tickets_print(const struct tickets *t, long long now, struct str *file);

/* In front of the others. */
void tickets_add(struct tickets *t, const struct ticket *new);

/* Have ctx make and take tickets, if there is a key; *t stays where it is. */
void tickets_use(SSL_CTX *ctx, struct tickets *t);

#endif
