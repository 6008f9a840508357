/* storewatch - to be told when a mailbox may have changed: inotify(7). */
#ifndef STOREWATCH_H
#define STOREWATCH_H

#include "store.h"

/* Add to fd (-1: nothing is done) all that tells of a change of the mailbox, as it
 * lies there now.  Called again at each look, before it, as a file that is made or
 * replaced is another one. */
void watch_add(const struct store *s, int fd);

#endif
