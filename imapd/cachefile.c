/* cachefile - see cachefile.h.  Nothing is synced, as every entry has a sum. */
#include "cachefile.h"

#include "io.h"
#include "lock.h"
#include "mem.h"
#include "record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "fcach03";

enum {
	WINDOW = 1 << 18, /* bytes that are read at a time, at most */
	FIRST = 1 << 13,  /* and where one entry is asked for */
	PATIENCE = 1000   /* ms to wait for the lock */
};

struct head {
	char magic[8];
	uint64_t entries;
	uint64_t zero[2];
};
_Static_assert(sizeof(struct head) == CACHEFILE_HEAD, "as it is named");

void
cachefile_open(struct cachefile *f)
{
	struct stat st;

	f->fd = record_open(f->state, "cache", f->path, f->owner, true);
	f->refused = f->fd < 0;
	f->len = 0;
	f->end =
	    f->fd >= 0 && fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void
cachefile_close(struct cachefile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	free(f->window);
	f->window = NULL;
	f->len = 0;
}

/* --- reading --- */

const char *
cachefile_at(struct cachefile *f, uint64_t off, size_t n)
{
	uint64_t end = f->off + f->len;
	ssize_t got;

	if (off >= f->off && off <= end && n <= end - off)
		return f->window + (off - f->off);
	if (n > WINDOW || n > f->end || off > f->end - n ||
	    off % CACHEFILE_UNIT)
		return NULL;
	if (f->len == 0 || off < f->off || off > end + WINDOW)
		f->ahead = FIRST;
	else if (f->ahead < WINDOW)
		f->ahead *= 2;
	if (!f->window)
		f->window = mem_alloc(WINDOW);
	f->off = off;
	f->len = 0;
	got = io_preadall(f->fd, f->window, n > f->ahead ? n : f->ahead,
	                  (off_t)off);
	if (got > 0)
		f->len = (size_t)got;
	return f->len >= n ? f->window : NULL;
}

void
cachefile_look(struct cachefile *f)
{
	struct stat st;

	/* What is in the window may have been half there. */
	f->len = 0;
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return;
	f->end = (uint64_t)st.st_size;
	if (st.st_nlink > 0)
		return;
	close(f->fd);
	cachefile_open(f);
}

/* --- writing --- */

/* Lock the file that is in place.  0 and its length, or -1. */
static int
lock_placed(struct cachefile *f, off_t *size)
{
	struct stat st;
	int tries = 0;

	while (f->fd >= 0 && lock_fcntl(f->fd, F_WRLCK, PATIENCE) == 0) {
		if (fstat(f->fd, &st) < 0)
			return -1;
		*size = st.st_size;
		if (st.st_nlink > 0)
			return 0;
		/* Somebody put another one there. */
		close(f->fd);
		cachefile_open(f);
		if (++tries == 3)
			break;
	}
	return -1;
}

/* A new file has a head; one that is not ours is left alone. */
static int
head_get(int fd, off_t size, struct head *h)
{
	*h = (struct head){0};
	if (size == 0)
		memcpy(h->magic, magic, sizeof magic);
	else if (io_preadall(fd, h, sizeof *h, 0) < (ssize_t)sizeof *h)
		return -1;
	return memcmp(h->magic, magic, sizeof magic) == 0 ? 0 : -1;
}

static int
add_locked(struct cachefile *f, const struct str *x, size_t entries, off_t size,
           uint64_t *off)
{
	const off_t unit = CACHEFILE_UNIT;
	struct head h;
	off_t end = size < CACHEFILE_HEAD ? CACHEFILE_HEAD : size;

	if (head_get(f->fd, size, &h) < 0)
		return -1;
	end = (end + unit - 1) / unit * unit;
	h.entries += entries;
	if (io_pwriteall(f->fd, &h, sizeof h, 0) < 0 ||
	    io_pwriteall(f->fd, x->s, x->n, end) < 0)
		return -1;
	*off = (uint64_t)end;
	f->end = *off + x->n;
	return 0;
}

int
cachefile_add(struct cachefile *f, const struct str *x, size_t entries,
              uint64_t *off)
{
	off_t size;
	int r;

	if (f->refused)
		return -1;
	r = lock_placed(f, &size);
	if (r == 0) {
		r = add_locked(f, x, entries, size, off);
		lock_fcntl(f->fd, F_UNLCK, 0);
	}
	/* Not once more for every message: the disk may be full. */
	f->refused = r < 0;
	return r;
}

void
cachefile_size(struct cachefile *f, uint64_t *size, uint64_t *entries)
{
	struct stat st;
	struct head h;

	*size = *entries = 0;
	if (f->fd < 0 || fstat(f->fd, &st) < 0 || st.st_size == 0)
		return;
	*size = (uint64_t)st.st_size;
	*entries = UINT64_MAX; /* none of them is of use */
	if (head_get(f->fd, st.st_size, &h) == 0)
		*entries = h.entries;
}

/* --- a new one --- */

static void
new_name(const struct cachefile *f, char name[2 * RECORD_NAME])
{
	char plain[RECORD_NAME];

	record_name(plain, "cache", f->path);
	snprintf(name, 2 * RECORD_NAME, "%s.new", plain);
}

int
cachefile_begin(struct cachefile *old, struct cachefile *f)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, dir;
	char name[2 * RECORD_NAME];
	off_t size;

	*f = (struct cachefile){.state = old->state,
	                        .path = old->path,
	                        .owner = old->owner,
	                        .fd = -1};
	/* Who holds the lock of the old one is alone at it. */
	if (lock_placed(old, &size) < 0)
		return -1;
	new_name(f, name);
	dir = record_dir(f->state, f->owner);
	if (dir >= 0) {
		unlinkat(dir, name, 0);
		f->fd = openat(dir, name, flags, 0600);
		close(dir);
	}
	if (f->fd < 0)
		lock_fcntl(old->fd, F_UNLCK, 0);
	return f->fd < 0 ? -1 : 0;
}

int
cachefile_end(struct cachefile *old, struct cachefile *f, bool good)
{
	char name[2 * RECORD_NAME], plain[RECORD_NAME];
	int dir = record_dir(f->state, f->owner), r = -1;

	new_name(f, name);
	record_name(plain, "cache", f->path);
	if (dir >= 0 && good)
		r = renameat(dir, name, dir, plain);
	if (dir >= 0 && r < 0)
		unlinkat(dir, name, 0);
	if (dir >= 0)
		close(dir);
	cachefile_close(f);
	lock_fcntl(old->fd, F_UNLCK, 0);
	return r;
}
