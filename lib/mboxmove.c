/* mboxmove - an mbox gets another name, or is removed; under its locks, so that
 * whoever waits for them to add a letter makes a new one.  Called by
 * storemove.c. */
#include "storembox.h"
#include "storeops.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int
mbox_rename(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		return -1;
	/* It is done; when it is durable is not for us to say. */
	mbox_sync_dir(to);
	mbox_sync_dir(from);
	return 0;
}

int
mbox_move(struct store *s, const char *to)
{
	struct turn t;
	int r, err;

	if (turn_begin(s, &t) < 0)
		return -1;
	r = store_moved(s, to);
	err = errno;
	turn_end(s, &t, TURN_READ);
	errno = err;
	return r;
}

int
mbox_remove(const char *path, const struct store_how *how,
            void (*forget)(const struct store_how *how, const char *path))
{
	const struct mbox_how open = {
	    .owner = how->owner,
	    .state = how->state,
	    .dot_optional = how->dot_optional,
	    .must_exist = true,
	    .patience = how->patience,
	};
	char why[MBOX_WHY];
	struct mbox m;
	int r, err;

	if (mbox_open(&m, path, &open, why) < 0)
		return -1;
	if ((r = unlink(path)) == 0) {
		r = mbox_sync_dir(path);
		forget(how, path);
	}
	err = errno;
	mbox_close(&m);
	errno = err;
	return r;
}
