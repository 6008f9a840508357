/* secureask - see secure.h: the table, TLSA records and the MTA-STS policy are
 * found here, and handed to secure_decide().  Called by smtpc.c.  What cannot be
 * told now is never taken for "none": the mail waits. */
#include "secure.h"

#include "io.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int
secure_open(struct secure_asker *a, char why[SECURE_WHY])
{
	char *path = conf_beside(a->conf, "tls_policy");
	struct str text = {0};
	struct stat st;
	int r = io_slurp_table(path, SECURE_TABLE, &text), err = errno;

	/* A link that leads nowhere was meant to be a table. */
	if (r < 0 && err == ENOENT && lstat(path, &st) < 0 && errno == ENOENT)
		r = 0;
	if (r < 0)
		snprintf(why, SECURE_WHY, "tls_policy: %s", strerror(err));
	if (r == 0)
		r = secure_find(str_cur(&text), a->domain, a->port, &a->line,
		                why);
	str_free(&text);
	free(path);
	return r;
}

void
secure_close(struct secure_asker *a)
{
	free(a->sts);
	a->sts = NULL;
}

/* The TLSA records of one name.  1 there are some that are secure, 0 there are
 * none, -1 that cannot be told. */
static int
find_at(const struct secure_asker *a, const char *base, struct tlsalist *l)
{
	switch (dns_tlsa(base, a->port, l)) {
	case DNS_OK: return l->secure;
	case DNS_NONE:
	case DNS_NX: return 0;
	default: return -1;
	}
}

/* RFC 7672 2.2: nothing is asked unless all that led to the host is secure, as
 * else the name servers of its zone may not even understand the question.
 * *base: NULL when there are no records.  0, or -1 when it cannot be told. */
static int
find_tlsa(const struct secure_asker *a, const char *host,
          const struct addrlist *l, struct tlsalist *to, const char **base)
{
	struct address lit;
	bool alias = l->secure;
	int r;

	*base = NULL;
	if ((!a->named && !a->mx_secure) || dns_literal(host, 0, &lit) == 0)
		return 0;
	/* RFC 7672 2.2.2: an alias that is secure may lead elsewhere. */
	if (!l->secure && !str_ieq(l->name, host) &&
	    dns_alias(host, &alias) == DNS_AGAIN)
		return -1;
	if (!alias)
		return 0;
	if (l->secure && !str_ieq(l->name, host)) {
		r = find_at(a, l->name, to);
		if (r != 0) {
			*base = l->name;
			return r < 0 ? -1 : 0;
		}
	}
	r = find_at(a, host, to);
	if (r > 0)
		*base = host;
	return r < 0 ? -1 : 0;
}

static int
ask_sts(struct secure_asker *a, struct secure_facts *f, struct secure *s)
{
	if (!a->sts) {
		a->sts = mem_alloc(sizeof *a->sts);
		if (sts_find(a->conf, a->domain, a->sts) < 0) {
			s->level = LEVEL_VERIFY;
			snprintf(s->why, sizeof s->why, "%s", a->sts->why);
			secure_close(a);
			return -1;
		}
	}
	f->sts = a->sts;
	return secure_decide(f, s);
}

int
secure_ask(struct secure_asker *a, const char *host, const struct addrlist *l,
           struct secure *s)
{
	struct secure_facts f = {
	    .line = &a->line, .domain = a->domain, .host = host};
	struct tlsalist *tlsa;
	int r;

	/* The table may know enough. */
	if (a->line.level == LEVEL_NONE || a->line.level == LEVEL_VERIFY)
		return secure_decide(&f, s);
	tlsa = mem_alloc(sizeof *tlsa);
	if (find_tlsa(a, host, l, tlsa, &f.base) < 0) {
		s->level = LEVEL_DANE;
		snprintf(s->why, sizeof s->why,
		         "the TLSA records of %s cannot be looked up", host);
		free(tlsa);
		return -1;
	}
	if (f.base)
		f.tlsa = tlsa;
	r = secure_decide(&f, s);
	/* RFC 8461 2: DANE wins, whatever came of it.  The policy binds also who
	 * is told that there is no MX (RFC 8461 10: the DNS may lie). */
	if (r == 0 && s->level < LEVEL_DANE && !a->direct)
		r = ask_sts(a, &f, s);
	free(tlsa);
	return r;
}
