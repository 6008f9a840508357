/* foldertree - mailboxes as mbox files in directories below conf.folders.
 * Called by folder.c, as the user.  Names on disk are in modified UTF-7, as other IMAP
 * servers write them; one that cannot be that is taken for UTF-8, as mutt and the
 * shell write it.  Every directory below the root is opened by itself: a symbolic
 * link is never followed. */
#include "folderkind.h"

#include "io.h"
#include "utf7.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ON_DISK = 255, DIR_MODE = 0700, FILE_MODE = 0600 };

/* Where a name leads. */
struct way {
	struct str path;
	size_t last; /* the last part of it, as it is on disk */
	int dir;     /* the directory of that, -1: there is none */
};

static void
way_free(struct way *w)
{
	int err = errno;

	if (w->dir >= 0)
		close(w->dir);
	str_free(&w->path);
	errno = err;
}

static bool
is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Is a name on disk modified UTF-7?  Then it is that and nothing else. */
static bool
is_utf7(struct cur c)
{
	struct str s = {0};
	int r = utf7_decode(&s, c);

	str_free(&s);
	return r == 0;
}

/* Add a part of a name to the path, as it is on disk or would be. */
static int
add_part(struct way *w, struct cur part)
{
	str_addc(&w->path, '/');
	w->last = w->path.n;
	utf7_encode(&w->path, part);
	if (w->dir >= 0 && !is_utf7(part) &&
	    !is_there(w->dir, w->path.s + w->last)) {
		struct str raw = {0};

		str_add(&raw, part.p, cur_len(&part));
		if (is_there(w->dir, raw.s)) {
			w->path.n = w->last;
			str_add(&w->path, raw.s, raw.n);
		}
		str_free(&raw);
	}
	if (w->path.n - w->last <= NAME_ON_DISK)
		return 0;
	errno = EINVAL;
	return -1;
}

static int
open_root(const struct folders *f, bool make)
{
	const int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = open(f->root, how), up, r = 0;

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	if (mkdir(f->root, DIR_MODE) < 0 || (fd = open(f->root, how)) < 0)
		return -1;
	if ((up = openat(fd, "..", how)) >= 0) {
		r = fsync(up);
		io_close(up, 0);
	}
	return r < 0 ? io_close(fd, -1) : fd;
}

/* Go into the last directory of the path. */
static int
go_down(struct way *w, bool make)
{
	const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	const char *name = w->path.s + w->last;
	int fd;

	if (w->dir < 0)
		return 0;
	fd = openat(w->dir, name, how);
	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(w->dir, name, DIR_MODE) < 0 || fsync(w->dir) < 0)
			return -1;
		fd = openat(w->dir, name, how);
	}
	if (fd < 0 && (errno != ENOENT || make))
		return -1;
	close(w->dir);
	w->dir = fd;
	return 0;
}

/* Find the way to a name; make: the directories on it. */
static int
find_way(const struct folders *f, struct cur name, bool make, struct way *w)
{
	struct cur part;

	*w = (struct way){.dir = open_root(f, make)};
	str_adds(&w->path, f->root);
	if (w->dir < 0 && (errno != ENOENT || make))
		return -1;
	for (;;) {
		cur_until(&name, "/", &part);
		if (add_part(w, part) < 0)
			return -1;
		if (cur_len(&name) == 0)
			break;
		if (go_down(w, make) < 0)
			return -1;
		cur_get(&name);
	}
	/* INBOX has one name only. */
	if (strcmp(w->path.s, f->inbox) == 0) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

/* What is at the end of the way? */
static int
look(const struct way *w)
{
	struct stat st;

	if (w->dir < 0)
		return 0;
	if (fstatat(w->dir, w->path.s + w->last, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISREG(st.st_mode))
		return FOLDER_EXISTS | FOLDER_NOINFERIORS;
	if (S_ISDIR(st.st_mode))
		return FOLDER_EXISTS | FOLDER_NOSELECT;
	errno = S_ISLNK(st.st_mode) ? ELOOP : EINVAL;
	return -1;
}

char *
tree_path(const struct folders *f, struct cur name)
{
	struct way w;
	char *path = NULL;

	if (find_way(f, name, false, &w) == 0 && look(&w) >= 0)
		path = mem_dup(w.path.s, w.path.n);
	way_free(&w);
	return path;
}

int
tree_look(const struct folders *f, struct cur name)
{
	struct way w;
	int r = -1;

	if (find_way(f, name, false, &w) == 0)
		r = look(&w);
	way_free(&w);
	return r;
}

int
tree_make(const struct folders *f, struct cur name, bool place)
{
	const int how = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	struct way w;
	int r = -1;

	if (find_way(f, name, true, &w) == 0) {
		const char *last = w.path.s + w.last;

		r = place ? mkdirat(w.dir, last, DIR_MODE)
		          : openat(w.dir, last, how, FILE_MODE);
		if (r >= 0 && !place)
			r = close(r);
		if (r == 0)
			r = fsync(w.dir);
	}
	way_free(&w);
	return r;
}

int
tree_make_above(const struct folders *f, struct cur name)
{
	struct way w;
	int r = find_way(f, name, true, &w);

	way_free(&w);
	return r;
}

int
tree_remove_place(const struct folders *f, struct cur name)
{
	struct way w;
	int r = find_way(f, name, false, &w);

	if (r == 0)
		r = unlinkat(w.dir, w.path.s + w.last, AT_REMOVEDIR);
	if (r == 0)
		r = fsync(w.dir);
	else if (errno == EEXIST)
		errno = ENOTEMPTY;
	way_free(&w);
	return r;
}

/* --- the list --- */

/* FOLDER_EXISTS and so on, or 0: no mailbox. */
static unsigned
entry_kind(int dir, const struct dirent *e)
{
	unsigned char type = e->d_type;
	struct stat st;

	if (type == DT_UNKNOWN &&
	    fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		type = S_ISREG(st.st_mode)   ? DT_REG
		       : S_ISDIR(st.st_mode) ? DT_DIR
		                             : DT_UNKNOWN;
	if (type == DT_REG)
		return FOLDER_EXISTS | FOLDER_NOINFERIORS;
	return type == DT_DIR ? FOLDER_EXISTS | FOLDER_NOSELECT : 0;
}

/* The name that an entry of the directory above has for us.  -1: none. */
static int
entry_name(const struct folders *f, struct cur above, const char *entry,
           struct str *name)
{
	struct cur c;

	str_clear(name);
	if (cur_len(&above) > 0) {
		str_add(name, above.p, cur_len(&above));
		str_addc(name, '/');
	}
	if (utf7_decode(name, cur_of(entry)) < 0)
		str_adds(name, entry);
	c = str_cur(name);
	return folder_is_inbox(c) ? -1 : folder_check(f, c);
}

/* Is it the file that INBOX is? */
static bool
is_inbox_file(const struct folders *f, const char *entry, struct cur name)
{
	const char *last = strrchr(f->inbox, '/');
	char *path;

	if (!last || strcmp(last + 1, entry) != 0)
		return false;
	path = tree_path(f, name);
	free(path);
	return !path;
}

/* 0, or -1 when it could not be read to its end. */
static int
list_dir(const struct folders *f, DIR *d, struct cur above, struct names *l)
{
	struct str name = {0};
	const struct dirent *e;
	int err;

	while (errno = 0, (e = readdir(d))) {
		unsigned is = *e->d_name == '.' ? 0 : entry_kind(dirfd(d), e);
		struct cur c;

		if (is == 0 || entry_name(f, above, e->d_name, &name) < 0)
			continue;
		c = str_cur(&name);
		if (is_inbox_file(f, e->d_name, c))
			continue;
		if (names_add(l, c, is) < 0)
			break;
	}
	err = errno;
	str_free(&name);
	errno = err;
	return err ? -1 : 0;
}

/* Open the directory that the name is, or the root without one. */
static int
open_place(const struct folders *f, struct cur name)
{
	struct way w;
	int fd = -1;

	if (cur_len(&name) == 0)
		return open_root(f, false);
	if (find_way(f, name, false, &w) == 0 && go_down(&w, false) == 0) {
		fd = w.dir;
		w.dir = -1;
	}
	way_free(&w);
	return fd;
}

/* 0; 1 when it cannot be opened, -1 when it could not be read to its end. */
static int
list_place(const struct folders *f, struct cur name, struct names *l)
{
	int fd = open_place(f, name), r, err;
	DIR *d;

	if (fd < 0)
		return 1;
	d = fdopendir(fd);
	if (!d)
		return io_close(fd, -1);
	r = list_dir(f, d, name, l);
	err = errno;
	closedir(d);
	errno = err;
	return r;
}

/* Below a directory that the user may not open, or that is gone, there is nothing. */
int
tree_list(const struct folders *f, struct names *l)
{
	size_t i = l->n;
	int r = list_place(f, (struct cur){0}, l);

	if (r != 0)
		return r > 0 && errno == ENOENT ? 0 : -1;
	for (; i < l->n; i++) {
		if (!(l->v[i].is & FOLDER_NOSELECT))
			continue;
		r = list_place(f, l->v[i].name, l);
		if (r < 0 || (r > 0 && errno != EACCES && errno != ENOENT &&
		              errno != ENOTDIR && errno != ELOOP))
			return -1;
	}
	return 0;
}
