/* group - see group.h.  The file itself: it is a group of every system, and static
 * programs have no name service. */
#include "group.h"

#include "io.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <unistd.h>

enum { GROUPS_MAX = 16 << 20 };

/* "mail:x:8:..." */
static bool
is_mail(struct cur line, gid_t *g)
{
	struct cur name, password;
	unsigned long long n;

	cur_until(&line, ":", &name);
	cur_get(&line);
	cur_until(&line, ":", &password);
	if (!cur_same(name, cur_of("mail")) || !cur_take(&line, ':') ||
	    cur_number(&line, INT_MAX, &n) < 0)
		return false;
	*g = (gid_t)n;
	return true;
}

int
group_drop(void)
{
	gid_t mine = getgid(), was = getegid();

	if (was == mine)
		return 0;
	/* The saved group goes with the real one. */
	if (setregid(mine, mine) < 0 || getegid() != mine)
		return -1;
	/* No way back (root may always). */
	return getuid() != 0 && setegid(was) == 0 ? -1 : 0;
}

gid_t
group_mail(gid_t otherwise)
{
	struct str s = {0};
	struct cur all, line;
	gid_t g = otherwise;

	if (io_slurp(AT_FDCWD, "/etc/group", GROUPS_MAX, &s) == 0) {
		all = str_cur(&s);
		while (cur_line(&all, &line) && !is_mail(line, &g))
			;
	}
	str_free(&s);
	return g;
}
