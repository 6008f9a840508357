/* idn - see idn.h.  The one use of the IDNA library in programs that load it
 * when they need it. */
#include "idn.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

enum { FLAGS = 1 | 8 }; /* IDN2_NFC_INPUT, IDN2_NONTRANSITIONAL (UTS 46) */

int
idn_lookup(char name[ADDR_DOMAIN_MAX + 1])
{
	void *lib = dlopen("libidn2.so.0", RTLD_NOW | RTLD_NODELETE);
	void *sym = lib ? dlsym(lib, "idn2_lookup_u8") : NULL;
	int (*lookup)(const uint8_t *, uint8_t **, int);
	uint8_t in[ADDR_DOMAIN_MAX + 1], *out = NULL;
	int ok = 1;

	if (sym) {
		memcpy(&lookup, &sym, sizeof lookup);
		memcpy(in, name, strlen(name) + 1);
		ok = lookup(in, &out, FLAGS) == 0 ? 0 : -1;
	}
	if (ok == 0 && strlen((char *)out) > ADDR_DOMAIN_MAX)
		ok = -1;
	if (ok == 0)
		memcpy(name, out, strlen((char *)out) + 1);
	free(out);
	if (lib)
		dlclose(lib); /* it stays loaded: RTLD_NODELETE */
	return ok;
}
