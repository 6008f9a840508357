/* gate - nobody gets past it without a password.  See gate.h.
 * THIS FILE RUNS AS ROOT, where the server was started so.  A child that has become
 * somebody without rights talks with the stranger (gatetalk.c).  We read its
 * requests and nothing of the network, and believe none of them: checkpass(8) says
 * what is true, tlsrelay(8) does TLS.  After a yes we become the user. */
#include "gate.h"

#include "ask.h"
#include "become.h"
#include "log.h"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

struct watch {
	const struct gate *gate;
	struct user *user;
	gid_t mail;        /* for his dot-locks */
	int end[2];        /* of TLS: ours, and the relay's until it runs */
	unsigned failures; /* of this connection */
};

/* A yes of checkpass(8): "GROUP TEXT\tPASSWD": mail's, for the talker, the user's. */
static int
understand(struct watch *w, int kind, struct cur line, struct grant *a)
{
	unsigned long long mail;
	struct cur text;

	if (cur_number(&line, UINT_MAX - 1, &mail) < 0 || !cur_take(&line, ' '))
		return -1;
	cur_until(&line, "\t", &text);
	cur_get(&line);
	if (cur_len(&text) > GRANT_TEXT ||
	    (kind != GATE_SCRAM && user_parse(line, w->user) < 0))
		return -1;
	w->mail = (gid_t)mail;
	memcpy(a->text, text.p, cur_len(&text));
	return 0;
}

/* One answer, as long after the question as checkpass and our own failures want. */
static void
judge(struct watch *w, const struct claim *k, struct grant *a)
{
	static const char *const kinds[] = {"password", "scram", "proof"};
	const struct gate *g = w->gate;
	const char *const words[] = {
	    "lib/checkpass", "-C", g->conf->file, "-s", g->service,     "-h",
	    g->peer->host,   "-i", g->peer->ip,   "-k", kinds[k->kind], NULL};
	long long begin = io_now(), least = 0, left;
	unsigned long long told = 0;
	struct str claim = {0};
	char buf[ASK_LINE];
	struct cur line;
	int status;

	str_add(&claim, k->name, strlen(k->name) + 1);
	str_add(&claim, k->secret, strlen(k->secret) + 1);
	status = ask_ours(g->conf, words, &claim, buf, &line);
	explicit_bzero(claim.s, claim.n);
	str_free(&claim);
	cur_number(&line, INT_MAX, &told);
	cur_blanks(&line);
	a->verdict = status == 1 ? AUTH_NO : AUTH_LATER;
	if (status == 0 && understand(w, k->kind, line, a) == 0)
		a->verdict = AUTH_OK;
	else
		least = auth_delay(++w->failures);
	if (status < 0 || (status > 1 && status != 111))
		log_warn("checkpass ended with %d", status);
	least = (long long)told > least ? (long long)told : least;
	/* All of it, though begin lost a part of its ms. */
	while (least > 0 && (left = begin + least - io_now()) >= 0)
		poll(NULL, 0, (int)left + 1);
}

/* Answer until it is known who it is: 0; or to the end: -1.  A claim may take two. */
static int
watch(struct watch *w, int sock)
{
	unsigned left = 2 * w->gate->tries + 1;
	bool known = false;
	struct grant a;
	struct claim k;

	while (left-- > 0 && w->failures < w->gate->tries &&
	       io_readall(sock, &k, sizeof k) == (ssize_t)sizeof k) {
		a = (struct grant){.verdict = AUTH_NO};
		k.name[AUTH_NAME_MAX] = k.secret[AUTH_SECRET_MAX] = '\0';
		if (k.kind == GATE_TLS && w->end[1] >= 0) {
			if (tls_serve(w->gate->conf, w->gate->service,
			              w->end[1]) >= 0)
				a.verdict = AUTH_OK;
			w->end[1] = io_close(w->end[1], -1);
		} else if (k.kind < GATE_TLS && !known) {
			judge(w, &k, &a);
			known = a.verdict == AUTH_OK && k.kind != GATE_SCRAM;
		}
		explicit_bzero(&k, sizeof k);
		if (io_writeall(sock, &a, sizeof a) < 0)
			return -1;
		if (known && !w->gate->stays)
			return 0;
	}
	return -1;
}

int
gate_pass(const struct gate *g, const char *file, struct user *u,
          struct tls *tls)
{
	struct watch w = {
	    .gate = g, .user = u, .end = {-1, -1}
        };
	struct str jail = {0};
	struct judge j;
	int sv[2], status, r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0 ||
	    (tls_offered(g->conf) &&
	     socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w.end) < 0) ||
	    (pid = fork()) < 0)
		log_die(EX_OSERR, "cannot start a talker");
	if (pid == 0) {
		close(sv[0]);
		close(w.end[1]);
		log_ready();
		str_addf(&jail, "%s/.empty", g->conf->state);
		j = (struct judge){.gate = g,
		                   .fd = sv[1],
		                   .end = w.end[0],
		                   .scram = user_has_scram(g->conf)};
		become_talker(file, g->stays ? NULL : jail.s);
		str_free(&jail);
		gate_talk(g, &j, tls);
		return -1;
	}
	close(sv[1]);
	if (g->stays) /* no end but theirs, or it would never be seen */
		w.end[0] = io_close(w.end[0], -1);
	r = watch(&w, sv[0]);
	if (r == 0 && become_user(g->conf, u, w.mail) < 0)
		log_die(EX_OSERR, "cannot become user %s", u->name);
	if (r == 0)
		r = gate_follow(g, sv[0], w.end[0], tls);
	close(sv[0]);
	close(w.end[0]);
	close(w.end[1]);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		log_warn("the talker ended badly");
	return r;
}
