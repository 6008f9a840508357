/* mboxjournal - the journal of a change to an mbox: STATE/USER/edit.HASH.
 * Two slots take turns in holding the newest entry, so that a torn one leaves the
 * one before; behind them lie the script, and two areas that take turns in
 * holding the bytes that are moved.  What an entry needs is not overwritten
 * before a later one is durable.  Integers are as the machine has them.
 * mbox(5) has the argument. */
#ifndef MBOXJOURNAL_H
#define MBOXJOURNAL_H

#include "mboxedit.h"
#include "mboxscript.h"
#include "str.h"

enum {
	JOURNAL_BLOCK = 4096,
	JOURNAL_TOKEN = 32,
	JOURNAL_KEEP = 1 << 20 /* bytes that it may occupy when at rest */
};

/* What is going on.  What was said last holds until the next entry is durable. */
enum {
	PHASE_IDLE,
	PHASE_GROW, /* the mbox gets longer by zeros */
	PHASE_COPY, /* patches, and n bytes to at; those before were done */
	PHASE_CUT,  /* all was done, but bytes must go; the token is at at */
	PHASE_UNDO  /* the patches are taken back */
};

struct entry {
	char magic[8];
	uint64_t sum; /* of the rest */
	uint64_t seq; /* the newest has the highest */
	uint64_t phase;
	uint64_t ino;    /* of the mbox */
	uint64_t size;   /* of it, as far as this change knows it */
	uint64_t step;   /* counts the entries of PHASE_COPY */
	uint64_t patch;  /* 1: the patches are part of this step */
	uint64_t at, n;  /* place in the new file */
	uint64_t data;   /* offset of the n bytes in the journal */
	uint64_t check;  /* their sum */
	uint64_t around; /* sum of what lies around that place in the mbox */
	uint64_t hole, hole_len; /* blocks that are taken out, or 0 */
	uint64_t edits, script, script_sum; /* count, bytes, their sum */
	uint64_t room;                      /* bytes of one area */
	char token[JOURNAL_TOKEN];
};

struct journal {
	int fd;
	struct entry now; /* the newest entry */
};

/* Open, and get the newest entry; make: create it when there is none.  0, or -1
 * with errno. */
int journal_open(struct journal *j, const struct edit_file *f, bool make);
void journal_close(struct journal *j);

/* Is there unfinished business? */
bool journal_is_open(const struct journal *j);

/* Where area k begins. */
uint64_t journal_area(const struct journal *j, uint64_t k);

/* Make sure of room for what is going to be written: fewer bytes in an area, if so
 * many cannot be had.  most: bytes that move in all.  0, or -1 with errno. */
int journal_reserve(struct journal *j, uint64_t most);

/* Write the script; read it back: 1, 0 when it is torn, -1 with errno. */
int journal_write_script(struct journal *j, const struct str *s);
int journal_read_script(struct journal *j, struct str *s);

/* Make the entry durable, with all that was written before. */
int journal_commit(struct journal *j);

/* Are the bytes of the entry's area whole?  1, 0, or -1 with errno. */
int journal_has_data(struct journal *j);

/* Nothing is open any more; durable: when this returns. */
int journal_idle(struct journal *j, bool durable);

#endif
