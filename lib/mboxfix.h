/* mboxfix - take away what an interrupted append left in an mbox. */
#ifndef MBOXFIX_H
#define MBOXFIX_H

#include "mboxplan.h"

/* With both locks held: settle the open record of this file.  0, or -1 with errno
 * when the file could not be changed. */
int mbox_fix(struct plan *p, int fd, const char *path);

#endif
