/* mboxjournal - see mboxjournal.h. */
#include "mboxjournal.h"

#include "io.h"
#include "mem.h"
#include "record.h"
#include "sum.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SCRIPT = 2 * JOURNAL_BLOCK, /* where it begins */
	PIECE = 16384,
	ROOM_LEAST = 16384 /* less is not worth moving with */
};

static const char magic[8] = "fedit01";

_Static_assert(sizeof(struct entry) == 19 * 8 + JOURNAL_TOKEN,
               "an entry must not have holes");
_Static_assert(sizeof(struct entry) <= 512, "a disk writes a sector whole");

static uint64_t
entry_sum(const struct entry *e)
{
	size_t skip = offsetof(struct entry, seq);

	return sum_of((const char *)e + skip, sizeof *e - skip);
}

static int
get_slot(int fd, off_t off, struct entry *e)
{
	ssize_t n = io_preadall(fd, e, sizeof *e, off);

	if (n < 0)
		return -1;
	if (n < (ssize_t)sizeof *e ||
	    memcmp(e->magic, magic, sizeof magic) != 0 ||
	    e->sum != entry_sum(e))
		*e = (struct entry){0};
	return 0;
}

int
journal_open(struct journal *j, const struct edit_file *f, bool make)
{
	struct entry a, b;
	int err;

	j->now = (struct entry){0};
	j->fd = record_open(f->state, "edit", f->path, f->owner, make);
	if (j->fd < 0)
		return -1;
	if (get_slot(j->fd, 0, &a) == 0 &&
	    get_slot(j->fd, JOURNAL_BLOCK, &b) == 0) {
		j->now = a.seq > b.seq ? a : b;
		return 0;
	}
	err = errno;
	journal_close(j);
	errno = err;
	return -1;
}

void
journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

bool
journal_is_open(const struct journal *j)
{
	return j->now.phase != PHASE_IDLE;
}

/* In whole blocks. */
static uint64_t
whole(uint64_t n)
{
	return (n + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
}

uint64_t
journal_area(const struct journal *j, uint64_t k)
{
	return whole(SCRIPT + j->now.script) + k * whole(j->now.room);
}

int
journal_reserve(struct journal *j, uint64_t most)
{
	uint64_t *room = &j->now.room, end;
	int err;

	for (;;) {
		end = journal_area(j, most > *room ? 2 : 1);
		err = posix_fallocate(j->fd, 0, (off_t)end);
		/* Where it cannot be reserved, writing will tell. */
		if (err == 0 || err == EOPNOTSUPP || err == EINVAL)
			return 0;
		if (end > JOURNAL_KEEP)
			(void)!ftruncate(j->fd, JOURNAL_KEEP);
		if (*room <= ROOM_LEAST ||
		    (err != ENOSPC && err != EDQUOT && err != EFBIG))
			break;
		*room /= 2;
	}
	errno = err;
	return -1;
}

int
journal_write_script(struct journal *j, const struct str *s)
{
	j->now.script = s->n;
	j->now.script_sum = sum_of(s->s, s->n);
	return io_pwriteall(j->fd, s->s, s->n, SCRIPT);
}

int
journal_read_script(struct journal *j, struct str *s)
{
	size_t n = (size_t)j->now.script;
	struct stat st;
	ssize_t got;

	if (fstat(j->fd, &st) < 0)
		return -1;
	if (st.st_size < SCRIPT ||
	    j->now.script > (uint64_t)st.st_size - SCRIPT)
		return 0;
	str_clear(s);
	s->s = mem_grow(s->s, &s->cap, n + 1, 1);
	if ((got = io_preadall(j->fd, s->s, n, SCRIPT)) < 0)
		return -1;
	s->n = (size_t)got;
	return s->n == n && sum_of(s->s, n) == j->now.script_sum;
}

/* Write the entry into the slot that is not the newest one's. */
static int
put(struct journal *j)
{
	struct entry *e = &j->now;

	memcpy(e->magic, magic, sizeof magic);
	e->seq++;
	e->sum = entry_sum(e);
	if (io_pwriteall(j->fd, e, sizeof *e,
	                 (off_t)(e->seq % 2 * JOURNAL_BLOCK)) == 0)
		return 0;
	e->seq--;
	return -1;
}

int
journal_commit(struct journal *j)
{
	return put(j) < 0 ? -1 : fdatasync(j->fd);
}

int
journal_has_data(struct journal *j)
{
	uint64_t done, n = j->now.n;
	struct sum s = {0};
	char b[PIECE];
	ssize_t got;
	size_t k;

	for (done = 0; done < n; done += k) {
		k = n - done < PIECE ? (size_t)(n - done) : PIECE;
		got = io_preadall(j->fd, b, k, (off_t)(j->now.data + done));
		if (got < 0)
			return -1;
		if (got < (ssize_t)k)
			return 0;
		sum_add(&s, b, k);
	}
	return sum_end(&s) == j->now.check;
}

int
journal_idle(struct journal *j, bool durable)
{
	uint64_t used = journal_area(j, 2);

	j->now.phase = PHASE_IDLE;
	if (put(j) < 0 || (durable && fdatasync(j->fd) < 0))
		return -1;
	if (used > JOURNAL_KEEP)
		(void)!ftruncate(j->fd, JOURNAL_KEEP);
	return 0;
}
