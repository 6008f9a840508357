/* store - a mailbox as the servers see it, mbox or Maildir behind it.
 * Messages are counted from 0, in the order of their UIDs.  Nothing is held
 * locked between two calls: what others do to the mailbox is seen at
 * store_sync(), and what was said of a message stays true for its UID or the
 * call says that it is gone.  Used by popd and imapd. */
#ifndef STORE_H
#define STORE_H

#include "index.h"
#include "mboxscan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { STORE_WHY = 160 };

struct store_how {
	const char *state; /* directory of the user's records */
	uid_t owner;
	bool dot_optional; /* see lock_mbox() */
	long patience;     /* ms to wait for another's lock */
};

struct store {
	const char *path;
	struct store_how how;
	struct index index; /* head and messages as of the last sync */
	const struct store_ops *op;
	void *box;           /* of the driver */
	char why[STORE_WHY]; /* of the last failure, in words */
};

/* Open the mailbox at path (a / at its end: Maildir); one that does not exist is
 * empty.  0, or -1 with errno (EAGAIN: locked by another) and why. */
int store_open(struct store *s, const char *path, const struct store_how *how);

/* See what others did.  1 something changed, 0 nothing, -1 as store_open. */
int store_sync(struct store *s);

/* How many there are, message i, and the number of a UID or -1. */
size_t store_count(const struct store *s);
const struct index_msg *store_msg(const struct store *s, size_t i);
ssize_t store_find(const struct store *s, uint32_t uid);

/* Read a message: store_get() puts octets of it, from off on (0 for the first call,
 * then going on), at least one and some 64 kB at most, in CRLF form into out.
 * Returns how many, 0 at its end, -1 with errno (ESTALE: it is gone). */
struct store_reader {
	uint32_t uid;
	void *box; /* of the driver */
};
int store_read(struct store *s, uint32_t uid, struct store_reader *r);
ssize_t store_get(struct store *s, struct store_reader *r, struct str *out);
void store_read_end(struct store *s, struct store_reader *r);

/* Set and clear flags and keywords of n messages, in the index: others see it at
 * once, the mailbox itself at store_keep().  A UID that is gone is passed over. */
struct store_change {
	unsigned set, clear; /* FLAG_* */
	uint64_t set_keywords, clear_keywords;
};
int store_flag(struct store *s, const uint32_t *uid, size_t n,
               const struct store_change *c);

/* Write flags and UIDs that the mailbox lacks into it. */
int store_keep(struct store *s);

/* Remove the messages with these UIDs (ascending) for good, all or, when it fails,
 * any number.  *gone: how many.  One that changed since it was seen is kept. */
int store_expunge(struct store *s, const uint32_t *uid, size_t n, size_t *gone);

void store_close(struct store *s);

#endif
