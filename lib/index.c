/* index - see index.h.
 * Nothing here is synced but a doubt: after a power cut any part of the file may be
 * old, so every record has a sum of its own and the head the sum of these sums.  The
 * latter finds a record that is old as a whole.  It does not find one that lies
 * across the border of two blocks and has its sum, but not all of what that
 * sums up, from the disk; so every record is summed up anew each time, in small
 * pieces while they are at hand.  Readers take no lock unless they met a writer
 * at work. */
#include "index.h"

#include "io.h"
#include "lock.h"
#include "mboxscan.h"
#include "mem.h"
#include "record.h"
#include "sum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const char magic[8] = "findx05";

enum {
	PATIENCE = 10000, /* ms to wait for the lock */
	/* Changes a second, on average, before an index that was lost could
	 * give out a modseq again: 2 to the power of this. */
	MODSEQ_SHIFT = 16,
	PIECE = 512, /* records that are read at a time */
	PART = 16, /* there is room for so many more, and for a part so large */
	LARGE = 1 << 22 /* bytes that are worth large pages */
};

_Static_assert(sizeof(struct index_head) <= INDEX_HEAD, "the head must fit");
_Static_assert(sizeof(struct index_msg) == 112, "no holes in a record");

/* --- sums --- */

static uint64_t
head_sum(const struct index_head *h)
{
	size_t skip = offsetof(struct index_head, total);
	struct sum s = {0};

	sum_add(&s, (const char *)h + skip, sizeof *h - skip);
	return sum_end(&s);
}

/* As sum_of(), for what has a fixed length. */
static inline uint64_t
msg_sum(const struct index_msg *m)
{
	enum { WORDS = offsetof(struct index_msg, sum) / sizeof(uint64_t) };
	uint64_t w[WORDS], a = 0, b = 0;
	int i;

	memcpy(w, m, sizeof w);
	for (i = 0; i < WORDS; i++) {
		a += w[i];
		b += a;
	}
	b += ++a;
	return b ^ (a << 32 | a >> 32);
}

/* --- opening --- */

int
index_open(struct index *x, const char *dir, const char *path, uid_t owner)
{
	*x = (struct index){.fd = -1, .dir = dir, .owner = owner};
	if (dir)
		x->fd = record_open(dir, "index", path, owner, true);
	return x->fd < 0 ? -1 : 0;
}

void
index_close(struct index *x)
{
	if (x->fd >= 0)
		close(x->fd);
	free(x->msg);
	*x = (struct index){.fd = -1};
}

int
index_is_named(const struct index *x, const char *path)
{
	struct stat mine, there;
	int fd = -1;

	if (x->fd < 0)
		return 0;
	fd = record_open(x->dir, "index", path, x->owner, false);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(x->fd, &mine) < 0 || fstat(fd, &there) < 0)
		return io_close(fd, -1);
	close(fd);
	return there.st_ino == mine.st_ino && there.st_dev == mine.st_dev;
}

/* --- the lock --- */

int
index_lock(struct index *x)
{
	if (x->fd >= 0 && lock_fcntl(x->fd, F_WRLCK, PATIENCE) < 0)
		return -1;
	x->locked = true;
	return 0;
}

void
index_unlock(struct index *x)
{
	if (x->fd >= 0)
		lock_fcntl(x->fd, F_UNLCK, 0);
	x->locked = false;
}

/* --- loading --- */

void
index_room(struct index *x, size_t n)
{
	x->msg = mem_grow(x->msg, &x->cap, n, sizeof *x->msg);
}

/* A number that no index of this mailbox that was lost can have had. */
static uint64_t
new_number(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec << 30 | (uint64_t)t.tv_nsec;
}

/* The time; but never the same twice, as a mailbox may be removed and made again in
 * one second (RFC 9051 2.3.1.1): the last one is on record. */
static uint32_t
new_validity(const struct index *x)
{
	uint32_t now = (uint32_t)time(NULL), last;
	int fd = -1;

	if (x->fd >= 0)
		fd = record_open(x->dir, "validity", "", x->owner, true);
	if (fd < 0)
		return now;
	if (lock_fcntl(fd, F_WRLCK, PATIENCE) == 0 &&
	    io_preadall(fd, &last, sizeof last, 0) == sizeof last &&
	    last >= now && last < UINT32_MAX)
		now = last + 1;
	/* If that fails the time will do. */
	io_pwriteall(fd, &now, sizeof now, 0);
	close(fd);
	return now;
}

void
index_begin(struct index *x, uint32_t validity)
{
	struct index_head *h = &x->head;

	if (h->validity == 0)
		h->validity = validity ? validity : new_validity(x);
	if (h->next == 0)
		h->next = 1;
	if (h->modseq == 0)
		h->modseq = (uint64_t)time(NULL) << MODSEQ_SHIFT;
	if (h->id == 0 && getentropy(&h->id, sizeof h->id) < 0)
		h->id = new_number();
}

uint64_t
index_modseq(const struct index *x)
{
	uint64_t m = x->head.modseq;

	return (m ? m : (uint64_t)time(NULL) << MODSEQ_SHIFT) + 1;
}

static bool
head_is_sound(const struct index_head *h, ssize_t n)
{
	return n == (ssize_t)sizeof *h &&
	       memcmp(h->magic, magic, sizeof magic) == 0 &&
	       h->sum == head_sum(h);
}

/* Keep the n records at m that are whole and in order, in the place of those from
 * have on; *total counts the sums.  How many there are now. */
static size_t
sift(struct index *x, size_t have, size_t from, size_t n, uint64_t *total)
{
	uint32_t last = have > 0 ? x->msg[have - 1].uid : 0;
	size_t i;

	for (i = from; i < from + n; i++) {
		struct index_msg *m = &x->msg[i];

		*total += m->sum;
		if (m->uid <= last || m->sum != msg_sum(m))
			continue;
		last = m->uid;
		if (have != i)
			x->msg[have] = *m;
		have++;
	}
	return have;
}

/* Touching new memory page by page would take longer than reading the file. */
static void
large_pages(void *p, size_t n)
{
#ifdef MADV_HUGEPAGE
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t at = ((uintptr_t)p + page - 1) / page * page;

	if (n >= LARGE)
		madvise((char *)p + (at - (uintptr_t)p),
		        n - (at - (uintptr_t)p), MADV_HUGEPAGE);
#else
	(void)p;
	(void)n;
#endif
}

/* Make room for n records; those that are there are forgotten. */
static void
make_room(struct index *x, size_t n)
{
	if (x->cap >= n)
		return;
	free(x->msg);
	x->cap = n + n / PART + PART;
	x->msg = mem_alloc(x->cap * sizeof *x->msg);
	large_pages(x->msg, x->cap * sizeof *x->msg);
}

/* Read n records at most: how many, of which *whole are good and kept, or -1. */
static ssize_t
take_records(struct index *x, size_t n, size_t *whole, uint64_t *total)
{
	const size_t size = sizeof *x->msg;
	size_t done = 0, want;
	ssize_t got;

	*whole = 0;
	*total = 0;
	make_room(x, n);
	while (done < n) {
		want = n - done < PIECE ? n - done : PIECE;
		got = io_preadall(x->fd, x->msg + done, want * size,
		                  (off_t)(INDEX_HEAD + done * size));
		if (got < 0)
			return -1;
		want = (size_t)got / size;
		*whole = sift(x, *whole, done, want, total);
		done += want;
		if (want < PIECE)
			break;
	}
	return (ssize_t)done;
}

/* Without their names keywords mean nothing: which they are, the mailbox tells. */
static void
forget_keywords(struct index_msg *m, size_t n)
{
	while (n-- > 0)
		m[n].keywords = m[n].kept_keywords = 0;
}

/* Take the file as it is.  1 when it is whole, 0 when it is but a hint, -1. */
static int
take(struct index *x)
{
	struct index_head *h = &x->head;
	ssize_t got = io_preadall(x->fd, h, sizeof *h, 0);
	bool sound = head_is_sound(h, got);
	uint64_t total;
	struct stat st;
	size_t n = 0, whole;

	if (got < 0 || fstat(x->fd, &st) < 0)
		return -1;
	if (st.st_size > INDEX_HEAD)
		n = (size_t)(st.st_size - INDEX_HEAD) / sizeof *x->msg;
	if (!sound)
		*h = (struct index_head){0};
	else if (n > h->count && !h->busy)
		n = (size_t)h->count;
	if ((got = take_records(x, n, &whole, &total)) < 0)
		return -1;
	n = (size_t)got;
	if (!sound)
		forget_keywords(x->msg, whole);
	sound = sound && !h->busy && n == h->count && total == h->total &&
	        whole == n;
	h->count = whole;
	return sound;
}

bool
index_changed(const struct index_head *h, uint64_t since, struct index_span *p)
{
	uint64_t g;

	*p = (struct index_span){UINT64_MAX, 0};
	if (since > h->generation || h->generation - since > INDEX_RECENT)
		return false;
	for (g = since + 1; g <= h->generation; g++) {
		const struct index_span *r = &h->recent[g % INDEX_RECENT];

		p->first = r->first < p->first ? r->first : p->first;
		p->end = r->end > p->end ? r->end : p->end;
	}
	return true;
}

/* Take the records at m, which are those of the span now.  -1: they are not whole, or
 * not all that the head tells of. */
static int
patch(struct index *x, const struct index_head *h, const struct index_span *p,
      const struct index_msg *m)
{
	uint64_t total = x->head.total, i;
	uint32_t last = p->first > 0 ? x->msg[p->first - 1].uid : 0;

	for (i = p->first; i < p->end; i++) {
		if (i < x->head.count)
			total -= x->msg[i].sum;
		total += m[i - p->first].sum;
		if (m[i - p->first].uid <= last ||
		    m[i - p->first].sum != msg_sum(&m[i - p->first]))
			return -1;
		last = m[i - p->first].uid;
	}
	if (total != h->total || (i < h->count && x->msg[i].uid <= last))
		return -1;
	index_room(x, (size_t)h->count);
	if (p->first < p->end)
		memcpy(x->msg + p->first, m,
		       (size_t)(p->end - p->first) * sizeof *m);
	x->head = *h;
	return 0;
}

/* Take over what the saves since ours changed.  1, or 0 where that is not known, or
 * not little. */
static int
catch_up(struct index *x, const struct index_head *h)
{
	const size_t size = sizeof *x->msg;
	struct index_span p;
	struct index_msg *m;
	size_t n;
	int r = 0;

	if (h->id != x->head.id || h->count < x->head.count ||
	    !index_changed(h, x->head.generation, &p))
		return 0;
	if (p.end > h->count || h->count > x->head.count)
		p.end = h->count;
	if (p.first > p.end || p.first > x->head.count)
		p.first = x->head.count < p.end ? x->head.count : p.end;
	n = (size_t)(p.end - p.first);
	if (n > PIECE + h->count / 2)
		return 0;
	m = mem_alloc(n * size);
	if (io_preadall(x->fd, m, n * size,
	                (off_t)(INDEX_HEAD + p.first * size)) ==
	    (ssize_t)(n * size))
		r = patch(x, h, &p, m) == 0;
	free(m);
	return r;
}

/* The head of the file, unless somebody is writing. */
static int
read_head(const struct index *x, struct index_head *h)
{
	ssize_t n = io_preadall(x->fd, h, sizeof *h, 0);

	return head_is_sound(h, n) && !h->busy ? 0 : -1;
}

bool
index_peek(struct index *x)
{
	x->bare = x->trusted = x->fd >= 0 && read_head(x, &x->head) == 0;
	return x->bare;
}

bool
index_is_still(const struct index *x)
{
	struct index_head h;

	return read_head(x, &h) == 0 && h.generation == x->head.generation;
}

/* Go on from what we have: 0 it is what the file has, 1 now it is, -1 it is not. */
static int
go_on(struct index *x)
{
	struct index_head h;

	if (x->bare || !x->trusted || read_head(x, &h) < 0)
		return -1;
	if (h.generation == x->head.generation)
		return 0;
	return catch_up(x, &h) ? 1 : -1;
}

int
index_load(struct index *x)
{
	struct index new = {.fd = x->fd};
	bool mine = !x->locked;
	int r;

	if (x->fd < 0 || (r = go_on(x)) == 0)
		return 0;
	if (r > 0)
		return 1;
	r = take(&new);
	/* A writer was at work, or died at it: only who has the lock knows. */
	if (r == 0 && mine) {
		if ((r = index_lock(x)) == 0)
			r = take(&new);
		index_unlock(x);
	}
	if (r < 0) {
		free(new.msg);
		return -1;
	}
	free(x->msg);
	x->head = new.head;
	x->msg = new.msg;
	x->cap = new.cap;
	x->trusted = r > 0;
	x->bare = false;
	return 1;
}

/* --- saving --- */

static int
save_head(struct index *x, bool busy)
{
	struct index_head *h = &x->head;

	memcpy(h->magic, magic, sizeof magic);
	h->busy = busy;
	h->sum = head_sum(h);
	return io_pwriteall(x->fd, h, sizeof *h, 0);
}

/* Room is made before anything is overwritten: on a full disk the file stays what
 * it was. */
static int
save(struct index *x, size_t first, size_t end)
{
	const size_t size = sizeof *x->msg;
	uint64_t want = INDEX_HEAD + x->head.count * size;
	struct stat st;
	int err;

	if (fstat(x->fd, &st) < 0)
		return -1;
	if ((uint64_t)st.st_size < want &&
	    (err = posix_fallocate(x->fd, st.st_size,
	                           (off_t)want - st.st_size)) != 0) {
		errno = err;
		return -1;
	}
	if (save_head(x, true) < 0)
		return -1;
	if (first < end &&
	    io_pwriteall(x->fd, x->msg + first, (end - first) * size,
	                 (off_t)(INDEX_HEAD + first * size)) < 0)
		return -1;
	if ((uint64_t)st.st_size > want && ftruncate(x->fd, (off_t)want) < 0)
		return -1;
	return save_head(x, false);
}

/* Save what has its sums; what has changed is known: the span. */
static int
save_summed(struct index *x, size_t first, size_t end, struct index_span span)
{
	struct index_head *h = &x->head;
	int err;

	if (h->generation++ == 0)
		h->generation = new_number();
	if (h->begun == 0)
		h->begun = h->modseq;
	h->recent[h->generation % INDEX_RECENT] = span;
	x->trusted = true;
	if (x->fd < 0 || save(x, first, end) == 0)
		return 0;
	/* The file is what it was, or torn and a hint to who looks next. */
	err = errno;
	index_unlock(x);
	close(x->fd);
	x->fd = -1;
	errno = err;
	return -1;
}

/* Which is the first that was not seen, where records from first up to end may
 * have changed? */
static void
seek_unseen(struct index *x, size_t first, size_t end)
{
	struct index_head *h = &x->head;
	size_t i = first;

	if (h->first_unseen < first)
		return;
	while (i < end && x->msg[i].flags & FLAG_SEEN)
		i++;
	if (i == end && h->first_unseen >= end)
		return;
	while (i < h->count && x->msg[i].flags & FLAG_SEEN)
		i++;
	h->first_unseen = i;
}

/* The head's counts follow records from first up to end. */
static void
count(struct index *x, size_t first, size_t end)
{
	struct index_head *h = &x->head;
	size_t i;

	for (i = first; i < end; i++) {
		struct index_msg *m = &x->msg[i];
		unsigned now = ~m->flags & (FLAG_SEEN | FLAG_OLD);

		h->unseen += !!(now & FLAG_SEEN);
		h->unseen -= !!(m->counted & FLAG_SEEN);
		h->fresh += !!(now & FLAG_OLD);
		h->fresh -= !!(m->counted & FLAG_OLD);
		m->counted = (uint16_t)now;
	}
	seek_unseen(x, first, end);
}

int
index_save(struct index *x, size_t first, size_t end)
{
	struct index_head *h = &x->head;
	size_t i, n = (size_t)h->count;

	h->total = h->unseen = h->fresh = h->first_unseen = 0;
	for (i = 0; i < n; i++)
		x->msg[i].counted = 0;
	count(x, 0, n);
	for (i = first; i < end; i++)
		x->msg[i].sum = msg_sum(&x->msg[i]);
	for (i = 0; i < n; i++)
		h->total += x->msg[i].sum;
	return save_summed(x, first, end, (struct index_span){0, UINT64_MAX});
}

int
index_update(struct index *x, size_t first, size_t end)
{
	size_t i;

	count(x, first, end);
	for (i = first; i < end; i++) {
		x->head.total -= x->msg[i].sum;
		x->msg[i].sum = msg_sum(&x->msg[i]);
		x->head.total += x->msg[i].sum;
	}
	return save_summed(x, first, end,
	                   first < end ? (struct index_span){first, end}
	                               : (struct index_span){UINT64_MAX, 0});
}

/* Make the head of the file in fd, which is not ours to save, say that. */
static int
doubt(int fd)
{
	struct index_head h;
	ssize_t n;

	if (lock_fcntl(fd, F_WRLCK, PATIENCE) < 0 ||
	    (n = io_preadall(fd, &h, sizeof h, 0)) < 0)
		return -1;
	if (!head_is_sound(&h, n) || h.busy)
		return 0;
	h.busy = true;
	h.sum = head_sum(&h);
	return io_pwriteall(fd, &h, sizeof h, 0) < 0 ? -1 : fdatasync(fd);
}

int
index_doubt(struct index *x, const char *path)
{
	int fd, r, err;

	if (x->fd >= 0)
		return save_head(x, true) < 0 ? -1 : fdatasync(x->fd);
	if (!x->dir)
		return 0;
	fd = record_open(x->dir, "index", path, x->owner, false);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	r = doubt(fd);
	err = errno;
	close(fd);
	errno = err;
	return r;
}

/* --- small things --- */

void
index_state_of(struct index_state *s, const struct stat *st)
{
	*s = (struct index_state){
	    .dev = (uint64_t)st->st_dev,
	    .ino = (uint64_t)st->st_ino,
	    .size = (uint64_t)st->st_size,
	    .mtime =
	        (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
	};
}

struct cur
index_keyword_name(const struct index *x, int i)
{
	const char *names = x->head.names;
	struct cur c = {names, names + strnlen(names, INDEX_NAMES)};
	struct cur name = {0};

	for (; i >= 0; i--)
		if (cur_word(&c, &name) == 0)
			break;
	return name;
}

/* An atom that may be a flag, RFC 9051 9: mailboxes may hold other words. */
static bool
is_keyword(struct cur w)
{
	int b;

	if (cur_len(&w) == 0)
		return false;
	while ((b = cur_get(&w)) >= 0)
		if (b <= ' ' || b >= 127 || strchr("(){%*\"\\]", b))
			return false;
	return true;
}

int
index_keyword(struct index *x, const struct cur *name)
{
	char *names = x->head.names;
	size_t used = strnlen(names, INDEX_NAMES), n = cur_len(name);
	struct cur c = {names, names + used}, w;
	int i = 0;

	for (; cur_word(&c, &w) > 0; i++)
		if (cur_len(&w) == n && mem_ieq(w.p, name->p, n))
			return i;
	if (!is_keyword(*name) || i >= INDEX_KEYWORDS ||
	    used + n + 2 > INDEX_NAMES)
		return -1;
	memcpy(names + used, name->p, n);
	names[used + n] = ' ';
	names[used + n + 1] = '\0';
	return i;
}
