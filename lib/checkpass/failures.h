/* failures - one account of wrong passwords for all processes: by address and by
 * user name, in a small file that forgets.  Without the file, logins go on. */
#ifndef FAILURES_H
#define FAILURES_H

#include "sha256.h"

#include <stdbool.h>

enum {
	FAILURES_FADE = 60,       /* s, after which one is forgotten */
	FAILURES_FREE = 5,        /* of an address that slow only wrong ones */
	FAILURES_FREE_USER = 10,  /* of a user, from everywhere */
	FAILURES_LIMIT = 20,      /* of an address: nothing is right any more */
	FAILURES_MOST = 40,       /* more are not counted */
	FAILURES_SLOW = 8 * 1000, /* ms, the longest wait */
	FAILURES_PATIENCE = 1000  /* ms to wait for others who write */
};

struct failures {
	int fd; /* or -1 */
	unsigned char secret[SHA256_SIZE];
};

/* The account in the open file, which is made new when it is none.  fd may be -1. */
void failures_open(struct failures *f, int fd);

/* Something that only this machine knows, always the same for that name. */
void failures_mix(const struct failures *f, const char *what, const char *name,
                  const char *more, unsigned char out[SHA256_SIZE]);

/* Had the address too many? */
bool failures_refuse(const struct failures *f, const char *ip);

/* The password was right, or wrong, which is then on record; the same wrong one
 * counts once.  How long to wait, in ms. */
unsigned failures_tell(const struct failures *f, const char *ip,
                       const char *name, const char *secret, bool right);

#endif
