/* spool - the directories of the spool: open, make, walk, move; see spool.h.
 * spoolnew.c writes messages, spoolload.c reads them. */
#include "spool.h"

#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { DUE_STEP = 60, INODES_FREE = 100, TRACE_OLD = 3600, FAR_SLACK = 3600 };

int
spool_open(struct spool *sp, const struct conf *c)
{
	sp->path = c->spool;
	sp->new = -1;
	sp->far = (time_t)(2 * c->retry_max) + FAR_SLACK;
	sp->dir = open(c->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sp->dir >= 0)
		sp->new =
		    openat(sp->dir, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sp->dir >= 0 && sp->new < 0)
		sp->dir = io_close(sp->dir, -1);
	return sp->new < 0 ? -1 : 0;
}

/* A directory, or a FIFO, whatever the umask says; one that is there stays as it
 * is. */
static int
make(const char *base, const char *name, mode_t mode)
{
	struct str s = {0};
	int rc;

	str_addf(&s, "%s%s%s", base, *name ? "/" : "", name);
	rc = S_ISFIFO(mode) ? mkfifo(s.s, mode & 07777) : mkdir(s.s, mode);
	if (rc == 0)
		rc = chmod(s.s, mode & 07777);
	else if (errno == EEXIST)
		rc = 0;
	str_free(&s);
	return rc;
}

int
spool_make(const struct conf *c)
{
	static const struct {
		const char *name;
		mode_t mode;
	} entries[] = {
	    {"",      0755          },
            {"new",   0770          },
	    {"q",     0750          },
            {"hold",  0750          },
	    {"bad",   0700          },
            {"trace", 02770         },
	    {"hosts", 0700          },
            {"wake",  S_IFIFO | 0660},
	};
	size_t i;

	for (i = 0; i < sizeof entries / sizeof entries[0]; i++)
		if (make(c->spool, entries[i].name, entries[i].mode) < 0)
			return -1;
	return 0;
}

bool
spool_room(const struct spool *sp, const struct conf *c,
           unsigned long long size)
{
	unsigned long long room;
	struct statvfs v;

	if (fstatvfs(sp->dir, &v) < 0)
		return false;
	room = (unsigned long long)v.f_bavail * v.f_frsize;
	if (v.f_files > 0 && v.f_favail < INODES_FREE)
		return false;
	return room > c->spool_free && room - c->spool_free > size;
}

int
spool_lock(const struct spool *sp)
{
	int fd = openat(sp->dir, "lock",
	                O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	return io_close(fd, -1);
}

void
spool_due_dir(time_t t, char out[24])
{
	long long due = ((long long)t + DUE_STEP - 1) / DUE_STEP * DUE_STEP;

	snprintf(out, 24, "q/%010lld", due);
}

int
spool_sync_dir(const struct spool *sp, const char *dir)
{
	int fd = openat(sp->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : io_close(fd, fsync(fd));
}

int
spool_move(const struct spool *sp, const char *from, const char *id,
           const char *to)
{
	char a[NAME_MAX + 32], b[NAME_MAX + 32];

	snprintf(a, sizeof a, "%s/%s", from, id);
	snprintf(b, sizeof b, "%s/%s", to, id);
	if (renameat(sp->dir, a, sp->dir, b) == 0)
		return 0;
	/* The directory of a due time comes with its first message. */
	if (errno != ENOENT || strncmp(to, "q/", 2) != 0 ||
	    (mkdirat(sp->dir, to, 0750) < 0 && errno != EEXIST) ||
	    spool_sync_dir(sp, "q") < 0)
		return -1;
	return renameat(sp->dir, a, sp->dir, b);
}

int
spool_remove(const struct spool *sp, const char *dir, const char *id)
{
	char name[64];

	snprintf(name, sizeof name, "%s/%s", dir, id);
	return unlinkat(sp->dir, name, 0);
}

static bool
is_due_name(const char *s)
{
	return strlen(s) == 10 && strspn(s, "0123456789") == 10;
}

static bool
is_due(const struct spool *sp, const char *name, time_t now)
{
	long long due = strtoll(name, NULL, 10), t = (long long)now;

	return due <= t || due - t > (long long)sp->far;
}

/* The entries of a directory that ok() takes, sorted.  0, or -1 with errno: then l has
 * what could be read. */
static int
list_names(const struct spool *sp, const char *dir, bool (*ok)(const char *),
           struct list *l)
{
	int fd = openat(sp->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int err;

	*l = (struct list){0};
	if (!d)
		return io_close(fd, -1);
	while (errno = 0, (e = readdir(d)))
		if (ok(e->d_name))
			list_add(l, e->d_name);
	err = errno;
	closedir(d);
	list_sort(l);
	errno = err;
	return err ? -1 : 0;
}

static bool
is_visible(const char *s)
{
	return *s != '.';
}

/* What fn said last; a directory that cannot be read is noted in *err. */
static int
walk_dir(const struct spool *sp, const char *dir,
         int (*fn)(void *arg, const char *dir, const char *id), void *arg,
         int *err)
{
	struct list ids;
	size_t i;
	int rc = 0;

	if (list_names(sp, dir, is_visible, &ids) < 0 && errno != ENOENT)
		*err = errno;
	for (i = 0; i < ids.n && rc >= 0; i++)
		rc = fn(arg, dir, ids.v[i]);
	list_free(&ids);
	return rc;
}

int
spool_walk(const struct spool *sp, time_t until, bool held,
           int (*fn)(void *arg, const char *dir, const char *id), void *arg)
{
	struct list due;
	char dir[24];
	int err = 0, rc;
	size_t i;

	rc = walk_dir(sp, "new", fn, arg, &err);
	if (rc < 0)
		return -1;
	if (list_names(sp, "q", is_due_name, &due) < 0)
		err = errno;
	for (i = 0; i < due.n && rc >= 0; i++) {
		if (!is_due(sp, due.v[i], until))
			continue;
		snprintf(dir, sizeof dir, "q/%.10s", due.v[i]);
		rc = walk_dir(sp, dir, fn, arg, &err);
	}
	list_free(&due);
	if (held && rc >= 0)
		rc = walk_dir(sp, "hold", fn, arg, &err);
	if (err)
		errno = err;
	return err ? -1 : rc;
}

time_t
spool_next(const struct spool *sp)
{
	struct list due;
	time_t t = 0;

	list_names(sp, "q", is_due_name, &due);
	if (due.n > 0)
		t = (time_t)strtoll(due.v[0], NULL, 10);
	list_free(&due);
	return t;
}

/* Who watches a delivery takes his FIFO away; one who was killed cannot. */
static void
sweep_trace(const struct spool *sp, time_t now)
{
	struct list ids;
	struct stat st;
	char name[64];
	size_t i;

	list_names(sp, "trace", spool_is_id, &ids);
	for (i = 0; i < ids.n; i++) {
		snprintf(name, sizeof name, "trace/%s", ids.v[i]);
		if (fstatat(sp->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    now - st.st_mtime > TRACE_OLD)
			unlinkat(sp->dir, name, 0);
	}
	list_free(&ids);
}

void
spool_sweep(const struct spool *sp, time_t now)
{
	struct list due;
	char dir[24];
	size_t i;

	list_names(sp, "q", is_due_name, &due);
	for (i = 0; i < due.n; i++) {
		if (!is_due(sp, due.v[i], now))
			continue;
		snprintf(dir, sizeof dir, "q/%.10s", due.v[i]);
		unlinkat(sp->dir, dir, AT_REMOVEDIR);
	}
	list_free(&due);
	sweep_trace(sp, now);
}
