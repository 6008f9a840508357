/* cache - what clients want to know of many messages again and again, ready to
 * be sent: beside the index, in cache.HASH.  A memory, never the truth: an
 * entry that does not fit its message is made anew.  Called by fetch.c,
 * search.c, sort.c and thread.c. */
#ifndef CACHE_H
#define CACHE_H

#include "imap.h"

/* A field that is kept: its number (headername.h) and its length in fields. */
struct cached_field {
	uint32_t name, len;
};

/* Good until the next call for this cache; p is NULL where there is no such
 * field. */
struct cached {
	struct cur envelope; /* "(...)" */
	struct cur fields;   /* those of headername.h, as they are on the wire,
	                        each with its CRLF */
	const struct cached_field *field; /* one behind the other */
	size_t nfields;
	struct cur subject, from, to, cc, message_id, in_reply_to,
	    references; /* bodies of the first field of that name, with folds */
	int64_t
	    sent; /* the Date field, s since the epoch (UTC); INT64_MIN: none */
	int zone; /* its time zone, s east of UTC */
};

/* What is known of the message at place i of the selected mailbox: 0, or -1
 * with errno (ESTALE: it is gone).  It is read if it was not known. */
int cache_get(struct session *s, size_t i, struct cached *c);

/* BODYSTRUCTURE and BODY, which cost reading all of the message the first time;
 * and with that the sum of its content. */
struct cached_whole {
	struct cur structure, body;
	uint64_t content;
};
int cache_whole(struct session *s, size_t i, struct cached_whole *c);

/* Make what was found out durable for the next session; at the end of a
 * command, and before the mailbox is left. */
void cache_flush(struct session *s);
void cache_close(struct session *s);

#endif
