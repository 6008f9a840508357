/* secure - how must a host be talked to: in the clear, by TLS, and who must it
 * prove to be?  Decided here and nowhere else, for deliveries and for queuerun
 * -n: by tls_policy(5), DANE (RFC 7672) and MTA-STS (RFC 8461), of which DANE
 * wins (RFC 8461 2).  The decision is pure (secure.c); what it is made from is
 * found in secureask.c, which asks the DNS and so runs as the mail account. */
#ifndef SECURE_H
#define SECURE_H

#include "conf.h"
#include "dns.h"
#include "sts.h"

enum {
	SECURE_NAMES = 8, /* that a line of the table may give */
	SECURE_WHY = 400,
	SECURE_TABLE = 1024 * 1024 /* bytes of it */
};

/* In order: each does all that those before it do. */
enum level {
	LEVEL_NONE,    /* no TLS */
	LEVEL_MAY,     /* TLS where it works */
	LEVEL_ENCRYPT, /* TLS, with whomever */
	LEVEL_VERIFY,  /* ... whose certificate is good for one of the names */
	LEVEL_DANE     /* ... or fits one of the TLSA records */
};

/* What the table says of a destination. */
struct secure_line {
	size_t number; /* of the line, 0: none, which is "may" */
	enum level level;
	size_t n;
	char name[SECURE_NAMES][DNS_NAME];
};

/* All that counts. */
struct secure_facts {
	const struct secure_line *line;
	const char *domain; /* where the mail goes */
	const char *host;   /* one that takes it */
	/* Secure records for the name base, which is host's or its alias's; NULL:
	 * there are none. */
	const struct tlsalist *tlsa;
	const char *base;
	const struct sts *sts; /* NULL: none */
};

/* What follows. */
struct secure {
	enum level level;
	char why[SECURE_WHY]; /* printable */
	char sni[DNS_NAME];   /* name to ask for */
	size_t n;             /* names, of which one must be the host's */
	char name[SECURE_NAMES][DNS_NAME];
	struct tlsalist tlsa; /* LEVEL_DANE: those that can be used */
};

/* The first line of the table for a destination and its port.  0, or -1 when any
 * line of the table is wrong, with why. */
int secure_find(struct cur table, const char *domain, unsigned port,
                struct secure_line *l, char why[SECURE_WHY]);

/* 0, or -1 when the host must not get the mail, with s->why. */
int secure_decide(const struct secure_facts *f, struct secure *s);

/* "none", "may", ... */
const char *secure_name(enum level l);

/* --- what is asked for --- */

struct secure_asker {
	const struct conf *conf;
	const char *domain;
	unsigned port;
	bool direct;    /* no MX was asked for: no mail domain, no MTA-STS */
	bool named;     /* ... or there is none: the domain is the host */
	bool mx_secure; /* ... or there are, and that answer is secure */
	struct secure_line line;
	struct sts *sts; /* once it was needed */
};

/* Read the table.  0, or -1 when that cannot be done, with why. */
int secure_open(struct secure_asker *a, char why[SECURE_WHY]);

/* Decide about a host with these addresses.  0, or -1 when it must not get the
 * mail now, with s->why. */
int secure_ask(struct secure_asker *a, const char *host,
               const struct addrlist *l, struct secure *s);

void secure_close(struct secure_asker *a);

#endif
