/* mbox - append to a file in mbox form, whole or not at all.
 * From_ lines are quoted in the mboxrd way.  What is going to be added is put on
 * record durably first (mboxplan); whoever of us takes the lock next and finds an
 * append that was not finished takes its torn part away.  mbox(5) has the
 * argument. */
#ifndef MBOX_H
#define MBOX_H

#include "lock.h"
#include "mboxplan.h"
#include "str.h"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

enum { MBOX_WHY = 160 };

/* By up to so many bytes letters of the same length differ in the mbox: where one goes
 * and the next one comes, as those of cron do, the file would be as long as it was, and
 * mutt takes it for the same.  A prime number, which days and hours are no multiples of.
 */
enum { MBOX_SPREAD = 61 };

struct mbox {
	const char *path;
	struct lock lock;
	int fd;
	struct plan plan;
	struct stat st; /* as it was when we got the lock */
	off_t size;     /* before our append */
	int from;  /* bytes of "From " that were held back, -1: inside a line */
	char last; /* byte that was added last */
};

/* How to open. */
struct mbox_how {
	uid_t owner;
	const char *state; /* directory of the user's records, or NULL */
	bool dot_optional; /* see lock_mbox() */
	bool must_exist;   /* do not make it: ENOENT */
	bool reading;      /* one that may only be read will do */
	long patience;     /* ms to wait for the locks */
};

/* Open (create 0600), check owner, type and links, lock, repair.  0, or -1 with
 * errno (EAGAIN: locked by another; EPERM: not a file that we would write to) and
 * why in words. */
int mbox_open(struct mbox *m, const char *path, const struct mbox_how *how,
              char why[MBOX_WHY]);

/* Add a message: the From_ line, the text in any portions, the empty line.
 * The text's header must be one; nothing but From_ lines is changed in it. */
void mbox_begin(struct mbox *m, const char *sender, time_t t);
void mbox_write(struct mbox *m, const void *p, size_t n);
void mbox_end(struct mbox *m);

/* How large the file will be. */
uint64_t mbox_size(const struct mbox *m);

/* Make all durable.  0, or -1 with errno, the file as it was and the plan
 * empty. */
int mbox_commit(struct mbox *m);

/* Unlock and close; what was not committed is forgotten. */
void mbox_close(struct mbox *m);

/* Is the line (without its LF) one that begins a message: "From ", a sender, and
 * a date as asctime(3) has it, with or without seconds and zone? */
bool mbox_is_from(struct cur line);

/* The line of a sender and time, with its LF. */
void mbox_from(struct str *s, const char *sender, time_t t);

/* Make a directory's new entries durable; one that we may not open, or that
 * cannot, is left to the system.  0, or -1 with errno. */
int mbox_sync_dir(const char *path);

#endif
