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
	int (*read)(struct store *s, size_t i, struct store_reader *r);
	ssize_t (*get)(struct store *s, struct store_reader *r,
	               struct str *out);
	void (*read_end)(struct store *s, struct store_reader *r);
	int (*keep)(struct store *s);
	int (*expunge)(struct store *s, const uint32_t *uid, size_t n,
	               size_t *gone);
	void (*close)(struct store *s);
};

extern const struct store_ops store_mbox, store_maildir;

#endif
