/* ask - ask another program: what it says, and its exit status.  No shell, an
 * environment of PATH alone. */
#ifndef ASK_H
#define ASK_H

#include "addr.h"
#include "conf.h"

#include <sys/types.h>

enum {
	ASK_SECONDS = 30, /* that it may take */
	ASK_LINE = 4096,  /* bytes of its line */
	ASK_FD = 3        /* where it reads what is for it alone */
};

/* The first line that it says; its standard error goes to nowhere.  argv ends
 * with NULL, argv[0] is a path.  for_it: up to some kB that it
 * finds on descriptor ASK_FD, or NULL.  who: if not NULL, the account that it was of
 * at its end, by the kernel's word.  Its exit status, line within buf then; -1
 * when it could not run to its end. */
int ask_program(char *const argv[], const struct str *for_it,
                char buf[ASK_LINE], struct cur *line, uid_t *who);

/* All that a program says, on its outputs both, to a bit over max bytes, in so many
 * seconds.  Its exit status, or -1 when it could not run to its end. */
int ask_all(char *const argv[], unsigned seconds, size_t max, struct str *said);

/* ask_program() for a program of ours, see conf_command(), which has some seconds more:
 * it may ask another program itself. */
int ask_ours(const struct conf *c, const char *const words[],
             const struct str *for_it, char buf[ASK_LINE], struct cur *line);

/* The A-labels of a domain in place, for a program that has no IDNA library: 0 or
 * -1. */
int ask_domain(const struct conf *c, char name[ADDR_DOMAIN_MAX + 1]);

#endif
