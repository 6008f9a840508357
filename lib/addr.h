/* addr - mail addresses: RFC 5321 paths, RFC 5322 address lists, domains.
 * Pure, but for the IDNA library, which is loaded when the first non-ASCII
 * domain comes by; no other file knows it. */
#ifndef ADDR_H
#define ADDR_H

#include "str.h"

#include <stdbool.h>

/* RFC 5321 4.5.3.1; in bytes, a little above so that UTF-8 forms fit. */
enum { ADDR_LOCAL_MAX = 64 * 4, ADDR_DOMAIN_MAX = 255, ADDR_MAX = 512 };

/* Parse "<path>" at the cursor and leave it behind the '>'.  A source route is
 * dropped, quotes that are not needed are taken away (so that "bob"@x is
 * bob@x), the others stay: a stored address is what goes between < and >.  ""
 * is stored for <>.  <postmaster> and other bare local parts are taken without
 * domain.  Bytes over 127 are allowed if they are UTF-8 (RFC 6531).
 * Controls and NUL never are.  0 or -1; addr holds up to ADDR_MAX + 1 bytes. */
int addr_path(struct cur *c, char addr[ADDR_MAX + 1]);

/* The same for a mailbox without <>, which must fill the cursor (from a command line or alias). */
int addr_parse(struct cur c, char addr[ADDR_MAX + 1]);

/* The position of the @ that splits local part and domain, or NULL. */
const char *addr_at(const char *addr);

/* The domain (without the @) or "" for a bare local part. */
const char *addr_domain(const char *addr);

/* Does the address, local part or domain, hold a byte over 127? */
bool addr_is_utf8(const char *addr);

/* Lower-case A-label form of a domain (RFC 5891) or of an address literal,
 * without a final dot.  0, or -1 when it is not a domain. */
int addr_to_ascii(const char *domain, char out[ADDR_DOMAIN_MAX + 1]);

/* Are these domains, and the same? */
bool addr_same_domain(const char *a, const char *b);

/* A host name or address literal as EHLO takes it? */
bool addr_is_domain(struct cur c);

/* Call fn for each mailbox of an RFC 5322 address list (To:, Cc:, ...), groups
 * and comments understood; addr is in the form of addr_parse().  Stops and
 * returns -1 at something unreadable or when fn returns < 0. */
int addr_list(struct cur c, int (*fn)(void *arg, const char *addr), void *arg);

/* Append addr in the form it has on the wire, quoted where RFC 5321 asks. */
void addr_write(struct str *s, const char *addr);

#endif
