/* transact - messages over an open session: session_run() of session.h.
 *
 * With PIPELINING (RFC 2920) the envelope goes out in one batch, in the same
 * write as the end of the message before it; without it one command at a
 * time.  Until the last byte of a message was queued its recipients are
 * undecided and another host may try; from then on they are this host's.
 *
 * Content goes by BDAT (RFC 3030) where it is offered and its length is
 * known, which it is but for converted messages, else by DATA. */
#include "transact.h"

#include "addr.h"
#include "code.h"
#include "log.h"

#include <errno.h>

enum {
	BATCH = 8192,   /* bytes of commands at once: fits any TCP window */
	PART = 4 << 20, /* bytes of content that have smtp_timeout to go out */
	ORCPT_LENGTH = 500 /* RFC 3461 4.2 */
};

struct transaction {
	struct smtp_send *send;
	size_t n, rcpt[SESSION_RCPTS]; /* indices in send->rcpt */
	bool taken[SESSION_RCPTS];
	size_t ntaken;
	struct scan scan;
	bool utf8;    /* the host must know SMTPUTF8 */
	bool convert; /* to 7bit */
	bool bdat;
	bool mail, go;   /* MAIL was accepted; DATA was */
	size_t put, got; /* steps: commands sent, replies read */
};

/* --- content --- */

/* Call fn for each block of the content.  0, -1 when fn said so, or -2 with
 * errno when it cannot be read. */
static int
each_block(struct session *s, const struct message *m,
           int (*fn)(struct session *, void *, const char *, size_t), void *arg)
{
	uint64_t at = 0;
	ssize_t n;

	while ((n = message_read(m, at, s->block, SESSION_BLOCK)) > 0) {
		if (fn(s, arg, s->block, (size_t)n) < 0)
			return -1;
		at += (size_t)n;
	}
	return n < 0 ? -2 : 0;
}

static int
block_scan(struct session *s, void *arg, const char *p, size_t n)
{
	(void)s;
	scan_put(arg, p, n);
	return 0;
}

static int
block_learn(struct session *s, void *arg, const char *p, size_t n)
{
	(void)arg;
	encode_put(&s->enc, &s->buf, p, n);
	return 0;
}

/* Queue what is in s->buf; it leaves when it is much. */
static int
put_buf(struct session *s)
{
	session_patience(s, CONTENT);
	io_put(&s->io, s->buf.s, s->buf.n);
	str_clear(&s->buf);
	return s->io.err ? session_lost(s, CONTENT, IO_ERROR) : 0;
}

static int
block_send(struct session *s, void *arg, const char *p, size_t n)
{
	const struct transaction *t = arg;

	if (io_pending(&s->io))
		return -1;
	if (t->convert) {
		str_clear(&s->text);
		encode_put(&s->enc, &s->text, p, n);
		p = s->text.s;
		n = s->text.n;
	}
	if (n > 0)
		wire_put(&s->wire, &s->buf, p, n);
	return put_buf(s);
}

/* --- which message, which recipients --- */

static bool
local_utf8(const char *addr)
{
	const char *at = addr_at(addr);

	return cur_has_8bit((struct cur){addr, at ? at : addr + strlen(addr)});
}

static int
unreadable(struct verdict *v)
{
	verdict_set(v, 'd', "4.3.0", NULL, "cannot read the message: %s",
	            strerror(errno));
	return -1;
}

/* How will the content go?  0, or -1 with v when it cannot. */
static int
choose_form(struct session *s, struct transaction *t, struct verdict *v)
{
	int r;

	t->convert = t->scan.binary || (t->scan.eightbit && !s->offer.eightbit);
	t->bdat = s->offer.chunking && !t->convert;
	if (!t->convert)
		return 0;
	encode_start(&s->enc, true);
	r = each_block(s, t->send->m, block_learn, NULL);
	encode_end(&s->enc, &s->buf);
	if (r < 0)
		return unreadable(v);
	if (!s->enc.stuck)
		return 0;
	verdict_set(v, 'f', "5.6.3", s->relay,
	            "the message cannot be converted to what %s[%s] takes",
	            s->host, s->addr->text);
	return -1;
}

/* Is there a reason why this host can't get the message at all?  0, or -1 with
 * v. */
static int
fit(struct session *s, struct transaction *t, struct verdict *v)
{
	const struct smtp_send *send = t->send;

	t->scan = (struct scan){0};
	if (each_block(s, send->m, block_scan, &t->scan) < 0)
		return unreadable(v);
	scan_end(&t->scan);
	/* RFC 1870 6.1: no need to try. */
	if (s->offer.size_max && t->scan.size > s->offer.size_max) {
		verdict_set(v, 'f', "5.3.4", s->relay,
		            "message of %llu bytes is too large for %s[%s], "
		            "which takes %llu",
		            (unsigned long long)t->scan.size, s->host,
		            s->addr->text, s->offer.size_max);
		return -1;
	}
	/* RFC 6531 3.2: what needs it, whatever the client announced. */
	t->utf8 =
	    local_utf8(send->sender) || (send->m->env.utf8 && t->scan.header8);
	if (t->utf8 && !s->offer.utf8) {
		verdict_set(v, 'f', "5.6.7", s->relay,
		            "%s[%s] does not take internationalized mail "
		            "(SMTPUTF8)",
		            s->host, s->addr->text);
		return -1;
	}
	return choose_form(s, t, v);
}

/* May a recipient of this domain go with those of t?  RFC 9422,
 * RCPTDOMAINMAX. */
static bool
fits_domain(const struct session *s, const struct transaction *t,
            const char *addr)
{
	const char *domain = addr_domain(addr), *last = NULL;
	unsigned long long n = 0;
	size_t i;

	/* Of a run of the same domain one counts. */
	for (i = 0; s->offer.domain_max && i < t->n; i++) {
		const char *d = addr_domain(t->send->rcpt[t->rcpt[i]].addr);

		if (addr_same_domain(d, domain))
			return true;
		n += !last || !addr_same_domain(d, last);
		last = d;
	}
	return !n || n < s->offer.domain_max;
}

/* Put the next recipients into t: of one message, as many as the host takes. */
static void
pick_rcpts(struct session *s, struct transaction *t)
{
	unsigned long long max = SESSION_RCPTS;
	struct smtp_send *send = t->send;
	struct verdict v;

	/* RFC 9422 3.3 */
	if (s->offer.rcpt_max && s->offer.rcpt_max < max)
		max = s->offer.rcpt_max;
	for (; s->at_rcpt < send->nrcpt && t->n < max; s->at_rcpt++) {
		if (send->rcpt[s->at_rcpt].what)
			continue;
		if (!fits_domain(s, t, send->rcpt[s->at_rcpt].addr))
			break;
		if (local_utf8(send->rcpt[s->at_rcpt].addr)) {
			if (!s->offer.utf8) {
				verdict_set(&v, 'f', "5.6.7", s->relay,
				            "%s[%s] does not take "
				            "internationalized addresses "
				            "(SMTPUTF8)",
				            s->host, s->addr->text);
				decide(s->job, send, s->at_rcpt, &v, false);
				continue;
			}
			t->utf8 = true;
		}
		t->rcpt[t->n++] = s->at_rcpt;
	}
}

/* Find work for the next transaction; false: there is none, or no time. */
static bool
pick(struct session *s, struct transaction *t)
{
	const struct smtp_job *job = s->job;
	struct verdict v;
	size_t i;

	/* RFC 9422 3.2 */
	if (io_now() >= s->end ||
	    (s->offer.mail_max && s->mails >= s->offer.mail_max))
		return false;
	for (; s->at < job->nsend; s->at++, s->at_rcpt = 0) {
		memset(t, 0, sizeof *t);
		t->send = &job->send[s->at];
		for (i = s->at_rcpt; i < t->send->nrcpt; i++)
			if (!t->send->rcpt[i].what)
				break;
		if (i == t->send->nrcpt || t->send->aside)
			continue;
		if (fit(s, t, &v) < 0) {
			for (; i < t->send->nrcpt; i++)
				if (!t->send->rcpt[i].what)
					decide(job, t->send, i, &v, false);
			continue;
		}
		pick_rcpts(s, t);
		if (t->n > 0)
			return true;
	}
	return false;
}

/* --- the envelope --- */

/* Does the host take over what the sender asked for?  That ends where a list begins
 * (RFC 3461 5.2.7.1). */
static bool
wants_dsn(const struct session *s, const struct transaction *t)
{
	return s->offer.dsn &&
	       strcmp(t->send->sender, t->send->m->env.sender) == 0;
}

/* An address as MAIL or RCPT has it: the domain as A-labels, unless the message goes
 * with SMTPUTF8 (RFC 6531 3.4). */
static void
add_path(const struct transaction *t, struct str *out, const char *addr)
{
	char domain[ADDR_DOMAIN_MAX + 1];
	const char *at = addr_at(addr);
	struct str a = {0};

	if (at && addr_is_utf8(at) && !t->utf8 &&
	    addr_to_ascii(at + 1, domain) == 0) {
		str_add(&a, addr, (size_t)(at + 1 - addr));
		str_adds(&a, domain);
		addr = a.s;
	}
	str_addc(out, '<');
	if (*addr)
		addr_write(out, addr);
	str_addc(out, '>');
	str_free(&a);
}

static void
put_mail(struct session *s, const struct transaction *t)
{
	const struct envelope *e = &t->send->m->env;
	struct str p = {0};

	str_adds(&p, "MAIL FROM:");
	add_path(t, &p, t->send->sender);
	if (s->offer.size)
		str_addf(&p, " SIZE=%llu", (unsigned long long)t->scan.size);
	if (t->scan.eightbit && !t->convert)
		str_adds(&p, " BODY=8BITMIME");
	if (t->utf8)
		str_adds(&p, " SMTPUTF8");
	/* RFC 3461 4.3, 4.4 */
	if (wants_dsn(s, t)) {
		if (e->ret != RET_NONE)
			str_addf(&p, " RET=%s",
			         e->ret == RET_FULL ? "FULL" : "HDRS");
		if (e->envid) {
			str_adds(&p, " ENVID=");
			code_xtext(&p, e->envid, strlen(e->envid));
		}
	}
	session_put(s, "%s", p.s);
	str_free(&p);
}

/* RFC 3461 4.1 */
static void
add_notify(struct str *p, unsigned notify)
{
	const char *sep = " NOTIFY=";
	unsigned i;

	for (i = 0; i < 4; i++) {
		if (!(notify & 1u << i))
			continue;
		str_addf(p, "%s%s", sep, notify_names[i]);
		sep = ",";
	}
}

/* RFC 3461 4.2.  One that came in UTF-8 may have grown; a host that would refuse the
 * recipient for it does not get it. */
static void
add_orcpt(struct str *p, const char *orcpt)
{
	const char *semi = orcpt ? strchr(orcpt, ';') : NULL;
	struct str v = {0};

	if (!semi)
		return;
	str_add(&v, orcpt, (size_t)(semi + 1 - orcpt));
	code_xtext(&v, semi + 1, strlen(semi + 1));
	if (v.n <= ORCPT_LENGTH)
		str_addf(p, " ORCPT=%s", v.s);
	str_free(&v);
}

static void
put_rcpt(struct session *s, const struct transaction *t, size_t i)
{
	const struct smtp_rcpt *to = &t->send->rcpt[t->rcpt[i]];
	const struct rcpt *r = &t->send->m->env.rcpt[to->rcpt];
	struct str p = {0};

	str_adds(&p, "RCPT TO:");
	add_path(t, &p, to->addr);
	if (wants_dsn(s, t)) {
		add_notify(&p, to->notify);
		add_orcpt(&p, r->orcpt);
	}
	session_put(s, "%s", p.s);
	str_free(&p);
}

/* The command of step k of the envelope: RSET where one is due, MAIL, RCPT for
 * each, DATA. */
static enum stage_name
stage_of(const struct session *s, const struct transaction *t, size_t k)
{
	if (s->reset && k-- == 0)
		return RSET;
	if (k == 0)
		return MAIL;
	return k <= t->n ? RCPT : DATA;
}

static void
put_step(struct session *s, struct transaction *t)
{
	size_t k = t->put++;

	switch (stage_of(s, t, k)) {
	case RSET: session_put(s, "RSET"); break;
	case MAIL: put_mail(s, t); break;
	case RCPT: put_rcpt(s, t, k - s->reset - 1); break;
	default: session_put(s, "DATA");
	}
}

/* What happened to all recipients, or to those that were taken. */
static void
decide_all(struct session *s, const struct transaction *t, bool only_taken,
           const struct verdict *v)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->taken[i] || !only_taken)
			decide(s->job, t->send, t->rcpt[i], v,
			       v->what == 's' && wants_dsn(s, t));
}

/* A recipient beyond what the host takes at once: next time.  RFC 5321
 * 4.5.3.1.10: the code is 452, or of old 552. */
static bool
too_many(const struct session *s, const struct transaction *t)
{
	const char *st = s->reply.status;

	return t->ntaken > 0 &&
	       (s->reply.code == 452 || s->reply.code == 552) &&
	       (!*st || strcmp(st + 1, ".5.3") == 0);
}

static void
got_rcpt(struct session *s, struct transaction *t, size_t i)
{
	struct verdict v;

	if (!t->mail)
		return;
	if (s->reply.code / 100 == 2) {
		t->taken[i] = true;
		t->ntaken++;
	} else if (too_many(s, t)) {
		s->again = true;
	} else {
		session_said(s, RCPT, &v);
		decide(s->job, t->send, t->rcpt[i], &v, false);
	}
}

/* Read the reply to the next step.  0, or -1 with s->why. */
static int
get_step(struct session *s, struct transaction *t)
{
	enum stage_name st = stage_of(s, t, t->got);
	struct verdict v;

	if (session_reply(s, st) < 0)
		return -1;
	if (st == MAIL) {
		t->mail = s->reply.code / 100 == 2;
		if (!t->mail) {
			session_said(s, st, &v);
			decide_all(s, t, false, &v);
		}
	} else if (st == RCPT) {
		got_rcpt(s, t, t->got - s->reset - 1);
	} else if (st == DATA) {
		t->go = s->reply.code == 354;
		if (!t->go && t->mail && t->ntaken > 0) {
			session_said(s, st, &v);
			decide_all(s, t, true, &v);
		}
	}
	t->got++;
	return 0;
}

/* --- the message --- */

/* The host speaks, or hangs up, before it has got the end of the message: it refuses
 * it, or talks nonsense.  Always -1, with s->why. */
static int
interrupted(struct session *s, const struct transaction *t)
{
	/* What has not gone out would be in vain. */
	str_clear(&s->io.obuf);
	s->io.err = 0;
	if (session_reply(s, CONTENT) < 0)
		return -1;
	/* It cannot have taken what it has not got. */
	if (s->reply.code / 100 < 4)
		return session_lost(s, CONTENT, IO_LONG);
	session_said(s, DOT, &s->why);
	decide_all(s, t, true, &s->why);
	return -1;
}

/* Queue the whole content and its end.  0, or -1 with s->why; the end is queued
 * only if all before it was. */
static int
content_put(struct session *s, struct transaction *t)
{
	int r;

	/* All of it has its time, too: each block may come close to its own. */
	s->due = io_now() + 1000 * (long long)s->job->conf->smtp_timeout *
	                        (long long)(1 + t->scan.size / PART);
	s->wire = (struct wire){.dots = !t->bdat};
	if (t->bdat)
		session_put(s, "BDAT %llu LAST",
		            (unsigned long long)t->scan.size);
	if (t->convert)
		encode_start(&s->enc, false);
	r = each_block(s, t->send->m, block_send, t);
	if (r > -2 && io_pending(&s->io))
		return interrupted(s, t);
	if (r == -2) {
		unreadable(&s->why);
		decide_all(s, t, true, &s->why);
	}
	if (r < 0)
		return -1;
	str_clear(&s->text);
	if (t->convert)
		encode_end(&s->enc, &s->text);
	if (s->text.n > 0)
		wire_put(&s->wire, &s->buf, s->text.s, s->text.n);
	wire_end(&s->wire, &s->buf);
	if (put_buf(s) < 0)
		return -1;
	if (!t->bdat)
		session_tell(s->job, ">>> .");
	return 0;
}

/* Read the reply to the end of a message.  0, or -1 with s->why. */
static int
settle(struct session *s, struct transaction *t)
{
	struct verdict v;

	if (session_reply(s, DOT) < 0) {
		v = s->why;
		/* RFC 5321 6.1: the host may have it, and be right. */
		if (!s->answered) {
			verdict_set(&v, 'd', s->why.status, s->relay,
			            "%s -- message may be sent more than once",
			            s->why.text);
			log_info("%s: %s", t->send->m->id, v.text);
		}
		decide_all(s, t, true, &v);
		return -1;
	}
	if (s->reply.code / 100 == 2)
		verdict_set(&v, 's',
		            *s->reply.status ? s->reply.status : "2.0.0",
		            s->relay, "%s", s->reply.text.s);
	else
		session_said(s, DOT, &v);
	decide_all(s, t, true, &v);
	return 0;
}

/* Is the rest of the envelope in vain? */
static bool
in_vain(const struct session *s, const struct transaction *t)
{
	enum stage_name next = stage_of(s, t, t->put);

	return (next > MAIL && !t->mail) || (next == DATA && t->ntaken == 0);
}

/* Send the envelope of t and read the replies, first that to the end of the
 * message before.  0 when the content may follow, 1 when nobody wants it, -1
 * with s->why. */
static int
envelope(struct session *s, struct transaction *t, struct transaction *before)
{
	size_t steps = (size_t)s->reset + 1 + t->n + !t->bdat, bytes = 0;

	while (t->put < steps) {
		/* RFC 5321 2.1: without it each command waits for the reply to
		 * what was before, be that the end of a message. */
		if (before && !s->offer.pipelining) {
			if (settle(s, before) < 0)
				return -1;
			before = NULL;
		}
		put_step(s, t);
		bytes += s->text.n;
		if (s->offer.pipelining && bytes < BATCH && t->put < steps)
			continue;
		bytes = 0;
		if (before && settle(s, before) < 0)
			return -1;
		before = NULL;
		while (t->got < t->put)
			if (get_step(s, t) < 0)
				return -1;
		if (t->put < steps && in_vain(s, t))
			break;
	}
	s->mails++;
	/* RFC 2920 3.1: nobody is there to take it, yet DATA was accepted. */
	if (t->go && t->ntaken == 0) {
		session_put(s, ".");
		return session_reply(s, DOT) < 0 ? -1 : 1;
	}
	/* RFC 3030 2: after BDAT nothing is sure but with RSET. */
	s->reset = t->mail && !t->go;
	return t->ntaken > 0 && (t->go || t->bdat) ? 0 : 1;
}

int
session_run(struct session *s)
{
	struct transaction two[2], *t = &two[0], *before = NULL;
	int r;

	do {
		s->again = false;
		s->at = s->at_rcpt = 0;
		while (pick(s, t)) {
			r = envelope(s, t, before);
			before = NULL;
			s->at_end = t->send;
			if (r < 0 || (r == 0 && content_put(s, t) < 0))
				return -1;
			s->at_end = NULL;
			if (r > 0)
				continue;
			before = t;
			t = t == two ? two + 1 : two;
		}
		/* The reply to QUIT comes with that to the message. */
		s->quit = before && s->offer.pipelining && !s->again;
		if (s->quit)
			session_put(s, "QUIT");
		if (before && settle(s, before) < 0)
			return -1;
		before = NULL;
	} while (s->again);
	session_quit(s);
	return 0;
}
