/* secret - what only root can read: certificates with their keys, and the keys of
 * tickets. */
#ifndef SECRET_H
#define SECRET_H

#include "conf.h"
#include "str.h"

/* PEM as it is in the files: of one file, or chain and key of a directory's two. */
struct secret {
	char *name; /* of the file or directory */
	struct str chain, key;
};

enum { SECRETS_MAX = 100, SECRET_SIZE = 256 << 10 };

struct secrets {
	struct secret v[SECRETS_MAX]; /* "default" first, then by name */
	size_t n;
	struct str tickets; /* the file, see ticket.c, or nothing */
};

/* Read them all; what cannot be read is logged. */
void secrets_open(const struct conf *c, struct secrets *s);

/* Forget them. */
void secrets_free(struct secrets *s);

/* Put a new key in front of those of the file of tickets, and drop those that no
 * ticket needs any more.  0, or -1 with errno. */
int secrets_rotate(const struct conf *c);

#endif
