/* peer - who is at the other end of standard input? */
#ifndef PEER_H
#define PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

struct peer {
	bool local; /* a program or person of this machine, known as uid */
	bool relay; /* tcpserver's rules let it relay */
	uid_t uid;
	char ip[INET6_ADDRSTRLEN]; /* "192.0.2.1", "2001:db8::1", "unknown" */
	char host[256];            /* its name, or "unknown" */
};

/* Ask the kernel, then the environment that super-servers leave.  What is written to a
 * TCP connection leaves at once from then on.  uid is the caller's to set.  0, or -1
 * when the connection is gone already. */
int peer_find(struct peer *p);

/* Is it the user who started us, so that nobody has to ask for a password: not root,
 * and on a terminal, a pipe or a file; or, where pair says so, the socketpair of
 * sshd(8)?  A socket with a name on either side may be anybody's. */
bool peer_is_self(const struct peer *p, bool pair);

#endif
