/* spawnask - have deliver started: by the root half where there is one, else by
 * ourselves.  Called for each destination by the half that owns the spool. */
#include "spawn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static int
send_request(int sock, const struct request *q)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(2 * sizeof(int))];
	} control = {.b = {0}};
	int fds[2] = {q->in, q->out};
	struct str s = {0};
	struct iovec iov;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *h;
	ssize_t n;

	str_addc(&s, (char)q->kind);
	str_add(&s, q->key, strlen(q->key) + 1);
	str_add(&s, q->user, strlen(q->user) + 1);
	iov = (struct iovec){s.s, s.n};
	m.msg_control = control.b;
	m.msg_controllen = sizeof control.b;
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(h), fds, sizeof fds);
	/* What were cut off at the other end is the name of the user. */
	errno = E2BIG;
	do
		n = s.n < REQUEST_MAX ? sendmsg(sock, &m, MSG_NOSIGNAL) : -1;
	while (n < 0 && errno == EINTR);
	str_free(&s);
	return n < 0 ? -1 : 0;
}

int
spawn_deliver(const struct run *r, const struct dest *d, int in, int out,
              pid_t *pid)
{
	struct request q = {d->kind, d->key, d->user, in, out};

	*pid = -1;
	if (r->spawner >= 0)
		return send_request(r->spawner, &q);
	*pid = spawn_fork(r->conf, &q);
	return *pid < 0 ? -1 : 0;
}
