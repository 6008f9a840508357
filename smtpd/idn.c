/* idn - the IDNA library, linked into the static smtpd; see lib/idn.h. */
#include "idn.h"

#include <idn2.h>

int
idn_lookup(char name[ADDR_DOMAIN_MAX + 1])
{
	char *out = NULL;
	int ok;

	ok = idn2_to_ascii_8z(name, &out,
	                      IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) ==
	         IDN2_OK &&
	     strlen(out) <= ADDR_DOMAIN_MAX;
	if (ok)
		memcpy(name, out, strlen(out) + 1);
	idn2_free(out);
	return ok ? 0 : -1;
}
