/* sts - MTA-STS (RFC 8461): must mail for a domain be brought over TLS, and to
 * which hosts?  Called by the SMTP client, as the owner of the spool.  The policy
 * is fetched by mtasts(8) and kept in the spool's sts/, a file for each domain.
 * Whatever goes wrong, a policy that we hold stays in force until it expires, and
 * where we hold none there is none. */
#ifndef STS_H
#define STS_H

#include "conf.h"
#include "dns.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	STS_MX_MAX = 128, /* patterns in a policy; one with more is none */
	STS_ID = 33,      /* RFC 8461 3.1: up to 32 letters and digits */
	STS_TEXT = 65536, /* bytes of a policy (RFC 8461 3.3) */
	STS_WHY = 300
};

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts {
	enum sts_mode mode;
	unsigned long max_age;         /* s */
	char mx[STS_MX_MAX][DNS_NAME]; /* lower case: "mx.b.test", "*.b.test" */
	size_t nmx;
	char why[STS_WHY]; /* printable: "policy 20261122, fetched now", ... */
};

/* The policy for mail to domain (A-labels; where there is a smarthost, its name:
 * RFC 8461 3.4).  May wait for a name server and for a web server, a minute at
 * most.  dns_init() was called.  0, or -1 with out->why when the one that is kept
 * cannot be read. */
int sts_find(const struct conf *c, const char *domain, struct sts *out);

/* Is the MX host one that the policy names (RFC 8461 4.1)? */
bool sts_match(const struct sts *s, const char *host);

/* "none", "testing", "enforce" */
const char *sts_mode(enum sts_mode m);

/* --- the pure part --- */

/* Read a policy of n bytes (RFC 8461 3.2); why is left alone.  0, or -1 when it
 * is none. */
int sts_parse(const char *p, size_t n, struct sts *out);

/* The id in the TXT records of _mta-sts.DOMAIN (RFC 8461 3.1).  0, or -1 when
 * there is not exactly one record that is right. */
int sts_record(const struct records *rs, char id[STS_ID]);

#endif
