/* starttls - TLS on the way out (RFC 3207, RFC 8314 3.3): the work is done by
 * tlsrelay(8), whose plain side the session goes on with.  Called by session.c.
 * Never goes on in the clear unless the level allows it; nothing that was read in the
 * clear behind the reply to STARTTLS, nor what EHLO said before, is used. */
#include "log.h"
#include "transact.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { END_TIME = 2000 /* ms that the relay has, when all was said */ };

/* --- how the relay is called --- */

static void
add_arg(struct list *args, const char *option, const char *value)
{
	list_add(args, option);
	list_add(args, value);
}

static void
make_args(const struct secure *want, struct list *args)
{
	struct str t = {0};
	struct address a;
	size_t i, k;

	/* RFC 6066 3: no address is a server's name. */
	if (dns_literal(want->sni, 0, &a) < 0)
		add_arg(args, "-n", want->sni);
	for (i = 0; i < want->n; i++)
		add_arg(args, "-v", want->name[i]);
	for (i = 0; i < want->tlsa.n; i++) {
		const struct tlsa *r = &want->tlsa.t[i];

		str_clear(&t);
		str_addf(&t, "%u %u %u ", r->usage, r->selector, r->type);
		for (k = 0; k < r->n; k++)
			str_addf(&t, "%02x", r->data[k]);
		add_arg(args, "-d", t.s);
	}
	str_free(&t);
}

/* Put the relay between us and the socket.  0, or -1 with why. */
static int
start(struct session *s, char why[TLS_WHY])
{
	struct list args = {0};
	pid_t pid;
	int end;

	make_args(s->secure, &args);
	pid = tls_connect(s->job->conf, s->io.in, &args, &end);
	list_free(&args);
	if (pid < 0) {
		snprintf(why, TLS_WHY, "cannot start tlsrelay: %s",
		         strerror(errno));
		return -1;
	}
	s->relay_pid = pid;
	close(s->io.in);
	io_free(&s->io);
	io_init(&s->io, end, end);
	if (fcntl(end, F_SETFL, O_NONBLOCK) < 0) {
		snprintf(why, TLS_WHY, "%s", strerror(errno));
		return -1;
	}
	session_patience(s, STARTTLS);
	if (tls_ready(&s->io, why) < 0)
		return -1;
	return tls_hello(&s->io, &s->tls, why);
}

/* --- the levels --- */

/* TLS cannot be had.  0: it need not be; -1 with s->why. */
static int
without(struct session *s, const char *what)
{
	if (s->secure->level <= LEVEL_MAY)
		return 0;
	verdict_set(&s->why, 'd', "4.7.4", s->relay,
	            "TLS is required for %s[%s] (%s: %s), but %s", s->host,
	            s->addr->text, secure_name(s->secure->level),
	            s->secure->why, what);
	return -1;
}

static int
failed(struct session *s, const char *why)
{
	s->clear = s->secure->level <= LEVEL_MAY;
	s->tls.version[0] = '\0';
	if (s->io.err == 0)
		s->io.err = ECONNABORTED; /* nobody is there to say QUIT to */
	verdict_set(&s->why, 'd', "4.7.5", s->relay,
	            "TLS with %s[%s] failed (%s: %s): %s", s->host,
	            s->addr->text, secure_name(s->secure->level),
	            s->secure->why, why);
	log_info("%s%s", s->why.text,
	         s->clear ? "; going on in the clear" : "");
	return -1;
}

/* One line for each connection, as Postfix has it. */
static void
say(struct session *s)
{
	const struct tls *t = &s->tls;
	struct str line = {0};

	str_addf(&line,
	         "%s TLS connection established to %s: %s with cipher %s "
	         "(%u/%u bits)",
	         *t->verified ? "Verified" : "Untrusted", s->relay, t->version,
	         t->cipher, t->bits, t->bits);
	session_tell(s->job, "%s", line.s);
	log_info("%s, level %s: %s", line.s, secure_name(s->secure->level),
	         s->secure->why);
	str_free(&line);
}

int
session_tls(struct session *s)
{
	char why[TLS_WHY] = "";

	if (start(s, why) < 0)
		return failed(s, why);
	/* The relay must have done what it was asked for. */
	if (s->secure->level >= LEVEL_VERIFY && !*s->tls.verified)
		return failed(s, "the certificate was not verified");
	say(s);
	return 0;
}

/* Somebody on the way speaks for the host, as it cannot have said more
 * (RFC 3207 4, 6). */
static int
attacked(struct session *s)
{
	log_warn("%s: %zu bytes in the clear behind the reply to STARTTLS, an "
	         "attack: thrown away",
	         s->relay, s->io.len - s->io.pos);
	s->io.err = ECONNABORTED;
	verdict_set(&s->why, 'd', "4.7.5", s->relay,
	            "%s[%s] sent more than a reply to STARTTLS: an attack",
	            s->host, s->addr->text);
	return -1;
}

/* For the journal: of which kind the connection is, and why. */
void
session_tls_note(struct session *s)
{
	const struct secure *how = s->secure;
	size_t n = strlen(s->relay);

	snprintf(s->relay + n, sizeof s->relay - n, ", %s, level %s: %s",
	         *s->tls.version ? s->tls.version : "in the clear",
	         secure_name(how->level), how->why);
}

int
session_starttls(struct session *s)
{
	if (*s->tls.version || s->secure->level == LEVEL_NONE)
		return 0;
	if (!s->offer.starttls)
		return without(s, "STARTTLS was not offered");
	session_put(s, "STARTTLS");
	if (session_reply(s, STARTTLS) < 0)
		return -1;
	if (s->reply.code != 220) {
		struct str said = {0};
		int r;

		str_addf(&said, "STARTTLS was answered: %s", s->reply.text.s);
		r = without(s, said.s);
		str_free(&said);
		return r;
	}
	if (io_pending(&s->io) && io_fill(&s->io) > 0)
		return attacked(s);
	if (session_tls(s) < 0)
		return -1;
	/* RFC 3207 4.2: what was said before is forgotten. */
	return session_greet(s);
}

/* --- the end --- */

void
session_tls_end(struct session *s)
{
	long long end = io_now() + END_TIME;
	int ms = 1;

	/* It says goodbye to the host, and closes. */
	shutdown(s->io.in, SHUT_WR);
	s->io.err = 0;
	s->io.idle = END_TIME;
	s->io.deadline = end;
	do
		s->io.pos = s->io.len = 0;
	while (io_fill(&s->io) > 0);
	close(s->io.in);
	s->io.in = -1;
	while (waitpid(s->relay_pid, NULL, WNOHANG) == 0) {
		if (io_now() >= end)
			kill(s->relay_pid, SIGKILL);
		poll(NULL, 0, ms);
		if (ms < 64)
			ms *= 2;
	}
	s->relay_pid = 0;
}
