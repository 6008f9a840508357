/* hdr - fuzz target: fields follow each other without a gap, up to the end. */
#include "hdr.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cur all = {(const char *)data, (const char *)data + n};
	struct cur c = all;
	struct field f, g;
	const char *at = c.p;

	while (hdr_next(&c, &f)) {
		must(f.all.p == at && f.all.e == c.p && f.all.e > f.all.p);
		must(f.name.p == at && f.name.e > f.name.p);
		must(f.body.p > f.name.e && f.body.e <= f.all.e);
		must(f.body.e >= f.body.p);
		at = c.p;
	}
	must(c.p == at && hdr_end(all) - at <= 1);
	must(!hdr_find(all, "Bcc", &g) || cur_is(&g.name, "bcc"));
	return 0;
}
