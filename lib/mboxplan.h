/* mboxplan - what is about to be appended to an mbox, on record before it is.
 * The record is one file for each mailbox in STATE/USER: a head of fixed size,
 * overwritten in place, and behind it the very bytes of the append.  It is
 * written durably before the mbox is touched, so that after a crash the next of
 * us who takes the lock knows what is whole, what is torn and what is not ours.
 * It also remembers which letters went in, so that none goes in twice.
 * Used under the mbox's locks only; mbox(5) has the argument.  deliver keeps one
 * for a Maildir, too, for the letters that went in, under a lock of its own. */
#ifndef MBOXPLAN_H
#define MBOXPLAN_H

#include "str.h"
#include "sum.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PLAN_HEAD = 4096,   /* bytes that a disk writes whole or not at all */
	PLAN_IDS = 125,     /* letters that are remembered */
	PLAN_ID = 24,       /* bytes of an id; longer ones are not */
	PLAN_MEM = 1 << 18, /* bytes of an append that are kept in memory */
	PLAN_KEEP = 1 << 20 /* bytes that the record may occupy when at rest */
};

/* The start of the record.  No padding: the sum covers all behind it. */
struct plan_head {
	char magic[8];
	uint64_t sum;
	uint64_t dev, ino; /* of the mbox */
	uint64_t old;      /* its size before the append */
	uint64_t len;      /* of the append */
	uint64_t check;    /* sum of the append */
	uint32_t open;     /* 1 from here to the end of the append */
	uint32_t nid;      /* ids in use */
	uint32_t fresh;    /* the last ones: of this append */
	uint32_t zero;
	struct {
		char id[PLAN_ID];
		uint64_t to; /* sum of the final address */
	} id[PLAN_IDS];
};

struct plan {
	int fd;           /* the record, or a nameless file, or -1 */
	bool kept;        /* fd is the record */
	int err;          /* errno of the first failure */
	uint64_t spilled; /* bytes of the append that lie in fd only */
	struct str buf;   /* the bytes behind them */
	struct sum sum;   /* of all */
	struct plan_head head;
};

/* Open the record of the mbox at path in dir, which is made when it is missing
 * and must belong to owner.  -1 with errno when there can be no record; the plan
 * works without one then. */
int plan_open(struct plan *p, const char *dir, const char *path, uid_t owner);
void plan_close(struct plan *p);

/* For a mailbox without locks of its own: keep the record to ourselves until
 * it is closed, waiting up to patience ms.  0, or -1 with errno: EAGAIN when
 * another one had it all the time. */
int plan_lock(struct plan *p, long patience);

/* Is the append in the record unfinished business with this file?  The number of the
 * device may be another one since the start of the system; the bytes tell more. */
bool plan_is_open(const struct plan *p, ino_t ino);

/* Are the bytes of the recorded append in the record, and whole?  1, 0, or -1 with
 * errno. */
int plan_is_sound(const struct plan *p);

/* Did the letter go in before, for the same address? */
bool plan_seen(const struct plan *p, const char *id, const char *to);

/* Add bytes to the append; the length so far. */
void plan_add(struct plan *p, const void *data, size_t n);
uint64_t plan_len(const struct plan *p);

/* Note that the letter is part of the append. */
void plan_note(struct plan *p, const char *id, const char *to);

/* Of the letters of the append, the i-th was not part of it. */
void plan_forget(struct plan *p, uint32_t i);

/* A state of the plan to come back to, when one letter of several fails. */
struct plan_mark {
	uint64_t len;
	struct sum sum;
};

struct plan_mark plan_mark(const struct plan *p);
void plan_cut(struct plan *p, struct plan_mark mark);

/* Copy n bytes of the append from off: 0 or -1. */
int plan_read(const struct plan *p, uint64_t off, void *data, size_t n);

/* Make the plan to append to this file durable.  0, or -1 with errno. */
int plan_commit(struct plan *p, dev_t dev, ino_t ino, off_t old);

/* Close the record: the append is durable, or nothing of it is in the file. */
void plan_done(struct plan *p);
void plan_drop(struct plan *p);

#endif
