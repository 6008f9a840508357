/* serv - the table-driven line loop that smtpd and popd share.
 * A command is looked up in a table, the states in which it is allowed are
 * bits, and the loop is the police. */
#ifndef SERV_H
#define SERV_H

#include "io.h"

struct serv_cmd {
	const char *name;
	unsigned states; /* bits of the states in which it is allowed */
	/* args: what follows the name and one blank.  Returns 0 to go on,
	 * anything else ends the loop and is what serv_loop returns. */
	int (*run)(void *session, struct cur *args);
};

struct serv {
	struct io *io;
	void *session;
	const struct serv_cmd *cmds; /* ends with a NULL name */
	const unsigned *state;       /* one bit, owned by the session */
	size_t line_max;
	/* Each returns as run does. */
	int (*unknown)(void *session, struct cur *line); /* no such command */
	int (*bad_state)(void *session, const struct serv_cmd *c);
	int (*too_long)(void *session);
	int (*garbage)(void *session); /* a NUL or control character */
	/* Called when each line was dealt with, c is NULL for one that is no
	 * command.  Not asked whether to go on when the command said no. */
	int (*done)(void *session, const struct serv_cmd *c);
};

enum { SERV_EOF = IO_EOF, SERV_TIMEOUT = IO_TIMEOUT, SERV_ERROR = IO_ERROR };

/* Read and run commands until one ends the loop; SERV_* when input did. */
int serv_loop(struct serv *s);

#endif
