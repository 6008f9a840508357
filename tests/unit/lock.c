/* lock - who gets the locks of an mbox, and whose are broken. */
#include "lock.h"

#include "io.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char dir[] = "/tmp/facteur-lock.XXXXXX";
static char box[64], dot[64];

/* Somebody's dot-lock with this text, made age seconds ago. */
static void
make_dot(const char *text, time_t age)
{
	struct timespec t[2];
	int fd;

	unlink(dot); /* it may be read-only */
	fd = open(dot, O_WRONLY | O_CREAT | O_EXCL, 0444);
	assert(fd >= 0 && io_writeall(fd, text, strlen(text)) == 0);
	t[0].tv_sec = t[1].tv_sec = time(NULL) - age;
	t[0].tv_nsec = t[1].tv_nsec = 0;
	assert(futimens(fd, t) == 0);
	close(fd);
}

/* One attempt: 0 or errno. */
static int
attempt(bool dot_optional)
{
	int fd = open(box, O_RDWR | O_CREAT, 0600), err = 0;
	struct lock l;

	assert(fd >= 0);
	if (lock_mbox(&l, fd, box, dot_optional, 300) < 0)
		err = errno;
	else
		lock_release(&l);
	close(fd);
	return err;
}

/* A clock that was set back makes no lock last for ever, nor breaks a live one. */
static void
test_future(const char *text, time_t limit)
{
	struct stat st;

	make_dot(text, -86400);
	assert(attempt(false) == EAGAIN);
	assert(stat(dot, &st) == 0 && st.st_mtime <= time(NULL));
	make_dot(text, time(NULL) - st.st_mtime + limit + 10);
	assert(attempt(false) == 0);
}

static void
test_stale(void)
{
	char alive[32], dead[32];
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	snprintf(dead, sizeof dead, "%ld\n", (long)pid);
	snprintf(alive, sizeof alive, "%ld\n", (long)getpid());

	make_dot(dead, 0);
	assert(attempt(false) == 0);
	assert(access(dot, F_OK) < 0);
	make_dot(alive, 0);
	assert(attempt(false) == EAGAIN);
	make_dot(alive, LOCK_STALE + 10);
	assert(attempt(false) == EAGAIN);
	make_dot("", 1);
	assert(attempt(false) == EAGAIN);
	make_dot("", LOCK_STALE + 10);
	assert(attempt(false) == 0);
	make_dot("0", 1);
	assert(attempt(false) == EAGAIN);
	make_dot("host:1", LOCK_STALE + 10);
	assert(attempt(false) == 0);
	make_dot(alive, LOCK_OLD + 10);
	assert(attempt(false) == 0);
	test_future("", LOCK_STALE);
	test_future(alive, LOCK_OLD);
	/* Never through a link, and never a directory. */
	assert(symlink("/etc/passwd", dot) == 0);
	assert(attempt(false) == EAGAIN);
	assert(unlink(dot) == 0 && mkdir(dot, 0700) == 0);
	assert(attempt(false) == EAGAIN);
	assert(rmdir(dot) == 0);
}

static void
test_fcntl(void)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int to[2], from[2];
	char c = 0;
	pid_t pid;

	assert(pipe(to) == 0 && pipe(from) == 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(box, O_RDWR);

		close(to[1]);
		if (fcntl(fd, F_SETLK, &fl) < 0)
			_exit(1);
		io_writeall(from[1], &c, 1);
		io_readall(to[0], &c, 1);
		_exit(0);
	}
	assert(io_readall(from[0], &c, 1) == 1);
	assert(attempt(false) == EAGAIN);
	/* The dot-lock was not taken while we could not have the other. */
	assert(access(dot, F_OK) < 0);
	close(to[1]);
	waitpid(pid, NULL, 0);
	assert(attempt(false) == 0);
	close(to[0]);
	close(from[0]);
	close(from[1]);
}

/* Signals wait as long as the locks are held. */
static void
test_signals(void)
{
	int fd = open(box, O_RDWR);
	pid_t pid = fork();
	struct lock l;
	int status;

	if (pid == 0) {
		if (lock_mbox(&l, fd, box, false, 20) < 0)
			_exit(1);
		raise(SIGTERM);
		if (access(dot, F_OK) < 0)
			_exit(2);
		lock_release(&l);
		_exit(3);
	}
	waitpid(pid, &status, 0);
	assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert(access(dot, F_OK) < 0);
	close(fd);
}

/* A lock that was broken meanwhile is another's, and stays. */
static void
test_lost(void)
{
	int fd = open(box, O_RDWR);
	struct lock l;

	assert(lock_mbox(&l, fd, box, false, 20) == 0);
	make_dot("", 0);
	lock_release(&l);
	assert(access(dot, F_OK) == 0 && unlink(dot) == 0);
	close(fd);
}

static void
test_same(void)
{
	int fd = open(box, O_RDWR);
	char to[80];

	assert(lock_same(fd, AT_FDCWD, box));
	snprintf(to, sizeof to, "%s.2", box);
	assert(rename(box, to) == 0);
	assert(!lock_same(fd, AT_FDCWD, box));
	assert(symlink(to, box) == 0);
	assert(!lock_same(fd, AT_FDCWD, box));
	unlink(box);
	assert(rename(to, box) == 0);
	close(fd);
}

/* Where the directory is not ours. */
static void
test_optional(void)
{
	if (getuid() == 0) {
		assert(chown(box, 20001, 20001) == 0);
		assert(chown(dir, 0, 0) == 0 && chmod(dir, 0755) == 0);
		assert(setgid(20001) == 0 && setuid(20001) == 0);
	} else {
		assert(chmod(dir, 0555) == 0);
	}
	assert(attempt(false) == EACCES);
	assert(attempt(true) == 0);
}

int
main(void)
{
	pid_t pid;
	int status;

	assert(mkdtemp(dir));
	snprintf(box, sizeof box, "%s/box", dir);
	snprintf(dot, sizeof dot, "%s/box.lock", dir);
	log_to("/dev/null");
	assert(attempt(false) == 0);
	test_stale();
	test_fcntl();
	test_signals();
	test_lost();
	test_same();
	pid = fork();
	if (pid == 0) {
		test_optional();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert(status == 0);
	chmod(dir, 0700);
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
