/* become - see become.h.  THIS FILE RUNS AS ROOT. */
#include "become.h"

#include "log.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define TALKER "facteurd"

int
become_user(const struct conf *c, const struct user *u, gid_t mail)
{
	/* Everybody's records lie below; nobody can see or take others'. */
	umask(0);
	mkdir(c->state, getuid() == 0 ? 01777 : 0700);
	umask(077);
	if (getuid() == u->uid && geteuid() == u->uid)
		return 0;
	if (getuid() != 0)
		return -1;
	/* The saved ids follow the effective ones (POSIX setregid). */
	if (setgroups(1, &u->gid) < 0 || setregid(u->gid, mail) < 0 ||
	    setreuid(u->uid, u->uid) < 0 || getuid() != u->uid ||
	    geteuid() != u->uid || getgid() != u->gid)
		return -1;
	return setuid(0) == 0 || seteuid(0) == 0 ? -1 : 0;
}

/* A private instance belongs to who owns its configuration. */
static void
find_talker(const char *file, uid_t *uid, gid_t *gid)
{
	char none[] = "";
	const struct conf system = {.users = none};
	struct stat st;
	struct user u;

	if (file && stat(file, &st) == 0 && st.st_uid != 0) {
		*uid = st.st_uid;
		*gid = st.st_gid;
		return;
	}
	if (user_find(&system, TALKER, &u) <= 0 || u.uid == 0)
		log_die(EX_CONFIG, "no user " TALKER);
	*uid = u.uid;
	*gid = u.gid;
}

/* Only a directory of root's will do, that nobody can put things into.  It is a
 * second wall: without it we go on. */
static void
enter_jail(const char *path)
{
	struct stat st;

	if ((mkdir(path, 0) < 0 && errno != EEXIST) || chdir(path) < 0 ||
	    lstat(".", &st) < 0 || st.st_uid != 0 ||
	    (st.st_mode & 07777) != 0 || chroot(".") < 0)
		log_warn("%s: cannot be used as an empty root", path);
}

int
become_account(uid_t uid, gid_t gid)
{
	if (setgroups(1, &gid) < 0 || setgid(gid) < 0 || setuid(uid) < 0 ||
	    getuid() != uid || geteuid() != uid || getgid() != gid)
		return -1;
	return setuid(0) == 0 || setgid(0) == 0 ? -1 : 0;
}

void
become_talker(const char *file, const char *jail)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return;
	find_talker(file, &uid, &gid);
	if (jail)
		enter_jail(jail);
	if (become_account(uid, gid) < 0)
		log_die(EX_OSERR, "cannot become user %lu", (unsigned long)uid);
}
