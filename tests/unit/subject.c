/* subject - unit test of imapd/subject.c: base subjects (RFC 5256 2.1, 5).
 * With: imapd/subject.c */
#include "imapd/subject.h"
#include "mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *subject, *base;
	bool reply;
} table[] = {
    {"",                              "",                  false},
    {"hello",                         "hello",             false},
    {"  hello \t world \r\n  again ", "hello world again", false},
    {"Re: hello",                     "hello",             true },
    {"RE:hello",                      "hello",             true },
    {"re \t : hello",                 "hello",             true },
    {"Re: Fwd: fw: hello",            "hello",             true },
    {"Re[2]: hello",                  "hello",             true },
    {"Re [2] : hello",                "hello",             true },
    {"Re [2]: hello",                 "hello",             true },
    {"hello (fwd)",                   "hello",             true },
    {"hello (FWD)(fwd)  (fwd) ",      "hello",             true },
    {"[list] hello",                  "hello",             false},
    {"[list] Re: hello",              "hello",             true },
    {"Re: [list] hello",              "hello",             true },
    {"[a] [b][c] Re: [d] hello",      "hello",             true },
    {"[a][b]",                        "[b]",               false},
    {"[a]",                           "[a]",               false},
    {"Re: [a]",                       "[a]",               true },
    {"[fwd: hello]",                  "hello",             true },
    {"[fwd: [fwd: Re: hello (fwd)]]", "hello",             true },
    {"Re: [Fwd: [list] hello] (fwd)", "hello",             true },
    {"[fwd: hello",                   "[fwd: hello",       false},
    {"[fwd: hello] there",            "there",             false},
    {"Regarding: hello",              "Regarding: hello",  false},
    {"Re hello",                      "Re hello",          false},
    {"forward: hello",                "forward: hello",    false},
    {"[un[closed] hello",             "[un[closed] hello", false},
    {"hello Re: there",               "hello Re: there",   false},
    {"Re:",                           "",                  true },
    {"(fwd)",                         "",                  true },
    {"[fwd:]",                        "",                  true },
    {"Re: re: RE: Re[3]: FWD:",       "",                  true },
    {"[]x",                           "x",                 false},
};

static void
subject_is(const char *subject, const char *base, bool reply)
{
	size_t n = strlen(subject);
	char *s = mem_dup(subject, n);
	bool was;
	struct cur c = subject_base(s, n, &was);

	if (cur_len(&c) != strlen(base) ||
	    memcmp(c.p, base, strlen(base)) != 0 || was != reply) {
		fprintf(stderr, "%s: \"%.*s\" %d\n", subject, (int)cur_len(&c),
		        c.p, was);
		assert(false);
	}
	free(s);
}

/* Long ones take no longer than they are long. */
static void
long_ones(void)
{
	static const char *const what[] = {"[a]",   "Re: ", "[fwd:", "[",  "]",
	                                   "(fwd)", "re[",  " ",     "[] "};
	size_t i;

	for (i = 0; i < sizeof what / sizeof *what; i++) {
		struct str s = {0};
		bool reply;

		while (s.n < 1 << 20)
			str_adds(&s, what[i]);
		subject_base(s.s, s.n, &reply);
		str_free(&s);
	}
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++)
		subject_is(table[i].subject, table[i].base, table[i].reply);
	long_ones();
	return 0;
}
