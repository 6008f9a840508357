/* login - before the login: LOGIN and AUTHENTICATE (RFC 9051 6.2, RFC 4616).
 * Runs as the talker, who knows no password: what is claimed goes to somebody who
 * does. */
#include "imap.h"

#include "code.h"
#include "limit.h"

enum { SASL_LINE = 2100 /* of an answer to a challenge */ };

static int
judge(struct session *s)
{
	struct str x = {0};
	struct grant g;

	if (io_flush(&s->io) < 0 || gate_ask(s->judge, &s->claim, &g) < 0)
		return IO_ERROR;
	if (g.verdict == AUTH_OK) {
		s->state = USER;
		add_capabilities(s, &x);
		ok(s, "[CAPABILITY%s] you are logged in", x.s);
		str_free(&x);
		return IMAP_LOGIN;
	}
	if (g.verdict == AUTH_LATER) /* RFC 5530 3 */
		no(s, "[UNAVAILABLE] cannot check passwords now");
	else /* the same for a name that is none */
		no(s, "[AUTHENTICATIONFAILED] wrong user name or password");
	if (++s->tries < IMAP_TRIES)
		return 0;
	io_puts(&s->io, "* BYE that was wrong too often\r\n");
	return IMAP_BYE;
}

int
do_login(struct session *s, struct parse *p)
{
	struct claim *k = &s->claim;
	struct cur name, secret;

	if (parse_sp(p) < 0 || parse_astring(p, &name) < 0 || parse_sp(p) < 0 ||
	    parse_astring(p, &secret) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	if (auth_word(name, k->name, AUTH_NAME_MAX) < 0 ||
	    auth_word(secret, k->secret, AUTH_SECRET_MAX) < 0)
		return bad(s, "that cannot be a name and a password");
	return judge(s);
}

/* --- SASL --- */

/* What the client says to a challenge, decoded: 0, or -1 with the answer given, or
 * input ended. */
static int
challenge(struct session *s, const char *text, struct str *to)
{
	struct cur line;
	ssize_t n;

	io_putf(&s->io, "+ %s\r\n", text);
	n = io_line(&s->io, &line, SASL_LINE);
	str_adds(to, "");
	if (n < 0 && n != IO_LONG)
		s->parse.end = (int)n;
	else if (n >= 0 && cur_is(&line, "*"))
		bad(s, "as you like");
	else if (n < 0 || code_unbase64(to, line) < 0)
		bad(s, "that is no base64");
	else
		return 0;
	return -1;
}

/* PLAIN; first: the initial response (RFC 4959), p is NULL when there is none. */
static int
sasl_plain(struct session *s, struct cur first)
{
	struct claim *k = &s->claim;
	struct str a = {0};
	int r = 0;

	str_adds(&a, "");
	if (first.p && !cur_is(&first, "=")) {
		if ((r = code_unbase64(&a, first)) < 0)
			bad(s, "that is no base64");
	} else if (!first.p) {
		r = challenge(s, "", &a);
	}
	if (r == 0 &&
	    (auth_plain((struct cur){a.s, a.s + a.n}, k->name, k->secret) < 0 ||
	     auth_word(cur_of(k->name), k->name, AUTH_NAME_MAX) < 0 ||
	     auth_word(cur_of(k->secret), k->secret, AUTH_SECRET_MAX) < 0))
		r = bad(s, "cannot read that");
	else if (r == 0)
		r = judge(s);
	explicit_bzero(a.s, a.n);
	str_free(&a);
	return r < 0 ? 0 : r;
}

static int
sasl_login(struct session *s)
{
	struct claim *k = &s->claim;
	struct str name = {0}, secret = {0};
	int r = 0;

	if (challenge(s, "VXNlcm5hbWU6", &name) == 0 &&
	    challenge(s, "UGFzc3dvcmQ6", &secret) == 0) {
		if (auth_word((struct cur){name.s, name.s + name.n}, k->name,
		              AUTH_NAME_MAX) < 0 ||
		    auth_word((struct cur){secret.s, secret.s + secret.n},
		              k->secret, AUTH_SECRET_MAX) < 0)
			r = bad(s, "cannot read that");
		else
			r = judge(s);
	}
	if (secret.n > 0)
		explicit_bzero(secret.s, secret.n);
	str_free(&secret);
	str_free(&name);
	return r;
}

int
do_authenticate(struct session *s, struct parse *p)
{
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
	if (cur_is(&mechanism, "PLAIN"))
		return sasl_plain(s, first);
	if (cur_is(&mechanism, "LOGIN") && !first.p)
		return sasl_login(s);
	return no(s, "[CANNOT] no such mechanism");
}

/* --- the talker --- */

void
login_run(void *session, struct judge *j)
{
	struct session *s = session;
	struct io *io = &s->io;
	struct str x = {0};

	limit_talker();
	s->judge = j;
	s->state = STRANGER;
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
