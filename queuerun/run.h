/* run - what one queue run knows: messages at work, pieces, destinations, jobs.
 *
 * A message that is taken in is expanded to its final targets; each target that
 * was not served before is a piece.  Pieces wait at their destination (a
 * mailbox, a program, a file, a domain); jobs take them from there in batches.
 * When the last piece of a message is decided the message is finished: removed,
 * deferred, or bounced.
 *
 *	intake.c  message -> pieces		job.c	  destination -> process
 *	dest.c	  pieces wait			outcome.c what came of a piece, of a message
 *	spawn.c   the root half			bounce.c  tell the sender */
#ifndef RUN_H
#define RUN_H

#include "conf.h"
#include "route.h"
#include "spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

enum {
	ACTIVE_MAX = 1000,   /* messages at work at once */
	ACTIVE_MIN = 10,     /* however few descriptors there are */
	PIECES_MAX = 100000, /* and their targets, and notes of them */
	NOTES_MAX = 12500,   /* ... that count of one: others have room */
	NOTE_WORDS = 256,    /* bytes that count as one more note */
	FDS_REST = 32,       /* descriptors for neither messages nor jobs */
	INTAKE_MAX = 10000,  /* names read ahead from the spool */
	LATER_MAX = 100000,  /* ... that wait behind what is slow */
	ROOM_KEPT = 8,       /* one part in so many is kept for others */
	BATCH_LOCAL = 100,   /* messages for one mailbox under one lock */
	BATCH_REMOTE = 50,   /* messages over one connection */
	REMOVED_MAX = 25     /* with a batch less than deliver remembers */
};

/* One target of one message. */
struct piece {
	struct active *msg;
	long rcpt;               /* index in the envelope */
	const struct target *to; /* in msg->routes */
	char what;          /* NOTE_SENT, NOTE_FAILED, NOTE_DEFERRED or 0 */
	bool again;         /* a deliver ended without a word of it */
	struct piece *next; /* waiting at the destination */
};

/* A message at work. */
struct active {
	struct message m;
	char dir[24];
	struct routes routes;
	struct piece *piece;
	size_t npiece, open; /* all; not yet decided */
	size_t weight;       /* what it counts of PIECES_MAX */
	double since;        /* run_clock() when it was taken in */
	int trace;           /* FIFO of the sender who watches, or -1 */
	bool dirty;          /* the journal has lines that are not durable */
	struct active *next,
	    **link; /* what leads here; NULL: not at work yet */
};

/* Where pieces go together. */
struct dest {
	enum route_kind kind;
	char *key;  /* user, command, path, or domain */
	char *user; /* as whom a command or file */
	struct piece *first, **last;
	size_t open;              /* pieces that wait or are at work */
	unsigned running, window; /* jobs now, and at most */
	struct dest *next;        /* in its hash chain */
	struct dest *next_ready;  /* in the line of those that wait for a job */
	bool ready;
};

/* A process at work for a destination. */
struct job {
	struct dest *dest;
	pid_t pid;            /* -1: a child of the root half */
	int in, out;          /* what we feed it, what it reports; -1 closed */
	struct piece **piece; /* NULL once decided */
	size_t npiece;
	size_t decided;  /* of deliver's, which reports in order */
	size_t feed;     /* piece that is being fed */
	struct str head; /* of its frame, not yet written */
	uint64_t at;     /* in its content */
	struct str line; /* report that is not complete */
	double started;
	long long heard; /* io_now() of its last report */
	bool failed;     /* the destination could not be reached */
	bool given_up;   /* it may be at work yet */
	struct job *next;
};

enum { DEST_HASH = 4096 };

/* One name that waits to be taken in. */
struct name {
	char dir[24], id[SPOOL_ID_MAX + 1];
};

enum { LINE_MAILBOX, LINE_PROGRAM, LINE_HOST, LINES };

struct run {
	const struct conf *conf;
	struct spool sp;
	struct router router;
	int spawner;         /* socket to the root half, or -1 */
	bool alone;          /* ... which has ended */
	int lock;            /* of the queue, or -1 */
	int secrets;         /* smarthost_auth, or as spawn_secrets() says */
	time_t clock_offset; /* -T */
	bool verbose;        /* -v: dialogue on trace_fd */
	int trace_fd;
	const char *only_id, *only_domain;

	struct name *name;
	size_t nname, name_at, name_cap;
	struct name *later; /* whose destinations have enough for now */
	size_t nlater, later_at, later_cap;
	long long full;   /* since this io_now() there is no room for all */
	long long behind; /* the later ones were looked at last */
	size_t passing;   /* most messages at work since */
	time_t looked;    /* what was due then was walked over */
	bool more;        /* the walk was cut short: walk again */
	bool busy;        /* somebody held a message: look again soon */
	char changed[24]; /* directory whose names are not yet durable */
	unsigned removed; /* messages since deliver's work was durable */
	void *
	    skip; /* a tree (tsearch(3)) of ids that cannot be worked on for now */

	struct active *active;
	void *ids;              /* of these (tsearch(3)) */
	size_t nactive, weight; /* of them all */
	struct dest *dest[DEST_HASH];
	struct line {
		struct dest *first, **last; /* that wait for a job */
		size_t njob;                /* at work */
	} line[LINES];
	struct job *job;
	size_t njob;
};

/* Wall clock as the run sees it. */
time_t run_now(const struct run *r);
double run_clock(void);

/* A line for who watches: -v on stdout, sendmail -v on its FIFO. */
__attribute__((format(printf, 3, 4))) void run_trace(struct run *r,
                                                     const struct active *a,
                                                     const char *fmt, ...);

/* intake.c */
/* Read names from the spool that are due; remembers up to INTAKE_MAX. */
void intake_scan(struct run *r);
/* A name told by the FIFO. */
void intake_name(struct run *r, const char *dir, const char *id);
/* Pass over this id until the next clearing: it cannot be worked on now. */
void intake_skip(struct run *r, const char *id);
void intake_unskip(struct run *r);
/* Take in messages while there is room. */
void intake_fill(struct run *r);
/* Free one, whatever came of it. */
void intake_drop(struct run *r, struct active *a);

/* dest.c */
/* Queue a piece at its destination. */
void dest_add(struct run *r, struct piece *p);
/* The line in which it waits and works. */
struct line *dest_line(struct run *r, const struct dest *d);
/* How many pieces that are not decided are there where this one would be? */
size_t dest_open(const struct run *r, const struct piece *p);
/* The next destination that may have a job, taken from its line, or NULL. */
struct dest *dest_ready(struct line *l);
/* Put it (back) in the line if it has pieces and a free place. */
void dest_line_up(struct run *r, struct dest *d);
/* Forget a destination without pieces and jobs. */
void dest_drop(struct run *r, struct dest *d);

/* job.c */
/* Start jobs while there are places.  */
void job_start_all(struct run *r);
/* Read what a job reports; feed it. */
void job_read(struct run *r, struct job *j);
void job_feed(struct job *j);
/* Is a piece of the message with one of them, and not decided? */
bool job_has(const struct run *r, const struct active *a);
/* Take away the jobs that are over. */
void job_reap(struct run *r);

/* outcome.c */
struct outcome {
	char what; /* NOTE_SENT, NOTE_RELAYED, NOTE_FAILED, NOTE_DEFERRED */
	const char *status, *relay, *text;
	double started; /* run_clock() of the job */
	bool noted;     /* another process wrote it into the journal */
};
/* What came of a piece: journal and log. */
void outcome_piece(struct run *r, struct piece *p, const struct outcome *o);
/* Finish a message of which all pieces are decided; it is gone afterwards. */
void outcome_settle(struct run *r, struct active *a);
/* Make durable what was noted for the messages that are still at work, and that
 * others are gone. */
void outcome_sync(struct run *r);

/* bounce.c */
enum bounce_kind { BOUNCE_FAILED, BOUNCE_DELAYED, BOUNCE_SUCCESS };
enum { BOUNCE_NOWHERE = 1 };
/* Tell the senders about the recipients of a that have news of this kind and
 * were not told.  Durable and noted when it returns 0; -1: try again later;
 * BOUNCE_NOWHERE: there is nobody who could be told. */
int bounce_send(struct run *r, struct active *a, enum bounce_kind kind);

/* spawn.c */
/* Started as root: split into the root half, which only starts deliver as
 * the users, and us, the owner of the spool for good.  Returns 0 in us, with
 * the socket to the root half (-1 when not started as root); 1 in the root half when
 * we have ended, with our exit status; dies when it cannot be done. */
int spawn_split(const struct conf *c, int *sock, int *status);
/* Started as root: become the owner of the spool, for good, or die. */
void spawn_drop(const struct conf *c);
/* Open smarthost_auth, which only its owner, who is us, may be able to read.  -1: there is
 * none; -2: it is not right, and that was logged. */
int spawn_secrets(const struct conf *c);
/* Start deliver for a destination, with in and out as its stdin and stdout. *pid: -1
 * when the root half does it.  0 or -1. */
int spawn_deliver(const struct run *r, const struct dest *d, int in, int out,
                  pid_t *pid);

/* explain.c */
int explain(struct run *r, const char *addr, bool json);

#endif
