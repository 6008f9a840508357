/* policy - may this client mail this recipient?  Pure. */
#ifndef POLICY_H
#define POLICY_H

#include "route.h"

#include <stdbool.h>

struct verdict {
	int code; /* 250: yes */
	const char *status;
	const char *text;
};

/* What is known when a recipient was named. */
struct question {
	bool trusted; /* the client may relay */
	const char *addr;
	const struct routes *routes; /* where it leads */
	bool full;       /* all mailboxes that it leads to are over the limit */
	bool full_fails; /* ... and that is for good */
};

/* May the client relay?  near: a program of this machine, of relay_from, or one that
 * tcpserver's rules let; submission: this port is for those who log in. */
bool policy_relays(bool near, bool submission, bool login);

struct verdict policy_rcpt(const struct question *q);

#endif
