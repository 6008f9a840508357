/* spawn - a request to start deliver as a user, which the half of queuerun that owns
 * the spool makes and the root half grants. */
#ifndef SPAWN_H
#define SPAWN_H

#include "run.h"

enum { REQUEST_MAX = 16384 }; /* more than its bytes: a NUL fits behind them */

/* On the socket: kind, key and user, each with its NUL, and deliver's stdin and
 * stdout. */
struct request {
	enum route_kind kind;
	const char *key, *user;
	int in, out;
};

/* Start it from here.  Its process id or -1. */
pid_t spawn_fork(const struct conf *c, const struct request *q);

#endif
