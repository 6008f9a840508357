/* gate - the way from a stranger to a user, for popd and imapd: a child without
 * rights talks with him and asks us whether what he claims is true. */
#ifndef GATE_H
#define GATE_H

#include "auth.h"
#include "io.h"
#include "peer.h"

/* What somebody says who they are. */
struct claim {
	char name[AUTH_NAME_MAX + 1];
	char secret[AUTH_SECRET_MAX + 1];
};

struct gate {
	const struct conf *conf;
	const struct peer *peer;
	struct io *io;
	unsigned tries; /* wrong passwords of a connection */
	/* The talker, in its own process: the questions go to judge by
	 * gate_ask(), and after a yes what was read from the client and not
	 * obeyed goes the same way by gate_leave(). */
	void (*talk)(void *session, int judge);
	void *session;
};

/* Have a talker find out who it is, and become that user.  file: as become_talker()
 * wants it.  0, or -1: the session is over. */
int gate_pass(const struct gate *g, const char *file, struct user *u);

/* Is the claim, which is forgotten, true?  AUTH_*, or -1: nobody is there to ask. */
int gate_ask(int judge, struct claim *k);
void gate_leave(int judge, const struct io *io);

#endif
