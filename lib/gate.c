/* gate - nobody gets past it without a password.  See gate.h.
 * THIS FILE RUNS AS ROOT, where popd or imapd was started so.  A child that has become
 * somebody without rights talks with the stranger; we read names and passwords
 * from it and nothing of the network, say yes or no, and after a yes become the
 * user and go on where the child was. */
#include "gate.h"

#include "become.h"
#include "log.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* One answer: as long after the question as wrong passwords take by now, right
 * ones excepted.  What is said of the name in the log is one word. */
static int
answer(const struct gate *g, struct claim *k, unsigned failures, struct user *u)
{
	long long end = io_now() + auth_delay(failures + 1), left;
	int r = auth_check(g->conf, k->name, k->secret, u);
	char *c;

	for (c = k->name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			*c = '?';
	log_info("Login %suser=%s%s%s host=%s [%s]",
	         r == AUTH_OK   ? ""
	         : r == AUTH_NO ? "failed "
	                        : "delayed ",
	         k->name,
	         r == AUTH_OK ? "" : " auth=", r == AUTH_OK ? "" : k->name,
	         g->peer->host, g->peer->ip);
	while (r != AUTH_OK && (left = end - io_now()) > 0)
		poll(NULL, 0, (int)left);
	return r;
}

/* Answer the talker until it knows the password of u: 0, or -1 when it ends first. */
static int
watch(const struct gate *g, int sock, struct user *u)
{
	struct claim k;
	unsigned failures;
	char r;

	for (failures = 0; failures < g->tries; failures++) {
		if (io_readall(sock, &k, sizeof k) < (ssize_t)sizeof k)
			return -1;
		k.name[AUTH_NAME_MAX] = k.secret[AUTH_SECRET_MAX] = '\0';
		r = (char)answer(g, &k, failures, u);
		explicit_bzero(&k, sizeof k);
		if (io_writeall(sock, &r, 1) < 0)
			return -1;
		if (r == AUTH_OK)
			return 0;
	}
	return -1;
}

int
gate_pass(const struct gate *g, const char *file, struct user *u)
{
	struct str jail = {0};
	int sv[2], status, r;
	ssize_t n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0 ||
	    (pid = fork()) < 0)
		log_die(EX_OSERR, "cannot start a talker");
	if (pid == 0) {
		close(sv[0]);
		str_addf(&jail, "%s/.empty", g->conf->state);
		become_talker(file, jail.s);
		str_free(&jail);
		g->talk(g->session, sv[1]);
		return -1;
	}
	close(sv[1]);
	r = watch(g, sv[0], u);
	if (r == 0 && become_user(g->conf, u, group_mail(u->gid)) < 0)
		log_die(EX_OSERR, "cannot become user %s", u->name);
	/* What it read and did not obey; it has ended behind that. */
	if (r == 0 &&
	    (n = io_readall(sv[0], g->io->buf, sizeof g->io->buf)) > 0)
		g->io->len = (size_t)n;
	close(sv[0]);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		log_warn("the talker ended badly");
	return r;
}

int
gate_ask(int judge, struct claim *k)
{
	int sent = io_writeall(judge, k, sizeof *k);
	char r;

	explicit_bzero(k, sizeof *k);
	return sent == 0 && io_readall(judge, &r, 1) == 1 ? r : -1;
}

void
gate_leave(int judge, const struct io *io)
{
	io_writeall(judge, io->buf + io->pos, io->len - io->pos);
}
