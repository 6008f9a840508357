/* smtpc - see smtpc.h: which hosts, in which order, and what is made of their
 * failures; the dialogue is in session.c.  RFC 5321 5.1, RFC 7505. */
#include "smtpc.h"

#include "addr.h"
#include "dns.h"
#include "hosts.h"
#include "io.h"
#include "log.h"
#include "login.h"
#include "mem.h"
#include "secure.h"
#include "session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	JOB_TIME = 3600,    /* s after which no transaction starts */
	JOB_ADDRESSES = 16, /* that are tried */
	JOB_ASIDE = 3,      /* messages at which a host may hang up */
	PORT_SMTPS = 465    /* TLS at once (RFC 8314 3.3) */
};

/* The hosts of a destination. */
struct plan {
	const struct conf *conf;
	char domain[DNS_NAME]; /* that is looked up */
	struct mxlist mx;
	unsigned port;
	bool direct;    /* the domain is a host, or an address */
	bool smart;     /* ... or the smarthost: its errors are ours */
	bool mind_self; /* it could be ourselves */
	struct secure_asker tls;
	struct secure secure; /* what was decided for the host at hand */
	void (*say)(void *arg, const char *key, const char *value);
	void *arg;
};

__attribute__((format(printf, 3, 4))) static void
say(const struct plan *p, const char *key, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;

	if (!p->say)
		return;
	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	p->say(p->arg, key, s.s);
	str_free(&s);
}

/* --- the plan --- */

/* What the name server says of name, which takes the mail or should. */
static void
dns_verdict(const struct plan *p, enum dns_why w, const char *name,
            struct verdict *v)
{
	const char *status = w == DNS_AGAIN    ? "4.4.3"
	                     : w == DNS_NX     ? "5.1.2"
	                     : w == DNS_NULLMX ? "5.1.10"
	                                       : "5.4.4";

	verdict_set(v, w == DNS_AGAIN ? 'd' : 'f', status, NULL, "%s: %s", name,
	            w == DNS_NONE ? "no host takes mail for it, "
	                            "or it has no address"
	                          : dns_text(w));
	/* A smarthost with no name is an error of ours, not of the mail. */
	if (p->smart && v->what == 'f')
		verdict_set(v, 'd', "4.3.5", NULL, "smarthost %s: %s", name,
		            dns_text(w));
}

/* Where shall we look?  0, or -1 with v. */
static int
plan_domain(struct plan *p, const char *domain, struct verdict *v)
{
	char ascii[ADDR_DOMAIN_MAX + 1];
	const char *smart = p->conf->smarthost;
	struct address a;

	p->port = (unsigned)p->conf->port;
	p->smart = *smart != '\0';
	if (p->smart) {
		say(p, "smarthost", "%s", smart);
		conf_hostport(smart, p->domain, &p->port); /* it was checked */
		p->direct =
		    *smart == '[' || dns_literal(p->domain, p->port, &a) == 0;
	} else if (addr_to_ascii(domain, ascii) == 0) {
		snprintf(p->domain, sizeof p->domain, "%s", ascii);
		/* RFC 5321 4.1.3 */
		p->direct = *ascii == '[';
	}
	if (!*p->domain ||
	    (*p->domain == '[' && dns_literal(p->domain, p->port, &a) < 0)) {
		verdict_set(v, 'f', "5.1.2", NULL,
		            "that is no domain name or address literal");
		return -1;
	}
	/* Another port of this machine is not ourselves. */
	p->mind_self = p->port == p->conf->port;
	say(p, "domain", "%s", p->domain);
	return 0;
}

static bool
is_self(const struct plan *p, const char *host)
{
	return str_ieq(host, p->conf->hostname) || conf_is_local(p->conf, host);
}

/* RFC 5321 5.1: ourselves, what is no better, and all that is worse. */
static void
cut_self(struct plan *p)
{
	size_t i, n = p->mx.n;

	for (i = 0; i < p->mx.n && !is_self(p, p->mx.mx[i].host); i++)
		;
	if (i == p->mx.n)
		return;
	say(p, "skip", "%s is this host: it, its equals and worse ones",
	    p->mx.mx[i].host);
	for (n = 0; p->mx.mx[n].pref < p->mx.mx[i].pref; n++)
		;
	p->mx.n = n;
}

/* How does the destination want to be talked to?  0, or -1 with v. */
static int
plan_tls(struct plan *p, struct verdict *v)
{
	char why[SECURE_WHY];

	p->tls.conf = p->conf;
	p->tls.domain = p->domain;
	p->tls.port = p->port;
	p->tls.direct = p->tls.named = p->direct;
	if (secure_open(&p->tls, why) == 0)
		return 0;
	log_warn("%s", why);
	verdict_set(v, 'd', "4.3.5", NULL, "%s", why);
	return -1;
}

/* Find the hosts for a domain, in order.  0, or -1 with v. */
static int
plan_make(struct plan *p, const char *domain, struct verdict *v)
{
	enum dns_why w;
	size_t i;

	if (plan_domain(p, domain, v) < 0 || plan_tls(p, v) < 0)
		return -1;
	if (dns_init(p->conf) < 0) {
		verdict_set(v, 'd', "4.4.3", NULL,
		            "resolv.conf cannot be read now");
		return -1;
	}
	if (p->direct) {
		p->mx.n = 1;
		snprintf(p->mx.mx[0].host, DNS_NAME, "%s", p->domain);
		return 0;
	}
	w = dns_mx(p->domain, &p->mx);
	if (w != DNS_OK) {
		dns_verdict(p, w, p->domain, v);
		return -1;
	}
	p->tls.named = p->mx.implicit;
	p->tls.mx_secure = p->mx.secure;
	for (i = 0; i < p->mx.n; i++)
		if (p->mx.implicit)
			say(p, "mx", "%s (there is no MX record)",
			    p->mx.mx[i].host);
		else
			say(p, "mx", "%u %s%s", p->mx.mx[i].pref,
			    p->mx.mx[i].host, p->mx.secure ? " (secure)" : "");
	if (p->mind_self)
		cut_self(p);
	if (p->mx.n > 0)
		return 0;
	verdict_set(v, p->smart ? 'd' : 'f', p->smart ? "4.3.5" : "5.4.6", NULL,
	            "mail for %s loops back to myself", p->domain);
	return -1;
}

static bool
is_implicit(const struct plan *p)
{
	return p->smart && p->port == PORT_SMTPS;
}

/* Decide how host i is talked to, p->secure.  0, or -1 with v. */
static int
plan_secure(struct plan *p, size_t i, const struct addrlist *l,
            struct verdict *v)
{
	const char *host = p->mx.mx[i].host;

	if (secure_ask(&p->tls, host, l, &p->secure) == 0) {
		if (is_implicit(p) && p->secure.level == LEVEL_MAY) {
			p->secure.level = LEVEL_ENCRYPT;
			snprintf(p->secure.why, sizeof p->secure.why, "port %d",
			         PORT_SMTPS);
		}
		return 0;
	}
	verdict_set(v, 'd', "4.7.5", NULL, "%s", p->secure.why);
	return -1;
}

/* The addresses of the plan's host i.  0, or -1 with v. */
static int
plan_addresses(const struct plan *p, size_t i, struct addrlist *l,
               struct verdict *v)
{
	const char *host = p->mx.mx[i].host;
	enum dns_why w;

	l->n = 1;
	l->secure = false;
	snprintf(l->name, DNS_NAME, "%s", host);
	if (p->direct && dns_literal(host, p->port, &l->a[0]) == 0)
		return 0;
	w = dns_addr(host, p->port, l);
	if (w == DNS_OK)
		return 0;
	dns_verdict(p, w == DNS_NX && !p->direct ? DNS_NONE : w, host, v);
	return -1;
}

/* The host as logs name it. */
static const char *
host_name(const struct plan *p, size_t i, const struct address *a)
{
	struct address lit;
	const char *host = p->mx.mx[i].host;

	return p->direct && dns_literal(host, p->port, &lit) == 0 ? a->text
	                                                          : host;
}

static void
host_key(const struct address *a, char key[INET6_ADDRSTRLEN + 8])
{
	snprintf(key, INET6_ADDRSTRLEN + 8, "%s:%u", a->text, dns_port(a));
}

/* --- the work --- */

struct work {
	struct smtp_job *job;
	struct plan plan;
	struct login *login;  /* to the smarthost, or NULL */
	struct verdict blame; /* for who is undecided at the end */
	long long end;
	unsigned tried, aside;
	bool loop; /* we met ourselves: no further */
};

/* Why a host was of no use: one that may be better later outweighs those that
 * never will. */
static void
blame(struct work *w, const struct verdict *v)
{
	if (w->blame.what != 'd' || v->what == 'd')
		w->blame = *v;
}

static size_t
count_undecided(const struct smtp_job *job)
{
	size_t i, k, n = 0;

	for (k = 0; k < job->nsend; k++)
		for (i = 0; i < job->send[k].nrcpt; i++)
			n += !job->send[k].rcpt[i].what;
	return n;
}

/* A host hung up at this message, and may take the others: they come first.  false: it
 * does so too often. */
static bool
set_aside(struct work *w, struct smtp_send *send)
{
	if (!send || w->aside++ == JOB_ASIDE)
		return false;
	send->aside = true;
	return true;
}

static bool
go_on(const struct work *w)
{
	struct smtp_send *send;
	size_t i;

	return !w->loop && w->tried < JOB_ADDRESSES && io_now() < w->end &&
	       undecided(w->job, true, &send, &i);
}

/* Only one process of ours waits for a host that says nothing: the others have hosts
 * that answer.  0, or -1 with s->why. */
static int
hear_first(const struct work *w, struct session *s, const char *key)
{
	const struct conf *c = w->plan.conf;
	char why[HOSTS_WHY];

	if (session_speaks(s))
		return 0;
	if (!w->job->force && hosts_dead(c, key, why)) {
		verdict_set(&s->why, 'd', "4.4.1", s->relay,
		            "%s (another waits)", why);
		return -1;
	}
	snprintf(why, sizeof why, "%s does not greet", key);
	hosts_fail(c, key, why);
	return 0;
}

/* One connection.  True when it was good for something, or failed for one message, so
 * that another may be; where TLS failed and need not be, another in the clear may
 * be, too. */
static bool
connection(struct work *w, const char *host, const struct address *a)
{
	struct session *s = mem_alloc(sizeof *s);
	size_t before = count_undecided(w->job);
	char key[INET6_ADDRSTRLEN + 8];
	bool heard, open, clear, progress;
	struct smtp_send *end, *send;
	size_t i;

	s->job = w->job;
	s->host = host;
	s->addr = a;
	s->end = w->end;
	s->mind_self = w->plan.mind_self;
	s->secure = &w->plan.secure;
	s->login = w->login;
	s->implicit =
	    is_implicit(&w->plan) && w->plan.secure.level > LEVEL_NONE;
	host_key(a, key);
	heard = session_dial(s) == 0 && hear_first(w, s, key) == 0;
	open = heard && session_open(s) == 0;
	if (s->slow)
		hosts_fail(w->plan.conf, key, s->why.text);
	else if (heard)
		hosts_ok(w->plan.conf, key);
	w->loop = s->self;
	clear = s->clear;
	if ((!open || session_run(s) < 0) && !s->clear)
		blame(w, &s->why);
	progress = open && count_undecided(w->job) < before;
	end = s->late ? NULL : s->at_end;
	session_close(s);
	free(s);
	if (clear)
		w->plan.secure.level = LEVEL_NONE;
	progress |= open && !progress && set_aside(w, end);
	return clear || (progress && undecided(w->job, false, &send, &i));
}

static void
try_address(struct work *w, size_t i, const struct address *a)
{
	char key[INET6_ADDRSTRLEN + 8], why[HOSTS_WHY];
	const char *host = host_name(&w->plan, i, a);
	struct verdict v;
	enum level level;
	size_t k;

	host_key(a, key);
	if (!w->job->force && hosts_dead(w->plan.conf, key, why)) {
		verdict_set(&v, 'd', "4.4.1", NULL, "%s (a moment ago)", why);
		blame(w, &v);
		return;
	}
	w->tried++;
	w->aside = 0;
	for (k = 0; k < w->job->nsend; k++)
		w->job->send[k].aside = false;
	level = w->plan.secure.level;
	while (go_on(w) && connection(w, host, a))
		;
	w->plan.secure.level = level;
}

static void
try_host(struct work *w, size_t i)
{
	struct addrlist *l = mem_alloc(sizeof *l);
	struct verdict v;
	size_t k;

	if (plan_addresses(&w->plan, i, l, &v) < 0 ||
	    plan_secure(&w->plan, i, l, &v) < 0)
		blame(w, &v);
	else
		for (k = 0; k < l->n && go_on(w); k++)
			try_address(w, i, &l->a[k]);
	free(l);
}

/* Find who we are to the smarthost.  0, or -1 with v. */
static int
find_login(struct work *w, struct verdict *v)
{
	struct str text = {0};
	size_t line = 0;
	int r = -1;

	if (!w->plan.smart || w->job->secrets == -1)
		return 0;
	w->login = mem_alloc(sizeof *w->login);
	if (io_slurp_table_fd(w->job->secrets, LOGIN_TABLE, IO_TABLE, &text) ==
	    0)
		r = login_find(str_cur(&text), w->plan.domain, w->plan.port,
		               w->login, &line);
	if (text.n > 0)
		explicit_bzero(text.s, text.n);
	str_free(&text);
	if (r == 0) {
		free(w->login);
		w->login = NULL;
	}
	if (r >= 0)
		return 0;
	verdict_set(v, 'd', "4.3.5", NULL, "smarthost_auth:%zu: %s", line,
	            line ? "that is no host, login and password"
	                 : "cannot be read, or others than its owner can");
	log_warn("%s", v->text);
	return -1;
}

void
smtpc_run(struct smtp_job *job)
{
	struct work *w = mem_alloc(sizeof *w);
	struct smtp_send *send;
	struct verdict v;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	w->job = job;
	w->plan.conf = job->conf;
	w->end = io_now() + JOB_TIME * 1000LL;
	if (plan_make(&w->plan, job->domain, &v) < 0 || find_login(w, &v) < 0) {
		blame(w, &v);
		w->plan.mx.n = 0;
	}
	for (i = 0; i < w->plan.mx.n && go_on(w); i++)
		try_host(w, i);
	if (!w->blame.what)
		verdict_set(&w->blame, 'd', "4.4.0", NULL,
		            "no time was left for %s", w->plan.domain);
	while (undecided(job, true, &send, &i))
		decide(job, send, i, &w->blame, false);
	if (w->login)
		explicit_bzero(w->login, sizeof *w->login);
	free(w->login);
	secure_close(&w->plan.tls);
	free(w);
}

/* --- the explanation --- */

static void
explain_tls(struct plan *p, size_t i, const struct addrlist *l)
{
	struct secure *s = &p->secure;
	struct verdict v;
	size_t k;

	if (plan_secure(p, i, l, &v) < 0) {
		say(p, "skip", "%s", v.text);
		return;
	}
	say(p, "tls", "%s: %s (%s)", p->mx.mx[i].host, secure_name(s->level),
	    s->why);
	for (k = 0; k < s->n; k++)
		say(p, "tls", "name %s", s->name[k]);
	for (k = 0; k < s->tlsa.n; k++)
		say(p, "tls", "record %u %u %u", s->tlsa.t[k].usage,
		    s->tlsa.t[k].selector, s->tlsa.t[k].type);
}

static void
explain_host(struct plan *p, size_t i)
{
	char key[INET6_ADDRSTRLEN + 8], why[HOSTS_WHY];
	struct addrlist *l = mem_alloc(sizeof *l);
	struct verdict v;
	size_t k;

	if (plan_addresses(p, i, l, &v) < 0) {
		say(p, "skip", "%s", v.text);
		l->n = 0;
	} else {
		explain_tls(p, i, l);
	}
	for (k = 0; k < l->n; k++) {
		host_key(&l->a[k], key);
		say(p, "address", "%s[%s]:%u", host_name(p, i, &l->a[k]),
		    l->a[k].text, p->port);
		if (hosts_dead(p->conf, key, why))
			say(p, "dead", "%s", why);
	}
	free(l);
}

void
smtpc_explain(const struct conf *c, const char *domain,
              void (*fn)(void *arg, const char *key, const char *value),
              void *arg)
{
	struct plan *p = mem_alloc(sizeof *p);
	struct verdict v;
	size_t i;

	p->conf = c;
	p->say = fn;
	p->arg = arg;
	if (plan_make(p, domain, &v) < 0) {
		say(p, "result", "%s: %s %s",
		    v.what == 'f' ? "bounced" : "deferred", v.status, v.text);
		free(p);
		return;
	}
	for (i = 0; i < p->mx.n; i++)
		explain_host(p, i);
	say(p, "result", "sent by SMTP to the first of these that takes it");
	secure_close(&p->tls);
	free(p);
}
