/* ticket - sessions are resumed in another process, with keys that all share
 * (RFC 5077, RFC 8446 4.6.1).  The file has a line "TIME KEY" for each, the newest
 * first, the key in base64. */
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
	struct ticket v[TICKET_KEYS];
	size_t n;
};

/* Read the file that is open at fd; nobody but its owner, root or who we were, may
 * be able to. */
void tickets_read(struct tickets *t, int fd);

/* Copy such a file from standard input to standard output, with a new key in front and
 * without those that no ticket needs any more.  0, or -1 with errno. */
int tickets_renew(void);

/* Have ctx make and take tickets, if there is a key; *t stays where it is. */
void tickets_use(SSL_CTX *ctx, struct tickets *t);

#endif
