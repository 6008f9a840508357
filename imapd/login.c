/* login - before the login: LOGIN, AUTHENTICATE and STARTTLS (RFC 9051 6.2).
 * Runs as the talker, who knows no password: what is claimed goes to somebody who
 * does. */
#include "imap.h"

#include "log.h"
#include "sasl.h"

/* Who may say a password may, who may not is told how to come there. */
static void
begin(struct session *s)
{
	s->state = gate_is_safe(s->judge) ? STRANGER : CLEAR;
}

/* RFC 5530 3 */
int
login_in_clear(struct session *s)
{
	if (gate_has_tls(s->judge))
		return no(s, "[PRIVACYREQUIRED] no password in the clear: say "
		             "STARTTLS first, or use port 993");
	log_warn("no login for %s[%s]: there is no certificate, and clear_from "
	         "does not have that address",
	         s->peer.host, s->peer.ip);
	return no(s, "[PRIVACYREQUIRED] no password in the clear");
}

static int
told(struct session *s, const struct sasl *sasl, enum sasl_end end)
{
	struct str x = {0};

	switch (end) {
	case SASL_OK:
		s->state = USER;
		add_capabilities(s, &x);
		ok(s, "[CAPABILITY%s] you are logged in", x.s);
		str_free(&x);
		return IMAP_LOGIN;
	case SASL_LOST: s->parse.end = (int)sasl->input; return 0;
	case SASL_CANCELED: return bad(s, "as you like");
	case SASL_BASE64: return bad(s, "that is no base64");
	case SASL_SYNTAX: return bad(s, "cannot read that");
	case SASL_NONE: return no(s, "[CANNOT] no such mechanism");
	case SASL_LATER: /* RFC 5530 3 */
		no(s, "[UNAVAILABLE] cannot check passwords now");
		break;
	default: /* the same for a name that is none */
		no(s, "[AUTHENTICATIONFAILED] wrong user name or password");
		break;
	}
	if (++s->tries < IMAP_TRIES)
		return 0;
	io_puts(&s->io, "* BYE that was wrong too often\r\n");
	return IMAP_BYE;
}

int
do_login(struct session *s, struct parse *p)
{
	struct sasl sasl = {.judge = s->judge, .io = &s->io};
	struct claim k = {0};
	struct cur name, secret;

	if (parse_sp(p) < 0 || parse_astring(p, &name) < 0 || parse_sp(p) < 0 ||
	    parse_astring(p, &secret) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	if (auth_word(name, k.name, AUTH_NAME_MAX) < 0 ||
	    auth_word(secret, k.secret, AUTH_SECRET_MAX) < 0)
		return bad(s, "that cannot be a name and a password");
	return told(s, &sasl, sasl_password(&sasl, &k));
}

int
do_authenticate(struct session *s, struct parse *p)
{
	struct sasl sasl = {.judge = s->judge, .io = &s->io, .prompt = "+ "};
	struct cur mechanism, first = {0};

	if (parse_sp(p) < 0 || parse_atom(p, &mechanism) < 0)
		return bad_parse(s);
	if (parse_peek(p) == ' ') {
		parse_sp(p);
		first = p->c;
		p->c.p = p->c.e;
	}
	if (parse_end(p) < 0)
		return bad_parse(s);
	return told(s, &sasl, sasl_run(&sasl, mechanism, first));
}

/* What was said before is not known any more (RFC 9051 6.2.1); the answer has been
 * given when TLS begins. */
int
do_starttls(struct session *s, struct parse *p)
{
	struct str x = {0};
	int r;

	if (parse_end(p) < 0)
		return bad_parse(s);
	if (!gate_has_tls(s->judge))
		return bad(s, "there is no TLS now");
	str_add(&x, s->tag.p, cur_len(&s->tag));
	str_adds(&x, " OK begin\r\n");
	r = gate_start_tls(s->judge, &s->io, x.s);
	str_free(&x);
	if (r > 0)
		return no(s, "[UNAVAILABLE] TLS cannot begin now");
	begin(s);
	if (r < 0)
		p->end = IO_ERROR;
	return 0;
}

/* --- the talker --- */

void
login_run(void *session, struct judge *j)
{
	struct session *s = session;
	struct io *io = &s->io;
	struct str x = {0};

	s->judge = j;
	begin(s);
	io->idle = (long)s->conf->idle_timeout * 1000;
	io->deadline = io->idle ? io_now() + io->idle : 0;
	add_capabilities(s, &x);
	io_putf(io, "* OK [CAPABILITY%s] %s IMAP facteur\r\n", x.s,
	        s->conf->hostname);
	str_free(&x);
	if (imap_run(s) == IMAP_LOGIN && io_flush(io) == 0)
		gate_leave(j, io);
	else
		io_finish(io);
	explicit_bzero(io->buf, sizeof io->buf);
	arena_free(&s->arena);
}
