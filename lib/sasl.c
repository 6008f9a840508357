/* sasl - see sasl.h.  Called by smtpd, popd and imapd, before the login.
 * Names and passwords are compared as they are sent: UTF-8 without controls; SASLprep
 * (RFC 4013) would leave what is ASCII as it is, too.  Nothing secret stays in
 * memory, and no line is longer than SASL_LINE. */
#include "sasl.h"

#include "code.h"
#include "mem.h"
#include "scram.h"

enum { NONCE_MAX = 128 /* bytes of a client's */ };

/* --- what is said --- */

/* A string that never moves, so that no secret is left where it was. */
static void
secret_new(struct str *x)
{
	*x = (struct str){0};
	x->s = mem_grow(NULL, &x->cap, SASL_LINE, 1);
}

static void
secret_free(struct str *x)
{
	explicit_bzero(x->s, x->cap);
	str_free(x);
}

/* Say text as a challenge and read the answer, decoded. */
static enum sasl_end
challenge(struct sasl *s, struct cur text, struct str *to)
{
	struct io *io = s->io;
	struct str x = {0};
	enum sasl_end end = SASL_OK;
	struct cur line;
	ssize_t n;

	str_adds(&x, s->prompt);
	code_base64(&x, text.p, cur_len(&text));
	str_adds(&x, "\r\n");
	io_put(io, x.s, x.n);
	str_free(&x);
	n = io_line(io, &line, SASL_LINE);
	str_clear(to);
	s->input = n;
	if (n < 0)
		return n == IO_LONG ? SASL_BASE64 : SASL_LOST;
	if (cur_is(&line, "*"))
		end = SASL_CANCELED;
	else if (code_unbase64(to, line) < 0)
		end = SASL_BASE64;
	explicit_bzero(io->buf + (line.p - io->buf), (size_t)n);
	return end;
}

/* What the client says first: with the command, where "=" is nothing (RFC 4954 4,
 * RFC 4959 3, RFC 5034 4), or asked for by an empty challenge. */
static enum sasl_end
opening(struct sasl *s, struct cur first, const char *ask, struct str *to)
{
	if (!first.p)
		return challenge(s, cur_of(ask), to);
	if (cur_is(&first, "="))
		return SASL_OK;
	return cur_len(&first) > SASL_LINE || code_unbase64(to, first) < 0
	           ? SASL_BASE64
	           : SASL_OK;
}

/* --- what is asked --- */

static enum sasl_end
ask(struct sasl *s, struct claim *k, struct grant *g)
{
	if (io_flush(s->io) < 0) {
		s->input = IO_ERROR;
		return SASL_LOST;
	}
	if (gate_ask(s->judge, k, g) < 0) /* nobody is there any more */
		return SASL_LATER;
	return g->verdict == AUTH_OK   ? SASL_OK
	       : g->verdict == AUTH_NO ? SASL_NO
	                               : SASL_LATER;
}

static void
take_name(struct sasl *s, const char *name)
{
	if (auth_word(cur_of(name), s->name, AUTH_NAME_MAX) < 0)
		*s->name = '\0';
}

enum sasl_end
sasl_password(struct sasl *s, struct claim *k)
{
	struct grant g = {0};
	enum sasl_end end;

	k->kind = GATE_PASSWORD;
	end = ask(s, k, &g);
	explicit_bzero(k, sizeof *k);
	if (end == SASL_OK)
		take_name(s, g.text);
	return end;
}

/* --- PLAIN, LOGIN --- */

static enum sasl_end
run_plain(struct sasl *s, struct cur first, struct str *x)
{
	struct claim k = {0};
	enum sasl_end end = opening(s, first, "", x);

	if (end == SASL_OK &&
	    (auth_plain(str_cur(x), k.name, k.secret) < 0 ||
	     auth_word(cur_of(k.name), k.name, AUTH_NAME_MAX) < 0 ||
	     auth_word(cur_of(k.secret), k.secret, AUTH_SECRET_MAX) < 0))
		end = SASL_SYNTAX;
	if (end == SASL_OK)
		end = sasl_password(s, &k);
	explicit_bzero(&k, sizeof k);
	return end;
}

/* It was never written down but in a draft; clients know it by its prompts. */
static enum sasl_end
run_login(struct sasl *s, struct cur first, struct str *x)
{
	struct claim k = {0};
	enum sasl_end end = opening(s, first, "Username:", x);
	bool good =
	    end == SASL_OK && auth_word(str_cur(x), k.name, AUTH_NAME_MAX) == 0;

	if (end == SASL_OK)
		end = challenge(s, cur_of("Password:"), x);
	if (end == SASL_OK &&
	    (!good || auth_word(str_cur(x), k.secret, AUTH_SECRET_MAX) < 0))
		end = SASL_SYNTAX;
	if (end == SASL_OK)
		end = sasl_password(s, &k);
	explicit_bzero(&k, sizeof k);
	return end;
}

/* --- SCRAM, RFC 5802 --- */

struct scram {
	struct str header; /* GS2's, and the binding behind it: what c= is */
	struct str nonce;  /* of both */
	struct str auth;   /* the AuthMessage */
	char name[AUTH_NAME_MAX + 1];
};

/* saslname: 0 or -1 (RFC 5802 5.1, n). */
static int
scram_name(struct cur c, char *to)
{
	char name[AUTH_NAME_MAX];
	size_t n = 0;

	for (; c.p < c.e; c.p++) {
		if (n == sizeof name)
			return -1;
		name[n++] = *c.p;
		if (*c.p != '=')
			continue;
		if (c.e - c.p < 3 || (memcmp(c.p + 1, "2C", 2) != 0 &&
		                      memcmp(c.p + 1, "3D", 2) != 0))
			return -1;
		name[n - 1] = c.p[1] == '2' ? ',' : '=';
		c.p += 2;
	}
	return auth_word((struct cur){name, name + n}, to, AUTH_NAME_MAX);
}

/* RFC 5802 7: no value has one.  A claim would end there, and of the AuthMessage only
 * what the client said would count: an old one, with its proof. */
static bool
has_nul(struct cur c)
{
	return memchr(c.p, '\0', cur_len(&c)) != NULL;
}

/* The channel binding's flag (RFC 5802 6): NULL, or what is wrong. */
static const char *
scram_flag(const struct judge *j, struct cur flag, bool plus)
{
	bool p = cur_len(&flag) > 2 && memcmp(flag.p, "p=", 2) == 0;

	if (!p && (cur_len(&flag) != 1 || !memchr("ny", *flag.p, 2)))
		return "invalid-encoding";
	if (p && !plus)
		return "channel-binding-not-supported";
	flag.p += p ? 2 : 0;
	if (p) /* RFC 9266; names of bindings are written in one way */
		return cur_same(flag, cur_of("tls-exporter"))
		           ? NULL
		           : "unsupported-channel-binding-type";
	/* Somebody took -PLUS off our list, and the client did not see it. */
	if (*flag.p == 'y' && *j->tls.binding)
		return "server-does-support-channel-binding";
	return plus ? "channel-bindings-dont-match" : NULL;
}

/* client-first-message: NULL, or what is wrong. */
static const char *
scram_first(const struct judge *j, struct scram *m, struct cur c, bool plus)
{
	struct cur whole = c, flag, w;
	char as[AUTH_NAME_MAX + 1] = "";
	const char *why;

	cur_until(&c, ",", &flag);
	cur_get(&c);
	cur_until(&c, ",", &w);
	if (!cur_take(&c, ',') || has_nul(whole))
		return "invalid-encoding";
	if ((why = scram_flag(j, flag, plus)))
		return why;
	if (cur_len(&w) > 0 &&
	    (!cur_take(&w, 'a') || !cur_take(&w, '=') || scram_name(w, as) < 0))
		return "invalid-encoding";
	str_add(&m->header, whole.p, (size_t)(c.p - whole.p));
	if (plus && code_unbase64(&m->header, cur_of(j->tls.binding)) < 0)
		return "other-error";
	str_add(&m->auth, c.p, cur_len(&c));
	cur_until(&c, ",", &w);
	if (cur_take(&w, 'm')) /* RFC 5802 5.1 */
		return "extensions-not-supported";
	if (!cur_take(&w, 'n') || !cur_take(&w, '='))
		return "invalid-encoding";
	if (scram_name(w, m->name) < 0)
		return "invalid-username-encoding";
	cur_get(&c);
	cur_until(&c, ",", &w);
	if (!cur_take(&w, 'r') || !cur_take(&w, '=') || cur_len(&w) == 0 ||
	    cur_len(&w) > NONCE_MAX)
		return "invalid-encoding";
	str_add(&m->nonce, w.p, cur_len(&w));
	for (; w.p < w.e; w.p++)
		if (*w.p <= ' ' || *w.p > '~')
			return "invalid-encoding";
	/* Nobody acts for somebody else. */
	return *as && strcmp(as, m->name) != 0 ? "other-error" : NULL;
}

/* client-final-message: NULL and the proof, or what is wrong. */
static const char *
scram_final(struct scram *m, struct cur c, struct cur *proof)
{
	struct str bound = {0};
	struct cur rest, w;
	bool same;

	*proof = c;
	while (proof->p < proof->e && proof->e[-1] != ',')
		proof->e--; /* the last comma; p= is behind it */
	rest = (struct cur){c.p, proof->e > c.p ? proof->e - 1 : c.p};
	*proof = (struct cur){proof->e, c.e};
	if (!cur_take(proof, 'p') || !cur_take(proof, '=') || has_nul(c))
		return "invalid-encoding";
	str_addc(&m->auth, ',');
	str_add(&m->auth, rest.p, cur_len(&rest));
	cur_until(&rest, ",", &w);
	if (!cur_take(&w, 'c') || !cur_take(&w, '='))
		return "invalid-encoding";
	same = code_unbase64(&bound, w) == 0 &&
	       cur_same(str_cur(&bound), str_cur(&m->header));
	str_free(&bound);
	if (!same)
		return "channel-bindings-dont-match";
	cur_get(&rest);
	cur_until(&rest, ",", &w);
	if (!cur_take(&w, 'r') || !cur_take(&w, '=') ||
	    !cur_same(w, str_cur(&m->nonce)))
		return "other-error";
	return NULL;
}

/* The client hears what was wrong (RFC 5802 5.1, e); what it says to that is no
 * matter, unless it is gone. */
static enum sasl_end
refuse(struct sasl *s, const char *why, struct str *x)
{
	struct str y = {0};
	enum sasl_end end;

	str_addf(&y, "e=%s", why);
	end = challenge(s, str_cur(&y), x);
	str_free(&y);
	if (end == SASL_LOST)
		return end;
	return strstr(why, "encoding") || strstr(why, "extensions")
	           ? SASL_SYNTAX
	           : SASL_NO;
}

/* The server's first message, and the client's final one in x. */
static enum sasl_end
scram_salt(struct sasl *s, struct scram *m, struct str *x)
{
	struct claim k = {.kind = GATE_SCRAM};
	struct grant g = {0};
	struct cur salt, rounds;
	struct str y = {0};
	char nonce[33];
	enum sasl_end end;

	memcpy(k.name, m->name, sizeof k.name);
	end = ask(s, &k, &g);
	if (end != SASL_OK)
		return end;
	scram_nonce(nonce);
	str_adds(&m->nonce, nonce);
	salt = cur_of(g.text);
	cur_word(&salt, &rounds);
	cur_blanks(&salt);
	str_addf(&y, "r=%s,s=%s,i=%.*s", m->nonce.s, salt.p,
	         (int)cur_len(&rounds), rounds.p);
	str_addc(&m->auth, ',');
	str_add(&m->auth, y.s, y.n);
	end = challenge(s, str_cur(&y), x);
	str_free(&y);
	return end;
}

/* The right proof: the server's own goes to the client, who agrees in silence.  If
 * he does not, the session is over: the judge has let him in. */
static enum sasl_end
scram_agree(struct sasl *s, const char *signature, size_t n, struct str *x)
{
	struct str y = {0};
	enum sasl_end end;

	str_adds(&y, "v=");
	str_add(&y, signature, n);
	end = challenge(s, str_cur(&y), x);
	str_free(&y);
	if (end == SASL_OK)
		return end;
	if (end != SASL_LOST)
		s->input = IO_EOF;
	return SASL_LOST;
}

static enum sasl_end
scram_prove_it(struct sasl *s, struct scram *m, struct str *x)
{
	struct claim k = {.kind = GATE_PROOF};
	struct grant g = {0};
	struct cur proof, name, sign;
	enum sasl_end end;
	const char *why;
	size_t n;

	if ((why = scram_final(m, str_cur(x), &proof)))
		return refuse(s, why, x);
	n = cur_len(&proof);
	if (n + 1 + m->auth.n > AUTH_SECRET_MAX)
		return refuse(s, "other-error", x);
	memcpy(k.name, m->name, sizeof k.name);
	memcpy(k.secret, proof.p, n);
	k.secret[n] = ' ';
	memcpy(k.secret + n + 1, m->auth.s, m->auth.n);
	end = ask(s, &k, &g);
	if (end == SASL_NO)
		return refuse(s, "invalid-proof", x);
	if (end != SASL_OK)
		return end;
	name = cur_of(g.text);
	cur_word(&name, &sign);
	cur_blanks(&name);
	take_name(s, name.p);
	return scram_agree(s, sign.p, cur_len(&sign), x);
}

static enum sasl_end
run_scram(struct sasl *s, struct cur first, struct str *x, bool plus)
{
	struct scram m = {0};
	enum sasl_end end = opening(s, first, "", x);
	const char *why;

	if (end == SASL_OK &&
	    (why = scram_first(s->judge, &m, str_cur(x), plus)))
		end = refuse(s, why, x);
	else if (end == SASL_OK)
		end = scram_salt(s, &m, x);
	else
		goto out;
	if (end == SASL_OK)
		end = scram_prove_it(s, &m, x);
out:
	str_free(&m.header);
	str_free(&m.nonce);
	str_free(&m.auth);
	return end;
}

static enum sasl_end
run_unbound(struct sasl *s, struct cur first, struct str *x)
{
	return run_scram(s, first, x, false);
}

static enum sasl_end
run_bound(struct sasl *s, struct cur first, struct str *x)
{
	return run_scram(s, first, x, true);
}

/* --- the mechanisms --- */

enum { SCRAM = 1, BOUND = 2 };

static const struct mechanism {
	const char *name;
	unsigned needs;
	enum sasl_end (*run)(struct sasl *s, struct cur first, struct str *x);
} mechanisms[] = {
    {"SCRAM-SHA-256-PLUS", SCRAM | BOUND, run_bound  },
    {"SCRAM-SHA-256",      SCRAM,         run_unbound},
    {"PLAIN",              0,             run_plain  },
    {"LOGIN",              0,             run_login  },
    {NULL,                 0,             NULL       },
};

static const struct mechanism *
usable(const struct judge *j, unsigned i)
{
	const struct mechanism *m;
	unsigned have = (j->scram ? SCRAM : 0) | (*j->tls.binding ? BOUND : 0);

	for (m = mechanisms; m->name; m++)
		if ((m->needs & have) == m->needs && i-- == 0)
			return gate_is_safe(j) ? m : NULL;
	return NULL;
}

const char *
sasl_name(const struct judge *j, unsigned i)
{
	const struct mechanism *m = usable(j, i);

	return m ? m->name : NULL;
}

enum sasl_end
sasl_run(struct sasl *s, struct cur mechanism, struct cur first)
{
	const struct mechanism *m;
	enum sasl_end end;
	struct str x;
	unsigned i;

	*s->name = '\0';
	for (i = 0; (m = usable(s->judge, i)); i++)
		if (cur_is(&mechanism, m->name))
			break;
	if (!m)
		return SASL_NONE;
	s->method = m->name;
	secret_new(&x);
	end = m->run(s, first, &x);
	secret_free(&x);
	return end;
}
