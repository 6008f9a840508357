/* gatetalk - what of gate.h runs without the rights of root: the talker's side, and
 * the first steps of the user behind it. */
#include "gate.h"

#include "limit.h"
#include "log.h"
#include "wall.h"

#include <sys/wait.h>
#include <unistd.h>

enum { THROWN_MAX = 8 /* buffers of input before TLS */ };

/* --- the talker --- */

void
gate_talk(const struct gate *g, struct judge *j, struct tls *tls)
{
	if (!g->stays) {
		limit_talker();
		wall_talker();
	}
	if (!g->secure || gate_start_tls(j, g->io, NULL) == 0)
		g->talk(g->session, j);
	*tls = j->tls;
}

int
gate_ask(const struct judge *j, struct claim *k, struct grant *g)
{
	int sent = io_writeall(j->fd, k, sizeof *k);

	explicit_bzero(k, sizeof *k);
	if (sent < 0 || io_readall(j->fd, g, sizeof *g) < (ssize_t)sizeof *g)
		return -1;
	g->text[GRANT_TEXT] = '\0';
	return 0;
}

void
gate_leave(const struct judge *j, const struct io *io)
{
	if (io_writeall(j->fd, &j->tls, sizeof j->tls) == 0)
		io_writeall(j->fd, io->buf + io->pos, io->len - io->pos);
}

bool
gate_has_tls(const struct judge *j)
{
	return j->end >= 0;
}

bool
gate_is_safe(const struct judge *j)
{
	const struct peer *p = j->gate->peer;

	return *j->tls.version || p->local ||
	       conf_net_match(&j->gate->conf->clear_from, p->ip);
}

/* What was said in the clear behind the wish for TLS was said by nobody knows whom
 * (CVE-2011-0411). */
static void
throw_away(const struct judge *j, struct io *io)
{
	const struct peer *p = j->gate->peer;
	size_t n = 0;
	int i;

	for (i = 0; i < THROWN_MAX && io_pending(io) && io_fill(io) > 0; i++) {
		n += io->len - io->pos;
		io->pos = io->len;
	}
	if (n > 0)
		log_warn("%s[%s]: %zu bytes in the clear behind STARTTLS: "
		         "thrown away",
		         p->host, p->ip, n);
}

/* The relay, at end, is ready when the key is loaded; as soon as the client knows
 * that it is the one that reads from it. */
static int
change_to(struct judge *j, struct io *io, int end, const char *ready)
{
	const struct peer *p = j->gate->peer;
	char why[TLS_WHY];
	int in = io->in;

	io->in = end;
	if (tls_ready(io, why) < 0) {
		log_warn("no TLS: %s", why);
		io->in = in;
		io->pos = io->len = 0;
		close(end);
		return 1;
	}
	if (ready)
		io_puts(io, ready);
	if (io_flush(io) < 0 || dup2(end, in) < 0 || dup2(end, io->out) < 0)
		return -1;
	close(end);
	io->in = in;
	if (tls_hello(io, &j->tls, why) < 0) {
		log_warn("SSL_accept error from %s[%s]: %s", p->host, p->ip,
		         why);
		return -1;
	}
	log_info("Anonymous TLS connection established from %s[%s]: %s with "
	         "cipher %s (%u/%u bits)",
	         p->host, p->ip, j->tls.version, j->tls.cipher, j->tls.bits,
	         j->tls.bits);
	return 0;
}

int
gate_start_tls(struct judge *j, struct io *io, const char *ready)
{
	struct claim k = {.kind = GATE_TLS};
	struct grant g;
	int end = j->end;

	if (end < 0) {
		log_warn("no certificate: no TLS");
		return 1;
	}
	if (io_flush(io) < 0)
		return -1;
	if (ready)
		throw_away(j, io);
	if (gate_ask(j, &k, &g) < 0)
		return -1;
	j->end = -1;
	if (g.verdict == AUTH_OK)
		return change_to(j, io, end, ready);
	close(end);
	return 1;
}

/* --- the user --- */

/* As text: it comes from a process that talked with a stranger. */
static void
tidy(char *s, size_t size)
{
	for (s[size - 1] = '\0'; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
			*s = '?';
}

int
gate_follow(const struct gate *g, int judge, int end, struct tls *tls)
{
	struct io *io = g->io;
	ssize_t n;

	if (io_readall(judge, tls, sizeof *tls) < (ssize_t)sizeof *tls)
		return -1;
	if ((n = io_readall(judge, io->buf, sizeof io->buf)) > 0)
		io->len = (size_t)n;
	tidy(tls->version, sizeof tls->version);
	tidy(tls->cipher, sizeof tls->cipher);
	tidy(tls->name, sizeof tls->name);
	tidy(tls->binding, sizeof tls->binding);
	tidy(tls->verified, sizeof tls->verified);
	if (*tls->version &&
	    (dup2(end, STDIN_FILENO) < 0 || dup2(end, STDOUT_FILENO) < 0))
		return -1;
	return 0;
}

void
gate_close(void)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	while (wait(NULL) > 0)
		;
}
