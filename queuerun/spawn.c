/* spawn - start deliver as the users: the root half of queuerun.
 * THIS FILE RUNS AS ROOT.  It never reads a queue file, a message, the network or
 * the passwords that it opens for the other half, the owner of the spool: a request
 * names a user and what deliver shall do, and brings its stdin and stdout. */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include "spawn.h"

#include "become.h"
#include "group.h"
#include "io.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* In the child: become the user and run deliver.  Returns only on failure; the asker then
 * sees an end without results and tries later. */
static void
run_deliver(const struct conf *c, const struct request *q)
{
	const char *user = q->kind == ROUTE_USER ? q->key : q->user;
	const char *const words[] = {"deliver", "-b", "-C", c->file, NULL};
	struct list argv = {0}, env = {0};
	struct user u;

	conf_command(c, words, &argv);
	conf_environment(&env);
	/* deliver asks again; it keeps the group mail for the dot-lock only, and
	 * drops it before it runs anything. */
	if (user_find_runner(c, user, &u) <= 0 ||
	    (u.uid == 0 && q->kind != ROUTE_USER) ||
	    become_user(c, &u, group_mail(u.gid)) < 0) {
		log_warn("%s: cannot deliver as this user", user);
		return;
	}
	if (dup2(q->in, STDIN_FILENO) < 0 || dup2(q->out, STDOUT_FILENO) < 0)
		return;
	if (q->kind != ROUTE_USER) {
		list_add(&argv, q->kind == ROUTE_PROGRAM ? "-P" : "-F");
		list_add(&argv, q->key + (q->kind == ROUTE_PROGRAM));
	}
	list_add(&argv, "--");
	list_add(&argv, user);
	execve(argv.v[0], argv.v, env.v);
	log_warn("cannot run %s: %s", argv.v[0], strerror(errno));
}

pid_t
spawn_fork(const struct conf *c, const struct request *q)
{
	pid_t pid = fork();

	if (pid == 0) {
		run_deliver(c, q);
		_exit(EX_TEMPFAIL);
	}
	return pid;
}

/* --- the socket between the halves --- */

/* 1 a request, 0 nonsense, -1 the other half has ended. */
static int
receive_request(int sock, char buf[REQUEST_MAX], struct request *q)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {buf, REQUEST_MAX - 1};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = control.b,
	                   .msg_controllen = sizeof control.b};
	struct cmsghdr *h;
	int fds[2];
	ssize_t n;
	size_t k;

	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -1;
	h = CMSG_FIRSTHDR(&m);
	if (!h || (m.msg_flags & MSG_TRUNC) || h->cmsg_type != SCM_RIGHTS ||
	    h->cmsg_len != CMSG_LEN(sizeof fds))
		return 0;
	memcpy(fds, CMSG_DATA(h), sizeof fds);
	buf[n] = '\0';
	q->kind = (enum route_kind)buf[0];
	q->in = fds[0];
	q->out = fds[1];
	q->key = buf + 1;
	k = strlen(q->key) + 2;
	q->user = (size_t)n > k ? buf + k : "";
	return 1;
}

/* The root half: fork for each request until the other half ends; its exit
 * status is ours. */
static int
serve(const struct conf *c, int sock, pid_t half)
{
	char buf[REQUEST_MAX];
	struct request q;
	int n, status = 0;
	pid_t ended = 0;

	while ((n = receive_request(sock, buf, &q)) >= 0) {
		if (n > 0) {
			spawn_fork(c, &q);
			close(q.in);
			close(q.out);
		}
		while (ended != half &&
		       (ended = waitpid(-1, &status, WNOHANG)) > 0)
			;
	}
	close(sock); /* if we hear no more it is not to wait for us */
	if ((ended != half && waitpid(half, &status, 0) < 0) ||
	    !WIFEXITED(status))
		return EX_SOFTWARE;
	return WEXITSTATUS(status);
}

void
spawn_drop(const struct conf *c)
{
	struct stat st;

	if (geteuid() != 0)
		return;
	if (stat(c->spool, &st) < 0)
		log_die(EX_NOINPUT, "%s: %s", c->spool, strerror(errno));
	if (st.st_uid == 0)
		log_die(EX_CONFIG, "%s belongs to root", c->spool);
	if (become_account(st.st_uid, st.st_gid) < 0)
		log_die(EX_OSERR, "cannot become the owner of %s", c->spool);
}

int
spawn_secrets(const struct conf *c)
{
	char *path = conf_beside(c, "smarthost_auth");
	int fd = io_open_table(path, O_NOFOLLOW);
	struct stat st;

	if (fd < 0 ? errno != ENOENT
	           : fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	                 st.st_uid != geteuid() || (st.st_mode & 077)) {
		log_warn("%s: must be a file that its owner alone can read",
		         path);
		fd = io_close(fd, -2);
	}
	free(path);
	return fd;
}

int
spawn_split(const struct conf *c, int *sock, int *status)
{
	int sv[2];
	pid_t pid;

	*sock = -1;
	if (geteuid() != 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0 ||
	    (pid = fork()) < 0)
		log_die(EX_OSERR, "cannot split: %s", strerror(errno));
	if (pid > 0) {
		close(sv[1]);
		*status = serve(c, sv[0], pid);
		return 1;
	}
	close(sv[0]);
	spawn_drop(c);
	*sock = sv[1];
	return 0;
}
