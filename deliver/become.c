/* become - turn into the user.  Called by main before anything of the user or of
 * the message is touched.  The only file of deliver that calls set*id. */
#include "deliver.h"

#include <grp.h>
#include <unistd.h>

/* The group that may make dot-locks in the mail directory. */
static const char group[] = "mail";

int
become_user(const struct user *u)
{
	struct group *g;
	gid_t mail;

	if (getuid() == u->uid && geteuid() == u->uid)
		return 0;
	if (getuid() != 0)
		return -1;
	g = getgrnam(group);
	mail = g ? g->gr_gid : u->gid;
	/* The saved ids follow the effective ones (POSIX setregid). */
	if (setgroups(1, &u->gid) < 0 || setregid(u->gid, mail) < 0 ||
	    setreuid(u->uid, u->uid) < 0)
		return -1;
	if (getuid() != u->uid || geteuid() != u->uid || getgid() != u->gid ||
	    setuid(0) == 0 || seteuid(0) == 0)
		return -1;
	return 0;
}

int
drop_group(void)
{
	gid_t g = getgid(), was = getegid();

	if (setregid(g, g) < 0 || getegid() != g)
		return -1;
	return was != g && getuid() != 0 && setegid(was) == 0 ? -1 : 0;
}
