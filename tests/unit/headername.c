/* headername - the table is in the order that its search needs; sets.
 * With: imapd/headername.c */
#include "imapd/headername.h"

#include <assert.h>

static bool
has(const struct headerset *s, const char *name)
{
	return headerset_has(s, cur_of(name));
}

int
main(void)
{
	struct cur some[] = {cur_of("SUBJECT"), cur_of("x-own"),
	                     cur_of("X-Other"), cur_of("to"),
	                     cur_of(""),        cur_of("X-OWN")};
	struct headernames names;
	struct headerset set;
	size_t i, longest = 0;

	headernames_begin(&names);
	for (i = 0; i < HEADERNAME_KNOWN; i++) {
		struct cur name = cur_of(headername_of(i));

		assert(i == 0 ||
		       strlen(headername_of(i - 1)) <= cur_len(&name));
		assert(headername_find(&names, name) == (int)i);
		longest = cur_len(&name);
	}
	assert(longest == HEADERNAME_LONGEST);
	assert(headername_find(&names, cur_of("Message-Id")) >= 0);
	assert(headername_find(&names, cur_of("Received")) < 0);
	assert(headername_find(&names, cur_of("")) < 0);
	assert(headername_find(&names, cur_of("Disposition-Notification-Too")) <
	       0);

	headerset_make(&set, some, sizeof some / sizeof *some);
	assert(set.n == 4);
	assert(has(&set, "Subject") && has(&set, "TO") && has(&set, "X-Own") &&
	       has(&set, "x-other"));
	assert(!has(&set, "From") && !has(&set, "X-Owner") && !has(&set, "T"));

	assert(cur_is(&(struct cur){0}, ""));
	{
		struct cur name = headername_take(cur_of("To \t: kim\r\n"));

		assert(cur_is(&name, "to"));
		name = headername_take(cur_of("no field\r\n"));
		assert(cur_len(&name) == 0);
	}
	return 0;
}
