/* mbox - see mbox.h and mbox(5). */
#include "mbox.h"

#include "addr.h"
#include "date.h"
#include "io.h"
#include "log.h"
#include "mboxedit.h"
#include "mboxfix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	OPEN_TRIES = 20, /* how often the file may be replaced while we wait */
	COPY = 16384
};

static const time_t LAST_TIME = 253370764800; /* the year 9999 begins */

/* --- From_ lines --- */

static bool
is_one_of(struct cur w, const char *names)
{
	for (; *names; names += 3)
		if (cur_len(&w) == 3 && memcmp(w.p, names, 3) == 0)
			return true;
	return false;
}

/* hh:mm or hh:mm:ss */
static bool
is_clock(struct cur w)
{
	unsigned long long n;
	int parts = 0;

	do {
		const char *from = w.p;

		if (cur_number(&w, 60, &n) < 0 || w.p - from > 2)
			return false;
		parts++;
	} while (cur_take(&w, ':'));
	return cur_len(&w) == 0 && (parts == 2 || parts == 3);
}

static bool
is_number(struct cur w, unsigned long long least, unsigned long long most)
{
	unsigned long long n;

	return cur_number(&w, most, &n) == 0 && n >= least && cur_len(&w) == 0;
}

/* "Nov 21 19:54:01 2026", or with zones before or behind the year. */
static bool
is_date(struct cur c)
{
	struct cur w;
	int i;

	cur_word(&c, &w);
	if (!is_one_of(w, "JanFebMarAprMayJunJulAugSepOctNovDec"))
		return false;
	cur_word(&c, &w);
	if (!is_number(w, 1, 31))
		return false;
	cur_word(&c, &w);
	if (!is_clock(w))
		return false;
	for (i = 0; i < 3 && cur_word(&c, &w) > 0; i++)
		if (is_number(w, 1900, 9999))
			return true;
	return false;
}

bool
mbox_is_from(struct cur line)
{
	struct cur w;

	if (cur_len(&line) < 5 || memcmp(line.p, "From ", 5) != 0)
		return false;
	line.p += 5;
	while (cur_word(&line, &w) > 0)
		if (is_one_of(w, "SunMonTueWedThuFriSat") && is_date(line))
			return true;
	return false;
}

void
mbox_from(struct str *s, const char *sender, time_t t)
{
	char date[DATE_SIZE];
	int n;

	/* mbox_is_from() reads no later year, and no longer line. */
	date_ctime(t > LAST_TIME ? LAST_TIME : t, date);
	str_adds(s, "From ");
	if (!*sender)
		sender = "MAILER-DAEMON";
	/* A quoted local part may hold blanks; the readers count words. */
	for (n = 0; *sender && n < ADDR_MAX; sender++, n++)
		str_addc(s, (unsigned char)*sender <= ' ' ? '-' : *sender);
	str_addf(s, " %s\n", date);
}

/* --- opening --- */

/* May we write to this file?  0, or -1 with why. */
static int
check(const struct stat *st, uid_t owner, char why[MBOX_WHY])
{
	const char *bad = NULL;

	if (!S_ISREG(st->st_mode))
		bad = "is not a regular file";
	else if (st->st_uid != owner)
		bad = "belongs to another user";
	else if (st->st_nlink != 1)
		bad = "has more than one link";
	if (!bad)
		return 0;
	snprintf(why, MBOX_WHY, "mailbox %s", bad);
	errno = EPERM;
	return -1;
}

/* Open or create, without a lock. */
static int
open_file(const char *path, const struct mbox_how *how, char why[MBOX_WHY])
{
	int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = open(path, flags);

	if (fd < 0 && errno == ENOENT && !how->must_exist)
		fd = open(path, flags | O_CREAT | O_EXCL, 0600);
	if (fd < 0 && errno == EEXIST)
		fd = open(path, flags);
	if (fd < 0 && how->reading && (errno == EACCES || errno == EROFS))
		fd = open(path, (flags & ~O_ACCMODE) | O_RDONLY);
	if (fd >= 0)
		return fd;
	if (errno == ELOOP) {
		snprintf(why, MBOX_WHY, "mailbox is a symbolic link");
		errno = EPERM;
	} else {
		snprintf(why, MBOX_WHY, "cannot open mailbox: %s",
		         strerror(errno));
	}
	return -1;
}

/* Open, check and lock the file that path names when we hold the lock. */
static int
open_locked(struct mbox *m, const struct mbox_how *how, char why[MBOX_WHY])
{
	int tries, err;

	for (tries = 0; tries < OPEN_TRIES; tries++) {
		if ((m->fd = open_file(m->path, how, why)) < 0)
			return -1;
		if (fstat(m->fd, &m->st) < 0 ||
		    check(&m->st, how->owner, why) < 0)
			break;
		if (lock_mbox(&m->lock, m->fd, m->path, how->dot_optional,
		              how->patience) < 0) {
			if (errno == EAGAIN)
				snprintf(why, MBOX_WHY, "mailbox is locked");
			else
				snprintf(why, MBOX_WHY,
				         "cannot lock mailbox: %s",
				         strerror(errno));
			break;
		}
		if (lock_same(m->fd, AT_FDCWD, m->path) &&
		    fstat(m->fd, &m->st) == 0)
			return 0;
		lock_release(&m->lock);
		close(m->fd);
		errno = EAGAIN;
		snprintf(why, MBOX_WHY, "mailbox is being replaced");
		m->fd = -1;
	}
	err = errno;
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	errno = err;
	return -1;
}

/* Get the records and settle what they say of this file: first a change in the
 * middle, as nothing was added before that was over. */
static int
settle(struct mbox *m, const struct mbox_how *how)
{
	const struct edit_file f = {m->fd, m->path, how->state, how->owner, 0};
	struct stat st;

	if (how->state && mbox_edit_fix(&f) < 0)
		return -1;
	m->plan = (struct plan){.fd = -1};
	if (how->state &&
	    plan_open(&m->plan, how->state, m->path, how->owner) < 0) {
		/* Better without than not at all; but not if it is a moment's
		 * trouble.  Where there is no room for one there is none, and
		 * who does not add anything needs none. */
		if (((errno == ENOSPC || errno == EDQUOT) &&
		     !how->must_exist) ||
		    io_is_passing(errno))
			return -1;
		log_warn("%s: no record of deliveries can be kept: %s",
		         how->state, strerror(errno));
	}
	if (plan_is_open(&m->plan, m->st.st_ino)) {
		if (mbox_fix(&m->plan, m->fd, m->path) < 0)
			return -1;
	} else if (m->plan.head.open) {
		plan_drop(&m->plan);
	}
	if (fstat(m->fd, &st) < 0)
		return -1;
	m->size = st.st_size;
	return 0;
}

int
mbox_open(struct mbox *m, const char *path, const struct mbox_how *how,
          char why[MBOX_WHY])
{
	int err;

	*m = (struct mbox){.path = path, .fd = -1, .from = -1};
	m->plan.fd = m->lock.fd = -1;
	if (open_locked(m, how, why) < 0)
		return -1;
	if (settle(m, how) == 0)
		return 0;
	err = errno;
	snprintf(why, MBOX_WHY, "cannot repair mailbox: %s", strerror(err));
	mbox_close(m);
	errno = err;
	return -1;
}

/* --- writing --- */

/* Newlines that the end of the file lacks before a message may follow.  Where it
 * cannot be read nothing may: the commit says so. */
static const char *
missing_end(struct mbox *m)
{
	off_t off = m->size >= 3 ? m->size - 3 : 0;
	char end[3] = {'\n', '\n', '\n'};
	size_t n = (size_t)(m->size - off);
	ssize_t r = io_preadall(m->fd, end + 3 - n, n, off);

	if (r < (ssize_t)n && !m->plan.err)
		m->plan.err = r < 0 ? errno : EIO;
	if (n == 0 || r < (ssize_t)n)
		return "";
	if (end[2] != '\n')
		return "\n\n";
	/* Lines may end in CRLF, the empty one as well. */
	return end[end[1] == '\r' ? 0 : 1] == '\n' ? "" : "\n";
}

void
mbox_begin(struct mbox *m, const char *sender, time_t t)
{
	struct str s = {0};

	if (plan_len(&m->plan) == 0)
		str_adds(&s, missing_end(m));
	mbox_from(&s, sender, t);
	plan_add(&m->plan, s.s, s.n);
	str_free(&s);
	m->from = 0;
	m->last = '\n';
}

static void
add(struct mbox *m, const char *p, size_t n)
{
	if (n == 0)
		return;
	plan_add(&m->plan, p, n);
	m->last = p[n - 1];
}

/* mboxrd: a line that is "From " behind any number of '>' gets one '>' more.  As
 * it makes no difference which of them is new, the line is never held back but
 * for the letters of "From ". */
void
mbox_write(struct mbox *m, const void *data, size_t n)
{
	static const char from[] = "From ";
	const char *p = data, *e = p + n, *lf;

	while (p < e) {
		if (m->from < 0) {
			/* Most lines begin with something else. */
			lf = memchr(p, '\n', (size_t)(e - p));
			while (lf && lf + 1 < e && lf[1] != *from &&
			       lf[1] != '>')
				lf = memchr(lf + 1, '\n', (size_t)(e - lf - 1));
			add(m, p, (size_t)((lf ? lf + 1 : e) - p));
			p = lf ? lf + 1 : e;
			m->from = lf ? 0 : -1;
		} else if (*p == from[m->from]) {
			p++;
			if (++m->from == 5) {
				add(m, ">From ", 6);
				m->from = -1;
			}
		} else if (*p == '>' && m->from == 0) {
			add(m, p++, 1);
		} else {
			add(m, from, (size_t)m->from);
			m->from = -1;
		}
	}
}

void
mbox_end(struct mbox *m)
{
	if (m->from > 0)
		add(m, "From ", (size_t)m->from);
	m->from = -1;
	add(m, "\n\n", m->last == '\n' ? 1 : 2);
}

uint64_t
mbox_size(const struct mbox *m)
{
	return (uint64_t)m->size + plan_len(&m->plan);
}

/* --- committing --- */

int
mbox_sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str dir = {0};
	int fd, r = 0, err = 0;

	str_add(&dir, path, slash ? (size_t)(slash - path) + 1 : 0);
	if (dir.n == 0)
		str_adds(&dir, ".");
	fd = open(dir.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	str_free(&dir);
	/* Who may not read it cannot sync it. */
	if (fd < 0)
		return errno == EACCES ? 0 : -1;
	if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS) {
		err = errno;
		r = -1;
	}
	close(fd);
	errno = err;
	return r;
}

/* Copy the plan to the end.  O_APPEND, so that even a program that takes no lock
 * at all loses nothing by us. */
static int
append(struct mbox *m)
{
	uint64_t off = 0;
	char buf[COPY];
	int flags = fcntl(m->fd, F_GETFL);

	if (flags < 0 || fcntl(m->fd, F_SETFL, flags | O_APPEND) < 0)
		return -1;
	while (off < m->plan.spilled) {
		uint64_t left = m->plan.spilled - off;
		size_t n = left < COPY ? (size_t)left : COPY;

		if (plan_read(&m->plan, off, buf, n) < 0 ||
		    io_writeall(m->fd, buf, n) < 0)
			return -1;
		off += n;
	}
	return io_writeall(m->fd, m->plan.buf.s, m->plan.buf.n);
}

/* Leave the access time before the time of change: that is how shells and mail
 * readers see that there is new mail. */
static void
mark_new(const struct mbox *m)
{
	struct timespec t[2] = {m->st.st_atim, {.tv_nsec = UTIME_NOW}};
	time_t now = time(NULL);

	if (t[0].tv_sec >= now)
		t[0] = (struct timespec){.tv_sec = now - 1};
	futimens(m->fd, t);
}

/* Make the file what it was.  Where that fails the record stays open, and the next
 * one tries again. */
static void
go_back(struct mbox *m)
{
	struct timespec t[2] = {m->st.st_atim, m->st.st_mtim};

	if (ftruncate(m->fd, m->size) < 0)
		return;
	futimens(m->fd, t);
	if (fsync(m->fd) == 0)
		plan_drop(&m->plan);
}

int
mbox_commit(struct mbox *m)
{
	int err;

	if (plan_len(&m->plan) == 0)
		return 0;
	lock_touch(&m->lock);
	if (plan_commit(&m->plan, m->st.st_dev, m->st.st_ino, m->size) < 0) {
		err = errno;
		plan_drop(&m->plan);
	} else if (append(m) < 0 || fsync(m->fd) < 0 ||
	           (m->st.st_size == 0 && mbox_sync_dir(m->path) < 0)) {
		err = errno;
		go_back(m);
	} else {
		mark_new(m);
		plan_done(&m->plan);
		return 0;
	}
	errno = err;
	return -1;
}

void
mbox_close(struct mbox *m)
{
	plan_close(&m->plan);
	lock_release(&m->lock);
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}
