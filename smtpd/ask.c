/* ask - accounts that are not in /etc/passwd.  smtpd is linked statically, since
 * its start is most of what it costs, and so has no name service.  deliver(8)
 * has one: "deliver -u NAME" is asked, for such names only. */
#define _GNU_SOURCE /* pipe2(2) */
#include "io.h"
#include "mem.h"
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096 };

/* In the child. */
static void
run(const struct conf *c, const char *name, int out)
{
	char *path = conf_program(c, "deliver"), *none[] = {NULL};
	char *argv[] = {path,
	                mem_dup("-u", 2),
	                mem_dup("-C", 2),
	                mem_dup(c->file, strlen(c->file)),
	                mem_dup("--", 2),
	                mem_dup(name, strlen(name)),
	                NULL};
	int null = open("/dev/null", O_RDWR);

	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execve(path, argv, none);
	_exit(EX_TEMPFAIL);
}

/* What the child said, and its exit status; -1 when there is none. */
static int
answer(int fd, pid_t pid, char *buf, size_t *n)
{
	ssize_t got = io_readall(fd, buf, ANSWER_MAX);
	int status;

	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || got < 0)
		return -1;
	*n = (size_t)got;
	return WEXITSTATUS(status);
}

int
user_ask(const struct conf *c, const char *name, uid_t uid, struct user *u)
{
	char buf[ANSWER_MAX];
	struct cur all, line;
	int fd[2], status;
	size_t n = 0;
	pid_t pid;

	(void)uid;
	if (!name) /* as whom a program would run is not for us to know */
		return 0;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		run(c, name, fd[1]);
	close(fd[1]);
	status = pid < 0 ? -1 : answer(fd[0], pid, buf, &n);
	close(fd[0]);
	if (status == EX_NOUSER)
		return 0;
	all = (struct cur){buf, buf + n};
	cur_until(&all, "\n", &line);
	if (status == EX_OK && user_parse(line, u) == 0)
		return 1;
	errno = EAGAIN;
	return -1;
}
