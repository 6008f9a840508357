/* namefile - see namefile.h.  Called by subscribe.c and specialuse.c, as the user. */
#include "namefile.h"

#include "io.h"
#include "lock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAUSE = 20, /* ms between two tries */
	STALE = 8 /* s after which a writer has died: less than IMAP_PATIENCE */
};

int
namefile_read(int dir, const char *name, struct str *text)
{
	struct stat st;

	/* A pipe or a device would hold us up. */
	if (fstatat(dir, name, &st, 0) == 0 && !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	if (io_slurp(dir, name, NAMEFILE_MAX, text) == 0 || errno == ENOENT)
		return 0;
	return -1;
}

bool
namefile_line(struct cur *text, struct cur *line)
{
	if (cur_len(text) == 0)
		return false;
	cur_until(text, "\n", line);
	cur_get(text);
	return true;
}

static void
lock_name(struct str *s, const char *name)
{
	str_adds(s, name);
	str_adds(s, ".lock");
}

/* Remove what a writer left who died: nobody needs a second to write a small file. */
static void
break_stale(int dir, const char *lock)
{
	struct stat st;

	if (fstatat(dir, lock, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    lock_age(dir, lock, &st) > STALE && unlinkat(dir, lock, 0) == 0)
		log_warn("%s: broke a stale lock", lock);
}

int
namefile_begin(struct namefile *f, int dir, const char *name, long patience)
{
	const int how = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	long long end = io_now() + patience;
	struct str lock = {0};
	int err = 0;

	*f = (struct namefile){.dir = dir, .name = name};
	lock_name(&lock, name);
	while ((f->fd = openat(dir, lock.s, how, 0600)) < 0 && !err) {
		err = errno == EEXIST && io_now() < end ? 0 : errno;
		break_stale(dir, lock.s);
		if (!err)
			poll(NULL, 0, PAUSE);
	}
	str_free(&lock);
	if (f->fd < 0) {
		errno = err == EEXIST ? EAGAIN : err;
		return -1;
	}
	if (namefile_read(dir, name, &f->text) == 0)
		return 0;
	err = errno;
	namefile_end(f, NULL);
	errno = err;
	return -1;
}

int
namefile_stay(struct namefile *f, int dir, const char *name, long patience)
{
	long long end = io_now() + patience;
	int err = 0;

	*f = (struct namefile){.dir = dir, .name = name, .stays = true};
	f->fd =
	    openat(dir, name, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
	while (f->fd >= 0 && flock(f->fd, LOCK_EX | LOCK_NB) < 0 && !err) {
		err = io_now() < end ? 0 : EAGAIN;
		poll(NULL, 0, PAUSE);
	}
	if (f->fd < 0)
		return -1;
	if (!err && namefile_read(dir, name, &f->text) == 0)
		return 0;
	err = err ? err : errno;
	namefile_end(f, NULL);
	errno = err;
	return -1;
}

/* In one write: who is killed has written all or nothing of a list as people have
 * them.  Where it gets shorter empty lines, which mean nothing, end it for that
 * moment.  When there is no room for what is added, all is as before. */
static int
overwrite(struct namefile *f, const struct str *text)
{
	struct str all = {0};
	int r = -1, err = EFBIG;

	str_add(&all, text->s, text->n);
	while (all.n < f->text.n)
		str_addc(&all, '\n');
	if (text->n <= NAMEFILE_MAX) {
		r = io_pwriteall(f->fd, all.s, all.n, 0);
		err = errno;
	}
	if (r == 0) {
		r = ftruncate(f->fd, (off_t)text->n) < 0 ? -1 : fsync(f->fd);
		err = errno;
	} else if (text->n > f->text.n &&
	           ftruncate(f->fd, (off_t)f->text.n) < 0) {
		log_warn("%s: %s", f->name, strerror(errno));
	}
	str_free(&all);
	errno = err;
	return r;
}

/* Write and sync the new text.  From the rename on it is true. */
static int
replace(struct namefile *f, const char *lock, const struct str *text)
{
	if (text->n > NAMEFILE_MAX) {
		errno = EFBIG;
		return -1;
	}
	if ((text->n > 0 && io_writeall(f->fd, text->s, text->n) < 0) ||
	    fsync(f->fd) < 0)
		return -1;
	/* Who was held up for so long that others broke his lock has none; what
	 * goes by its name is theirs, and may be empty yet. */
	if (!lock_same(f->fd, f->dir, lock)) {
		errno = EAGAIN;
		return -1;
	}
	return renameat(f->dir, lock, f->dir, f->name);
}

/* Replace it by the lock, or take the lock away. */
static int
let_go(struct namefile *f, const struct str *text)
{
	struct str lock = {0};
	int r = 0, err;

	lock_name(&lock, f->name);
	if (text)
		r = replace(f, lock.s, text);
	err = errno;
	if (!text || r < 0) {
		if (lock_same(f->fd, f->dir, lock.s))
			unlinkat(f->dir, lock.s, 0);
	} else if (fsync(f->dir) < 0) {
		err = errno;
		r = -1;
	}
	str_free(&lock);
	errno = err;
	return r;
}

int
namefile_end(struct namefile *f, const struct str *text)
{
	int r = f->stays ? text ? overwrite(f, text) : 0 : let_go(f, text);
	int err = errno;

	close(f->fd);
	str_free(&f->text);
	errno = err;
	return r;
}
