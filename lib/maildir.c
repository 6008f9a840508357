/* maildir - see maildir.h.  A message is complete and durable in tmp/ before it
 * gets its name in new/; its size is in the name (S=, as Maildir++ has it), and
 * that with CRLF (W=, as Dovecot has it), so that nobody has to read it to know. */
#include "maildir.h"

#include "io.h"
#include "maildirname.h"
#include "mbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	HELD = 65536,
	STRAY = 36 * 3600 /* s after which a file in tmp/ is nobody's */
};

int
maildir_is_dir(int at, const char *name)
{
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return S_ISDIR(st.st_mode);
}

/* Open a directory of ours below dir, making it when missing; then it is *made. */
static int
open_dir(int dir, const char *name, uid_t owner, bool *made)
{
	struct stat st;
	int fd;

	if (mkdirat(dir, name, 0700) == 0)
		*made = true;
	else if (errno != EEXIST)
		return -1;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return io_close(fd, -1);
	errno = EPERM;
	return st.st_uid == owner ? fd : io_close(fd, -1);
}

/* Remove what somebody who died left in tmp/. */
static void
clear_strays(int tmp)
{
	int fd = openat(tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	time_t old = time(NULL) - STRAY;
	struct dirent *e;
	struct stat st;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (fstatat(tmp, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mtime < old &&
		    st.st_atime < old)
			unlinkat(tmp, e->d_name, 0);
	closedir(d);
}

static int
open_dirs(struct maildir *m, int top, uid_t owner, bool *made)
{
	m->tmp = open_dir(top, "tmp", owner, made);
	if (m->tmp >= 0)
		m->new = open_dir(top, "new", owner, made);
	if (m->new >= 0)
		m->cur = open_dir(top, "cur", owner, made);
	return m->cur < 0 ? -1 : 0;
}

/* One that cannot be read is as good as empty. */
static bool
is_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e = NULL;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	while ((e = readdir(d)) && e->d_name[0] == '.')
		;
	closedir(d);
	return !e;
}

/* Make the way to the letters durable: one is nowhere if that is lost.  Who made the
 * directories may have died before he did this; but nobody puts in the first letter
 * without it. */
static int
sync_way(const struct maildir *m, int top, const char *path, bool made)
{
	if (!made && (!is_empty(m->new) || !is_empty(m->cur)))
		return 0;
	return fsync(top) < 0 ? -1 : mbox_sync_dir(path);
}

int
maildir_open(struct maildir *m, const char *path, uid_t owner,
             char why[MAILDIR_WHY])
{
	struct str name = {0};
	bool made = false;
	int top, r = -1, err;

	*m = (struct maildir){.tmp = -1, .new = -1, .cur = -1, .fd = -1};
	/* O_NOFOLLOW looks through a name that ends in '/'. */
	str_adds(&name, path);
	while (name.n > 1 && name.s[name.n - 1] == '/')
		name.s[--name.n] = '\0';
	top = open_dir(AT_FDCWD, name.s, owner, &made);
	if (top >= 0 && open_dirs(m, top, owner, &made) == 0)
		r = sync_way(m, top, name.s, made);
	err = errno;
	str_free(&name);
	if (top >= 0)
		close(top);
	if (r == 0) {
		clear_strays(m->tmp);
		return 0;
	}
	maildir_close(m);
	snprintf(why, MAILDIR_WHY, "cannot open Maildir: %s", strerror(err));
	errno = err;
	return -1;
}

/* A name that nobody else can make: time, process, and the letter's number in
 * it; the host's name with / and : as the Maildir page has them. */
static void
unique(struct str *s, uint64_t number)
{
	char host[256] = "";
	struct timespec t;
	const char *p;

	clock_gettime(CLOCK_REALTIME, &t);
	gethostname(host, sizeof host - 1);
	str_addf(s, "%lld.M%ldP%ldQ%llu.", (long long)t.tv_sec,
	         t.tv_nsec / 1000, (long)getpid(), (unsigned long long)number);
	for (p = host; *p; p++) {
		if (*p == '/')
			str_adds(s, "\\057");
		else if (*p == ':')
			str_adds(s, "\\072");
		else
			str_addc(s, *p);
	}
}

void
maildir_begin(struct maildir *m)
{
	str_clear(&m->name);
	str_clear(&m->buf);
	m->len = m->wire = 0;
	m->last = '\0';
	unique(&m->name, m->names.n);
	m->fd =
	    openat(m->tmp, m->name.s,
	           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->fd < 0 && !m->err)
		m->err = errno;
}

static void
flush(struct maildir *m)
{
	if (!m->err && io_writeall(m->fd, m->buf.s, m->buf.n) < 0)
		m->err = errno;
	str_clear(&m->buf);
}

void
maildir_write(struct maildir *m, const void *p, size_t n)
{
	str_add(&m->buf, p, n);
	m->len += n;
	m->wire += n + name_bare(p, n, &m->last);
	if (m->buf.n >= HELD)
		flush(m);
}

void
maildir_abort(struct maildir *m)
{
	if (m->fd < 0)
		return;
	close(m->fd);
	m->fd = -1;
	unlinkat(m->tmp, m->name.s, 0);
}

void
maildir_end(struct maildir *m)
{
	maildir_end_as(m, 0, "");
}

void
maildir_end_as(struct maildir *m, int64_t date, const char *info)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = date}};

	flush(m);
	if (!m->err && date > 0 && futimens(m->fd, t) < 0)
		m->err = errno;
	if (!m->err && fsync(m->fd) < 0)
		m->err = errno;
	if (m->fd >= 0 && close(m->fd) < 0 && !m->err)
		m->err = errno;
	m->fd = -1;
	m->total += m->len;
	str_add(&m->names, m->name.s, m->name.n + 1);
	str_addf(&m->names, "%s,S=%llu,W=%llu%s", m->name.s,
	         (unsigned long long)m->len, (unsigned long long)m->wire, info);
	str_addc(&m->names, '\0');
}

/* Call once for each finished message. */
static const char *
next_name(const struct maildir *m, const char *p, const char **final)
{
	if (p == m->names.s + m->names.n)
		return NULL;
	*final = p + strlen(p) + 1;
	return *final + strlen(*final) + 1;
}

const char *
maildir_name(const struct maildir *m, const char *name)
{
	const char *p = name ? name + strlen(name) + 1 : m->names.s;

	next_name(m, p, &name);
	return name;
}

const char *
maildir_last(const struct maildir *m)
{
	const char *p = m->names.s + m->names.n - 1;

	while (p > m->names.s && p[-1])
		p--;
	return p;
}

/* Is it one of these?  Behind the name there are flags. */
static void
compare(const char *file, const char *names, size_t n, bool *found)
{
	size_t i, len;

	for (i = 0; i < n; i++, names += len + 1) {
		len = strlen(names);
		if (strncmp(file, names, len) == 0 &&
		    (!file[len] || file[len] == ':'))
			found[i] = true;
	}
}

int
maildir_find(const struct maildir *m, const char *names, size_t n, bool *found)
{
	const char *p = names;
	struct dirent *e;
	struct stat st;
	int fd, err;
	size_t i;
	DIR *d;

	for (i = 0; i < n; i++, p += strlen(p) + 1) {
		found[i] = fstatat(m->new, p, &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (!found[i] && errno != ENOENT)
			return -1;
	}
	/* The last to be looked at: that is where readers move them. */
	fd = openat(m->cur, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!(d = fdopendir(fd)))
		return io_close(fd, -1);
	while (errno = 0, (e = readdir(d)))
		compare(e->d_name, names, n, found);
	err = errno;
	closedir(d);
	errno = err;
	return err || fsync(m->new) < 0 || fsync(m->cur) < 0 ? -1 : 0;
}

/* Where a message with this name goes. */
static int
dir_of(const struct maildir *m, const char *final)
{
	return strchr(final, ':') ? m->cur : m->new;
}

/* Remove the batch wherever its files are. */
static void
remove_all(struct maildir *m)
{
	const char *p = m->names.s, *final, *next;

	for (; p && (next = next_name(m, p, &final)); p = next)
		if (unlinkat(m->tmp, p, 0) < 0)
			unlinkat(dir_of(m, final), final, 0);
	str_clear(&m->names);
}

int
maildir_commit(struct maildir *m)
{
	const char *p = m->names.s, *final, *next;
	bool used[2] = {false, false}; /* new/, cur/ */

	for (; !m->err && p && (next = next_name(m, p, &final)); p = next) {
		int dir = dir_of(m, final);

		used[dir == m->cur] = true;
		if (renameat(m->tmp, p, dir, final) < 0)
			m->err = errno;
	}
	if (!m->err &&
	    ((used[0] && fsync(m->new) < 0) || (used[1] && fsync(m->cur) < 0)))
		m->err = errno;
	if (!m->err) {
		str_clear(&m->names);
		return 0;
	}
	remove_all(m);
	errno = m->err;
	return -1;
}

void
maildir_close(struct maildir *m)
{
	maildir_abort(m);
	remove_all(m);
	if (m->tmp >= 0)
		close(m->tmp);
	if (m->new >= 0)
		close(m->new);
	if (m->cur >= 0)
		close(m->cur);
	m->tmp = m->new = m->cur = -1;
	str_free(&m->buf);
	str_free(&m->name);
	str_free(&m->names);
}

/* The S= of a name, or the size of the file. */
static uint64_t
size_of(int dir, const char *name)
{
	struct maildir_name n;
	struct stat st;

	name_parse(&n, cur_of(name));
	if (n.size != NAME_UNSAID)
		return n.size;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	return (uint64_t)st.st_size;
}

uint64_t
maildir_size(const char *path)
{
	static const char *const sub[] = {"new", "cur"};
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < 2; i++) {
		struct str s = {0};
		struct dirent *e;
		DIR *d;

		str_addf(&s, "%s/%s", path, sub[i]);
		d = opendir(s.s);
		str_free(&s);
		while (d && (e = readdir(d)))
			if (e->d_name[0] != '.')
				sum += size_of(dirfd(d), e->d_name);
		if (d)
			closedir(d);
	}
	return sum;
}
