/* dns - fuzz target: a name server's answer.  The first byte is the type that
 * was asked for, the name is b.test. */
#include "dns.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

enum { DNS_TXT = 16 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	char name[DNS_NAME] = "b.test", text[80], host[DNS_NAME];
	struct records *rs = calloc(1, sizeof *rs);
	struct address a;
	enum dns_why w;
	unsigned port = 53;
	size_t i;

	must(rs != NULL);
	if (n > 0) {
		w = dns_answer(data + 1, n - 1, data[0], name, rs);
		must(w == DNS_OK || w == DNS_NONE || w == DNS_AGAIN ||
		     w == DNS_LOOP);
		must(rs->n <= DNS_MX_MAX && (w == DNS_OK) == (rs->n > 0));
		must(strlen(name) < DNS_NAME);
		for (i = 0; i < rs->n && data[0] != DNS_TXT; i++)
			must(strspn(rs->r[i].host, good) ==
			     strlen(rs->r[i].host));
	}
	free(rs);
	snprintf(text, sizeof text, "%.*s", (int)(n < 79 ? n : 79),
	         (const char *)data);
	if (dns_literal(text, 25, &a) == 0)
		must(dns_port(&a) == 25 && strlen(a.text) > 0);
	if (conf_hostport(text, host, &port) == 0)
		must(*host && port > 0 && port < 65536);
	return 0;
}
