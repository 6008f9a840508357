/* secret - see secret.h.
 * THIS FILE RUNS AS ROOT, where the gate does.  It opens files, and reads nothing:
 * that, too, can be left to nobody.  Never a directory, which would be a way out
 * of the empty root. */
#include "secret.h"

#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static int
open_file(int dir, const char *name, const char *more, int how)
{
	struct str path = {0};
	struct stat st;
	int fd;

	str_addf(&path, "%s%s", name, more);
	fd = openat(dir, path.s, O_RDONLY | O_NONBLOCK | O_CLOEXEC | how);
	str_free(&path);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		return io_close(fd, -1);
	return fd < 0 ? -errno : fd;
}

/* Links are followed: certbot's are. */
void
secrets_open(const struct conf *c, struct secrets *s)
{
	char *path = conf_beside(c, "tls");
	DIR *d = opendir(path);
	struct dirent *e;
	struct secret one;

	free(path);
	while (d && s->n < SECRETS_MAX && (e = readdir(d))) {
		if (*e->d_name == '.')
			continue;
		one.chain = open_file(dirfd(d), e->d_name, "/fullchain.pem", 0);
		one.key = open_file(dirfd(d), e->d_name, "/privkey.pem", 0);
		if (one.chain < 0 && one.key < 0)
			one.chain = open_file(dirfd(d), e->d_name, "", 0);
		one.name = str_dup(e->d_name);
		s->v[s->n++] = one;
	}
	if (d)
		closedir(d);
	s->tickets = open_file(AT_FDCWD, c->state, "/.tickets", O_NOFOLLOW);
}
