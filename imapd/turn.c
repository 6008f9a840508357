/* turn - what two sessions of a user may not do at the same moment: each looks, copies
 * or makes, and removes, and what the other did in between would be there twice or
 * be lost.  Called by append.c, copy.c, names.c and stage.c. */
#include "imap.h"

#include "record.h"

#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

enum { PAUSE = 20 }; /* ms between two tries */

int
turn_take(struct session *s, enum turn what, int *fd)
{
	const int how = (what == TURN_ADD ? LOCK_SH : LOCK_EX) | LOCK_NB;
	const char *kind = what == TURN_MOVE ? "move" : "names";
	long long end = io_now() + IMAP_PATIENCE;

	*fd = record_open(s->records.s, kind, "", s->user->uid, true);
	while (*fd >= 0 && flock(*fd, how) < 0) {
		if (io_now() >= end) {
			close(*fd);
			return no(s, "[INUSE] another session is at work") - 1;
		}
		poll(NULL, 0, PAUSE);
	}
	return 0;
}

void
turn_leave(int fd)
{
	if (fd >= 0)
		close(fd);
}
