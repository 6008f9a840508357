/* login - tell a smarthost who we are, RFC 4954: session_login() of transact.h.
 * The password is never shown, nor sent in a form that tells it where anybody on
 * the way can read. */
#include "code.h"
#include "scram.h"
#include "transact.h"

enum { COMMAND = 512 /* bytes with CRLF (RFC 5321 4.5.3.1.4) */ };

/* A line of it: prefix, and text in base64, which is wiped. */
static void
put_base64(struct session *s, const char *prefix, struct str *text)
{
	struct str line = {0}, shown = {0};

	str_adds(&line, prefix);
	code_base64(&line, text->s, text->n);
	str_addf(&shown, "%s***", prefix);
	session_put_secret(s, line.s, shown.s);
	explicit_bzero(line.s, line.n);
	if (text->n > 0)
		explicit_bzero(text->s, text->n);
	str_clear(text);
	str_free(&line);
	str_free(&shown);
}

/* The reply, of which a challenge is put into text.  0 it is one; 1 the reply is
 * something else; -1 with s->why. */
static int
challenge(struct session *s, struct str *text)
{
	str_clear(text);
	if (session_reply(s, AUTH) < 0)
		return -1;
	if (s->reply.code != 334)
		return 1;
	return code_unbase64(text, cur_of(reply_words(&s->reply))) < 0;
}

/* Name the mechanism, and say what is said first: with it, or when it is asked for
 * where both are too long for a command (RFC 4954 4).  As challenge(). */
static int
begin(struct session *s, const char *mechanism, struct str *text)
{
	struct str command = {0}, asked = {0};
	int r = 0;

	str_addf(&command, "AUTH %s ", mechanism);
	if (command.n + (text->n + 2) / 3 * 4 + 2 > COMMAND) {
		session_put(s, "AUTH %s", mechanism);
		r = challenge(s, &asked);
		str_clear(&command);
	}
	if (r == 0)
		put_base64(s, command.s, text);
	explicit_bzero(text->s, text->n);
	str_free(&command);
	str_free(&asked);
	return r;
}

/* RFC 4616 */
static int
plain(struct session *s, struct str *t)
{
	int r;

	str_addc(t, '\0');
	str_adds(t, s->login->name);
	str_addc(t, '\0');
	str_adds(t, s->login->secret);
	r = begin(s, "PLAIN", t);
	return r ? r : session_reply(s, AUTH);
}

/* Answer a question, however it is put.  As challenge(). */
static int
answer(struct session *s, struct str *t, const char *text)
{
	int r = challenge(s, t);

	if (r)
		return r;
	str_clear(t);
	str_adds(t, text);
	put_base64(s, "", t);
	return 0;
}

static int
login(struct session *s, struct str *t)
{
	int r;

	session_put(s, "AUTH LOGIN");
	if ((r = answer(s, t, s->login->name)) ||
	    (r = answer(s, t, s->login->secret)))
		return r;
	return session_reply(s, AUTH);
}

/* Who does not prove to know us is not believed, whatever is said: 1. */
static int
scram_talk(struct session *s, struct scram_client *c, struct str *t)
{
	struct str first = {0};
	int r = challenge(s, t);

	if (r == 0) {
		str_add(&first, t->s, t->n);
		str_clear(t);
		r = scram_prove(c, str_cur(&first), t) < 0;
	}
	str_free(&first);
	if (r)
		return r;
	put_base64(s, "", t);
	r = challenge(s, t);
	if (r)
		return r;
	if (scram_believe(c, str_cur(t)) < 0)
		return 1;
	session_put(s, "%s", "");
	return session_reply(s, AUTH);
}

static int
scram(struct session *s, struct str *t)
{
	bool plus = s->offer.auth & OFFER_PLUS;
	struct scram_client c = {0};
	int r;

	scram_begin(&c, s->login->name, s->login->secret, s->tls.binding, plus,
	            t);
	r = begin(s, c.flag == 'p' ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", t);
	if (r == 0)
		r = scram_talk(s, &c, t);
	/* The exchange is over, one way or the other (RFC 4954 4). */
	if (r > 0 && s->reply.code == 334) {
		session_put(s, "*");
		r = session_reply(s, AUTH) < 0 ? -1 : 1;
	}
	scram_free(&c);
	return r;
}

struct way {
	const char *name;
	int (*talk)(struct session *, struct str *);
};

/* The strongest that both know, or NULL. */
static const struct way *
choose(const struct session *s)
{
	static const struct way by_scram = {"SCRAM", scram},
	                        by_plain = {"PLAIN", plain},
	                        by_login = {"LOGIN", login};
	unsigned offer = s->offer.auth;

	if (offer & OFFER_SCRAM || (offer & OFFER_PLUS && *s->tls.binding))
		return &by_scram;
	/* What tells the password is said to nobody else. */
	if (!*s->tls.version && !dns_is_loopback(s->addr))
		return NULL;
	if (offer & OFFER_PLAIN)
		return &by_plain;
	return offer & OFFER_LOGIN ? &by_login : NULL;
}

int
session_login(struct session *s)
{
	const struct way *way;
	struct str t = {0};
	int r;

	if (!s->login)
		return 0;
	way = choose(s);
	if (!way) {
		verdict_set(&s->why, 'd', "4.7.0", s->relay,
		            "cannot log in to %s[%s]: it offers no way that we "
		            "know and that is safe%s",
		            s->host, s->addr->text,
		            *s->tls.version ? "" : " without TLS");
		return -1;
	}
	r = way->talk(s, &t);
	str_free(&t);
	if (r < 0 || (r == 0 && s->reply.code == 235))
		return r;
	verdict_set(&s->why, 'd', "4.7.8", s->relay,
	            "the login of %s (%s) to %s[%s] failed: %s", s->login->name,
	            way->name, s->host, s->addr->text,
	            s->reply.code == 235 || s->reply.code / 100 == 3
	                ? "it does not follow the protocol"
	                : s->reply.text.s);
	return -1;
}
