/* maildirname - names of messages taken apart and put together; other servers'
 * lists of UIDs. */
#include "maildirname.h"
#include "maildirlist.h"
#include "mboxscan.h"

#include <assert.h>
#include <string.h>

static struct maildir_name
parse(const char *z)
{
	struct maildir_name n;

	name_parse(&n, cur_of(z));
	return n;
}

static void
takes_apart(void)
{
	struct maildir_name n;

	n = parse("1.M2P3.host,S=12,W=34:2,DFPRSTac");
	assert(cur_is(&n.base, "1.M2P3.host,S=12,W=34"));
	assert(n.size == 12 && n.wire == 34);
	assert(n.flags == (FLAG_DRAFT | FLAG_FLAGGED | FLAG_ANSWERED |
	                   FLAG_SEEN | FLAG_DELETED));
	assert(n.letters == 5);
	n = parse("1.host");
	assert(cur_is(&n.base, "1.host") && !n.flags && !n.letters);
	assert(n.size == NAME_UNSAID && n.wire == NAME_UNSAID);
	/* What is not quite a number is none; what is behind the colon is no
	 * size; another kind of info has no flags. */
	n = parse("1,S=1x,W=,S=-1,W=99999999999999999999:2,S,S=4");
	assert(n.size == NAME_UNSAID && n.wire == NAME_UNSAID);
	assert(n.flags == FLAG_SEEN);
	assert(parse("1:1,S").flags == 0);
	assert(parse("1:2").flags == 0);
	assert(parse("1:").flags == 0);
	n = parse(":2,S");
	assert(cur_len(&n.base) == 0 && n.flags == FLAG_SEEN);
	n = parse("");
	assert(cur_len(&n.base) == 0);
}

static void
make(const char *name, unsigned flags, uint32_t letters, uint32_t mask,
     const char *want)
{
	struct str s = {0};

	name_make(&s, name, flags, letters, mask);
	assert(strcmp(s.s, want) == 0);
	str_free(&s);
}

static void
puts_together(void)
{
	make("1.h,S=2", 0, 0, 0, "1.h,S=2:2,");
	make("1.h", FLAG_SEEN | FLAG_DRAFT | FLAG_OLD, 0, 0, "1.h:2,DS");
	make("1.h:2,S", FLAG_FLAGGED, 0, 0, "1.h:2,F");
	/* Passed, letters that mean nothing to us, and what others put behind
	 * a comma stay. */
	make("1.h:2,zSPXa", FLAG_SEEN | FLAG_DELETED, 2, 3, "1.h:2,PSTXbz");
	make("1.h:2,SS,x=1", FLAG_SEEN, 0, 0, "1.h:2,S,x=1");
	make("1.h:1,SS", FLAG_SEEN, 0, 0, "1.h:2,S");
	make("1.h:2,a\xffS", 0, 0, 0, "1.h:2,a");
}

static void
order(const char *a, const char *b)
{
	assert(name_order(a, b) < 0);
	assert(name_order(b, a) > 0);
	assert(name_order(a, a) == 0);
}

static void
arrival(void)
{
	order("9.x", "10.x");
	order("1763765040.M45P1.h", "1763765040.M123P1.h");
	order("1763765040.M45P1Q2.h", "1763765040.M45P1Q10.h");
	order("1", "1.x");
	order("", "1");
	order("01", "1");
	order("1a", "a");
	order("99999999999999999999", "100000000000000000000");
}

static void
hashes(void)
{
	assert(name_hash(cur_of("1.a")) == name_hash(cur_of("1.a")));
	assert(name_hash(cur_of("1.a")) != name_hash(cur_of("1.b")));
	assert(name_hash(cur_of("")) != 0);
}

static void
line_ends(void)
{
	char last = '\0';

	assert(name_bare("a\nb\r\n\nc", 7, &last) == 2 && last == 'c');
	assert(name_bare("\n", 1, &last) == 1);
	assert(name_bare("x\r", 2, &last) == 0 && last == '\r');
	assert(name_bare("\n\n", 2, &last) == 1 && last == '\n');
	assert(name_bare("", 0, &last) == 0 && last == '\n');
}

static uint32_t
uid_of(const struct uidlist *u, const char *base)
{
	return uidlist_find(u, name_hash(cur_of(base)));
}

static void
uid_lists(void)
{
	static const char *const none[] = {
	    "",          "\n",
	    "2 V1 N2\n", "3 V1\n1 :a\n",
	    "3 N2\n",    "3 V99999999999 N2\n",
	    "1 5\n",     "x",
	};
	struct uidlist u;
	size_t i;

	assert(uidlist_parse(&u, cur_of("3 V1275660208 N25 Gabc\n"
	                                "3 W24 S12 :1.a,S=12,W=24:2,S\n"
	                                "7 :2.b\n"
	                                "x :3.c\n"
	                                "0 :4.d\n"
	                                "25 :5.e\n"
	                                "9 no colon\n"
	                                "11 :torn")) == 0);
	assert(u.validity == 1275660208 && u.next == 25 && u.n == 2);
	assert(uid_of(&u, "1.a,S=12,W=24") == 3);
	assert(uid_of(&u, "2.b") == 7);
	assert(uid_of(&u, "3.c") == 0);
	uidlist_free(&u);
	assert(uidlist_parse(&u, cur_of("1 100 9\n4 1.a:2,S\n8 2.b\n")) == 0);
	assert(u.validity == 100 && u.next == 9);
	assert(uid_of(&u, "1.a") == 4 && uid_of(&u, "2.b") == 8);
	uidlist_free(&u);
	for (i = 0; i < sizeof none / sizeof none[0]; i++) {
		assert(uidlist_parse(&u, cur_of(none[i])) < 0);
		uidlist_free(&u);
	}
}

int
main(void)
{
	takes_apart();
	puts_together();
	arrival();
	hashes();
	line_ends();
	uid_lists();
	return 0;
}
