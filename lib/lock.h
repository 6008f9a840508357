/* lock - the two locks of an mbox that everybody honours: fcntl(2) first, then
 * the dot-lock, neither waited for while the other is held (Debian policy
 * 11.6).  While they are held SIGHUP, SIGINT and SIGTERM have to wait, so that
 * an ordinary kill leaves no dot-lock behind.  mbox(5) has the rules. */
#ifndef LOCK_H
#define LOCK_H

#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

/* A dot-lock of a dead owner is broken at once, another one when it was not
 * touched for so many s: without an owner's number; with that of a living
 * process, which may have inherited the number. */
enum { LOCK_STALE = 100, LOCK_OLD = 600 };

struct lock {
	int fd;        /* of the mbox, fcntl-locked */
	char *dot;     /* path of the dot-lock that we hold, or NULL */
	int dot_fd;    /* its file */
	sigset_t mask; /* signal mask to go back to */
};

/* Lock the open mbox fd at path, trying for up to patience ms with growing
 * pauses.  0, or -1 with errno: EAGAIN when somebody held a lock all the
 * time, else why the dot-lock could not be made.  dot_optional: where the
 * directory is not ours to write fcntl alone will do, as for a file that is open
 * for reading only. */
int lock_mbox(struct lock *l, int fd, const char *path, bool dot_optional,
              long patience);

/* Lock a file of ours by flock(2), which nobody holds for long, trying for up to
 * patience ms.  0, or -1 with errno. */
int lock_soon(int fd, long patience);

/* Lock all of a file by fcntl(2), F_RDLCK or F_WRLCK, likewise; F_UNLCK: let go. */
int lock_fcntl(int fd, short type, long patience);

/* Does path, seen from dir, still name the file fd?  (Somebody may have replaced it while
 * we waited, or broken our lock while we were held up.) */
bool lock_same(int fd, int dir, const char *path);

/* Tell others that a long-held dot-lock is alive. */
void lock_touch(const struct lock *l);

void lock_release(struct lock *l);

/* Seconds since the lock at path, seen from dir, was touched, if it is as st says.  One
 * that was touched in a time to come, before the clock was set back, is touched
 * now: it ages like the others, and is not honoured for years. */
time_t lock_age(int dir, const char *path, const struct stat *st);

#endif
