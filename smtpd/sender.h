/* sender - what a login may send: as whom, and how much.  See senders(5). */
#ifndef SENDER_H
#define SENDER_H

#include "route.h"

enum {
	SENDER_LIMIT =
	    500,           /* recipients in an hour, where no table says more */
	SENDER_HOUR = 3600 /* s */
};

/* A login, and its line of the table. */
struct sender {
	const struct conf *conf;
	const char *login;
	struct str may;      /* addresses, @domains, "*" */
	unsigned long limit; /* recipients in an hour, 0: any number */
};

/* Read the table anew for conf and login, which are set.  0, or -1 with errno. */
int sender_load(struct sender *s);
void sender_free(struct sender *s);

/* Is the address one of the login's? */
bool sender_owns(const struct sender *s, struct router *r, const char *addr);

/* The address that a letter without any is from. */
void sender_own(const struct sender *s, struct str *to);

/* --- sent.c --- */

/* The account of what was sent, across all sessions, as long as it is open. */
struct sent {
	int fd;
	bool open;
	long at; /* the line of our login, -1: not known */
};

/* Count one recipient more.  0; or 1: that would be over the limit. */
int sent_count(struct sent *t, const struct sender *s);
void sent_close(struct sent *t);

#endif
