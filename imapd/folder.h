/* folder - the names of mailboxes and the files behind them.  INBOX is the user's
 * mailbox; others are mbox files below conf.folders or, where the mailbox is a
 * Maildir, the Maildir++ folders in it.  No name leads outside. */
#ifndef FOLDER_H
#define FOLDER_H

#include "mem.h"
#include "store.h"
#include "user.h"

/* What is known of a name.  A mailbox: EXISTS; a directory: EXISTS and NOSELECT; a
 * mere level above others: NOSELECT; a subscription without a mailbox: none. */
enum {
	FOLDER_EXISTS = 1,
	FOLDER_NOSELECT = 2,    /* a place for others, no mailbox itself */
	FOLDER_NOINFERIORS = 4, /* a file: nothing can be below */
	FOLDER_CHILDREN = 8,    /* something below exists */
	FOLDER_NOCHILDREN = 16,
	FOLDER_SUBSCRIBED = 32,
	/* RFC 6154 */
	FOLDER_ARCHIVE = 64,
	FOLDER_DRAFTS = 128,
	FOLDER_JUNK = 256,
	FOLDER_SENT = 512,
	FOLDER_TRASH = 1024,
	FOLDER_USES = FOLDER_ARCHIVE | FOLDER_DRAFTS | FOLDER_JUNK |
	              FOLDER_SENT | FOLDER_TRASH
};

struct folders; /* opaque */

struct folders *folders_open(const struct conf *c, const struct user *u);
/* Make what a session needs of the user's home, before its walls hide that.  The path
 * of the one file there that may be written later, or NULL. */
const char *folders_prepare(const struct folders *f);
void folders_free(struct folders *f);

/* The character between levels: / or . */
char folder_separator(const struct folders *f);

/* The path that store_open() takes, for a name that may exist or not.  NULL with
 * errno: EINVAL a name that cannot be; ENOTDIR, EISDIR, ELOOP.  The caller frees.
 * folder_exists: 1 there is such a mailbox, 0 none, -1 errno (ENOTSUP: \Noselect). */
char *folder_path(const struct folders *f, struct cur name);
int folder_exists(const struct folders *f, struct cur name);

/* Create, remove, rename: 0, or -1 with errno: EEXIST, ENOENT, EINVAL, ENOTDIR (a file is
 * in the way), ENOTEMPTY (children), EPERM (INBOX), others.  use: FOLDER_ARCHIVE
 * and so on, or 0.  A separator at the end of a new name makes a directory where
 * that is something else than a mailbox. */
int folder_create(struct folders *f, struct cur name, unsigned use);
int folder_delete(struct folders *f, struct cur name);
int folder_rename(struct folders *f, struct cur from, struct cur to);

/* Would it, as far as can be seen before? */
int folder_may_rename(struct folders *f, struct cur from, struct cur to);

/* The use of that name, without its backslash, or 0: none that we have. */
unsigned folder_use(struct cur word);

/* Is the name one of those that RENAME of top would move? */
bool folder_is_within(const struct folders *f, struct cur name, struct cur top);

/* The list of subscriptions is a file of its own and may name what is not there. */
int folder_subscribe(struct folders *f, struct cur name, bool on);

/* All names, INBOX first, those below a name behind it, with what is known of them:
 * those that exist, those that are subscribed, and every level above them. */
struct folder {
	struct cur name;
	unsigned is;
	size_t up; /* the place of the name above, its own when there is none */
};
int folder_list(struct folders *f, struct arena *a, struct folder **v,
                size_t *n);
/* Could that read which are subscribed? */
bool folder_knows_subscriptions(const struct folders *f);

#endif
