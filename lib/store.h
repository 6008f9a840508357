/* store - a mailbox as the servers see it, mbox or Maildir behind it.
 * Messages are counted from 0, in the order of their UIDs.  Nothing is held
 * locked between two calls: what others do to the mailbox is seen at
 * store_sync(), and what was said of a message stays true for its UID or the
 * call says that it is gone.  Used by popd and imapd. */
#ifndef STORE_H
#define STORE_H

#include "index.h"
#include "mboxscan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	STORE_WHY = 160,
	STORE_RAW = 1 << 20,   /* bytes of a message that store_raw() gives */
	STORE_HEADER = 1 << 20 /* bytes of a header that store_header() gives */
};

struct store_how {
	const char *state; /* directory of the user's records */
	uid_t owner;
	bool dot_optional; /* see lock_mbox() */
	long patience;     /* ms to wait for another's lock */
	uint64_t limit;    /* bytes that the mailbox may grow to; 0: any */
};

struct store {
	const char *path;
	struct store_how how;
	struct index index; /* head and messages as of the last sync */
	const struct store_ops *op;
	void *box;   /* of the driver */
	size_t next; /* message that will be asked for next, if it goes on */
	char why[STORE_WHY]; /* of the last failure, in words */
};

/* Open the mailbox at path (a / at its end: Maildir); one that does not exist is
 * empty.  0, or -1 with errno (EAGAIN: locked by another) and why. */
int store_open(struct store *s, const char *path, const struct store_how *how);

/* The same, but where nothing changed since it was open the last time the messages are
 * not read: s->index is bare then, and only its head is of use until store_load() or
 * store_sync(). */
int store_peek(struct store *s, const char *path, const struct store_how *how);

/* Has nobody done anything since store_peek()? */
bool store_is_still(struct store *s);

/* Get the messages, as they are now by the index, unless they are there.  0, or -1 as
 * store_open(). */
int store_load(struct store *s);

/* See what others did.  1 something changed, 0 nothing, -1 as store_open. */
int store_sync(struct store *s);

/* May we read it, and no more? */
bool store_is_readonly(const struct store *s);

/* Is it still what its path names?  After store_remove() or store_rename() by others it
 * is not.  1, 0, or -1 with errno. */
int store_is_named(const struct store *s);
/* Is it not, and there is another mailbox of that name? */
bool store_is_replaced(const struct store *s);

/* How many there are, message i, and the number of a UID or -1. */
size_t store_count(const struct store *s);
const struct index_msg *store_msg(const struct store *s, size_t i);
ssize_t store_find(const struct store *s, uint32_t uid);

/* Read a message: store_get() puts octets of it, from off on (0 for the first call,
 * then going on), at least one and some 64 kB at most, in CRLF form into out.
 * Returns how many, 0 at its end, -1 with errno (ESTALE: it is gone). */
struct store_reader {
	uint32_t uid;
	void *box; /* of the driver */
};
int store_read(struct store *s, uint32_t uid, struct store_reader *r);
ssize_t store_get(struct store *s, struct store_reader *r, struct str *out);
void store_read_end(struct store *s, struct store_reader *r);

/* Its raw form, as the file has it (mbox: from the From_ line on, with the private
 * fields; LF or CRLF), for who looks for something in many: 1, 0 when it is longer
 * than STORE_RAW (read it then), -1 with errno.  Good until the next call for this
 * store.  One after the other costs little more than reading the file. */
int store_raw(struct store *s, uint32_t uid, struct cur *raw);

/* Add its header in wire form, with an empty line, to out: 0, 1 when the message has none
 * there, or -1 with errno.  What is beyond STORE_HEADER bytes is cut at the end of a line. */
int store_header(struct store *s, uint32_t uid, struct str *out);

/* Set and clear flags and keywords of n messages, in the index: others see it at
 * once, the mailbox itself at store_keep().  A UID that is gone is passed over.
 * FLAG_OLD alone is no change that anybody has to be told: it leaves modseq.
 * When the index can no longer be saved the mailbox gets them at once.  -1 with ESTALE:
 * the mailbox was removed or renamed. */
struct store_change {
	unsigned set, clear; /* FLAG_* */
	uint64_t set_keywords, clear_keywords;
	uint64_t
	    unchanged; /* RFC 7162 3.1.3: only where modseq is not above; 0: all */
	bool first;    /* where it makes no difference it fails */
	uint32_t *failed; /* room for n UIDs, or NULL */
	size_t nfailed;
	bool alone; /* nobody else had changed anything since the last sync */
};
int store_flag(struct store *s, const uint32_t *uid, size_t n,
               struct store_change *c);

/* The bit of a keyword by its name, which make lets others know too: 0..63, or -1 with
 * errno when there is none (ERANGE: and no room for one more). */
int store_keyword(struct store *s, const struct cur *name, bool make);

/* Add n messages behind the others, all or none (EDQUOT: over the limit), durably.
 * The text lies in a file, CRLF or LF at line ends; private fields in it are dropped.
 * Their UIDs come into uid, 0 where one is not sure, as the index could not be
 * saved. */
struct store_new {
	int fd;
	uint64_t off, len;
	int64_t date;   /* of arrival */
	unsigned flags; /* FLAG_* */
	uint64_t keywords;
};
int store_add(struct store *s, const struct store_new *m, size_t n,
              uint32_t *uid);

/* UIDs that went since modseq: 1 and the ranges, ascending, in *v (the caller frees), or 0 when it
 * is not known so far back.  UIDs that are still there are none of them. */
struct store_range {
	uint32_t lo, hi;
};
int store_gone(struct store *s, uint64_t modseq, struct store_range **v,
               size_t *n);

/* What we want to know the next time: a place in the cache, the form.  No change that
 * anybody is told.  Where it cannot be kept it is forgotten. */
struct store_note {
	uint32_t uid;
	uint16_t form;
	uint64_t cache;
};
void store_notes(struct store *s, const struct store_note *v, size_t n);

/* A descriptor that can be read from once something may have changed (inotify(7)), or
 * -1.  store_watched() takes what it tells.  Look behind each of both with
 * store_sync(), which also goes on watching a mailbox that was replaced. */
int store_watch(const struct store *s);
void store_watched(int fd);
void store_unwatch(const struct store *s, int fd);

/* Bytes that the mailbox occupies. */
uint64_t store_size(const struct store *s);

/* Write flags and UIDs that the mailbox lacks into it. */
int store_keep(struct store *s);

/* Remove the messages with these UIDs (ascending) for good, all or, when it fails,
 * any number; EAGAIN: none.  *gone: how many.  One that changed since it was seen is
 * kept. */
int store_expunge(struct store *s, const uint32_t *uid, size_t n, size_t *gone);
/* The same, but those that have \Deleted no longer stay. */
int store_purge(struct store *s, const uint32_t *uid, size_t n, size_t *gone);

void store_close(struct store *s);

/* A mailbox that nobody has open here: give it another path (its UIDs stay), or remove it and all
 * that is known of it.  Both paths are of one kind.  0, or -1 with errno. */
int store_rename(const char *from, const char *to, const struct store_how *how);
int store_remove(const char *path, const struct store_how *how);

#endif
