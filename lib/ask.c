/* ask - see ask.h.  Called for what a static program cannot know, and by the auth
 * module. */
#include "ask.h"

#include "io.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	PAUSE = 100, /* ms between two looks at a silent child */
	BRIEF = 50,  /* us before the first look at one that is about to end */
	OURS = 5     /* s more for one of ours: it ends whom it asked itself */
};

/* In the child.  Its time runs out by a signal, whatever it does. */
static void
become_program(char *const argv[], int in, int out, int err, unsigned seconds)
{
	int null = open("/dev/null", O_RDWR);
	struct list env = {0};

	conf_environment(&env);
	signal(SIGPIPE, SIG_DFL);
	alarm(seconds);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(err < 0 ? null : err, STDERR_FILENO) >= 0 &&
	    dup2(out, STDOUT_FILENO) >= 0 &&
	    (in < 0 ||
	     (dup2(in, ASK_FD) >= 0 && fcntl(ASK_FD, F_SETFD, 0) >= 0)))
		execve(argv[0], argv, env.v);
	_exit(EX_TEMPFAIL);
}

/* As waitpid(2). */
static pid_t
reap(pid_t pid, int *status, int how, uid_t *who)
{
	siginfo_t info = {.si_pid = 0};

	if (who) {
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | how) <
		    0)
			return -1;
		if (info.si_pid == 0)
			return 0;
		*who = info.si_uid;
	}
	return waitpid(pid, status, how);
}

/* Its exit status, or -1.  Its own time ends it by then, but not where it is
 * stopped: that signal waits for it, and we do not. */
static int
exit_status(pid_t pid, long long end, uid_t *who)
{
	struct timespec pause = {.tv_nsec = BRIEF * 1000L};
	int status;
	pid_t over;

	if (pid < 0)
		return -1;
	while ((over = reap(pid, &status, WNOHANG, who)) == 0 &&
	       io_now() < end) {
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < PAUSE * 1000000L)
			pause.tv_nsec *= 2;
	}
	if (over == 0 && kill(pid, SIGKILL) == 0)
		over = reap(pid, &status, 0, who);
	return over > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The first line and the exit status of the child.  What it leaves running may hold
 * the pipe: its own end is one, too. */
static int
hear(pid_t pid, int from, unsigned seconds, char buf[ASK_LINE],
     struct cur *line, uid_t *who)
{
	long long end = io_now() + (seconds + 1) * 1000LL;
	int status, over = pid < 0 ? -1 : 0;
	struct cur got;
	struct io io;
	ssize_t n;

	io_init(&io, from, -1);
	io.lf = true;
	do {
		if (over == 0)
			over = reap(pid, &status, WNOHANG, who);
		io.deadline = io_now() + PAUSE;
		n = io_line(&io, &got, ASK_LINE - 1);
	} while (n == IO_TIMEOUT && over == 0 && io_now() < end);
	if (n > 0)
		memcpy(buf, got.p, (size_t)n);
	*line = (struct cur){buf, n > 0 ? buf + n : buf};
	close(from); /* more it need not say */
	if (over == 0)
		return exit_status(pid, end, who);
	return over > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
run(char *const argv[], const struct str *for_it, unsigned seconds,
    char buf[ASK_LINE], struct cur *line, uid_t *who)
{
	int to[2], from[2];
	pid_t pid;

	if (io_pipe(to) < 0)
		return -1;
	if (io_pipe(from) < 0) {
		close(to[0]);
		close(to[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become_program(argv, to[0], from[1], -1, seconds);
	close(from[1]);
	/* A pipe holds it; who does not read it may decide without. */
	if (for_it)
		io_writeall(to[1], for_it->s, for_it->n);
	close(to[0]);
	close(to[1]);
	return hear(pid, from[0], seconds, buf, line, who);
}

int
ask_program(char *const argv[], const struct str *for_it, char buf[ASK_LINE],
            struct cur *line, uid_t *who)
{
	return run(argv, for_it, ASK_SECONDS, buf, line, who);
}

int
ask_all(char *const argv[], unsigned seconds, size_t max, struct str *said)
{
	struct io io;
	int from[2];
	pid_t pid;
	ssize_t n;

	if (io_pipe(from) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		become_program(argv, -1, from[1], from[1], seconds);
	close(from[1]);
	io_init(&io, from[0], -1);
	io.deadline = io_now() + (seconds + 1) * 1000LL;
	while (said->n <= max && (n = io_fill(&io)) > 0) {
		str_add(said, io.buf + io.pos, (size_t)n);
		io.pos = io.len;
	}
	close(from[0]);
	return exit_status(pid, io.deadline, NULL);
}

int
ask_ours(const struct conf *c, const char *const words[],
         const struct str *for_it, char buf[ASK_LINE], struct cur *line)
{
	struct list argv = {0};
	int status;

	conf_command(c, words, &argv);
	status = run(argv.v, for_it, ASK_SECONDS + OURS, buf, line, NULL);
	list_free(&argv);
	return status;
}

int
ask_domain(const struct conf *c, char name[ADDR_DOMAIN_MAX + 1])
{
	const char *const words[] = {"queuerun", "-C", c->file,
	                             "-i",       name, NULL};
	char buf[ASK_LINE];
	struct cur line;

	if (ask_ours(c, words, NULL, buf, &line) != EX_OK ||
	    cur_len(&line) == 0)
		return -1;
	return cur_copy(line, name, ADDR_DOMAIN_MAX + 1);
}
