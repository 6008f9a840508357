/* secure - see secure.h: the pure part. */
#include "secure.h"

#include "addr.h"

#include <stdio.h>

static const char *const levels[] = {[LEVEL_NONE] = "none",
                                     [LEVEL_MAY] = "may",
                                     [LEVEL_ENCRYPT] = "encrypt",
                                     [LEVEL_VERIFY] = "verify",
                                     [LEVEL_DANE] = "dane"};

enum { LEVELS = sizeof levels / sizeof levels[0], DER_SEQUENCE = 0x30 };

const char *
secure_name(enum level l)
{
	return levels[l];
}

/* --- the table --- */

/* A pattern, or a name of a certificate: a domain, or with a dot before it all
 * below it.  0 or -1. */
static int
read_name(struct cur w, char out[DNS_NAME])
{
	char ascii[ADDR_DOMAIN_MAX + 1], text[DNS_NAME];
	size_t dot = cur_peek(&w) == '.';
	int n;

	if (cur_copy(w, text, sizeof text) < 0 ||
	    addr_to_ascii(text + dot, ascii) < 0)
		return -1;
	n = snprintf(out, DNS_NAME, "%s%s", dot ? "." : "", ascii);
	return n < DNS_NAME ? 0 : -1;
}

/* Does domain lie below .pattern? */
static bool
below(const char *domain, const char *pattern)
{
	size_t n = strlen(domain), m = strlen(pattern);

	return n > m && str_ieq(domain + n - m, pattern);
}

/* Does the pattern fit?  1, 0, or -1 when it is none. */
static int
fits(struct cur w, const char *domain, unsigned port)
{
	char text[DNS_NAME + 8], host[DNS_NAME], name[DNS_NAME];
	struct address a;
	unsigned p = 0;

	if (cur_is(&w, "*"))
		return 1;
	if (cur_copy(w, text, sizeof text) < 0 ||
	    conf_hostport(text, host, &p) < 0)
		return -1;
	if (dns_literal(host, 0, &a) == 0)
		snprintf(name, sizeof name, "%s", a.text);
	else if (read_name(cur_of(host), name) < 0)
		return -1;
	if (*name == '.')
		return below(domain, name) && (p == 0 || p == port);
	if (dns_literal(domain, 0, &a) == 0)
		domain = a.text;
	return str_ieq(name, domain) && (p == 0 || p == port);
}

/* Read a line.  1: it is for the destination, 0: for another, or empty; -1: it
 * is wrong, *what says how. */
static int
read_line(struct cur c, const char *domain, unsigned port,
          struct secure_line *l, const char **what)
{
	struct cur pattern, level, w;
	int i, fit;

	if (cur_word(&c, &pattern) == 0 || *pattern.p == '#')
		return 0;
	*what = "no level";
	if (cur_word(&c, &level) == 0)
		return -1;
	*what = "no such level";
	for (i = 0; i < LEVELS && !cur_is(&level, levels[i]); i++)
		;
	if (i == LEVELS)
		return -1;
	l->level = (enum level)i;
	*what = "that is no destination";
	fit = fits(pattern, domain, port);
	if (fit < 0)
		return -1;
	*what = "too many names, or something that is no name";
	for (l->n = 0; cur_word(&c, &w) > 0; l->n++)
		if (l->n == SECURE_NAMES || read_name(w, l->name[l->n]) < 0)
			return -1;
	*what = "only verify takes names";
	return l->n > 0 && l->level != LEVEL_VERIFY ? -1 : fit;
}

int
secure_find(struct cur table, const char *domain, unsigned port,
            struct secure_line *l, char why[SECURE_WHY])
{
	struct secure_line try;
	const char *what = "";
	struct cur line;
	int r;

	*l = (struct secure_line){.level = LEVEL_MAY};
	try.number = 0;
	while (cur_line(&table, &line)) {
		try.number++;
		r = read_line(line, domain, port, &try, &what);
		if (r < 0) {
			snprintf(why, SECURE_WHY, "tls_policy:%zu: %s",
			         try.number, what);
			return -1;
		}
		if (r > 0 && l->number == 0)
			*l = try;
	}
	return 0;
}

/* --- the decision --- */

/* Certificates and keys are sequences of DER: is it one, no more and no less? */
static bool
is_sequence(const unsigned char *p, size_t n)
{
	size_t len = 0, k, i;

	if (n < 2 || p[0] != DER_SEQUENCE)
		return false;
	k = p[1] & 0x7f; /* bytes of a length that is over 127 */
	if (p[1] < 0x80)
		return k == n - 2;
	if (k == 0 || k > sizeof len || k > n - 2)
		return false;
	for (i = 0; i < k; i++)
		len = len << 8 | p[2 + i];
	return len == n - 2 - k;
}

/* RFC 7672 3.1: usages 2 and 3 only.  RFC 6698 2.1: what is not known, is cut short,
 * or has not the length of its hash, cannot be used. */
static bool
is_usable(const struct tlsa *t)
{
	static const size_t length[] = {0, 32, 64};

	if ((t->usage != 2 && t->usage != 3) || t->selector > 1 || t->type > 2)
		return false;
	return t->type == 0 ? is_sequence(t->data, t->n)
	                    : t->n == length[t->type];
}

/* Of an address literal what certificates have of it (RFC 5280 4.2.1.6). */
static void
add_name(struct secure *s, const char *name)
{
	struct address a;
	size_t i;

	if (dns_literal(name, 0, &a) == 0)
		name = a.text;
	for (i = 0; i < s->n; i++)
		if (str_ieq(s->name[i], name))
			return;
	if (s->n < SECURE_NAMES)
		snprintf(s->name[s->n++], DNS_NAME, "%s", name);
}

/* The certificate must be for a name that the table gives, or else for the host
 * or the destination. */
static void
take_names(const struct secure_facts *f, struct secure *s)
{
	size_t i;

	for (i = 0; i < f->line->n; i++)
		add_name(s, f->line->name[i]);
	if (f->line->n > 0)
		return;
	add_name(s, f->host);
	add_name(s, f->domain);
}

/* The host has secure TLSA records.  True when they decide. */
static bool
by_dane(const struct secure_facts *f, struct secure *s)
{
	size_t i;

	for (i = 0; i < f->tlsa->n; i++)
		if (is_usable(&f->tlsa->t[i]))
			s->tlsa.t[s->tlsa.n++] = f->tlsa->t[i];
	/* RFC 7672 2.2: none that can be used means TLS with whomever. */
	if (s->tlsa.n == 0) {
		if (s->level < LEVEL_ENCRYPT)
			s->level = LEVEL_ENCRYPT;
		snprintf(s->why, sizeof s->why,
		         "no TLSA record of %s can be used", f->base);
		return false;
	}
	s->level = LEVEL_DANE;
	snprintf(s->why, sizeof s->why, "TLSA records of %s", f->base);
	/* RFC 7672 3.2.2, 3.2.3: for usage 2, and 8.1 for the name to ask for */
	snprintf(s->sni, sizeof s->sni, "%s", f->base);
	add_name(s, f->base);
	add_name(s, f->host);
	add_name(s, f->domain);
	return true;
}

/* 0, or -1: not to this host. */
static int
by_sts(const struct secure_facts *f, struct secure *s)
{
	if (!sts_match(f->sts, f->host)) {
		snprintf(s->why, sizeof s->why,
		         "the MTA-STS policy of %s does not name %s", f->domain,
		         f->host);
		return -1;
	}
	/* RFC 8461 4.1: PKIX, for the name of the MX host */
	s->level = LEVEL_VERIFY;
	add_name(s, f->host);
	snprintf(s->why, sizeof s->why, "MTA-STS: %s", f->sts->why);
	return 0;
}

int
secure_decide(const struct secure_facts *f, struct secure *s)
{
	const struct secure_line *l = f->line;

	s->level = l->level;
	s->n = s->tlsa.n = 0;
	snprintf(s->sni, sizeof s->sni, "%s", f->host);
	if (l->number > 0)
		snprintf(s->why, sizeof s->why, "tls_policy:%zu", l->number);
	else
		snprintf(s->why, sizeof s->why, "nothing asks for more");
	if (l->level == LEVEL_VERIFY)
		take_names(f, s);
	if (l->level == LEVEL_VERIFY || l->level == LEVEL_NONE)
		return 0;
	if (f->tlsa && f->tlsa->n > 0 && by_dane(f, s))
		return 0;
	if (l->level == LEVEL_DANE) {
		snprintf(s->why, sizeof s->why,
		         "tls_policy:%zu asks for TLSA records, of which %s "
		         "has none that are secure and can be used",
		         l->number, f->host);
		return -1;
	}
	if (f->sts && f->sts->mode == STS_ENFORCE)
		return by_sts(f, s);
	return 0;
}
