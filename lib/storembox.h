/* storembox - the mbox driver of store.h: its parts.
 * Included by storembox.c, mboxread.c, mboxlook.c, mboxkeep.c, mboxpurge.c and
 * mboxadd.c only. */
#ifndef STOREMBOX_H
#define STOREMBOX_H

#include "mbox.h"
#include "mboxedit.h"
#include "mboxhead.h"
#include "store.h"

struct box {
	int fd; /* for reading, or -1 */
	dev_t dev;
	ino_t ino;
	bool unsettled; /* somebody died at a change */
	int watch;      /* of store_watch(), or -1 */
	/* The window: len bytes from off on, of the file in that state. */
	char *window;
	uint64_t off;
	size_t len, ahead;
	struct index_state state;
};

/* Is this the file that the index is true of? */
bool is_state(const struct index *x, const struct stat *st);

/* A turn at the mailbox: both its locks and that of the index are held, what was
 * interrupted is settled, and the index is true of the file.  0, or -1 with
 * errno and s->why (ENOENT: there is no file). */
struct turn {
	struct mbox mbox;
	bool changed; /* the index had to be brought up to date */
};

int turn_begin(struct store *s, struct turn *t);
/* The same, where a file that is missing is made. */
int turn_begin_new(struct store *s, struct turn *t);

/* End it.  TURN_WROTE: the file was changed and the index follows; its times are
 * set as shells and mail readers want them.  TURN_FAILED: nobody knows; it is to
 * be looked at again. */
enum turn_use { TURN_READ, TURN_WROTE, TURN_FAILED };

/* Set the times of the file after it was changed. */
void turn_times(const struct store *s, const struct mbox *m);

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

/* --- the calls of the driver --- */

int mbox_read(struct store *s, size_t i, struct store_reader *r);
ssize_t mbox_get(struct store *s, struct store_reader *r, struct str *out);
void mbox_read_end(struct store *s, struct store_reader *r);
int mbox_raw(struct store *s, size_t i, struct cur *raw);
int mbox_header(struct store *s, size_t i, struct str *out);
int mbox_add(struct store *s, const struct store_new *m, size_t n,
             uint32_t *uid);

int mbox_move(struct store *s, const char *to);
int mbox_rename(const char *from, const char *to);
int mbox_keep(struct store *s);
int mbox_purge(struct store *s, const uint32_t *uid, size_t n, size_t *gone);

#endif
