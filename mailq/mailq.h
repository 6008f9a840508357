/* mailq - what the files of this program share. */
#ifndef MAILQ_H
#define MAILQ_H

#include "spool.h"

#include <stdbool.h>
#include <time.h>

/* --- view.c: a message as the queue's readers see it, without controls --- */

struct view {
	const struct message *m;
	const char *queue; /* incoming, active, deferred, hold */
	time_t due;        /* of the next attempt, 0: none */
	/* For each recipient why it waits, "" when nothing is known, NULL when
	 * there is nothing left to do for it. */
	const char **reason;
	/* Who was tried last, and how that connection was protected, or NULL. */
	const char **relay;
};

/* With now 0 nothing is due, and "active" not told. */
void view_make(struct view *v, struct message *m, const char *dir, time_t now);
void view_free(struct view *v);

/* --- select.c: which messages are meant --- */

struct select {
	char *const *words;
	time_t now;
};

/* Are the words selectors?  0, or -1 after a word on stderr. */
int select_check(const struct select *s);
/* May a message with this id be meant?  Asked before it is read. */
bool select_id(const struct select *s, const char *id);
/* Is it meant? */
bool select_match(const struct select *s, const struct view *v);

/* --- show.c: the listings --- */

/* Counted while messages are shown. */
struct total {
	unsigned long long bytes;
	unsigned long count;
	struct str text; /* of the message at hand */
};

void show_short(const struct view *v, struct total *t, bool verbose);
void show_short_end(struct total *t);
void show_json(const struct view *v);

/* --- summary.c: by destination and reason --- */

struct summary;
struct summary *summary_new(void);
void summary_add(struct summary *s, const struct view *v);
void summary_print(struct summary *s);

/* --- act.c: what root and the spool's owner may do --- */

struct verb {
	const char *name;
	const char *past; /* "3 messages removed" */
	const char *to;   /* directory to which it moves messages, or NULL */
	bool locks;       /* works under the message's lock */
	/* Act on a message that lies in dir, loaded (and locked).  0 done,
	 * 1 nothing to do, -1 failed, and logged. */
	int (*run)(const struct spool *sp, struct message *m, const char *dir);
};

/* The verb of this name, or NULL. */
const struct verb *verb_find(const char *name);

#endif
