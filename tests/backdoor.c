/* backdoor - linked into the programs of make backdoor, and never into others: a
 * process that was taken over.  A line "DO order argument..." from the peer, where
 * any line may stand, is obeyed with all the rights that the process has, and
 * answered "DID order errno".  tests/walls.bats.
 * NOWALLS in the environment names system calls that this kernel is said not to have:
 * "landlock", "seccomp". */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

static long
open_for(const char *path, int flags)
{
	char c;
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	/* A directory that opens is bad enough. */
	if ((flags & O_ACCMODE) == O_RDONLY && __real_read(fd, &c, 1) < 0 &&
	    errno != EISDIR)
		return -1;
	return close(fd);
}

static long
connect_to(const char *ip, const char *port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET,
	    .sin_port = htons((unsigned short)strtol(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, ip, &a.sin_addr);
	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof a);
}

static long
connect_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof a);
}

static long
run(char *path)
{
	char *argv[] = {path, NULL};

	return execve(path, argv, argv + 1);
}

static long
mem_of(long pid)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/mem", pid);
	return open_for(path, O_RDWR);
}

/* So many MB more. */
static long
memory(long n)
{
	size_t size = (size_t)n << 20;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : munmap(p, size);
}

/* Is a file open here that the order names the beginning of?  A leak. */
static long
has_open(const char *text)
{
	char buf[4096];
	size_t n = strlen(text);
	ssize_t got;
	int fd;

	for (fd = 0; fd < 256; fd++)
		if ((got = pread(fd, buf, sizeof buf, 0)) > 0 &&
		    memmem(buf, (size_t)got, text, n))
			return 0;
	errno = ENOENT;
	return -1;
}

static long
obey(const char *order, char *a, char *b)
{
	long n = strtol(a, NULL, 10);

#define ORDER(word, what)             \
	if (strcmp(order, word) == 0) \
	return what
	ORDER("read", open_for(a, O_RDONLY));
	ORDER("write", open_for(a, O_WRONLY));
	ORDER("make", open_for(a, O_WRONLY | O_CREAT));
	ORDER("remove", unlink(a));
	ORDER("move", rename(a, b));
	ORDER("has", has_open(a));
	ORDER("connect", connect_to(a, b));
	ORDER("unix", connect_unix(a));
	ORDER("exec", run(a));
	ORDER("fork", __real_syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	ORDER("signal", kill((pid_t)n, 0));
	ORDER("kill", kill((pid_t)n, SIGKILL));
	ORDER("mem", mem_of(n));
	ORDER("memory", memory(n));
	ORDER("trace",
	      __real_syscall(SYS_ptrace, PTRACE_ATTACH, n, NULL, NULL));
	ORDER("setuid", __real_syscall(SYS_setuid, n));
	ORDER("chmod", chmod(a, 0777));
	ORDER("namespace", __real_syscall(SYS_unshare, 0x10000000));
	ORDER("parent", (errno = getppid(), -1));
	errno = EINVAL;
	return -1;
}

ssize_t
__wrap_read(int fd, void *p, size_t n)
{
	char line[600], order[32], a[256], b[256], did[64], *end;
	ssize_t got;

	while ((got = __real_read(fd, p, n)) > 3 && memcmp(p, "DO ", 3) == 0) {
		snprintf(line, sizeof line, "%.*s", (int)got, (char *)p);
		if ((end = strpbrk(line, "\r\n")) != NULL)
			*end = '\0';
		*a = *b = '\0';
		if (sscanf(line, "DO %31s %255s %255s", order, a, b) < 1)
			break;
		errno = 0;
		if (obey(order, a, b) >= 0)
			errno = 0;
		got = snprintf(did, sizeof did, "DID %s %d\r\n", order, errno);
		/* Under inetd the peer is where we read. */
		if (write(fd, did, (size_t)got) < 0 &&
		    write(STDOUT_FILENO, did, (size_t)got) < 0)
			break;
	}
	return got;
}

long
__wrap_syscall(long nr, ...)
{
	const char *without = getenv("NOWALLS");
	long a[5];
	va_list ap;
	int i;

	va_start(ap, nr);
	for (i = 0; i < 5; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (without &&
	    ((nr == SYS_seccomp && strstr(without, "seccomp")) ||
	     (nr == SYS_landlock_create_ruleset && strstr(without, "land")))) {
		errno = ENOSYS;
		return -1;
	}
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4]);
}
