/* foldermaildir - mailboxes as the Maildir++ folders in a Maildir: a directory .A.B in
 * it for the name A.B, in modified UTF-7, and a Maildir itself.  Called by folder.c,
 * as the user.  A folder that is a symbolic link is none. */
#include "folderkind.h"

#include "maildir.h"
#include "utf7.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ON_DISK = 255 };

char *
maildir_path(const struct folders *f, struct cur name)
{
	struct str s = {0};
	size_t at;

	str_adds(&s, f->root);
	str_adds(&s, "/.");
	at = s.n - 1;
	utf7_encode(&s, name);
	if (s.n - at > NAME_ON_DISK) {
		str_free(&s);
		errno = EINVAL;
		return NULL;
	}
	str_addc(&s, '/');
	return s.s;
}

/* 1: a Maildir, 0: nothing, or another directory, -1 with errno. */
static int
look_at(int at, const char *name)
{
	struct str s = {0};
	struct stat st;
	int there;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (!S_ISDIR(st.st_mode)) {
		errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
		return -1;
	}
	str_adds(&s, name);
	str_adds(&s, "/cur");
	there = maildir_is_dir(at, s.s);
	str_free(&s);
	return there;
}

int
maildir_look_for(const struct folders *f, struct cur name)
{
	char *path = maildir_path(f, name);
	int r = -1;

	if (path) {
		path[strlen(path) - 1] = '\0'; /* lest a link is followed */
		r = look_at(AT_FDCWD, path);
	}
	free(path);
	return r > 0 ? FOLDER_EXISTS : r;
}

/* Maildir++: the file that tells delivery that the Maildir is a folder. */
static int
mark_folder(const char *path)
{
	const int how = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, r;

	if (dir < 0)
		return -1;
	fd = openat(dir, "maildirfolder", how, 0600);
	r = fd < 0 ? -1 : close(fd);
	if (r == 0)
		r = fsync(dir);
	close(dir);
	return r;
}

static int
make_one(const struct folders *f, const char *path)
{
	char why[MAILDIR_WHY];
	struct maildir m;

	if (maildir_open(&m, path, f->how.owner, why) < 0)
		return -1;
	maildir_close(&m);
	return 0;
}

int
maildir_make_top(const struct folders *f)
{
	return make_one(f, f->inbox);
}

int
maildir_make(const struct folders *f, struct cur name)
{
	char *path = maildir_path(f, name);
	int r = -1;

	if (path && maildir_make_top(f) == 0 && make_one(f, path) == 0)
		r = mark_folder(path);
	free(path);
	return r;
}

/* The name that a directory has for us.  -1: none. */
static int
entry_name(const struct folders *f, const char *entry, struct str *name)
{
	struct cur c, first;

	str_clear(name);
	if (*entry != '.' || utf7_decode(name, cur_of(entry + 1)) < 0)
		return -1;
	c = first = str_cur(name);
	cur_until(&c, ".", &first);
	/* .INBOX is hidden by INBOX, .inbox.A by INBOX.A. */
	if (folder_is_inbox(first) &&
	    (cur_len(&c) == 0 || memcmp(first.p, "INBOX", 5) != 0))
		return -1;
	return folder_check(f, str_cur(name));
}

/* As look_at(), for a list: what the user may not open, and what is no folder, is not
 * in it. */
static int
is_listed(int at, const char *name)
{
	int r = look_at(at, name);

	return r < 0 && (errno == EACCES || errno == ENOTDIR || errno == ELOOP)
	           ? 0
	           : r;
}

int
maildir_list(const struct folders *f, struct names *l)
{
	struct str name = {0};
	const struct dirent *e;
	DIR *d = opendir(f->root);
	int err, r;

	if (!d)
		return errno == ENOENT ? 0 : -1;
	while (errno = 0, (e = readdir(d))) {
		if (*e->d_name != '.' || strcmp(e->d_name, ".") == 0 ||
		    (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN) ||
		    entry_name(f, e->d_name, &name) < 0)
			continue;
		r = is_listed(dirfd(d), e->d_name);
		if (r < 0 ||
		    (r > 0 && names_add(l, str_cur(&name), FOLDER_EXISTS) < 0))
			break;
	}
	err = errno;
	str_free(&name);
	closedir(d);
	errno = err;
	return err ? -1 : 0;
}
