/* mboxmove - an mbox gets another name, or is removed; under its locks, so that
 * whoever waits for them to add a letter makes a new one.  Called by
 * storemove.c. */
#define _GNU_SOURCE /* syscall(2) */
#include "storembox.h"
#include "storeops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>

#ifndef RENAME_NOREPLACE /* musl leaves it out, and renameat2(2) */
#define RENAME_NOREPLACE 1
#endif
#endif

/* Not over a file that somebody has made meanwhile, with a letter in it. */
static int
rename_new(const char *from, const char *to)
{
#ifdef SYS_renameat2
	if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to,
	            RENAME_NOREPLACE) == 0)
		return 0;
	/* Not every system and file system can. */
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
#endif
	return rename(from, to);
}

int
mbox_rename(const char *from, const char *to)
{
	if (rename_new(from, to) < 0)
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
