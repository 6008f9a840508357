/* session - see session.h.  The dialogue up to the greeting, and what all of it
 * shares; the transactions are in transact.c. */
#include "session.h"

#include "mem.h"
#include "transact.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	WAIT_CONNECT = 30, /* s; nearly all connect and greet in it */
	TRACE_LINE = 1000
};

/* Seconds to wait: RFC 5321 4.5.3.2; nobody needs the reply to QUIT. */
/* clang-format off */
const struct stage stages[] = {
	[GREETING] = { "", "receiving the initial server greeting",
		       300, "4.3.2", "5.3.2" },
	[EHLO] = { "EHLO command", "performing the EHLO handshake",
		   300, "4.5.0", "5.5.0" },
	[HELO] = { "HELO command", "performing the HELO handshake",
		   300, "4.5.0", "5.5.0" },
	[STARTTLS] = { "STARTTLS command", "performing the TLS handshake",
		       TLS_TIME, "4.7.0", "5.7.0" },
	[AUTH] = { "AUTH command", "logging in", 300, "4.7.8", "5.7.8" },
	[RSET] = { "RSET command", "sending RSET", 300, "4.5.0", "5.5.0" },
	[MAIL] = { "MAIL FROM command", "sending MAIL FROM",
		   300, "4.1.0", "5.1.0" },
	[RCPT] = { "RCPT TO command", "sending RCPT TO",
		   300, "4.2.0", "5.1.0" },
	[DATA] = { "DATA command", "sending DATA command",
		   120, "4.3.0", "5.3.0" },
	[CONTENT] = { "end of DATA command", "sending message body",
		      180, "4.4.2", "5.4.0" },
	[DOT] = { "end of DATA command", "sending end of data",
		  600, "4.6.0", "5.6.0" },
	[QUIT] = { "QUIT command", "sending QUIT", 5, "4.0.0", "5.0.0" },
};
/* clang-format on */

void
verdict_set(struct verdict *v, char what, const char *status, const char *relay,
            const char *fmt, ...)
{
	va_list ap;

	v->what = what;
	snprintf(v->status, sizeof v->status, "%s", status);
	snprintf(v->relay, sizeof v->relay, "%s", relay ? relay : "none");
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof v->text, fmt, ap);
	va_end(ap);
}

void
session_tell(const struct smtp_job *job, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;

	if (!job->trace)
		return;
	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	mem_clean(s.s, s.n);
	if (s.n > TRACE_LINE)
		s.s[TRACE_LINE] = '\0';
	job->trace(job->arg, s.s);
	str_free(&s);
}

void
decide(const struct smtp_job *job, struct smtp_send *send, size_t i,
       const struct verdict *v, bool peer_dsn)
{
	const char *words = v->text;

	send->rcpt[i].what = v->what;
	/* "250 2.0.0 ok" is told as "ok". */
	if (v->what == 's' && strlen(words) > 4)
		words += 4;
	session_tell(job, "%s... %s%s%s", send->rcpt[i].addr,
	             v->what == 's'   ? "Sent ("
	             : v->what == 'd' ? "Deferred: "
	                              : "Failed: ",
	             words, v->what == 's' ? ")" : "");
	job->report(job->arg, &send->rcpt[i], v, peer_dsn);
}

bool
undecided(const struct smtp_job *job, bool aside, struct smtp_send **send,
          size_t *i)
{
	size_t k;

	for (k = 0; k < job->nsend; k++) {
		*send = &job->send[k];
		if ((*send)->aside && !aside)
			continue;
		for (*i = 0; *i < (*send)->nrcpt; ++*i)
			if (!(*send)->rcpt[*i].what)
				return true;
	}
	return false;
}

/* --- waiting and reading --- */

void
session_patience(struct session *s, enum stage_name st)
{
	unsigned long wait = stages[st].wait;

	if (wait > s->job->conf->smtp_timeout)
		wait = s->job->conf->smtp_timeout;
	s->io.idle = (long)wait * 1000;
	/* A reply, or a block, as a whole: who sends a byte a minute is not
	 * waited for any longer.  The envelope must fit the whole job. */
	s->io.deadline = io_now() + s->io.idle;
	if (st != CONTENT && st != DOT && st != QUIT && s->io.deadline > s->end)
		s->io.deadline = s->end;
	if ((st == GREETING || st == CONTENT) && s->io.deadline > s->due)
		s->io.deadline = s->due;
}

/* The connection is gone, or useless; how is what io_line said. */
int
session_lost(struct session *s, enum stage_name st, ssize_t how)
{
	const char *doing = stages[st].doing;
	bool late =
	    how == IO_TIMEOUT || (how == IO_ERROR && s->io.err == ETIMEDOUT);

	s->late = late;
	s->slow = st <= HELO && !*s->tls.version;
	if (how == IO_LONG)
		verdict_set(&s->why, 'd', "4.5.0", s->relay,
		            "%s[%s] answered with nonsense while %s", s->host,
		            s->addr->text, doing);
	else
		/* RFC 5321 4.5.4.1: whatever happened, later. */
		verdict_set(
		    &s->why, 'd', "4.4.2", s->relay, "%s %s[%s] %swhile %s",
		    late ? "conversation with" : "lost connection with",
		    s->host, s->addr->text, late ? "timed out " : "", doing);
	return -1;
}

/* Could anybody on the way have said it, of a host that must prove who it is? */
static bool
is_hearsay(const struct session *s)
{
	return s->secure->level >= LEVEL_VERIFY && !*s->tls.version;
}

void
session_said(struct session *s, enum stage_name st, struct verdict *v)
{
	const struct stage *g = &stages[st];
	bool never = s->reply.code / 100 == 5 && !is_hearsay(s);
	char what = never ? 'f' : 'd';
	const char *status = never ? g->perm : g->temp;

	/* RFC 5321 4.2.3: 550 is what is said of unknown users. */
	if (st == RCPT && s->reply.code == 550)
		status = "5.1.1";
	if (s->reply.status[0] == status[0])
		status = s->reply.status;
	if (st == GREETING)
		verdict_set(v, what, status, s->relay,
		            "host %s[%s] refused to talk to me: %s", s->host,
		            s->addr->text, s->reply.text.s);
	else
		verdict_set(v, what, status, s->relay,
		            "host %s[%s] said: %s (in reply to %s)", s->host,
		            s->addr->text, s->reply.text.s, g->command);
}

int
session_reply(struct session *s, enum stage_name st)
{
	struct cur line;
	ssize_t n;
	int more = 1;

	reply_start(&s->reply);
	session_patience(s, st);
	s->io.lf = true; /* of a reply; what we send ends lines in CRLF */
	s->io.brief = true;
	while (more > 0) {
		n = io_line(&s->io, &line, REPLY_LINE);
		if (n < 0)
			return session_lost(s, st, n);
		session_tell(s->job, "%.*s", (int)n, line.p);
		more = reply_line(&s->reply, line);
		if (st == EHLO && s->reply.lines > 1)
			offer_line(&s->offer, line);
	}
	if (more < 0)
		return session_lost(s, st, IO_LONG);
	/* RFC 5321 3.8: 421 to whatever was asked, and it hangs up. */
	if (s->reply.code == 421) {
		session_said(s, st, &s->why);
		s->answered = true;
		return -1;
	}
	return 0;
}

void
session_put_secret(struct session *s, const char *line, const char *shown)
{
	session_tell(s->job, ">>> %s", shown);
	io_puts(&s->io, line);
	io_put(&s->io, "\r\n", 2);
}

void
session_put(struct session *s, const char *fmt, ...)
{
	va_list ap;

	str_clear(&s->text);
	va_start(ap, fmt);
	str_addv(&s->text, fmt, ap);
	va_end(ap);
	session_tell(s->job, ">>> %s", s->text.s);
	str_add(&s->text, "\r\n", 2);
	io_put(&s->io, s->text.s, s->text.n);
}

void
session_quit(struct session *s)
{
	struct verdict why = s->why;

	if (!s->quit)
		session_put(s, "QUIT");
	s->quit = true;
	/* Whatever it says, or not. */
	session_reply(s, QUIT);
	s->why = why;
}

/* --- the beginning and the end --- */

/* What went wrong here, and says nothing about the host? */
static bool
is_ours(int err)
{
	return err == ENETUNREACH || err == EAFNOSUPPORT || err == EMFILE ||
	       err == ENFILE || err == EADDRNOTAVAIL || err == EPERM ||
	       err == EACCES || err == ENETDOWN || err == ENOBUFS ||
	       err == EINVAL;
}

static int
dial(struct session *s)
{
	unsigned long wait = s->job->conf->smtp_timeout;
	int one = 1, fd;

	if (wait > WAIT_CONNECT)
		wait = WAIT_CONNECT;
	fd = io_dial((const struct sockaddr *)&s->addr->sa, s->addr->len,
	             1000 * (long)wait);
	io_init(&s->io, fd, fd);
	if (fd < 0) {
		s->slow = !is_ours(errno);
		verdict_set(&s->why, 'd', "4.4.1", s->relay,
		            "connect to %s: %s", s->relay, strerror(errno));
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return 0;
}

/* RFC 5321 5.1: is it ourselves whom we talk to? */
static int
not_self(struct session *s)
{
	if (!s->mind_self || is_hearsay(s) ||
	    !str_ieq(s->reply.name, s->job->conf->hostname))
		return 0;
	s->self = true;
	verdict_set(&s->why, 'f', "5.4.6", s->relay,
	            "mail loops back to myself: %s[%s] has my own name",
	            s->host, s->addr->text);
	return -1;
}

/* EHLO, or HELO where it is not known (RFC 5321 3.2). */
int
session_greet(struct session *s)
{
	enum stage_name st = EHLO;

	s->offer = (struct offer){0};
	session_put(s, "EHLO %s", s->job->conf->hostname);
	if (session_reply(s, EHLO) < 0)
		return -1;
	if (s->reply.code / 100 == 5) {
		st = HELO;
		s->offer = (struct offer){0};
		session_put(s, "HELO %s", s->job->conf->hostname);
		if (session_reply(s, HELO) < 0)
			return -1;
	}
	if (s->reply.code / 100 != 2) {
		session_said(s, st, &s->why);
		return -1;
	}
	return not_self(s);
}

int
session_dial(struct session *s)
{
	struct smtp_send *send;
	size_t i;

	s->block = mem_alloc(SESSION_BLOCK);
	snprintf(s->relay, sizeof s->relay, "%s[%s]:%u", s->host, s->addr->text,
	         dns_port(s->addr));
	if (undecided(s->job, true, &send, &i))
		session_tell(s->job, "%s... Connecting to %s%s via esmtp...",
		             send->rcpt[i].addr, s->host,
		             strcmp(s->host, s->addr->text) == 0 ? "" : ".");
	if (dial(s) < 0 || (s->implicit && session_tls(s) < 0))
		return -1;
	s->due = s->end;
	session_patience(s, GREETING);
	s->due = s->io.deadline;
	return 0;
}

bool
session_speaks(struct session *s)
{
	long wait = (long)(s->due - io_now()) / 2;

	if (wait > WAIT_CONNECT * 1000L)
		wait = WAIT_CONNECT * 1000L;
	return wait <= 0 || io_await(&s->io, -1, wait) != IO_TIMEOUT;
}

int
session_open(struct session *s)
{
	if (session_reply(s, GREETING) < 0)
		return -1;
	/* RFC 5321 3.1: who greets with 554 takes no mail. */
	if (s->reply.code / 100 != 2)
		session_said(s, GREETING, &s->why);
	else if (not_self(s) < 0 || session_greet(s) < 0)
		return -1;
	else if (session_starttls(s) == 0) {
		session_tls_note(s);
		if (session_login(s) == 0)
			return 0;
	}
	if (s->io.in >= 0 && !s->io.err && !s->answered)
		session_quit(s);
	return -1;
}

void
session_close(struct session *s)
{
	if (s->relay_pid)
		session_tls_end(s);
	if (s->io.in >= 0)
		close(s->io.in);
	free(s->block);
	io_free(&s->io);
	reply_free(&s->reply);
	str_free(&s->buf);
	str_free(&s->text);
	encode_free(&s->enc);
}
