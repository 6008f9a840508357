/* secure - STARTTLS (RFC 3207) and AUTH (RFC 4954): the commands that need somebody
 * with more rights than ours, who stands at the gate.  Called by the loop. */
#include "sasl.h"
#include "smtp.h"

bool
smtp_has_tls(const struct session *s)
{
	return s->judge && *s->judge->tls.version;
}

int
smtp_starttls(void *session, struct cur *args)
{
	static const char ready[] = "220 2.0.0 Ready to start TLS\r\n";
	struct session *s = session;
	int r;

	cur_blanks(args);
	if (cur_len(args) > 0) {
		smtp_reply(s, 501, "5.5.4 no argument here");
	} else if (smtp_has_tls(s) || *s->login) {
		smtp_reply(s, 503, "5.5.1 it is too late for that");
	} else if (!s->judge || !gate_has_tls(s->judge)) {
		smtp_reply(s, 502, "5.5.1 TLS is not offered here");
	} else if ((r = gate_start_tls(s->judge, &s->io, ready)) < 0) {
		return IO_ERROR;
	} else if (r > 0) {
		smtp_reply(s, 454, "4.7.0 TLS is not possible now");
	} else {
		s->code = 220;
		smtp_forget(s);
	}
	return 0;
}

/* --- AUTH --- */

bool
smtp_has_auth(const struct session *s)
{
	return s->submission && s->judge && !*s->login &&
	       gate_is_safe(s->judge);
}

/* The reply to each end of an exchange that does not let in. */
static int
refuse(struct session *s, const struct sasl *x, enum sasl_end end)
{
	static const struct {
		int code;
		const char *text;
	} replies[] = {
	    [SASL_NO] = {535, "5.7.8 wrong user name or password"},
	    [SASL_LATER] = {454, "4.7.0 cannot check passwords now" },
	    [SASL_CANCELED] = {501, "5.7.0 as you like"                },
	    [SASL_BASE64] = {501, "5.5.2 that is no base64"          },
	    [SASL_SYNTAX] = {501, "5.5.2 cannot read that"           },
	    [SASL_NONE] = {504, "5.5.4 no such mechanism"          },
	    [SASL_LOST] = {500, "5.5.6 line too long"              },
	};

	if (end == SASL_LOST)
		return x->input < 0 ? (int)x->input : IO_ERROR;
	if (x->input == IO_LONG) { /* RFC 4954 4 */
		smtp_reply(s, 500, "5.5.6 line too long");
		return 0;
	}
	smtp_reply(s, replies[end].code, "%s", replies[end].text);
	if (end != SASL_NO || ++s->tries < SMTP_TRIES)
		return 0;
	smtp_reply(s, 421, "4.7.0 %s too many wrong passwords",
	           s->conf->hostname);
	return SMTP_END;
}

static int
run(struct session *s, struct cur mechanism, struct cur first)
{
	struct sasl x = {.judge = s->judge, .io = &s->io, .prompt = "334 "};
	enum sasl_end end = sasl_run(&x, mechanism, first);

	if (end != SASL_OK)
		return refuse(s, &x, end);
	memcpy(s->login, x.name, sizeof s->login);
	s->method = x.method;
	smtp_enter(s);
	smtp_reply(s, 235, "2.7.0 Authentication successful");
	return 0;
}

int
smtp_auth(void *session, struct cur *args)
{
	struct session *s = session;
	struct cur mechanism, first, rest;

	cur_word(args, &mechanism);
	if (cur_word(args, &first) == 0)
		first.p = NULL;
	if (cur_len(&mechanism) == 0 || cur_word(args, &rest) > 0)
		smtp_reply(s, 501, "5.5.4 syntax: AUTH mechanism [response]");
	else if (!s->esmtp)
		smtp_reply(s, 503, "5.5.1 say EHLO first");
	else if (!gate_is_safe(s->judge))
		smtp_reply(s, 538, "5.7.11 STARTTLS comes first");
	else
		return run(s, mechanism, first);
	return 0;
}
