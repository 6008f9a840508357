/* spool - messages that wait for delivery; spool(5) is the format's manual.
 *
 *	new/ID		accepted, first attempt to come
 *	q/DUE/ID	deferred; DUE is the time of the next attempt (s since 1970)
 *	hold/ID		waits until mailq(8) releases it
 *	bad/ID		unreadable, set aside for a person
 *	trace/ID	FIFO of a sender who watches the delivery (sendmail -v)
 *	hosts/NAME	destinations that just failed
 *	wake		FIFO on which queuerun -w sleeps
 *	lock		held by the one queuerun that owns the queue
 *
 * One file holds one message: a first line of fixed width with lengths and
 * checksum, the envelope, the content (lines end in LF), and a journal, to which one
 * line is appended for each thing that happened to a recipient.
 * The first line is written last.  A writer holds a flock on its file until the
 * commit is over, a reader while it works on the message. */
#ifndef SPOOL_H
#define SPOOL_H

#include "conf.h"
#include "mem.h"
#include "str.h"
#include "sum.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { SPOOL_ID_MAX = 31 };

/* The first line: magic and version; in hex the offset of the content, its
 * length, the checksum of envelope and content.  All zero until the commit. */
#define SPOOL_MAGIC "facteur-spool 1"
enum { SPOOL_HEAD = 15 + 1 + 8 + 1 + 16 + 1 + 16 + 1 };

/* NOTIFY of RFC 3461; 0 stands for none given. */
enum {
	NOTIFY_NEVER = 1,
	NOTIFY_SUCCESS = 2,
	NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8
};

/* Their names, the i-th that of 1 << i: read a list of them between commas, case ignored,
 * of which it is not asked whether they go together.  0 or -1. */
extern const char *const notify_names[4];
int notify_parse(struct cur c, unsigned *notify);

enum ret { RET_NONE, RET_FULL, RET_HDRS };

struct rcpt {
	char *addr;
	char *orcpt;     /* "rfc822;bob@x" decoded from xtext, or NULL */
	unsigned notify; /* NOTIFY_* */
};

struct envelope {
	time_t time; /* of arrival */
	long usec;
	char *sender; /* "" is the null reverse path */
	char *client; /* "host[ip]", or NULL for local submission */
	long uid;     /* who submitted it by sendmail(8), or -1 */
	char *envid;  /* decoded, or NULL */
	enum ret ret;
	bool eightbit; /* BODY=8BITMIME, or bytes over 127 were seen */
	bool utf8;     /* SMTPUTF8 */
	bool trace;    /* somebody reads trace/ID */
	struct rcpt *rcpt;
	size_t nrcpt, rcap;
};

/* Free what the envelope holds. */
void envelope_free(struct envelope *e);
/* Add a recipient (copies). */
void envelope_rcpt(struct envelope *e, const char *addr, const char *orcpt,
                   unsigned notify);

/* Write it as the spool has it.  0, or -1 with errno EINVAL: it could not be read
 * again. */
int envelope_put(struct str *s, const struct envelope *e);
/* Read what was written so; e is to be freed in any case.  0 or -1. */
int envelope_take(struct envelope *e, struct cur text);

/* The open spool. */
struct spool {
	const char *path;
	int dir;    /* of the spool itself */
	int new;    /* of new/ */
	time_t far; /* s: who is due later was deferred by a wrong clock */
};

/* Open the spool for writing new messages.  0, or -1 with errno. */
int spool_open(struct spool *sp, const struct conf *c);

/* Make the directories and FIFO of a spool that lacks them (private instances,
 * installation).  0, or -1 with errno. */
int spool_make(const struct conf *c);

/* Is there room for size more bytes (and inodes) above spool_free? */
bool spool_room(const struct spool *sp, const struct conf *c,
                unsigned long long size);

/* --- writing --- */

/* A message that is being written.  The envelope must be complete. */
struct spool_new {
	const struct spool *sp;
	int fd;
	char tmp[40];              /* name until the commit */
	char id[SPOOL_ID_MAX + 1]; /* known from spool_begin on */
	struct str buf;
	bool flushed;   /* a part of the file was written */
	uint64_t start; /* of the content in the file */
	uint64_t len;   /* of the content so far */
	struct sum sum;
	int err; /* errno of the first failure */
};

/* Start a file, lock it, write the envelope.  0, or -1 with errno. */
int spool_begin(struct spool_new *f, const struct spool *sp,
                const struct envelope *e);

/* Append content.  Errors are kept in f->err and told by spool_commit. */
void spool_write(struct spool_new *f, const void *p, size_t n);

/* Make the message durable, file and name, then wake queuerun.  From a return of
 * 0 on the message is safe.  -1 with errno: nothing is left of it. */
int spool_commit(struct spool_new *f);

/* Throw away what was written. */
void spool_abort(struct spool_new *f);

/* Tell a lingering queuerun that id is in new/. */
void spool_wake(const struct spool *sp, const char *id);

/* --- reading --- */

/* What a line of the journal tells. */
enum {
	NOTE_SENT = 's',      /* target has it */
	NOTE_RELAYED = 'r',   /* sent, and the peer took over the DSN duty */
	NOTE_FAILED = 'f',    /* target can never have it */
	NOTE_DEFERRED = 'd',  /* target could not be reached this time */
	NOTE_TOLD = 'b',      /* text, the sender, was told of the failure */
	NOTE_WARNED = 'w',    /* the sender was told of the delay */
	NOTE_CONFIRMED = 'n', /* the sender was told of the success */
	NOTE_ATTEMPT = 'a',   /* an attempt is over, and somebody still waits */
	NOTE_EXPIRE = 'x'     /* bounce what is left, now */
};

enum { NOTE_ALL = -1 }; /* rcpt of a note about the whole message */

/* One line of the journal: what happened to a final target of a recipient. */
struct note {
	long rcpt; /* index in the envelope, or NOTE_ALL */
	char what; /* NOTE_* */
	time_t when;
	/* Final address or mailbox; "" for the recipient as a whole. */
	const char *target;
	const char *status; /* 5.1.1 */
	const char *relay;  /* host[ip]:port, "local", "none" */
	const char *text;   /* reply or reason, clean */
};

/* One about the whole message. */
struct note note_all(char what, time_t when, const char *text);

struct message {
	char id[SPOOL_ID_MAX + 1];
	int fd; /* locked, or -1 */
	struct envelope env;
	off_t start;  /* of the content in the file */
	uint64_t len; /* of the content */
	struct note *note;
	size_t nnote, ncap;
	struct arena words; /* of the notes */
	unsigned attempts;  /* queue runs so far */
	bool expired;       /* mailq(8) wants it to bounce now */
	bool gap;           /* a line of the journal cannot be read */
};

enum spool_why {
	SPOOL_OK,
	SPOOL_GONE, /* no such file (any more) */
	SPOOL_BUSY, /* somebody else works on it */
	SPOOL_TORN, /* never committed: its writer died before it answered 250 */
	SPOOL_BAD,  /* committed, but damaged */
	SPOOL_ERROR /* could not be read now: errno */
};

/* Read the message dir/id ("new", "q/1763765040", "hold").  lock: take its
 * lock, open it for the journal, and verify the checksum; else just read envelope
 * and journal. */
enum spool_why spool_load(struct message *m, const struct spool *sp,
                          const char *dir, const char *id, bool lock);
void message_free(struct message *m);

/* Read size bytes of the content from at on, or what there is of it: how many, 0 at its
 * end, -1 with errno. */
ssize_t message_read(const struct message *m, uint64_t at, void *p,
                     size_t size);

/* Append one line to the journal of a locked message and to m->note.  Durable
 * only after spool_sync().  0 or -1 with errno. */
int spool_note(struct message *m, const struct note *n);
/* Set aside room on the disk for so many: 0, or -1 with errno when there is none.  Where
 * a file system cannot promise it, 0. */
int spool_reserve(const struct message *m, size_t notes);
/* Only remember it: another process that shares the lock wrote it. */
void message_note(struct message *m, const struct note *n);
int spool_sync(struct message *m);

/* Does it say that a target was served, or given up? */
bool note_is_final(const struct note *n);
/* The targets of the message for which that was said; or those that could not be
 * reached some time.  Sorted. */
void message_targets(const struct message *m, bool final, struct list *l);

/* Move a message: to q/DUE (made when missing), hold, new, bad.  to as in spool_load.
 * 0 or -1 with errno. */
int spool_move(const struct spool *sp, const char *from, const char *id,
               const char *to);

/* The directory of messages due at t, rounded up to the minute: "q/1763765040". */
void spool_due_dir(time_t t, char out[24]);

/* Remove a message that has nothing left to do. */
int spool_remove(const struct spool *sp, const char *dir, const char *id);

/* Make what was moved to dir or removed from it durable.  0 or -1 with errno. */
int spool_sync_dir(const struct spool *sp, const char *dir);

/* Call fn(arg, dir, id) for each message: those due until t, and those that a
 * clock which was wrong put off for years, in the order of their time (new/
 * first), or with held also hold/.  fn < 0 ends the walk with -1; a directory
 * that cannot be read does not, and is an error in the end.
 * In new/ there are also the files "tmp.*" that writers have not finished, and
 * anywhere there may be what somebody put there, but for names with a dot in front. */
int spool_walk(const struct spool *sp, time_t until, bool held,
               int (*fn)(void *arg, const char *dir, const char *id),
               void *arg);

/* When does the next deferred message come due?  0: none. */
time_t spool_next(const struct spool *sp);

/* Remove the empty directories of due times that are over, and FIFOs that nobody
 * watches any more. */
void spool_sweep(const struct spool *sp, time_t now);

/* A name that spool_commit could have made? */
bool spool_is_id(const char *id);

/* The queue lock (the descriptor, keep it), or -1 with errno EWOULDBLOCK when another
 * queuerun holds it. */
int spool_lock(const struct spool *sp);

#endif
