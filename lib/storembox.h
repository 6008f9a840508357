/* storembox - the mbox driver of store.h: its parts.
 * Included by storembox.c, mboxlook.c, mboxkeep.c and mboxpurge.c only. */
#ifndef STOREMBOX_H
#define STOREMBOX_H

#include "mbox.h"
#include "mboxedit.h"
#include "mboxhead.h"
#include "store.h"

/* A turn at the mailbox: both its locks and that of the index are held, what was
 * interrupted is settled, and the index is true of the file.  0, or -1 with
 * errno and s->why (ENOENT: there is no file). */
struct turn {
	struct mbox mbox;
	bool changed; /* the index had to be brought up to date */
};

int turn_begin(struct store *s, struct turn *t);

/* End it.  TURN_WROTE: the file was changed and the index follows; its times are
 * set as shells and mail readers want them.  TURN_FAILED: nobody knows; it is to
 * be looked at again. */
enum turn_use { TURN_READ, TURN_WROTE, TURN_FAILED };

void turn_end(struct store *s, struct turn *t, enum turn_use use);

/* --- mboxlook.c --- */

/* Bring the index up to date with the locked file, as it is in st; records from
 * *first on are new or changed.  0 or -1. */
int look(struct store *s, int fd, const struct stat *st, size_t *first);

/* The records in the order of the file.  The caller frees. */
struct index_msg **file_order(struct index *x);

/* For mboxedit. */
struct edit_file edit_file(const struct store *s, const struct mbox *m);

/* --- mboxkeep.c --- */

/* What is to be said in the header of m; words holds its keywords.  first: of the
 * file. */
void stamp_of(struct store *s, const struct index_msg *m, bool first,
              struct stamp *st, struct str *words);

/* Read its header from the file.  0, or -1 when it is too long. */
int header_read(int fd, const struct index_msg *m, struct str *raw);

/* --- drivers' calls --- */

int mbox_keep(struct store *s);
int mbox_purge(struct store *s, const uint32_t *uid, size_t n, size_t *gone);

#endif
