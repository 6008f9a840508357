/* lock - see lock.h.  The dot-lock is made as on NFS of old: a file of another
 * name, then link(2), then a look at the link count. */
#include "lock.h"

#include "io.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Pauses between two tries, in ms. */
enum { PAUSE_OURS = 2, PAUSE_FIRST = 5, PAUSE_MOST = 250 };

int
lock_soon(int fd, long patience)
{
	long long end = io_now() + patience;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || io_now() >= end)
			return -1;
		poll(NULL, 0, PAUSE_FIRST);
	}
	return 0;
}

static int
try_fcntl(int fd, short type)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};

	if (fcntl(fd, F_SETLK, &fl) == 0)
		return 0;
	if (errno == EACCES)
		errno = EAGAIN;
	return -1;
}

int
lock_fcntl(int fd, short type, long patience)
{
	long long end = io_now() + patience;

	while (try_fcntl(fd, type) < 0) {
		if ((errno != EAGAIN && errno != EINTR) || io_now() >= end)
			return -1;
		poll(NULL, 0, PAUSE_OURS);
	}
	return 0;
}

/* The process that a dot-lock names, or 0 when it names none. */
static pid_t
dot_owner(int fd)
{
	char text[32];
	ssize_t n = io_readall(fd, text, sizeof text);
	struct cur c = {text, text + (n > 0 ? n : 0)};
	unsigned long long pid;

	cur_blanks(&c);
	if (cur_number(&c, INT32_MAX, &pid) < 0)
		return 0;
	return cur_peek(&c) == -1 || cur_peek(&c) == '\n' ? (pid_t)pid : 0;
}

time_t
lock_age(int dir, const char *path, const struct stat *st)
{
	time_t now = time(NULL);
	const struct timespec t[2] = {{.tv_sec = now}, {.tv_sec = now}};

	if (st->st_mtim.tv_sec <= now)
		return now - st->st_mtim.tv_sec;
	utimensat(dir, path, t, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static bool
dot_is_stale(int fd, const char *dot, const struct stat *st)
{
	time_t age = lock_age(AT_FDCWD, dot, st);
	pid_t pid = dot_owner(fd);

	if (pid == 0)
		return age > LOCK_STALE;
	return (kill(pid, 0) < 0 && errno == ESRCH) || age > LOCK_OLD;
}

/* Remove the dot-lock if nobody can hold it any more.  We hold the fcntl lock
 * and so are the only one of us here; the second look is for other programs. */
static void
dot_break(const char *dot)
{
	int fd = open(dot, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st, now;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    dot_is_stale(fd, dot, &st) && lstat(dot, &now) == 0 &&
	    now.st_ino == st.st_ino && now.st_dev == st.st_dev &&
	    now.st_mtim.tv_sec == st.st_mtim.tv_sec && unlink(dot) == 0)
		log_warn("%s: broke a stale lock", dot);
	close(fd);
}

bool
lock_same(int fd, int dir, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 &&
	       fstatat(dir, path, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Make tmp, with our pid in it, and link it to dot.  A tmp that is there was left by
 * one of us who was killed; or, where the mbox was replaced a moment ago, one
 * of us holds the fcntl lock of the other file and is as far as we are.  So
 * either may link what the other made: whose dot is it, tells who has it.
 * (It tells also when NFS has lost the answer.)  The open file, or -1. */
static int
dot_link(const char *tmp, const char *dot)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(tmp, flags, 0644);
	struct str pid = {0};
	int err = 0;

	if (fd < 0 && errno == EEXIST && unlink(tmp) == 0)
		fd = open(tmp, flags, 0644);
	if (fd < 0) {
		if (errno == EEXIST || errno == ENOENT)
			errno = EAGAIN;
		return -1;
	}
	str_addf(&pid, "%ld\n", (long)getpid());
	/* Where no block is free one without a number has to do, or nobody could
	 * delete mail to make room. */
	if (io_writeall(fd, pid.s, pid.n) < 0 &&
	    ((errno != ENOSPC && errno != EDQUOT) || ftruncate(fd, 0) < 0))
		err = errno;
	str_free(&pid);
	if (!err && link(tmp, dot) < 0 && errno != EEXIST && errno != ENOENT)
		err = errno;
	if (!lock_same(fd, AT_FDCWD, dot))
		err = err ? err : EAGAIN;
	else if (err)
		unlink(dot);
	unlink(tmp);
	errno = err;
	return err ? io_close(fd, -1) : fd;
}

/* One try to make the dot-lock of path. */
static int
lock_dot(struct lock *l, const char *path)
{
	struct str tmp = {0}, dot = {0};
	int err = 0;

	str_addf(&dot, "%s.lock", path);
	str_addf(&tmp, "%s.tmp", dot.s);
	l->dot_fd = dot_link(tmp.s, dot.s);
	if (l->dot_fd < 0) {
		err = errno;
		if (err == EAGAIN)
			dot_break(dot.s);
		str_free(&dot);
	}
	str_free(&tmp);
	l->dot = dot.s;
	errno = err;
	return err ? -1 : 0;
}

/* One try to get both. */
static int
lock_both(struct lock *l, const char *path, bool dot_optional)
{
	int err;

	if (try_fcntl(l->fd, F_WRLCK) < 0) {
		/* Who may only read it cannot have more than a lock for that. */
		if (errno != EBADF || try_fcntl(l->fd, F_RDLCK) < 0)
			return -1;
		dot_optional = true;
	}
	if (lock_dot(l, path) == 0)
		return 0;
	err = errno;
	if (dot_optional && (err == EACCES || err == EPERM || err == EROFS))
		return 0;
	try_fcntl(l->fd, F_UNLCK);
	errno = err;
	return -1;
}

int
lock_mbox(struct lock *l, int fd, const char *path, bool dot_optional,
          long patience)
{
	long long end = io_now() + patience;
	long pause = PAUSE_FIRST;
	sigset_t later;

	*l = (struct lock){.fd = fd};
	sigemptyset(&later);
	sigaddset(&later, SIGHUP);
	sigaddset(&later, SIGINT);
	sigaddset(&later, SIGTERM);
	for (;;) {
		sigprocmask(SIG_BLOCK, &later, &l->mask);
		if (lock_both(l, path, dot_optional) == 0)
			return 0;
		int err = errno;

		sigprocmask(SIG_SETMASK, &l->mask, NULL);
		errno = err;
		if (err != EAGAIN || io_now() >= end) {
			l->fd = -1;
			return -1;
		}
		/* Not all in step: the pid spreads the tries. */
		poll(NULL, 0, (int)(pause + getpid() % 7));
		pause = pause * 2 > PAUSE_MOST ? PAUSE_MOST : pause * 2;
	}
}

void
lock_touch(const struct lock *l)
{
	if (l->dot)
		utimensat(AT_FDCWD, l->dot, NULL, AT_SYMLINK_NOFOLLOW);
}

void
lock_release(struct lock *l)
{
	if (l->fd < 0)
		return;
	/* Who was stopped for long may have lost it to another. */
	if (l->dot && lock_same(l->dot_fd, AT_FDCWD, l->dot))
		unlink(l->dot);
	if (l->dot)
		close(l->dot_fd);
	free(l->dot);
	try_fcntl(l->fd, F_UNLCK);
	l->dot = NULL;
	l->fd = -1;
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
}
