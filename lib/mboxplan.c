/* mboxplan - see mboxplan.h. */
#include "mboxplan.h"

#include "io.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char magic[8] = "fmbox02";

/* Where the bytes of the append begin in the record: on a block of their own. */
enum { PLAN_DATA = PLAN_HEAD };

enum { PAUSE = 10 /* ms between two tries to lock it */ };

_Static_assert(sizeof(struct plan_head) <= PLAN_HEAD, "the head must fit");
_Static_assert(sizeof(struct plan_head) == 72 + PLAN_IDS * (PLAN_ID + 8),
               "the head must not have holes");

static uint64_t
head_sum(const struct plan_head *h)
{
	size_t skip = offsetof(struct plan_head, dev);

	return sum_of((const char *)h + skip, sizeof *h - skip);
}

/* Take the head from the file; a torn or foreign one counts as empty.  A head is
 * only torn when power failed before the mbox was touched. */
static int
head_load(struct plan *p)
{
	struct plan_head *h = &p->head;
	ssize_t n = pread(p->fd, h, sizeof *h, 0);

	if (n < 0)
		return -1;
	if (n == (ssize_t)sizeof *h &&
	    memcmp(h->magic, magic, sizeof magic) == 0 &&
	    h->sum == head_sum(h) && h->nid <= PLAN_IDS && h->fresh <= h->nid)
		return 0;
	*h = (struct plan_head){0};
	return 0;
}

static int
head_save(struct plan *p)
{
	memcpy(p->head.magic, magic, sizeof magic);
	p->head.sum = head_sum(&p->head);
	return io_pwriteall(p->fd, &p->head, sizeof p->head, 0);
}

int
plan_open(struct plan *p, const char *dir, const char *path, uid_t owner)
{
	int err;

	*p = (struct plan){.fd = record_open(dir, "mbox", path, owner, true)};
	if (p->fd < 0)
		return -1;
	if (head_load(p) == 0) {
		p->kept = true;
		return 0;
	}
	err = errno;
	plan_close(p);
	p->head = (struct plan_head){0};
	errno = err;
	return -1;
}

int
plan_lock(struct plan *p, long patience)
{
	long long end = io_now() + patience;

	while (flock(p->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || io_now() >= end)
			return -1;
		poll(NULL, 0, PAUSE);
	}
	return head_load(p); /* as the last one left it */
}

void
plan_close(struct plan *p)
{
	if (p->fd >= 0)
		close(p->fd);
	str_free(&p->buf);
	p->fd = -1;
}

bool
plan_is_open(const struct plan *p, ino_t ino)
{
	return p->head.open && p->head.ino == (uint64_t)ino;
}

int
plan_is_sound(const struct plan *p)
{
	uint64_t off = 0, left = p->head.len;
	struct sum s = {0};
	char buf[16384];

	while (left > 0) {
		size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
		ssize_t r = io_preadall(p->fd, buf, n, PLAN_DATA + (off_t)off);

		if (r < (ssize_t)n)
			return r < 0 ? -1 : 0;
		sum_add(&s, buf, n);
		off += n;
		left -= n;
	}
	return sum_end(&s) == p->head.check;
}

bool
plan_seen(const struct plan *p, const char *id, const char *to)
{
	uint64_t sum = hash_of(to, strlen(to));
	uint32_t i;

	if (strlen(id) > PLAN_ID)
		return false;
	for (i = 0; i < p->head.nid - p->head.fresh; i++)
		if (p->head.id[i].to == sum &&
		    strncmp(p->head.id[i].id, id, PLAN_ID) == 0)
			return true;
	return false;
}

void
plan_note(struct plan *p, const char *id, const char *to)
{
	struct plan_head *h = &p->head;
	size_t n = strlen(id);

	if (n > PLAN_ID)
		return;
	if (h->nid == PLAN_IDS) {
		memmove(&h->id[0], &h->id[1], sizeof h->id - sizeof h->id[0]);
		h->nid--;
	}
	memset(&h->id[h->nid], 0, sizeof h->id[0]);
	memcpy(h->id[h->nid].id, id, n);
	h->id[h->nid].to = hash_of(to, strlen(to));
	h->nid++;
	h->fresh++;
}

void
plan_forget(struct plan *p, uint32_t i)
{
	struct plan_head *h = &p->head;
	uint32_t k = h->nid - h->fresh + i;

	memmove(&h->id[k], &h->id[k + 1], (h->nid - k - 1) * sizeof h->id[0]);
	h->nid--;
	h->fresh--;
}

/* Move what is in memory to the file. */
static void
spill(struct plan *p)
{
	if (p->fd < 0) {
		FILE *f = tmpfile();

		p->fd = f ? fcntl(fileno(f), F_DUPFD_CLOEXEC, 0) : -1;
		if (f)
			fclose(f);
	}
	if (!p->err &&
	    (p->fd < 0 || io_pwriteall(p->fd, p->buf.s, p->buf.n,
	                               PLAN_DATA + (off_t)p->spilled) < 0))
		p->err = errno;
	p->spilled += p->buf.n;
	str_clear(&p->buf);
}

void
plan_add(struct plan *p, const void *data, size_t n)
{
	sum_add(&p->sum, data, n);
	str_add(&p->buf, data, n);
	if (p->buf.n >= PLAN_MEM)
		spill(p);
}

uint64_t
plan_len(const struct plan *p)
{
	return p->spilled + p->buf.n;
}

struct plan_mark
plan_mark(const struct plan *p)
{
	return (struct plan_mark){plan_len(p), p->sum};
}

void
plan_cut(struct plan *p, struct plan_mark mark)
{
	p->sum = mark.sum;
	if (mark.len < p->spilled) {
		p->spilled = mark.len;
		str_clear(&p->buf);
	} else {
		p->buf.n = (size_t)(mark.len - p->spilled);
	}
}

int
plan_read(const struct plan *p, uint64_t off, void *data, size_t n)
{
	ssize_t r = io_preadall(p->fd, data, n, PLAN_DATA + (off_t)off);

	if (r >= 0 && r < (ssize_t)n)
		errno = EIO;
	return r == (ssize_t)n ? 0 : -1;
}

int
plan_commit(struct plan *p, dev_t dev, ino_t ino, off_t old)
{
	struct plan_head *h = &p->head;

	if (!p->err && p->kept) {
		h->dev = (uint64_t)dev;
		h->ino = (uint64_t)ino;
		h->old = (uint64_t)old;
		h->len = plan_len(p);
		h->check = sum_end(&p->sum);
		h->open = 1;
		if (io_pwriteall(p->fd, p->buf.s, p->buf.n,
		                 PLAN_DATA + (off_t)p->spilled) < 0 ||
		    head_save(p) < 0 || fdatasync(p->fd) < 0)
			p->err = errno;
	}
	errno = p->err;
	return p->err ? -1 : 0;
}

/* Not durable, and needs not be: an open record of a finished append is seen to
 * be finished by its bytes. */
static void
head_close(struct plan *p)
{
	p->head.open = 0;
	p->head.fresh = 0;
	if (!p->kept)
		return;
	head_save(p);
	if (p->head.len > PLAN_KEEP || p->spilled > PLAN_KEEP)
		(void)!ftruncate(p->fd, PLAN_DATA);
}

void
plan_done(struct plan *p)
{
	head_close(p);
}

void
plan_drop(struct plan *p)
{
	p->head.nid -= p->head.fresh;
	head_close(p);
}
