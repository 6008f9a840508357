/* index - what we know of a mailbox beside it: STATE/USER/index.HASH.
 * A head and one record of fixed size for each message, in the mailbox's order;
 * UIDs ascend.  It is a memory, never the truth: whatever is wrong with it, the
 * mailbox is looked at again.  Shared by all processes under a lock of its
 * own, which is held for moments only.  index(5) has the format. */
#ifndef INDEX_H
#define INDEX_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
	INDEX_HEAD = 4096,
	INDEX_KEYWORDS = 64,
	INDEX_NAMES = 3072, /* bytes for the keywords' names */
	INDEX_RECENT = 32   /* saves of which is known what they changed */
};

/* The mailbox has the UID, or its place for it cannot be written. */
enum { KEPT_NO, KEPT_YES, KEPT_NEVER };

/* A message.  No padding; sum covers all before it. */
struct index_msg {
	uint64_t off;      /* mbox: of the From_ line; Maildir: mtime, ns */
	uint64_t len;      /* bytes that it occupies */
	uint64_t end;      /* mbox: bytes to the end of the body */
	uint64_t size;     /* octets on the wire */
	uint64_t hash;     /* the same as long as it is the same message */
	uint64_t modseq;   /* of the last change (RFC 7162) */
	uint64_t keywords; /* bits */
	uint64_t kept_keywords; /* as the mailbox has them */
	int64_t date;           /* of arrival */
	uint64_t cache;         /* offset of cached header data, 0: none */
	uint32_t uid;
	uint32_t body;     /* bytes before the body */
	uint16_t flags;    /* FLAG_* */
	uint16_t kept;     /* as the mailbox has them */
	uint16_t kept_uid; /* 1: the mailbox has the uid */
	uint16_t form;     /* what a search found out of it, 0: nothing */
	uint32_t saved; /* when it came into this mailbox, s since the epoch; 0:
	                      as date */
	uint16_t counted; /* of FLAG_SEEN and FLAG_OLD those that it lacks and
	                     the head has counted */
	uint16_t zero;
	uint64_t sum;
};

/* The mailbox when the index was true of it. */
struct index_state {
	uint64_t dev, ino, size;
	int64_t mtime; /* ns */
	/* Maildir: of new/; mbox: of the last change of any kind, as there are
	 * mail readers that put the other one back */
	int64_t mtime2;
};

/* Records from first on, before end; the latter may be beyond all. */
struct index_span {
	uint64_t first, end;
};

struct index_head {
	char magic[8];
	uint64_t sum;        /* of the rest of the head */
	uint64_t total;      /* sum of all records' sums */
	uint64_t generation; /* changes with each save */
	struct index_state state;
	uint64_t count;
	uint64_t modseq, begun;  /* highest; as of the first save */
	uint32_t validity, next; /* UIDVALIDITY, UIDNEXT */
	uint32_t busy;           /* 1: somebody is writing, or died at it */
	uint32_t
	    kept_next; /* the mailbox's X-IMAPbase is good below this UID */
	uint64_t skip; /* mbox: bytes of folder data before the first message */
	uint64_t id;   /* of the mailbox, random (RFC 8474) */
	uint64_t gone; /* removals so far, see storegone.h */
	uint64_t unseen, fresh; /* messages without FLAG_SEEN, FLAG_OLD */
	uint64_t first_unseen;  /* of those; count: there is none */
	struct index_span recent[INDEX_RECENT]; /* by generation */
	char names[INDEX_NAMES]; /* of the keywords, a blank behind each */
};

struct index {
	int fd;          /* -1: in memory only */
	const char *dir; /* where it is */
	uid_t owner;
	bool locked;
	bool trusted; /* what was loaded is whole; else it is a hint */
	bool bare;    /* by index_peek(): there are no records here */
	struct index_head head;
	struct index_msg *msg;
	size_t cap;
};

/* Open or create the index of the mailbox at path in dir (which is made when
 * missing and must belong to owner).  -1 with errno when there can be none; x is
 * then good in memory. */
int index_open(struct index *x, const char *dir, const char *path, uid_t owner);
void index_close(struct index *x);

/* Is it still that of the mailbox at path?  1, 0, or -1 with errno. */
int index_is_named(const struct index *x, const char *path);

/* Lock for a change (waiting some seconds at most) and release.  0 or -1. */
int index_lock(struct index *x);
void index_unlock(struct index *x);

/* Get what others saved since, at the cost of what they changed: 1 something was new, 0
 * nothing, -1 (errno).  An index that is torn, foreign or of another version gives
 * trusted = false and the records that are whole one by one.  After -1 x is what it
 * was. */
int index_load(struct index *x);

/* Get the head only, at no cost; index_load() then gets the records, as they are by
 * then.  false: it is torn, foreign, or somebody is writing. */
bool index_peek(struct index *x);

/* Is it what the file has? */
bool index_is_still(const struct index *x);

/* Save the head and the records from first up to end; count says how many there
 * are.  Under the lock.  0, or -1 with errno: it is then good in memory. */
int index_save(struct index *x, size_t first, size_t end);

/* The same when it is trusted, and nothing in it went or moved, and what came is the
 * end of it: it costs what has changed. */
int index_update(struct index *x, size_t first, size_t end);

/* Outside of *p nothing has changed since that generation.  false: it is not known so
 * far back. */
bool index_changed(const struct index_head *h, uint64_t since,
                   struct index_span *p);

/* Before the mailbox at path is changed in a way that does not show from outside: what
 * the file has is a hint until it is saved, also where x is in memory only.  0, or
 * -1 with errno. */
int index_doubt(struct index *x, const char *path);

/* Begin one that tells nothing yet: UIDVALIDITY (0: that of the time), UIDNEXT,
 * modseq and id, where they are not set. */
void index_begin(struct index *x, uint32_t validity);

/* The modseq of the next change; it becomes true with head.modseq. */
uint64_t index_modseq(const struct index *x);

/* Make room for n records in memory. */
void index_room(struct index *x, size_t n);

/* Remember how the mailbox looks. */
void index_state_of(struct index_state *s, const struct stat *st);

/* The bit of a keyword by its name, added when there is room: 0..63, or -1. */
int index_keyword(struct index *x, const struct cur *name);
/* The name of bit i, empty when there is none. */
struct cur index_keyword_name(const struct index *x, int i);

#endif
