/* deliver - the parts of deliver(8). */
#ifndef DELIVER_H
#define DELIVER_H

#include "conf.h"
#include "io.h"
#include "str.h"
#include "user.h"

#include <stdbool.h>
#include <time.h>

enum {
	LETTER_ID = 32,     /* bytes of an id with its NUL */
	BATCH_LETTERS = 64, /* letters that share a lock and a commit */
	BATCH_BYTES = 1 << 20,
	GAP = 100,     /* ms without input after which a batch is committed */
	STALL = 60000, /* ms that input may stop in mid-letter */
	PATIENCE_BATCH = 5000, /* ms to wait for a mailbox's locks */
	PATIENCE_HAND = 20000,
	HEADER_HELD = 1 << 18 /* bytes of header that are searched for a loop
	                         before anything is written */
};

/* One letter on its way in: its envelope. */
struct letter {
	char id[LETTER_ID]; /* "" by hand */
	unsigned long long size;
	time_t time;
	struct str sender; /* "" is the null reverse path */
	struct str to;     /* final address: Delivered-To */
	struct str orig;   /* address in the envelope: X-Original-To */
	struct str detail;
};

void letter_clear(struct letter *l);
void letter_free(struct letter *l);

/* What became of it. */
struct result {
	int code; /* sysexits(3) */
	char status[12];
	char text[240];
};

__attribute__((format(printf, 4, 5))) void result_set(struct result *r,
                                                      int code,
                                                      const char *status,
                                                      const char *fmt, ...);

/* The result of an operation that failed with this errno: always for now.
 * Its status alone. */
void result_errno(struct result *r, int err, const char *what);

const char *errno_status(int err);

/* It was delivered to this address before. */
void result_loop(struct result *r, const struct letter *l);

/* --- frame.c: the stream of letters from queuerun --- */

/* The head of the next letter: 1, 0 at the end, -1 when the stream is broken. */
int frame_next(struct io *in, struct letter *l);

/* --- copy.c: a message on its way through --- */

struct copy_how {
	/* Blanks in an empty list of keywords at the header's end, or 0: UW imapd,
	 * Dovecot and alpine know it, to others it is nothing.  X-IMAPbase, X-UID,
	 * Status and X-Status can later be set in its place without moving the
	 * file's tail. */
	int room;
	bool crlf; /* lines may end in CRLF */
};

enum { COPY_SHORT = -1, COPY_OK, COPY_LOOP };

/* Read the letter's l->size bytes and give them to put with our header fields
 * above and the forbidden ones gone.  COPY_SHORT: input ended before; COPY_LOOP:
 * it was delivered to this address before (nothing was put). */
int copy_letter(const struct letter *l, struct io *in, struct copy_how how,
                void (*put)(void *arg, const void *p, size_t n), void *arg);

/* Read and forget: 0 or COPY_SHORT. */
int copy_skip(const struct letter *l, struct io *in);

/* --- where letters go --- */

struct dest {
	const struct conf *conf;
	const struct user *user;
	const char *path;    /* of the mailbox or file */
	const char *command; /* of a program */
	const char *state;   /* directory of the user's records */
	bool by_hand, is_file;
	size_t most;       /* letters in one batch */
	void *box;         /* of the kind, NULL between two batches */
	bool failed;       /* nothing can be delivered there now: */
	struct result why; /* for this reason */
	const struct dest_ops *op;
};

/* letter: read one and put it into the batch; 0, or COPY_SHORT when input ended.  r is
 * its result, or what it will be if the batch is committed: *staged then.
 * commit: end the batch; -1 and r when nothing of it went in. */
struct dest_ops {
	int (*letter)(struct dest *d, const struct letter *l, struct io *in,
	              struct result *r, bool *staged);
	unsigned long long (*staged)(const struct dest *d); /* bytes */
	int (*commit)(struct dest *d, struct result *r);
};

extern const struct dest_ops dest_mbox, dest_maildir, dest_program, dest_null;

/* --- batch.c --- */

/* Deliver all letters of stdin and tell on stdout what became of each.  An exit code. */
int batch_run(struct dest *d);

/* Deliver the message of stdin, as it is.  Its exit code. */
int hand_run(struct dest *d, const char *sender, const char *detail);

#endif
