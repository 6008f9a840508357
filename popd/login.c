/* login - the AUTHORIZATION state: USER and PASS (RFC 1939 7), AUTH (RFC 5034), STLS
 * (RFC 2595 4).  Runs as the talker, who knows no password: what is claimed goes to
 * somebody who does. */
#include "pop.h"

#include "log.h"
#include "sasl.h"
#include "serv.h"

/* Who may say a password may, who may not is told how to come there. */
static void
begin(struct session *s)
{
	explicit_bzero(&s->claim, sizeof s->claim);
	s->state = gate_is_safe(s->judge) ? STRANGER : CLEAR;
}

int
login_in_clear(struct session *s)
{
	if (gate_has_tls(s->judge))
		return reply_wrong(s, "[AUTH] no password in the clear: say "
		                      "STLS first, or use port 995");
	log_warn("no login for %s[%s]: there is no certificate, and clear_from "
	         "does not have that address",
	         s->peer.host, s->peer.ip);
	return reply_wrong(s, "[AUTH] no password in the clear");
}

static int
told(struct session *s, const struct sasl *sasl, enum sasl_end end)
{
	begin(s);
	switch (end) {
	case SASL_OK: return POP_LOGIN;
	case SASL_LOST: return (int)sasl->input;
	case SASL_CANCELED: return reply_wrong(s, "as you like");
	case SASL_BASE64: return reply_wrong(s, "that is no base64");
	case SASL_SYNTAX: return reply_wrong(s, "cannot read that");
	case SASL_NONE: return reply_err(s, "no such mechanism");
	case SASL_LATER:
		reply_err(s, "[SYS/TEMP] cannot check passwords now");
		break;
	default: /* RFC 3206 5; the same for a name that is none */
		reply_err(s, "[AUTH] wrong user name or password");
		break;
	}
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
	struct sasl sasl = {.judge = s->judge, .io = &s->io};

	if (auth_word(*c, s->claim.secret, AUTH_SECRET_MAX) < 0) {
		begin(s);
		return reply_wrong(s, "that cannot be a password");
	}
	return told(s, &sasl, sasl_password(&sasl, &s->claim));
}

int
do_auth(void *session, struct cur *c)
{
	struct session *s = session;
	struct sasl sasl = {.judge = s->judge, .io = &s->io, .prompt = "+ "};
	struct cur mechanism, first;
	const char *name;
	unsigned i;

	s->state = STRANGER;
	if (cur_word(c, &mechanism) == 0) {
		reply_ok(s, "these are known");
		for (i = 0; (name = sasl_name(s->judge, i)); i++)
			io_putf(&s->io, "%s\r\n", name);
		io_puts(&s->io, ".\r\n");
		return 0;
	}
	if (cur_word(c, &first) == 0)
		first.p = NULL;
	if (!line_ends(c))
		return reply_wrong(s, "AUTH has two arguments at most");
	return told(s, &sasl, sasl_run(&sasl, mechanism, first));
}

/* What was said before is not known any more (RFC 2595 4). */
int
do_stls(void *session, struct cur *c)
{
	struct session *s = session;
	int r = 1;

	if (!line_ends(c))
		return reply_wrong(s, "STLS has no argument");
	if (!gate_has_tls(s->judge))
		return reply_wrong(s, "there is no TLS now");
	r = gate_start_tls(s->judge, &s->io, "+OK begin\r\n");
	if (r > 0)
		return reply_err(s, "[SYS/TEMP] TLS cannot begin now");
	begin(s);
	return r < 0 ? SERV_ERROR : 0;
}

/* --- the talker --- */

void
login_run(void *session, struct judge *j)
{
	struct session *s = session;
	long idle = (long)s->conf->idle_timeout * 1000;
	struct io *io = &s->io;

	s->judge = j;
	begin(s);
	io->idle = idle;
	io->deadline = idle ? io_now() + idle : 0;
	reply_ok(s, "%s POP3 facteur", s->conf->hostname);
	if (pop_run(s) == POP_LOGIN && io_flush(io) == 0)
		gate_leave(j, io);
	else
		io_finish(io);
	explicit_bzero(io->buf, sizeof io->buf);
}
