/* maildirbox - a Maildir as it lies there: its directories, and which messages
 * they name.  Used by storemaildir.c. */
#ifndef MAILDIRBOX_H
#define MAILDIRBOX_H

#include "index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIR_NEW, DIR_CUR, DIRS };

struct entry {
	uint64_t hash; /* of the base name: which message it is */
	uint64_t ino;
	size_t name;      /* its place in names */
	uint32_t letters; /* a-z of the name */
	uint16_t flags;   /* of the name; FLAG_OLD: it is in cur/ */
	bool known;       /* for the caller to mark it */
	bool twin;        /* another file has the same base name */
};

struct maildirbox {
	int top, dir[DIRS];       /* -1: missing; top: all of it */
	struct index_state state; /* before the names were read; a time of -1
	                             says that they may have changed unseen */
	bool looked;              /* they were read at all */
	bool steady;              /* and nothing moved meanwhile */
	struct str names;         /* NUL behind each */
	struct entry *entry;      /* in the order of the hashes */
	size_t n, cap;
};

void box_init(struct maildirbox *b);
void box_free(struct maildirbox *b);

/* Open what path names now.  1, 0 when there is no Maildir, -1 with errno: then what
 * was open before still is. */
int box_open(struct maildirbox *b, const char *path, uid_t owner);

/* Is this how it looks now? */
bool box_is_state(const struct maildirbox *b, const struct index_state *s);

/* Read the names.  more: look once more, and keep what was seen before, so that a
 * file is not missed that was renamed meanwhile.  0, or -1 with errno. */
int box_scan(struct maildirbox *b, bool more);

/* Are the names those that are there now? */
bool box_is_current(const struct maildirbox *b);

/* The file of the message, or NULL. */
struct entry *box_find(const struct maildirbox *b, uint64_t hash);
const char *box_name(const struct maildirbox *b, const struct entry *e);
int box_dir(const struct maildirbox *b, const struct entry *e);

/* Open a message, which must be a regular file.  -1 with errno. */
int box_open_file(const struct maildirbox *b, const struct entry *e,
                  struct stat *st);

/* Size, date and place in time of a new message.  1, 0 when it is none or cannot
 * be read (nobody tells when it can: the names count as changed from then on), -1
 * with errno (ENOENT: it is no longer there). */
int box_measure(struct maildirbox *b, const struct entry *e,
                struct index_msg *m);

#endif
