/* storetext - a message that comes into a mailbox: lines end in LF, and what the
 * mailbox's programs keep in a header for themselves is taken out (it would be a
 * lie).  Memory stays the same whatever is in it.  Used by the drivers of store.h. */
#ifndef STORETEXT_H
#define STORETEXT_H

#include "store.h"

enum { TEXT_BUFFER = 65536 };

struct newtext {
	int fd;
	uint64_t off, end; /* what was not read yet */
	int err;           /* errno of the first failure */
	size_t at, len;    /* our place in buf, and its bytes */
	char buf[TEXT_BUFFER];
};

void newtext_begin(struct newtext *t, const struct store_new *m);

/* Give the fields of the header to put, as far as there are any.  Was there an
 * empty line behind them?  It is not given. */
bool newtext_header(struct newtext *t,
                    void (*put)(void *arg, const void *p, size_t n), void *arg);

/* Give the rest.  0, or -1 with errno when something could not be read. */
int newtext_body(struct newtext *t,
                 void (*put)(void *arg, const void *p, size_t n), void *arg);

#endif
