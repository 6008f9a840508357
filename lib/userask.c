/* userask - what the name service knows; see user.h. */
#include "mem.h"
#include "user.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>

enum { PW_BUF = 1024, PW_BUF_MAX = 1 << 20 };

int
user_ask(const struct conf *c, const char *name, uid_t uid, struct user *u)
{
	struct passwd pw, *found = NULL;
	size_t n = PW_BUF;
	char *buf;
	int err;

	(void)c;
	for (;;) {
		buf = mem_alloc(n);
		err = name ? getpwnam_r(name, &pw, buf, n, &found)
		           : getpwuid_r(uid, &pw, buf, n, &found);
		if (err != ERANGE || n >= PW_BUF_MAX)
			break;
		free(buf);
		n *= 2;
	}
	if (found) {
		u->name = str_dup(pw.pw_name);
		u->home = str_dup(pw.pw_dir);
		u->gecos = str_dup(pw.pw_gecos);
		u->shell = str_dup(pw.pw_shell);
		u->hash = str_dup(pw.pw_passwd);
		u->extra = str_dup("");
		u->uid = pw.pw_uid;
		u->gid = pw.pw_gid;
	}
	free(buf);
	if (found)
		return 1;
	/* What getpwnam(3) lists as "not found" beside 0. */
	if (err == 0 || err == ENOENT || err == ESRCH)
		return 0;
	errno = err;
	return -1;
}
