/* storemove - a mailbox gets another name, or is removed, with all that is known of
 * it.  Sessions that have it open keep the index that they have in their hands:
 * the new name gets a copy of its own. */
#include "record.h"
#include "store.h"
#include "storeops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The records that go with a mailbox, beside the index. */
static const char *const kinds[] = {"gone", "cache", "mbox", "edit"};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* Remove the records of path, or give them to the mailbox at to. */
static void
move_records(const struct store_how *how, const char *path, const char *to)
{
	int dir = how->state ? record_dir(how->state, how->owner) : -1;
	char old[RECORD_NAME], new[RECORD_NAME];
	size_t i;

	if (dir < 0)
		return;
	record_name(old, "index", path);
	unlinkat(dir, old, 0);
	for (i = 0; i < KINDS; i++) {
		record_name(old, kinds[i], path);
		if (to) {
			record_name(new, kinds[i], to);
			unlinkat(dir, new, 0);
			renameat(dir, old, dir, new);
		} else {
			unlinkat(dir, old, 0);
		}
	}
	fsync(dir);
	close(dir);
}

/* What another mailbox of this name has left. */
static void
forget(const struct store_how *how, const char *path)
{
	move_records(how, path, NULL);
}

/* Take back what copy_index() made: the rest is that of a mailbox that somebody else may
 * have made there meanwhile. */
static void
forget_index(const struct store_how *how, const char *path)
{
	int dir = how->state ? record_dir(how->state, how->owner) : -1;
	char name[RECORD_NAME];

	if (dir < 0)
		return;
	record_name(name, "index", path);
	unlinkat(dir, name, 0);
	close(dir);
}

/* There is no index in our hands: 0, or -1 with errno when there is one. */
static int
have_none(const struct store *s)
{
	int fd;

	if (!s->how.state)
		return 0;
	fd = record_open(s->how.state, "index", s->path, s->how.owner, false);
	if (fd < 0)
		return errno == ENOENT || errno == EACCES || errno == EPERM ||
		               errno == EROFS
		           ? 0
		           : -1;
	close(fd);
	errno = EIO;
	return -1;
}

/* A copy of the index for the mailbox at to.  0, or -1 with errno. */
static int
copy_index(struct store *s, const char *to)
{
	struct index *x = &s->index, new;
	int r = -1, err;

	if (x->fd < 0)
		return have_none(s);
	if (index_open(&new, s->how.state, to, s->how.owner) < 0)
		return -1;
	if (index_lock(&new) == 0) {
		new.head = x->head;
		index_room(&new, store_count(s) + 1);
		if (store_count(s) > 0)
			memcpy(new.msg, x->msg,
			       store_count(s) * sizeof *x->msg);
		r = index_save(&new, 0, store_count(s));
		index_unlock(&new);
	}
	err = errno;
	index_close(&new);
	errno = err;
	return r;
}

/* Does the mailbox itself tell its UIDs, all of them? */
static bool
tells_uids(const struct store *s)
{
	const struct index_head *h = &s->index.head;
	size_t i;

	if (h->kept_next < h->next)
		return false;
	for (i = 0; i < store_count(s); i++)
		if (store_msg(s, i)->kept_uid != KEPT_YES)
			return false;
	return true;
}

int
store_moved(struct store *s, const char *to)
{
	const char *from = s->path;
	struct stat st;
	int err;

	if (lstat(to, &st) == 0) {
		errno = EEXIST;
		return -1;
	}
	if (errno != ENOENT)
		return -1;
	forget(&s->how, to);
	/* First, so that whoever finds the mailbox there finds its UIDs. */
	if ((copy_index(s, to) < 0 && !tells_uids(s)) ||
	    s->op->rename(from, to) < 0) {
		err = errno;
		forget_index(&s->how, to);
		errno = err;
		return -1;
	}
	move_records(&s->how, from, to);
	return 0;
}

int
store_rename(const char *from, const char *to, const struct store_how *how)
{
	struct store s;
	struct stat st;
	int r, err;

	if (lstat(from, &st) < 0 || store_open(&s, from, how) < 0)
		return -1;
	/* Where the index cannot go with it an mbox itself knows its UIDs. */
	store_keep(&s);
	r = s.op->move(&s, to);
	err = errno;
	store_close(&s);
	errno = err;
	return r;
}

int
store_remove(const char *path, const struct store_how *how)
{
	size_t n = strlen(path);

	if (n > 0 && path[n - 1] == '/') {
		if (maildir_remove(path, how) < 0)
			return -1;
		forget(how, path);
		return 0;
	}
	return mbox_remove(path, how, forget);
}
