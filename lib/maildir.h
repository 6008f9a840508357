/* maildir - deliver into a Maildir: tmp/, then new/.
 * Several messages form a batch that goes in as a whole.  Called by deliver, and by
 * maildiradd.c, whose messages may have flags and go to cur/. */
#ifndef MAILDIR_H
#define MAILDIR_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MAILDIR_WHY = 160 };

struct maildir {
	int tmp, new, cur; /* directories */
	int fd;            /* of the message that is being written, or -1 */
	int err;           /* errno of the first failure */
	uint64_t len;      /* of that message */
	uint64_t wire;     /* and on the wire, where CRLF ends a line */
	char last;         /* its last byte */
	uint64_t total;
	struct str buf;
	struct str name;  /* of that message in tmp/ */
	struct str names; /* tmp NUL final NUL of each finished message */
};

/* Open, making what is missing with mode 0700, and clear tmp/ of what was left there
 * long ago.  0, or -1 with errno and why. */
int maildir_open(struct maildir *m, const char *path, uid_t owner,
                 char why[MAILDIR_WHY]);
/* Close; what was not committed is removed. */
void maildir_close(struct maildir *m);

/* One message: its bytes, then its end (durable in tmp/), or away with it. */
void maildir_begin(struct maildir *m);
void maildir_write(struct maildir *m, const void *p, size_t n);
void maildir_end(struct maildir *m);
/* With a date of arrival (0: now) and flags: "", or as the name has them from the
 * colon on, and the message goes to cur/. */
void maildir_end_as(struct maildir *m, int64_t date, const char *info);
void maildir_abort(struct maildir *m);

/* The final name of the finished message behind the one of that name; NULL: of the
 * first. */
const char *maildir_name(const struct maildir *m, const char *name);

/* That of the last one. */
const char *maildir_last(const struct maildir *m);

/* Which of these n names, one behind the NUL of the other, have messages in the Maildir?
 * They are durable then.  0, or -1 with errno. */
int maildir_find(const struct maildir *m, const char *names, size_t n,
                 bool *found);

/* Move all finished messages to where they go, durably.  0, or -1 with errno and none of them
 * there. */
int maildir_commit(struct maildir *m);

/* Is name a directory, and no link to one?  1, 0, or -1 with errno. */
int maildir_is_dir(int at, const char *name);

/* The size of all messages in the Maildir at path, from their names where these
 * tell it. */
uint64_t maildir_size(const char *path);

#endif
