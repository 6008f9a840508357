/* front - the way into popd and imapd: options, configuration, who is there, and the
 * gate; then the session of a user.  Called by their main(). */
#ifndef FRONT_H
#define FRONT_H

#include "gate.h"

struct front {
	struct gate gate; /* but for conf; peer and io are the session's */
	const char *name; /* of the program */
	struct peer *peer;
	bool pair; /* a socketpair without a name is sshd(8)'s */
	struct conf conf;
	bool open; /* there is somebody who has not heard the end yet */
	/* Serve the user that we are; own: who started us, and was not asked
	 * for a password.  j tells of TLS, and is asked nothing. */
	void (*serve)(void *session, const struct user *u, bool own,
	              struct judge *j);
};

/* From the options to the end: what main() returns. */
int front_run(struct front *f, int argc, char **argv);

#endif
