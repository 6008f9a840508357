/* mboxfix - see mboxfix.h.  Called by mbox_open under both locks.
 * The bytes behind the old end of the mbox are compared with those that were to
 * be written.  All there: the append was finished.  Only a beginning: it is cut
 * off.  A beginning with another program's letter behind it: the beginning
 * becomes empty lines.  Anything else was rewritten by somebody since; it is
 * his, and not touched. */
#include "mboxfix.h"

#include "io.h"
#include "log.h"
#include "mbox.h"
#include "mboxline.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16384 };

/* How the mbox agrees with the plan. */
struct match {
	uint64_t same; /* bytes that are equal */
	uint64_t ours; /* or holes of a power cut */
	bool torn;     /* all are, to the end of the file */
};

static int
compare(const struct plan *p, int fd, uint64_t size, struct match *m)
{
	uint64_t off = 0, end = size - p->head.old;
	char a[CHUNK], b[CHUNK];
	bool same = true, ours = true;

	if (end > p->head.len)
		end = p->head.len;
	*m = (struct match){0};
	while (off < end) {
		size_t n = end - off < CHUNK ? (size_t)(end - off) : CHUNK, i;

		if (plan_read(p, off, a, n) < 0 ||
		    io_preadall(fd, b, n, (off_t)(p->head.old + off)) !=
		        (ssize_t)n)
			return -1;
		for (i = 0; i < n; i++) {
			same = same && a[i] == b[i];
			ours = ours && (a[i] == b[i] || b[i] == '\0');
			m->same += same;
			m->ours += ours;
		}
		off += n;
	}
	m->torn = ours && size <= p->head.old + p->head.len;
	return 0;
}

/* The length of the From_ line at p with its LF, or 0. */
static size_t
from_line(const char *p, const char *e)
{
	const char *lf = memchr(p, '\n', (size_t)(e - p));

	return lf && mbox_is_from((struct cur){p, lf}) ? (size_t)(lf - p) + 1
	                                               : 0;
}

/* Where does another program's letter begin, that lies behind so many bytes of the
 * plan?  Its From_ line may by chance begin as the plan goes on.  *from, 0: none.  0, or
 * -1 with errno. */
static int
foreign_start(int fd, const struct plan *p, uint64_t ours, uint64_t *from)
{
	uint64_t first = ours > LINE_FROM ? ours - LINE_FROM : 0;
	char buf[2 * LINE_FROM];
	ssize_t n =
	    io_preadall(fd, buf, sizeof buf, (off_t)(p->head.old + first));
	const char *e = buf + (n > 0 ? n : 0), *at = buf + (ours - first), *s;

	*from = 0;
	if (n < 0)
		return -1;
	for (s = at; s < e && s - at < 2 && *s == '\n'; s++)
		;
	if (s >= e || from_line(s, e) == 0)
		for (s = at; s >= buf && s < e; s--)
			if (from_line(s, e) > (size_t)(at - s))
				break;
	if (s >= buf && s < e)
		*from = first + (uint64_t)(s - buf);
	return 0;
}

/* Does a message of the plan end just before off, and all of it is there?  Then what
 * lies before is whole. */
static bool
is_boundary(const struct plan *p, const struct match *m, uint64_t off)
{
	char b[7];

	return off >= 2 && off <= m->same && off + 5 <= p->head.len &&
	       plan_read(p, off - 2, b, sizeof b) == 0 &&
	       memcmp(b, "\n\nFrom ", sizeof b) == 0;
}

/* Cut the file back to where it ended. */
static int
cut(const struct plan *p, int fd, const char *path, uint64_t size)
{
	if (ftruncate(fd, (off_t)p->head.old) < 0 || fsync(fd) < 0)
		return -1;
	log_warn("%s: took away %llu bytes of an interrupted delivery", path,
	         (unsigned long long)(size - p->head.old));
	return 0;
}

/* Overwrite the torn part, n bytes, with empty lines: moving what others wrote
 * behind it would put their letters at risk. */
static int
blank(const struct plan *p, int fd, const char *path, uint64_t n)
{
	uint64_t off = 0;
	char lf[CHUNK];

	memset(lf, '\n', sizeof lf);
	while (off < n) {
		size_t k = n - off < CHUNK ? (size_t)(n - off) : CHUNK;

		if (io_pwriteall(fd, lf, k, (off_t)(p->head.old + off)) < 0)
			return -1;
		off += k;
	}
	if (fsync(fd) < 0)
		return -1;
	log_warn("%s: blanked %llu bytes of an interrupted delivery", path,
	         (unsigned long long)n);
	return 0;
}

/* Does the mbox hold all of the append?  Its own sum tells, even when the bytes in
 * the record are those of a later append that came to nothing.  1, 0, or -1 with
 * errno: what cannot be read now is not torn. */
static int
is_whole(const struct plan *p, int fd, uint64_t size)
{
	uint64_t off = 0, len = p->head.len;
	struct sum s = {0};
	char buf[CHUNK];

	if (size - p->head.old < len)
		return 0;
	while (off < len) {
		size_t n = len - off < CHUNK ? (size_t)(len - off) : CHUNK;
		ssize_t r = io_preadall(fd, buf, n, (off_t)(p->head.old + off));

		if (r < (ssize_t)n)
			return r < 0 ? -1 : 0;
		sum_add(&s, buf, n);
		off += n;
	}
	return sum_end(&s) == p->head.check;
}

int
mbox_fix(struct plan *p, int fd, const char *path)
{
	struct match m;
	struct stat st;
	uint64_t size, from;
	int r;

	if (fstat(fd, &st) < 0)
		return -1;
	size = (uint64_t)st.st_size;
	if (size <= p->head.old) {
		plan_drop(p);
		return 0;
	}
	/* Whole, but its writer may have died before he made it durable. */
	if ((r = is_whole(p, fd, size)) < 0)
		return -1;
	if (r > 0) {
		if (fsync(fd) < 0 || (p->head.old == 0 && mbox_sync_dir(path)))
			return -1;
		plan_done(p);
		return 0;
	}
	if ((r = plan_is_sound(p)) <= 0) {
		if (r == 0)
			plan_drop(p);
		return r;
	}
	r = 0;
	if (compare(p, fd, size, &m) < 0)
		return -1;
	if (m.torn && !is_boundary(p, &m, size - p->head.old)) {
		r = cut(p, fd, path, size);
	} else if (m.ours > 0) {
		r = foreign_start(fd, p, m.ours, &from);
		if (r == 0 && from > 0 && !is_boundary(p, &m, from))
			r = blank(p, fd, path, from);
	}
	if (r == 0)
		plan_drop(p);
	return r;
}
