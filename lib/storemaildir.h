/* storemaildir - the Maildir driver of store.h: its parts.
 * Included by storemaildir.c, maildirlook.c, maildirkeep.c and maildiradd.c
 * only. */
#ifndef STOREMAILDIR_H
#define STOREMAILDIR_H

#include "maildirbox.h"
#include "maildirlist.h"
#include "store.h"

struct maildir_store {
	struct maildirbox box;
	struct letters letters; /* what they meant at the last look */
	struct fresh *fresh;    /* what the index did not know then */
	size_t nfresh, cap;
	struct str raw; /* of store_raw() */
	int watch;      /* of store_watch(), or -1 */
	uint32_t other; /* UID whose file is another message by now, or 0 */
};

/* -1, with words about errno. */
int maildir_fail(struct store *s, const char *what);

/* A turn at the index: it is locked and true of the names that we know.  again:
 * read the names anew.  1 when something changed, 0, or -1. */
int maildir_turn(struct store *s, bool again);
/* End it, and return r with errno as it is. */
int maildir_turn_end(struct store *s, int r);

/* --- maildirlook.c --- */

/* Read the names and measure what the index does not know.  0 or -1. */
int maildir_look(struct store *s);

/* Make the locked index true of what was seen, and save it.  1 when messages or
 * flags changed, 0, or -1 with errno. */
int maildir_merge(struct store *s);

/* Give the index the numbers that it lacks.  import: those of another server, if
 * they are there.  0, or -1 with errno: these cannot be read now. */
int maildir_numbers(struct store *s, bool import);

/* Take over what others changed in flags and keywords since they were kept.  Is
 * anything different now? */
bool maildir_merge_flags(struct index_msg *m, unsigned flags, uint64_t keywords,
                         uint64_t modseq);

/* Read what the letters mean, and give some to these keywords.  0, or -1 when that is
 * not known, or nothing can hold these keywords: neither names nor the index. */
int maildir_letters(struct store *s, uint64_t keywords);

/* --- maildiradd.c --- */

int maildir_add(struct store *s, const struct store_new *m, size_t n,
                uint32_t *uid);

/* --- maildirmove.c --- */

int maildir_move(struct store *s, const char *to);
int maildir_rename(const char *from, const char *to);

/* --- maildirkeep.c --- */

int maildir_keep(struct store *s);
int maildir_expunge(struct store *s, const uint32_t *uid, size_t n,
                    unsigned flags, size_t *gone);

#endif
