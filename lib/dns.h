/* dns - which hosts take mail for a domain?  RFC 5321 5.1, RFC 7505; and which
 * keys do they have?  RFC 6698.  An answer is secure when a resolver that we may
 * believe says that it has validated it (the AD bit of RFC 4035 3.2.3).
 * The only user of the resolver library, whose own state (_res) is the only
 * state.  Blocking; never called as root. */
#ifndef DNS_H
#define DNS_H

#include "conf.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
	DNS_MX_MAX = 64,
	DNS_ADDR_MAX = 16,
	DNS_CNAME_MAX = 8,
	DNS_NAME = 256,
	DNS_TLSA_MAX = 24,
	DNS_TLSA_DATA = 4096 /* bytes: of a certificate as a whole */
};

enum dns_why {
	DNS_OK,
	DNS_NONE,  /* the name exists, without such a record */
	DNS_NX,    /* NXDOMAIN */
	DNS_AGAIN, /* SERVFAIL, REFUSED, time-out, no network, nonsense */
	DNS_NULLMX,
	DNS_LOOP /* CNAMEs in a circle, or too many */
};

struct mx {
	unsigned pref, lot;  /* drawn between equal preferences */
	char host[DNS_NAME]; /* lower case, no final dot */
};

struct mxlist {
	struct mx mx[DNS_MX_MAX];
	size_t n;
	bool implicit; /* no MX record: the domain itself (RFC 5321 5.1) */
	bool secure;
};

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	char text[INET6_ADDRSTRLEN]; /* 192.0.2.1, 2001:db8::1 */
};

struct addrlist {
	struct address a[DNS_ADDR_MAX];
	size_t n;
	bool secure;
	char name[DNS_NAME]; /* the host without its aliases */
};

/* A TLSA record (RFC 6698 2.1). */
struct tlsa {
	unsigned char usage, selector, type;
	size_t n;
	unsigned char data[DNS_TLSA_DATA];
};

struct tlsalist {
	struct tlsa t[DNS_TLSA_MAX];
	size_t n;
	bool secure;
};

/* Point the resolver at conf.nameserver if set.  Its word that an answer is secure counts
 * only where all name servers are on this machine, or resolv.conf(5) says
 * trust-ad.  0, or -1 when resolv.conf cannot be read now: then nothing may be
 * asked, as the library would begin anew with its own name servers and options. */
int dns_init(const struct conf *c);

/* The MX hosts of a domain (A-labels) in the order of trial: by preference,
 * equal ones shuffled.  DNS_OK also for the implicit MX, which is not looked up
 * further here. */
enum dns_why dns_mx(const char *domain, struct mxlist *out);

/* The addresses of a host, IPv6 and IPv4 alternating, with port filled in.
 * DNS_OK when there is at least one. */
enum dns_why dns_addr(const char *host, unsigned port, struct addrlist *out);

/* The TLSA records of a service of a host, which are worth nothing unless
 * secure.  DNS_OK when there is at least one. */
enum dns_why dns_tlsa(const char *host, unsigned port, struct tlsalist *out);

/* Is the host, whose addresses are not secure, an alias that is (RFC 7672
 * 2.2.2)?  DNS_AGAIN: that cannot be told now. */
enum dns_why dns_alias(const char *host, bool *secure);

/* "no such domain", "the name server did not answer", ... */
const char *dns_text(enum dns_why w);

/* Read "192.0.2.1", "2001:db8::1", also in brackets and with the "IPv6:" of an
 * address literal (RFC 5321 4.1.3).  0, or -1 when it is none. */
int dns_literal(const char *text, unsigned port, struct address *out);

unsigned dns_port(const struct address *a);

/* Is it an address of this machine alone? */
bool dns_is_loopback(const struct address *a);

struct record {
	unsigned pref;          /* MX */
	char host[DNS_NAME];    /* MX; "" the root, "." no host; TXT's text */
	unsigned char addr[16]; /* A, AAAA */
	const unsigned char *p; /* TLSA: the data, within the answer */
	size_t n;
};

struct records {
	struct record r[DNS_MX_MAX];
	size_t n;
	bool secure;
};

/* The TXT records of a name, the strings of each joined.  Longer ones than fit,
 * and those with a NUL in them, are left out. */
enum dns_why dns_txt(const char *name, struct records *out);

/* --- the pure part --- */

/* Read a name server's answer of n bytes: follow the CNAMEs in it from name,
 * which becomes the last one, and collect the records of type that the last
 * name has.  DNS_OK, DNS_NONE (ask again when name has changed), DNS_AGAIN when
 * it is no answer, DNS_LOOP. */
enum dns_why dns_answer(const unsigned char *p, size_t n, int type,
                        char name[DNS_NAME], struct records *out);

#endif
