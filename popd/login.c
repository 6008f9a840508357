/* login - the AUTHORIZATION state: USER and PASS (RFC 1939 7), AUTH (RFC 5034).
 * Runs as the talker, who knows no password: what is claimed goes to somebody who
 * does. */
#include "pop.h"

#include "code.h"
#include "limit.h"

static int
judge(struct session *s)
{
	struct grant g;
	int r = io_flush(&s->io) < 0 ? -1 : gate_ask(s->judge, &s->claim, &g);

	explicit_bzero(&s->claim, sizeof s->claim);
	s->state = STRANGER;
	if (r < 0)
		return POP_BROKEN;
	if (g.verdict == AUTH_OK)
		return POP_LOGIN;
	if (g.verdict == AUTH_LATER)
		reply_err(s, "[SYS/TEMP] cannot check passwords now");
	else /* RFC 3206 5; the same for a name that is none */
		reply_err(s, "[AUTH] wrong user name or password");
	return ++s->tries < POP_TRIES ? 0 : POP_CLOSED;
}

int
do_user(void *session, struct cur *c)
{
	struct session *s = session;

	s->state = STRANGER;
	if (auth_word(*c, s->claim.name, AUTH_NAME_MAX) < 0)
		return reply_wrong(s, "that cannot be a name");
	s->state = NAMED;
	return reply_ok(s, "and the password?");
}

/* A password may hold blanks (RFC 1939 7). */
int
do_pass(void *session, struct cur *c)
{
	struct session *s = session;

	if (auth_word(*c, s->claim.secret, AUTH_SECRET_MAX) < 0) {
		s->state = STRANGER;
		return reply_wrong(s, "that cannot be a password");
	}
	return judge(s);
}

/* --- SASL --- */

/* What the client says to a challenge: 0, or -1 and what the command then
 * returns.  first: what it said before it was asked, or empty. */
static int
answer(struct session *s, const char *challenge, struct cur first,
       struct str *to, int *end)
{
	ssize_t n = (ssize_t)cur_len(&first);

	if (n == 0) {
		io_putf(&s->io, "+ %s\r\n", challenge);
		n = io_line(&s->io, &first, POP_LOGIN_LINE);
	} else if (cur_is(&first, "=")) { /* RFC 5034 4: an empty one */
		first.p = first.e;
	}
	str_adds(to, "");
	if (n < 0 && n != IO_LONG)
		*end = (int)n;
	else if (n >= 0 && cur_is(&first, "*"))
		*end = reply_wrong(s, "as you like");
	else if (n < 0 || code_unbase64(to, first) < 0)
		*end = reply_wrong(s, "that is no base64");
	else
		return 0;
	return -1;
}

static int
sasl_plain(struct session *s, struct cur first)
{
	struct claim *k = &s->claim;
	struct str a = {0};
	int end;

	if (answer(s, "", first, &a, &end) == 0) {
		if (auth_plain((struct cur){a.s, a.s + a.n}, k->name,
		               k->secret) < 0 ||
		    auth_word(cur_of(k->name), k->name, AUTH_NAME_MAX) < 0 ||
		    auth_word(cur_of(k->secret), k->secret, AUTH_SECRET_MAX) <
		        0)
			end = reply_wrong(s, "cannot read that");
		else
			end = judge(s);
	}
	explicit_bzero(a.s, a.n);
	str_free(&a);
	return end;
}

static int
sasl_login(struct session *s, struct cur first)
{
	struct claim *k = &s->claim;
	struct str name = {0}, secret = {0};
	int end;

	if (answer(s, "VXNlcm5hbWU6", first, &name, &end) == 0 &&
	    answer(s, "UGFzc3dvcmQ6", (struct cur){0}, &secret, &end) == 0) {
		if (auth_word((struct cur){name.s, name.s + name.n}, k->name,
		              AUTH_NAME_MAX) < 0 ||
		    auth_word((struct cur){secret.s, secret.s + secret.n},
		              k->secret, AUTH_SECRET_MAX) < 0)
			end = reply_wrong(s, "cannot read that");
		else
			end = judge(s);
	}
	if (secret.n > 0)
		explicit_bzero(secret.s, secret.n);
	str_free(&secret);
	str_free(&name);
	return end;
}

int
do_auth(void *session, struct cur *c)
{
	struct session *s = session;
	struct cur mechanism, first;

	s->state = STRANGER;
	if (cur_word(c, &mechanism) == 0) {
		reply_ok(s, "these are known");
		io_puts(&s->io, "PLAIN\r\nLOGIN\r\n.\r\n");
		return 0;
	}
	cur_word(c, &first);
	if (!line_ends(c))
		return reply_wrong(s, "AUTH has two arguments at most");
	if (cur_is(&mechanism, "PLAIN"))
		return sasl_plain(s, first);
	if (cur_is(&mechanism, "LOGIN"))
		return sasl_login(s, first);
	return reply_err(s, "no such mechanism");
}

/* --- the talker --- */

void
login_run(void *session, struct judge *j)
{
	struct session *s = session;
	long idle = (long)s->conf->idle_timeout * 1000;
	struct io *io = &s->io;

	limit_talker();
	s->judge = j;
	s->state = STRANGER;
	io->idle = idle;
	io->deadline = idle ? io_now() + idle : 0;
	reply_ok(s, "%s POP3 facteur", s->conf->hostname);
	if (pop_run(s) == POP_LOGIN && io_flush(io) == 0)
		gate_leave(j, io);
	else
		io_finish(io);
	explicit_bzero(io->buf, sizeof io->buf);
}
