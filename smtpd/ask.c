/* ask - what a static program cannot know.  smtpd is linked statically, since
 * its start is most of what it costs, and so has neither the name service nor
 * the IDNA library.  For accounts that are not in /etc/passwd it asks
 * "deliver -u NAME", for domains beyond ASCII "queuerun -i DOMAIN". */
#include "io.h"
#include "mem.h"
#include "smtp.h"
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096 };

/* In the child: become "PROGRAM -C FILE OPTION -- WORD". */
static void
run(const struct conf *c, const char *program, const char *option,
    const char *word, int out)
{
	const char *words[] = {conf_program(c, program), "-C", c->file, option,
	                       word};
	char *argv[6] = {NULL}, *none[] = {NULL};
	int null = open("/dev/null", O_RDWR), i;

	for (i = 0; i < 5; i++)
		argv[i] = mem_dup(words[i], strlen(words[i]));
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execve(argv[0], argv, none);
	_exit(EX_TEMPFAIL);
}

/* Run it; the first line of what it says, and its exit status, or -1. */
static int
ask(const struct conf *c, const char *program, const char *option,
    const char *word, char buf[ANSWER_MAX], struct cur *line)
{
	struct cur all = {buf, buf};
	int fd[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (io_pipe(fd) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		run(c, program, option, word, fd[1]);
	close(fd[1]);
	n = io_readall(fd[0], buf, ANSWER_MAX);
	close(fd[0]);
	if (n > 0)
		all.e += n;
	cur_until(&all, "\n", line);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int
user_ask(const struct conf *c, const char *name, uid_t uid, struct user *u)
{
	char buf[ANSWER_MAX];
	struct cur line;
	int status;

	(void)uid;
	if (!name) /* as whom a program would run is not for us to know */
		return 0;
	status = ask(c, "deliver", "-u", name, buf, &line);
	if (status == EX_NOUSER)
		return 0;
	if (status == EX_OK && user_parse(line, u) == 0)
		return 1;
	errno = EAGAIN;
	return -1;
}

int
ask_domain(const struct conf *c, char name[ADDR_DOMAIN_MAX + 1])
{
	char buf[ANSWER_MAX];
	struct cur line;

	if (ask(c, "queuerun", "-i", name, buf, &line) != EX_OK ||
	    cur_len(&line) == 0 || cur_len(&line) > ADDR_DOMAIN_MAX)
		return -1;
	memcpy(name, line.p, cur_len(&line));
	name[cur_len(&line)] = '\0';
	return 0;
}
