/* hosts - see hosts.h.  Called by smtpc.c, hosts_sweep() by main. */
#include "hosts.h"

#include "io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void
path_of(const struct conf *c, const char *key, struct str *path)
{
	str_addf(path, "%s/hosts/%s", c->spool, key);
}

/* Seconds for which a failure counts: less than any retry waits, so that no
 * attempt of a message is spent on what was known already. */
static time_t
memory(const struct conf *c)
{
	return (time_t)(c->retry_min / 2);
}

bool
hosts_dead(const struct conf *c, const char *key, char why[HOSTS_WHY])
{
	struct str path = {0}, text = {0};
	time_t now = time(NULL);
	struct stat st;
	bool dead = false;

	path_of(c, key, &path);
	if (stat(path.s, &st) == 0) {
		/* A date to come is a clock that was set back. */
		dead = S_ISREG(st.st_mode) && st.st_mtime <= now &&
		       now - st.st_mtime < memory(c) &&
		       io_slurp(AT_FDCWD, path.s, HOSTS_WHY, &text) == 0;
		if (!dead)
			unlink(path.s);
	}
	why[0] = '\0';
	if (dead && text.n > 0)
		snprintf(why, HOSTS_WHY, "%.*s", (int)strcspn(text.s, "\n"),
		         text.s);
	mem_clean(why, strlen(why));
	str_free(&path);
	str_free(&text);
	return dead;
}

void
hosts_fail(const struct conf *c, const char *key, const char *why)
{
	struct str path = {0}, tmp = {0};
	int fd;

	path_of(c, key, &path);
	path_of(c, key, &tmp);
	str_addf(&tmp, ".%ld", (long)getpid());
	fd = open(tmp.s, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	          0640);
	if (fd >= 0) {
		bool ok =
		    io_writeall(fd, why, strnlen(why, HOSTS_WHY - 2)) == 0 &&
		    io_writeall(fd, "\n", 1) == 0;

		close(fd);
		if (!ok || rename(tmp.s, path.s) < 0)
			unlink(tmp.s);
	}
	str_free(&path);
	str_free(&tmp);
}

void
hosts_ok(const struct conf *c, const char *key)
{
	struct str path = {0};

	path_of(c, key, &path);
	unlink(path.s);
	str_free(&path);
}

void
hosts_sweep(const struct conf *c)
{
	struct str path = {0};
	time_t now = time(NULL);
	struct dirent *d;
	struct stat st;
	DIR *dir;

	path_of(c, "", &path);
	dir = opendir(path.s);
	str_free(&path);
	if (!dir)
		return;
	while ((d = readdir(dir)))
		if (*d->d_name != '.' &&
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
		        0 &&
		    (st.st_mtime > now || now - st.st_mtime >= memory(c)))
			unlinkat(dirfd(dir), d->d_name, 0);
	closedir(dir);
}
