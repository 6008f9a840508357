/* idn - internationalised domain names (RFC 5891), by the IDNA library.
 * Most mail never asks: the library is loaded with the first such name.  A
 * program that is linked statically brings an idn_lookup() of its own. */
#ifndef IDN_H
#define IDN_H

#include "addr.h"

/* Make A-labels of a lower-case name in place.  0; -1 when it is no domain; 1
 * when there is no library. */
int idn_lookup(char name[ADDR_DOMAIN_MAX + 1]);

#endif
