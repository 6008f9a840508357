/* hdr - unit test of lib/hdr.c. */
#include "hdr.h"

#include <assert.h>

static bool
cur_eq(struct cur c, const char *z)
{
	return cur_len(&c) == strlen(z) && memcmp(c.p, z, strlen(z)) == 0;
}

static void
test_walk(void)
{
	struct cur c = cur_of("Subject: a\n b\nto :x\nX-Empty:\n\nBody: no\n");
	struct field f;

	assert(hdr_next(&c, &f));
	assert(cur_eq(f.name, "Subject") && cur_eq(f.body, " a\n b"));
	assert(cur_eq(f.all, "Subject: a\n b\n"));
	assert(hdr_next(&c, &f));
	assert(cur_is(&f.name, "To") && cur_eq(f.body, "x"));
	assert(hdr_next(&c, &f));
	assert(cur_is(&f.name, "x-empty") && cur_eq(f.body, ""));
	assert(!hdr_next(&c, &f));
	assert(cur_eq(c, "\nBody: no\n"));
}

static void
end_is(const char *message, const char *body)
{
	assert(strcmp(hdr_end(cur_of(message)), body) == 0);
}

static void
test_end(void)
{
	end_is("A: b\n\nbody\n", "body\n");
	end_is("A: b\nbody: c\n", "");
	end_is("A: b\nbody\n", "body\n");
	end_is("From bob Sat\nA: b\n", "From bob Sat\nA: b\n");
	end_is("\nA: b\n", "A: b\n");
	end_is(" A: b\n", " A: b\n");
	end_is(": b\n", ": b\n");
	end_is("J\xf6: b\n", "J\xf6: b\n");
	end_is("", "");
	end_is("A", "A");
	end_is("A:", "");
	end_is("A: b\n ", "");
}

static void
test_find(void)
{
	static const char *const list[] = {"Bcc", "Resent-Bcc", NULL};
	struct cur h = cur_of("A: 1\nBCC: 2\nbcc: 3\n\nZ: 4\n");
	static const char with_nul[] = "A\0: b\n";
	struct cur nul = {with_nul, with_nul + sizeof with_nul - 1};
	struct field f;

	assert(hdr_find(h, "bcc", &f) && cur_eq(f.body, " 2"));
	assert(hdr_name_in(&f.name, list));
	assert(!hdr_find(h, "Z", &f));
	assert(!hdr_find(h, "", &f));
	assert(!hdr_next(&nul, &f));
	h = cur_of("Bc");
	assert(!hdr_name_in(&h, list));
}

int
main(void)
{
	test_walk();
	test_end();
	test_find();
	return 0;
}
