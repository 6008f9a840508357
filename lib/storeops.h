/* storeops - what a kind of mailbox brings to store.h.  Known to store.c and the
 * two drivers only.  Every function returns as the one of store.h that it
 * stands for, and puts words into s->why when it fails. */
#ifndef STOREOPS_H
#define STOREOPS_H

#include "store.h"

struct store_ops {
	/* Allocate s->box; nothing of the mailbox is looked at yet. */
	int (*open)(struct store *s);
	/* Bring s->index up to date with what is there. */
	int (*sync)(struct store *s);
	/* Is the mailbox as the head of s->index says? */
	bool (*still)(struct store *s);
	int (*read)(struct store *s, size_t i, struct store_reader *r);
	ssize_t (*get)(struct store *s, struct store_reader *r,
	               struct str *out);
	void (*read_end)(struct store *s, struct store_reader *r);
	int (*raw)(struct store *s, size_t i, struct cur *raw);
	int (*header)(struct store *s, size_t i, struct str *out);
	int (*keep)(struct store *s);
	/* Only those that have all these flags. */
	int (*expunge)(struct store *s, const uint32_t *uid, size_t n,
	               unsigned flags, size_t *gone);
	int (*add)(struct store *s, const struct store_new *m, size_t n,
	           uint32_t *uid);
	uint64_t (*size)(const struct store *s);
	/* Where the descriptor of store_watch() is kept. */
	int *(*watch)(const struct store *s);
	/* Lock, and call store_moved(); rename the files. */
	int (*move)(struct store *s, const char *to);
	int (*rename)(const char *from, const char *to);
	void (*close)(struct store *s);
};

/* Is there room below the limit for what shall be added?  0, or -1 with EDQUOT. */
int store_room(const struct store *s, const struct store_new *m, size_t n);

/* --- storemove.c --- */

/* Rename the locked mailbox, with its records.  0, or -1 with errno. */
int store_moved(struct store *s, const char *to);

/* Remove the mailbox; forget is called while it is locked. */
int mbox_remove(const char *path, const struct store_how *how,
                void (*forget)(const struct store_how *how, const char *path));
int maildir_remove(const char *path, const struct store_how *how);

extern const struct store_ops store_mbox, store_maildir;

#endif
