/* maildirname - fuzz target: a name that was made from a name says what it was
 * to say and is the same message; any text may be a list of UIDs. */
#include "maildirname.h"
#include "maildirlist.h"
#include "mboxscan.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
names(const char *name, unsigned flags, uint32_t letters)
{
	struct maildir_name a, b;
	struct str s = {0}, t = {0};

	name_parse(&a, cur_of(name));
	name_make(&s, name, flags, letters, UINT32_MAX);
	name_parse(&b, cur_of(s.s));
	must(b.flags == flags && b.letters == letters);
	must(name_hash(a.base) == name_hash(b.base));
	must(a.size == b.size && a.wire == b.wire);
	/* Once more changes nothing. */
	name_make(&t, s.s, flags, letters, 0);
	must(strcmp(s.s, t.s) == 0);
	must(name_order(name, name) == 0);
	must((name_order(name, s.s) < 0) == (name_order(s.s, name) > 0));
	str_free(&s);
	str_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct uidlist u;
	struct str s = {0};
	size_t i;

	str_add(&s, data, n);
	if (uidlist_parse(&u, str_cur(&s)) == 0)
		must(u.validity > 0 && u.next > 0);
	for (i = 0; i < u.n; i++) {
		must(u.entry[i].uid > 0 && u.entry[i].uid < u.next);
		must(uidlist_find(&u, u.entry[i].hash) > 0);
	}
	uidlist_free(&u);
	if (n > 0)
		names(s.s, data[0] & 31U, (uint32_t)n * 2654435761U >> 6);
	str_free(&s);
	return 0;
}
