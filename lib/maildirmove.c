/* maildirmove - a Maildir gets another name, or is removed.  What is removed is what
 * belongs to a Maildir: if there is anything else in it all of it stays.  No link is
 * followed.  Called by storemove.c. */
#include "maildir.h"
#include "mbox.h"
#include "storemaildir.h"
#include "storeops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PASSES = 4 }; /* how often a message may come while we remove */

/* Those of the messages last, that they may be tried again. */
static const char *const dirs[] = {"tmp", "new", "cur"};

enum { SUBDIRS = sizeof dirs / sizeof *dirs };

/* path without the '/' at its end. */
static void
plain(struct str *s, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	str_add(s, path, n);
}

int
maildir_rename(const char *from, const char *to)
{
	struct str a = {0}, b = {0};
	int r, err;

	plain(&a, from);
	plain(&b, to);
	r = rename(a.s, b.s);
	err = errno;
	if (r == 0) {
		mbox_sync_dir(b.s);
		mbox_sync_dir(a.s);
	}
	str_free(&a);
	str_free(&b);
	errno = err;
	return r;
}

int
maildir_move(struct store *s, const char *to)
{
	struct str path = {0};
	struct stat st;
	int r = -1, err;

	/* With a '/' at its end it would be looked at through a link. */
	plain(&path, to);
	if (lstat(path.s, &st) == 0)
		errno = EEXIST;
	else if (errno == ENOENT && maildir_turn(s, false) >= 0)
		r = maildir_turn_end(s, store_moved(s, to));
	err = errno;
	str_free(&path);
	errno = err;
	return r;
}

/* --- removing --- */

/* Does a file of this name belong to a Maildir?  Dovecot and Courier keep theirs
 * there. */
static bool
is_known(const char *name)
{
	static const char *const known[] = {"dovecot",       "courierimap",
	                                    "maildirsize",   "maildirfolder",
	                                    "subscriptions", ".mailfilter"};
	size_t i;

	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strncmp(name, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

static bool
is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool
is_subdir(const char *name)
{
	size_t i;

	for (i = 0; i < SUBDIRS; i++)
		if (strcmp(name, dirs[i]) == 0)
			return true;
	return false;
}

static DIR *
list(int at, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* The next entry; NULL at the end, or where an error ends it: then it is not
 * *good. */
static struct dirent *
next(DIR *d, bool *good)
{
	struct dirent *e;

	errno = 0;
	e = readdir(d);
	*good = e || errno == 0;
	return e;
}

/* As it should be?  If it was answered at all, errno is that something is there. */
static bool
is_right(int is, int should)
{
	if (is >= 0)
		errno = ENOTEMPTY;
	return is == should;
}

/* Is there nothing in top, or below its directories, that we would not remove?  Else
 * errno is ENOTEMPTY; or why that cannot be read, which may be anything. */
static bool
is_maildir(int top)
{
	bool good = true;
	struct dirent *e;
	DIR *d, *sub;
	size_t i;
	int err;

	if (!(d = list(top, ".")))
		return false;
	while (good && (e = next(d, &good)))
		good = is_dot(e->d_name) ||
		       is_right(maildir_is_dir(top, e->d_name),
		                is_subdir(e->d_name));
	if (good)
		rewinddir(d);
	while (good && (e = next(d, &good)))
		good = is_dot(e->d_name) || is_subdir(e->d_name) ||
		       is_right(is_known(e->d_name), 1);
	err = errno;
	closedir(d);
	for (i = 0; good && i < SUBDIRS; i++) {
		if (!(sub = list(top, dirs[i]))) {
			err = errno;
			good = err == ENOENT;
			continue;
		}
		while (good && (e = next(sub, &good)))
			good =
			    is_dot(e->d_name) ||
			    is_right(maildir_is_dir(dirfd(sub), e->d_name), 0);
		err = errno;
		closedir(sub);
	}
	errno = err;
	return good;
}

/* Remove the files in a directory of top: those with known names, or all.  0, or -1
 * with errno. */
static int
empty(int top, const char *name, bool all)
{
	bool good = true;
	struct dirent *e;
	DIR *d = list(top, name);
	int err;

	if (!d)
		return -1;
	while (good && (e = next(d, &good)))
		if (!is_dot(e->d_name) && (all || is_known(e->d_name)))
			good = unlinkat(dirfd(d), e->d_name, 0) == 0 ||
			       errno == ENOENT;
	err = errno;
	closedir(d);
	errno = err;
	return good ? 0 : -1;
}

static int
remove_subdir(int top, const char *name)
{
	int pass, r = -1;

	for (pass = 0; pass < PASSES && r < 0; pass++) {
		if (empty(top, name, true) < 0)
			return errno == ENOENT ? 0 : -1;
		r = unlinkat(top, name, AT_REMOVEDIR);
		if (r < 0 && errno == ENOENT)
			return 0;
	}
	return r;
}

static int
remove_all(int top, const char *path)
{
	size_t i;

	if (!is_maildir(top))
		return -1;
	for (i = 0; i < SUBDIRS; i++)
		if (remove_subdir(top, dirs[i]) < 0)
			return -1;
	if (empty(top, ".", false) < 0 || rmdir(path) < 0)
		return -1;
	return mbox_sync_dir(path);
}

int
maildir_remove(const char *path, const struct store_how *how)
{
	struct str name = {0};
	struct maildirbox b;
	int r, err;

	box_init(&b);
	plain(&name, path);
	r = box_open(&b, path, how->owner);
	if (r > 0) {
		r = remove_all(b.top, name.s);
	} else if (r == 0) {
		errno = ENOENT;
		r = -1;
	}
	err = errno;
	box_free(&b);
	str_free(&name);
	errno = err;
	return r;
}
