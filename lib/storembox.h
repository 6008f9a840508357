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
	bool surprised; /* the file is not all that the index tells */
	int watch;      /* of store_watch(), or -1 */
	/* The window: len bytes from off on, of the file in that state. */
	char *window;
	uint64_t off;
	size_t len, ahead;
	struct index_state state;
};

/* What tells the file from any other, and from what it was. */
void state_of(struct index_state *s, const struct stat *st);

/* Is this the file that the index is true of? */
bool is_state(const struct index *x, const struct stat *st);

/* A turn at the mailbox: both its locks and that of the index are held, what was
 * interrupted is settled, and the index is true of the file.  0, or -1 with
 * errno and s->why (ENOENT: there is no file). */
struct turn {
	struct mbox mbox;
	/* Records that TURN_WROTE changes, none of which goes or moves; NULL: any. */
	const struct index_span *wrote;
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

/* --- mboxread.c --- */

/* Reading from fd is not to count as reading by the user, where the system can. */
void read_unseen(int fd);

/* --- mboxlook.c --- */

/* Bring the index up to date with the locked file, as it is in st.  Records from
 * *first on are new or changed; where that is not 0 none went or moved.  0 or
 * -1. */
int look(struct store *s, int fd, const struct stat *st, size_t *first);

/* Save what look() found out. */
int look_save(struct index *x, size_t first);

/* What others changed in the header of the message, of which r is the record, is changed
 * in r, which gets modseq if anybody has to be told.  Has he? */
bool merge(struct index *x, struct index_msg *r, const struct scan_msg *m,
           uint64_t modseq);

/* The records in the order of the file.  The caller frees. */
struct index_msg **file_order(struct index *x);

/* For mboxedit. */
struct edit_file edit_file(const struct store *s, const struct mbox *m);

/* --- mboxkeep.c --- */

/* What is to be said in the header of m; words holds its keywords.  first: of the
 * file. */
void stamp_of(struct store *s, const struct index_msg *m, bool first,
              struct stamp *st, struct str *words);

/* Headers that are to be written anew. */
struct pen {
	struct store *s;
	int fd;
	struct str raw; /* the header as it is */
	struct str words;
	struct stamp stamp; /* what it is to say */
	size_t least;       /* bytes that it then has */
	struct scan *scan;
};

/* Read the header of m from the file; what others changed in it since it was
 * last looked at comes into m.  0, or -1 with errno: it is too long, or (EAGAIN) it is
 * not that of m. */
int pen_read(struct pen *p, struct index_msg *m);

/* The same, with what it is to say; first: of the file.  -1 also where it can say
 * nothing. */
int pen_stamp(struct pen *p, struct index_msg *m, bool first);

/* Write it to out with size bytes, at least p->least. */
void pen_write(const struct pen *p, size_t size, struct str *out);

void pen_end(struct pen *p);

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
int mbox_purge(struct store *s, const uint32_t *uid, size_t n, unsigned flags,
               size_t *gone);

#endif
