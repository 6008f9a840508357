/* cut - see what programs do to a disk; preloaded by LD_PRELOAD into all that a
 * private instance starts.  power.py reads the record and throws away what a
 * loss of power could throw away.
 *
 *	CUT_ROOT  directory that is watched
 *	CUT_LOG   the record: one entry for each change below it, in order
 *	CUT_KILL  NAME:GENERATION:N, kill that process at its N-th call.
 *		  GENERATION 0 is the program, 1 what it forks.
 *
 * Each call is made and recorded under one lock, so that the order of the record
 * is that of the disk.  A program that clears its environment cannot get rid of
 * us by that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))
#define PUBLIC     __attribute__((visibility("default")))

enum { LOG_FD = 700, VARS = 4 };

static char vars[VARS][2 * PATH_MAX]; /* our part of the environment */
static char root[PATH_MAX];
static int log_fd = -1;
static unsigned generation;
static long calls, kill_at;

static void *
real(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (!p)
		abort();
	return p;
}

static void
die(const char *why)
{
	dprintf(STDERR_FILENO, "cut: %s\n", why);
	abort();
}

static void
target(void)
{
	const char *k = getenv("CUT_KILL");
	size_t n = strlen(program_invocation_short_name);
	unsigned g;

	kill_at = 0;
	if (k && strncmp(k, program_invocation_short_name, n) == 0 &&
	    sscanf(k + n, ":%u:%ld", &g, &kill_at) == 2 && g != generation)
		kill_at = 0;
}

__attribute__((constructor)) static void
start(void)
{
	static const char *const names[VARS] = {"LD_PRELOAD", "CUT_ROOT",
	                                        "CUT_LOG", "CUT_KILL"};
	const char *v;
	int i, fd;

	for (i = 0; i < VARS; i++)
		if ((v = getenv(names[i])))
			snprintf(vars[i], sizeof vars[i], "%s=%s", names[i], v);
	v = getenv("CUT_ROOT");
	snprintf(root, sizeof root, "%s/", v ? v : "/nonexistent");
	v = getenv("CUT_LOG");
	fd = v ? (int)syscall(SYS_openat, AT_FDCWD, v,
	                      O_RDWR | O_APPEND | O_CLOEXEC)
	       : -1;
	if (fd >= 0) {
		log_fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, LOG_FD);
		syscall(SYS_close, fd);
	}
	target();
}

/* --- the record --- */

static void
lock(short type)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};
	int saved = errno;

	if (log_fd >= 0)
		while (syscall(SYS_fcntl, log_fd, F_SETLKW, &fl) < 0 &&
		       errno == EINTR)
			;
	errno = saved;
}

/* An entry: a line, and n bytes. */
static void
put(const void *data, size_t n, const char *fmt, ...)
{
	char line[3 * PATH_MAX];
	int saved = errno, len;
	va_list ap;
	struct iovec v[2];

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	v[0] = (struct iovec){line, (size_t)len};
	v[1].iov_base = (void *)(size_t)data;
	v[1].iov_len = n;
	if (log_fd >= 0 &&
	    syscall(SYS_writev, log_fd, v, 2) != (long)(v[0].iov_len + n))
		die("cannot write the record");
	errno = saved;
}

/* Every call passes here first. */
static void
tick(void)
{
	if (kill_at == 0 || ++calls != kill_at)
		return;
	lock(F_WRLCK);
	put(NULL, 0, "K %s %u %ld\n", program_invocation_short_name, generation,
	    calls);
	syscall(SYS_kill, getpid(), SIGKILL);
}

static bool
watched(const char *path)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && strcmp(path + n, "log") != 0;
}

static bool
path_of_fd(int fd, char out[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The absolute path of a name, and whether it is watched. */
static bool
resolve(int dir, const char *name, char out[PATH_MAX])
{
	char base[PATH_MAX] = "", all[2 * PATH_MAX], *to = out;
	const char *p;
	int saved = errno;

	if (*name != '/' && dir == AT_FDCWD && !getcwd(base, sizeof base))
		base[0] = '\0';
	if (*name != '/' && dir != AT_FDCWD)
		path_of_fd(dir, base);
	snprintf(all, sizeof all, "%s%s%s", base, *base ? "/" : "", name);
	for (p = all; *p && to < out + PATH_MAX - 1; p++)
		if (*p != '/' || (p[1] != '/' && p[1]))
			*to++ = *p;
	*to = '\0';
	errno = saved;
	return watched(out);
}

/* Is it a regular file below the root?  Its inode. */
static bool
file_of_fd(int fd, unsigned long *ino)
{
	char path[PATH_MAX];
	struct stat st;
	int saved = errno;
	bool yes;

	yes = log_fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	      path_of_fd(fd, path) && watched(path);
	*ino = yes ? st.st_ino : 0;
	errno = saved;
	return yes;
}

/* --- names --- */

static int
do_open(int dir, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	struct stat st;
	bool mine, fresh;
	int fd;

	tick();
	mine = resolve(dir, name, path) && (flags & (O_CREAT | O_TRUNC));
	if (!mine || (flags & O_TMPFILE) == O_TMPFILE)
		return (int)syscall(SYS_openat, dir, name, flags, mode);
	lock(F_WRLCK);
	fresh = lstat(path, &st) < 0;
	fd = (int)syscall(SYS_openat, dir, name, flags, mode);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (fresh)
			put(NULL, 0, "C %lu %o %s\n", st.st_ino,
			    st.st_mode & 07777, path);
		else if (flags & O_TRUNC)
			put(NULL, 0, "T %lu 0\n", st.st_ino);
	}
	lock(F_UNLCK);
	return fd;
}

static mode_t
mode_arg(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(fn)                                          \
	PUBLIC int fn(const char *path, int flags, ...)   \
	{                                                 \
		va_list ap;                               \
		mode_t m;                                 \
                                                          \
		va_start(ap, flags);                      \
		m = mode_arg(flags, ap);                  \
		va_end(ap);                               \
		return do_open(AT_FDCWD, path, flags, m); \
	}
#define OPENAT(fn)                                               \
	PUBLIC int fn(int dir, const char *path, int flags, ...) \
	{                                                        \
		va_list ap;                                      \
		mode_t m;                                        \
                                                                 \
		va_start(ap, flags);                             \
		m = mode_arg(flags, ap);                         \
		va_end(ap);                                      \
		return do_open(dir, path, flags, m);             \
	}
#define TWO(fn)    int fn(const char *path, int flags)
#define TWO_AT(fn) int fn(int dir, const char *path, int flags)

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

TWO(__open_2);
TWO(__open64_2);
TWO_AT(__openat_2);
TWO_AT(__openat64_2);

PUBLIC
TWO(__open_2)
{
	return do_open(AT_FDCWD, path, flags, 0);
}
PUBLIC
TWO(__open64_2)
{
	return do_open(AT_FDCWD, path, flags, 0);
}
PUBLIC
TWO_AT(__openat_2)
{
	return do_open(dir, path, flags, 0);
}
PUBLIC
TWO_AT(__openat64_2)
{
	return do_open(dir, path, flags, 0);
}

/* A change of one name: kind and path are recorded when it was made. */
#define NAME(kind, dir, name, call)                           \
	do {                                                  \
		char path_[PATH_MAX];                         \
		bool mine_;                                   \
		int rc_;                                      \
                                                              \
		tick();                                       \
		mine_ = resolve(dir, name, path_);            \
		lock(F_WRLCK);                                \
		rc_ = (int)(call);                            \
		if (rc_ == 0 && mine_)                        \
			put(NULL, 0, "%s %s\n", kind, path_); \
		lock(F_UNLCK);                                \
		return rc_;                                   \
	} while (0)

PUBLIC int
unlink(const char *name)
{
	NAME("U", AT_FDCWD, name, REAL(unlink)(name));
}

PUBLIC int
unlinkat(int dir, const char *name, int flags)
{
	NAME("U", dir, name, REAL(unlinkat)(dir, name, flags));
}

PUBLIC int
rmdir(const char *name)
{
	NAME("U", AT_FDCWD, name, REAL(rmdir)(name));
}

PUBLIC int
mkdir(const char *name, mode_t mode)
{
	NAME("D", AT_FDCWD, name, REAL(mkdir)(name, mode));
}

PUBLIC int
mkdirat(int dir, const char *name, mode_t mode)
{
	NAME("D", dir, name, REAL(mkdirat)(dir, name, mode));
}

PUBLIC int
mkfifo(const char *name, mode_t mode)
{
	NAME("P", AT_FDCWD, name, REAL(mkfifo)(name, mode));
}

PUBLIC int
mkfifoat(int dir, const char *name, mode_t mode)
{
	NAME("P", dir, name, REAL(mkfifoat)(dir, name, mode));
}

/* A change of two. */
#define NAMES(kind, dir_a, a, dir_b, b, call)                        \
	do {                                                         \
		char pa_[PATH_MAX], pb_[PATH_MAX];                   \
		bool ma_, mb_;                                       \
		int rc_;                                             \
                                                                     \
		tick();                                              \
		ma_ = resolve(dir_a, a, pa_);                        \
		mb_ = resolve(dir_b, b, pb_);                        \
		lock(F_WRLCK);                                       \
		rc_ = (int)(call);                                   \
		if (rc_ == 0 && ma_ != mb_)                          \
			die("a name went over the border");          \
		if (rc_ == 0 && ma_)                                 \
			put(NULL, 0, "%s %s\n%s\n", kind, pa_, pb_); \
		lock(F_UNLCK);                                       \
		return rc_;                                          \
	} while (0)

PUBLIC int
rename(const char *a, const char *b)
{
	NAMES("R", AT_FDCWD, a, AT_FDCWD, b, REAL(rename)(a, b));
}

PUBLIC int
renameat(int da, const char *a, int db, const char *b)
{
	NAMES("R", da, a, db, b, REAL(renameat)(da, a, db, b));
}

PUBLIC int
link(const char *a, const char *b)
{
	NAMES("L", AT_FDCWD, a, AT_FDCWD, b, REAL(link)(a, b));
}

PUBLIC int
linkat(int da, const char *a, int db, const char *b, int flags)
{
	NAMES("L", da, a, db, b, REAL(linkat)(da, a, db, b, flags));
}

/* --- content --- */

static ssize_t
do_write(int fd, const void *p, size_t n, off_t off, bool at)
{
	unsigned long ino;
	struct stat st;
	ssize_t r;

	tick();
	if (!file_of_fd(fd, &ino))
		return at ? (ssize_t)syscall(SYS_pwrite64, fd, p, n, off)
		          : (ssize_t)syscall(SYS_write, fd, p, n);
	lock(F_WRLCK);
	if (!at)
		off = lseek(fd, 0, SEEK_CUR);
	if (!at && (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND) &&
	    fstat(fd, &st) == 0)
		off = st.st_size;
	r = at ? (ssize_t)syscall(SYS_pwrite64, fd, p, n, off)
	       : (ssize_t)syscall(SYS_write, fd, p, n);
	if (r > 0)
		put(p, (size_t)r, "W %lu %lld %zd\n", ino, (long long)off, r);
	lock(F_UNLCK);
	return r;
}

PUBLIC ssize_t
write(int fd, const void *p, size_t n)
{
	return do_write(fd, p, n, 0, false);
}

PUBLIC ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	return do_write(fd, p, n, off, true);
}

PUBLIC ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t off)
{
	return do_write(fd, p, n, off, true);
}

static int
do_trunc(int fd, off_t size)
{
	unsigned long ino;
	int rc;

	tick();
	if (!file_of_fd(fd, &ino))
		return (int)syscall(SYS_ftruncate, fd, size);
	lock(F_WRLCK);
	rc = (int)syscall(SYS_ftruncate, fd, size);
	if (rc == 0)
		put(NULL, 0, "T %lu %lld\n", ino, (long long)size);
	lock(F_UNLCK);
	return rc;
}

PUBLIC int
ftruncate(int fd, off_t size)
{
	return do_trunc(fd, size);
}

PUBLIC int
ftruncate64(int fd, off64_t size)
{
	return do_trunc(fd, size);
}

/* Of all that fallocate can do: longer, or blocks taken out of the middle. */
static int
do_allocate(int fd, int mode, off_t off, off_t n)
{
	unsigned long ino;
	struct stat st;
	int rc;

	tick();
	if (!file_of_fd(fd, &ino))
		return (int)syscall(SYS_fallocate, fd, mode, off, n);
	lock(F_WRLCK);
	rc = fstat(fd, &st);
	if (rc == 0)
		rc = (int)syscall(SYS_fallocate, fd, mode, off, n);
	if (rc == 0 && mode == FALLOC_FL_COLLAPSE_RANGE)
		put(NULL, 0, "X %lu %lld %lld\n", ino, (long long)off,
		    (long long)n);
	else if (rc == 0 && mode == 0 && st.st_size < off + n)
		put(NULL, 0, "T %lu %lld\n", ino, (long long)(off + n));
	lock(F_UNLCK);
	return rc;
}

PUBLIC int
fallocate(int fd, int mode, off_t off, off_t n)
{
	return do_allocate(fd, mode, off, n);
}

PUBLIC int
fallocate64(int fd, int mode, off64_t off, off64_t n)
{
	return do_allocate(fd, mode, off, n);
}

PUBLIC int
posix_fallocate(int fd, off_t off, off_t n)
{
	int saved = errno, rc = do_allocate(fd, 0, off, n) < 0 ? errno : 0;

	errno = saved;
	return rc;
}

PUBLIC int
posix_fallocate64(int fd, off64_t off, off64_t n)
{
	return posix_fallocate(fd, off, n);
}

static int
do_sync(int fd, long call)
{
	char path[PATH_MAX];
	unsigned long ino;
	struct stat st;
	int rc;

	tick();
	lock(F_WRLCK);
	/* The disk is not waited for: power.py is the disk. */
	rc = fstat(fd, &st) == 0 && log_fd >= 0 ? 0 : (int)syscall(call, fd);
	if (rc == 0 && file_of_fd(fd, &ino))
		put(NULL, 0, "F %lu\n", ino);
	else if (rc == 0 && S_ISDIR(st.st_mode) && path_of_fd(fd, path) &&
	         strncmp(path, root, strlen(root) - 1) == 0)
		put(NULL, 0, "S %s\n", path);
	lock(F_UNLCK);
	return rc;
}

PUBLIC int
fsync(int fd)
{
	return do_sync(fd, SYS_fsync);
}

PUBLIC int
fdatasync(int fd)
{
	return do_sync(fd, SYS_fdatasync);
}

/* --- calls that change nothing, but may be the last --- */

PUBLIC int
close(int fd)
{
	tick();
	if (fd == log_fd)
		return 0;
	return (int)syscall(SYS_close, fd);
}

PUBLIC ssize_t
read(int fd, void *p, size_t n)
{
	tick();
	return (ssize_t)syscall(SYS_read, fd, p, n);
}

PUBLIC int
flock(int fd, int how)
{
	tick();
	return (int)syscall(SYS_flock, fd, how);
}

PUBLIC int
connect(int fd, const struct sockaddr *a, socklen_t n)
{
	tick();
	return REAL(connect)(fd, a, n);
}

PUBLIC int
poll(struct pollfd *p, nfds_t n, int ms)
{
	tick();
	return REAL(poll)(p, n, ms);
}

PUBLIC pid_t
fork(void)
{
	pid_t pid;

	tick();
	pid = REAL(fork)();
	if (pid == 0) {
		generation++;
		calls = 0;
		target();
	}
	return pid;
}

/* --- staying --- */

PUBLIC int
execve(const char *path, char *const argv[], char *const env[])
{
	char *mine[256];
	size_t n = 0, i;

	tick();
	for (; env && *env && n + VARS + 1 < 256; env++)
		if (strncmp(*env, "CUT_", 4) != 0 &&
		    strncmp(*env, "LD_PRELOAD=", 11) != 0)
			mine[n++] = *env;
	for (i = 0; i < VARS; i++)
		if (vars[i][0])
			mine[n++] = vars[i];
	mine[n] = NULL;
	return REAL(execve)(path, argv, mine);
}
