/* secret - what only root can open: certificates with their keys, and the keys of
 * tickets. */
#ifndef SECRET_H
#define SECRET_H

#include "conf.h"

enum { SECRETS_MAX = 100 };

/* Descriptors, or -1, or -errno of open(2).  Where there is no key it is in the file of
 * the chain. */
struct secret {
	char *name;
	int chain, key;
};

struct secrets {
	struct secret v[SECRETS_MAX];
	size_t n;
	int tickets; /* see ticket.h */
};

void secrets_open(const struct conf *c, struct secrets *s);

#endif
