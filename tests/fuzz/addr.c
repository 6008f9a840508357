/* addr - fuzz target: a parsed address parses again to itself, and no path or
 * list yields one with a control character in it. */
#include "addr.h"
#include "tests/fuzz/fuzz.h"

static int
check(void *arg, const char *addr)
{
	char again[ADDR_MAX + 1], ascii[ADDR_DOMAIN_MAX + 1];
	struct str s = {0};
	const char *p;

	(void)arg;
	for (p = addr; *p; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7f);
	must(addr_parse(cur_of(addr), again) == 0);
	must(strcmp(addr, again) == 0);
	addr_write(&s, addr);
	must(strcmp(addr, s.s) == 0);
	if (*addr_domain(addr))
		must(addr_to_ascii(addr_domain(addr), ascii) == 0);
	str_clear(&s);
	str_addf(&s, "<%s>", addr);
	must(addr_path(&(struct cur){s.s, s.s + s.n}, again) == 0);
	must(strcmp(addr, again) == 0);
	str_free(&s);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct cur c = {p, p + n};
	char addr[ADDR_MAX + 1];

	if (addr_parse(c, addr) == 0)
		check(NULL, addr);
	addr_is_domain(c);
	addr_list(c, check, NULL);
	if (addr_path(&c, addr) == 0 && *addr)
		check(NULL, addr);
	return 0;
}
