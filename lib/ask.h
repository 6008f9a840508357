/* ask - ask another program: the first line that it says, and its exit status.
 * No shell, an environment of PATH alone, standard error to nowhere. */
#ifndef ASK_H
#define ASK_H

#include "conf.h"

enum {
	ASK_SECONDS = 30, /* that it may take */
	ASK_LINE = 4096,  /* bytes of its line */
	ASK_FD = 3        /* where it reads what is for it alone */
};

/* argv ends with NULL, argv[0] is a path.  for_it: up to some kB that it
 * finds on descriptor ASK_FD, or NULL.  Its exit status, line within buf then; -1
 * when it could not run to its end. */
int ask_program(char *const argv[], const struct str *for_it,
                char buf[ASK_LINE], struct cur *line);

/* The same for a program of ours: words are its name (see conf_program()) and its
 * arguments, ended by NULL. */
int ask_ours(const struct conf *c, const char *const words[],
             const struct str *for_it, char buf[ASK_LINE], struct cur *line);

#endif
