/* storegone - see storegone.h.
 * The file has a head and records, which have consecutive numbers.  They are
 * believed if they are of this index, whole, and reach to the number that the index
 * has counted to: after a power cut either file may be older than the other.  What
 * is behind that number was on record when somebody died; it does not count. */
#include "storegone.h"

#include "io.h"
#include "mem.h"
#include "record.h"
#include "sum.h"

#include <stdlib.h>
#include <unistd.h>

enum { MOST = 4096 }; /* records; when there are more the older half goes */

static const char magic[8] = "fgone01";

struct head {
	char magic[8];
	uint64_t sum; /* of what follows */
	uint64_t id;  /* of the index */
	uint64_t validity;
	uint64_t floor; /* what went after this modseq is known */
	uint64_t first; /* number of the first record */
};

struct rec {
	uint64_t number, modseq;
	struct store_range uid;
	uint64_t sum; /* of what is before */
};

/* The file in memory. */
struct file {
	struct head head;
	struct rec rec[MOST];
};

/* --- sums --- */

static uint64_t
head_sum(const struct head *h)
{
	size_t skip = offsetof(struct head, id);

	return sum_of((const char *)h + skip, sizeof *h - skip);
}

static uint64_t
rec_sum(const struct rec *r)
{
	return sum_of(r, offsetof(struct rec, sum));
}

/* --- the file --- */

static int
file_open(const struct store *s)
{
	if (!s->how.state || s->index.fd < 0)
		return -1;
	return record_open(s->how.state, "gone", s->path, s->how.owner, true);
}

/* A new one: nothing is known of what went up to floor. */
static void
file_begin(int fd, struct file *f, const struct index_head *x, uint64_t floor)
{
	/* But if nothing ever went, there is nothing to know. */
	if (x->gone == 0)
		floor = x->begun;
	(void)!ftruncate(fd, 0);
	f->head = (struct head){.id = x->id,
	                        .validity = x->validity,
	                        .floor = floor,
	                        .first = x->gone};
}

/* Load the file; *n: its records that the index has counted.  Is it good for this
 * index? */
static bool
file_load(int fd, struct file *f, const struct index_head *x, size_t *n)
{
	const struct head *h = &f->head;
	ssize_t got = io_preadall(fd, f, sizeof *f, 0);
	size_t i, most;

	*n = 0;
	if (got < (ssize_t)sizeof *h ||
	    memcmp(h->magic, magic, sizeof magic) != 0 ||
	    h->sum != head_sum(h) || h->id != x->id ||
	    h->validity != x->validity || h->first > x->gone)
		return false;
	most = ((size_t)got - sizeof *h) / sizeof *f->rec;
	for (i = 0; i < most && h->first + i < x->gone; i++)
		if (f->rec[i].number != h->first + i ||
		    f->rec[i].sum != rec_sum(&f->rec[i]))
			break;
	*n = i;
	return h->first + i == x->gone;
}

/* Write the records from number first on, up to n, and the head. */
static int
file_save(int fd, struct file *f, size_t first, size_t n)
{
	struct head *h = &f->head;

	memcpy(h->magic, magic, sizeof magic);
	h->sum = head_sum(h);
	if (io_pwriteall(fd, f->rec + first, (n - first) * sizeof *f->rec,
	                 (off_t)(sizeof *h + first * sizeof *f->rec)) < 0)
		return -1;
	return io_pwriteall(fd, h, sizeof *h, 0);
}

/* --- removals --- */

static void
add_range(struct gone *g, uint32_t lo, uint32_t hi)
{
	if (lo > hi)
		return;
	g->v = mem_grow(g->v, &g->cap, g->n + 1, sizeof *g->v);
	g->v[g->n++] = (struct store_range){lo, hi};
}

/* A UID that went before is not in the range: who counts what went since then must
 * come out right. */
void
gone_see(struct gone *g, uint32_t uid)
{
	if (g->n == 0 || g->v[g->n - 1].hi != uid - 1)
		add_range(g, uid, uid);
	g->v[g->n - 1].hi = uid;
}

/* Make room for more records behind n: the older half goes, or all. */
static size_t
make_room(struct file *f, size_t n, size_t more)
{
	size_t keep = MOST / 2 > more ? MOST / 2 - more : 0;

	if (n + more <= MOST)
		return n;
	keep = keep < n ? keep : n;
	if (n > keep)
		f->head.floor = f->rec[n - keep - 1].modseq;
	memmove(f->rec, f->rec + n - keep, keep * sizeof *f->rec);
	f->head.first += n - keep;
	return keep;
}

static void
add(int fd, struct file *f, const struct index_head *x, const struct gone *g,
    uint64_t modseq)
{
	size_t n, from, i;

	if (file_load(fd, f, x, &n)) {
		from = n;
	} else {
		file_begin(fd, f, x, modseq - 1);
		n = from = 0;
	}
	if (g->n > MOST) {
		file_begin(fd, f, x, modseq);
		f->head.floor = modseq;
		f->head.first += g->n;
		file_save(fd, f, 0, 0);
		return;
	}
	n = make_room(f, n, g->n);
	from = f->head.first + from == x->gone ? from : 0;
	for (i = 0; i < g->n; i++) {
		struct rec *r = &f->rec[n++];

		*r = (struct rec){
		    .number = x->gone + i, .modseq = modseq, .uid = g->v[i]};
		r->sum = rec_sum(r);
	}
	file_save(fd, f, from, n);
}

void
gone_save(struct store *s, struct gone *g, uint64_t modseq)
{
	struct index_head *x = &s->index.head;
	int fd = g->n > 0 ? file_open(s) : -1;
	struct file *f;

	if (fd >= 0) {
		f = mem_alloc(sizeof *f);
		add(fd, f, x, g, modseq);
		free(f);
		close(fd);
	}
	/* One that could not be written is missed. */
	x->gone += g->n;
	free(g->v);
	*g = (struct gone){0};
}

void
gone_all(struct store *s)
{
	struct gone g = {0};
	size_t i;

	if (!s->index.trusted)
		gone_unknown(s);
	for (i = 0; i < store_count(s); i++)
		gone_see(&g, store_msg(s, i)->uid);
	gone_save(s, &g, index_modseq(&s->index));
}

void
gone_unknown(struct store *s)
{
	struct index_head *x = &s->index.head;

	/* A new one had nothing yet that could go. */
	if (x->begun > 0)
		x->gone++;
}

/* --- what went --- */

static int
by_lo(const void *a, const void *b)
{
	const struct store_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Take what overlaps or touches together. */
static size_t
join(struct store_range *v, size_t n)
{
	size_t i, k = 0;

	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, by_lo);
	for (i = 1; i < n; i++) {
		if (v[i].lo > v[k].hi && v[i].lo - v[k].hi > 1)
			v[++k] = v[i];
		else if (v[i].hi > v[k].hi)
			v[k].hi = v[i].hi;
	}
	return k + 1;
}

/* The first message with this UID or a higher one. */
static size_t
place(const struct store *s, uint32_t uid)
{
	size_t lo = 0, hi = store_count(s);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (store_msg(s, mid)->uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* A range without those that are there; UIDs are never UINT32_MAX here. */
static void
without(const struct store *s, struct store_range r, struct gone *g)
{
	size_t i;

	for (i = place(s, r.lo); i < store_count(s); i++) {
		uint32_t uid = store_msg(s, i)->uid;

		if (uid > r.hi)
			break;
		if (uid > r.lo)
			add_range(g, r.lo, uid - 1);
		if (uid == r.hi)
			return;
		r.lo = uid + 1;
	}
	add_range(g, r.lo, r.hi);
}

static void
tell(const struct store *s, const struct file *f, size_t n, uint64_t modseq,
     struct gone *g)
{
	struct gone all = {0};
	size_t i;

	for (i = 0; i < n; i++)
		if (f->rec[i].modseq > modseq)
			add_range(&all, f->rec[i].uid.lo, f->rec[i].uid.hi);
	all.n = join(all.v, all.n);
	for (i = 0; i < all.n; i++)
		without(s, all.v[i], g);
	free(all.v);
}

int
store_gone(struct store *s, uint64_t modseq, struct store_range **v, size_t *n)
{
	struct index_head *x = &s->index.head;
	struct gone g = {0};
	struct file *f;
	size_t have = 0;
	int fd, known;
	bool good;

	*v = NULL;
	*n = 0;
	known = s->index.trusted && modseq == x->modseq;
	if (index_lock(&s->index) < 0)
		return known;
	if ((fd = file_open(s)) >= 0) {
		f = mem_alloc(sizeof *f);
		good = file_load(fd, f, x, &have);
		if (!good && !*f->head.magic) {
			/* From now on it is known. */
			file_begin(fd, f, x, x->modseq);
			file_save(fd, f, 0, 0);
			good = true;
		}
		if (good)
			known = modseq >= f->head.floor && modseq <= x->modseq;
		if (good && known)
			tell(s, f, have, modseq, &g);
		free(f);
		close(fd);
	}
	index_unlock(&s->index);
	*v = g.v;
	*n = g.n;
	return known;
}
