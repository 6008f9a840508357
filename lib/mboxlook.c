/* mboxlook - the mbox and the index agree again.
 * A file that only grew costs its tail.  Otherwise all of it is scanned, and each
 * message is recognised by its hash, so that it keeps its UID wherever
 * others moved it.  The index is in the order of UIDs, which need not be that of
 * the file.  Called with all locks held. */
#include "storembox.h"

#include "io.h"
#include "mem.h"
#include "storegone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* UIDs that a file claims are believed up to here, so that none can use them all
 * up. */
enum { UID_MOST = 0x7fffffff };

struct sight {
	struct index *x;
	struct index_msg *old; /* as the index had them */
	size_t nold;
	size_t *head, *next; /* chains of old ones with one hash */
	size_t mask;         /* of head */
	bool base;           /* the file's UIDs are of our UIDVALIDITY */
	uint32_t above;      /* UIDs from here on may be taken from the file */
	uint64_t modseq;     /* of what is new or changed */
	size_t known;        /* of those in x that were there before */
	bool changed;
};

enum {
	FOUND = 0, /* in place of the hash of an old record */
	ALIKE = 64 /* records with one hash that are looked at */
};

static ssize_t
read_at(void *arg, uint64_t off, void *p, size_t n)
{
	return io_preadall(*(int *)arg, p, n, (off_t)off);
}

/* --- recognising --- */

static size_t
slot(const struct sight *g, uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32) & g->mask;
}

/* Chain the old records by hash, the first one first. */
static void
chain(struct sight *g)
{
	size_t i, size = 16;

	while (size < 2 * g->nold)
		size *= 2;
	g->mask = size - 1;
	g->head = mem_alloc(size * sizeof *g->head);
	g->next = mem_alloc((g->nold + 1) * sizeof *g->next);
	for (i = g->nold; i > 0; i--) {
		size_t *h = &g->head[slot(g, g->old[i - 1].hash)];

		g->next[i - 1] = *h;
		*h = i; /* one more than the number: 0 ends the chain */
	}
}

static void
unchain(struct sight *g)
{
	free(g->old);
	free(g->head);
	free(g->next);
}

static int
by_uid(const void *a, const void *b)
{
	const struct index_msg *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* The old record with the UID that the message claims, or NULL. */
static struct index_msg *
claimed(const struct sight *g, const struct scan_msg *m)
{
	const struct index_msg key = {.uid = m->uid};

	return g->nold == 0
	           ? NULL
	           : bsearch(&key, g->old, g->nold, sizeof *g->old, by_uid);
}

/* The old record of this message, each at most once.  Of several with its hash, as
 * drafts may have one header, it is the one whose UID it claims, else one of its
 * size. */
static struct index_msg *
recognise(struct sight *g, const struct scan_msg *m)
{
	struct index_msg *o = claimed(g, m), *r;
	size_t *link, seen = 0;

	if (g->nold == 0 || (o && o->hash == m->hash))
		return o;
	o = NULL;
	link = &g->head[slot(g, m->hash)];
	while (*link && seen < ALIKE) {
		r = &g->old[*link - 1];
		if (r->hash == FOUND) {
			*link = g->next[*link - 1];
			continue;
		}
		link = &g->next[*link - 1];
		if (r->hash != m->hash)
			continue;
		if (r->size == m->size)
			return r;
		if (seen++ == 0)
			o = r;
	}
	return o;
}

/* --- one message --- */

static uint64_t
keyword_bits(struct index *x, struct cur words)
{
	uint64_t bits = 0;
	struct cur w;
	int i;

	while (cur_word(&words, &w) > 0)
		if ((i = index_keyword(x, &w)) >= 0)
			bits |= UINT64_C(1) << i;
	return bits;
}

/* What the file says of the message's place and form. */
static void
place(struct index_msg *r, const struct scan_msg *m)
{
	r->off = m->off;
	r->len = m->len;
	r->end = m->end;
	r->size = m->size;
	r->hash = m->hash;
	r->date = m->date;
	r->body = m->body > UINT32_MAX ? UINT32_MAX : (uint32_t)m->body;
}

bool
merge(struct index *x, struct index_msg *r, const struct scan_msg *m,
      uint64_t modseq)
{
	uint64_t words = keyword_bits(x, m->keywords);
	uint64_t turned = words ^ r->kept_keywords;
	unsigned flipped = m->flags ^ r->kept;
	unsigned flags = (r->flags & ~flipped) | (m->flags & flipped);
	uint64_t keywords = (r->keywords & ~turned) | (words & turned);
	bool changed = flags != r->flags || keywords != r->keywords;

	if (changed)
		r->modseq = modseq;
	r->flags = (uint16_t)flags;
	r->kept = (uint16_t)m->flags;
	r->keywords = keywords;
	r->kept_keywords = words;
	return changed;
}

/* This message of the file is r. */
static void
meet(struct sight *g, struct index_msg *r, const struct scan_msg *m)
{
	place(r, m);
	g->changed |= merge(g->x, r, m, g->modseq);
	r->kept_uid = g->base && m->uid == r->uid ? KEPT_YES : KEPT_NO;
}

/* The file's own UIDs, where they can be believed.  What an index that was damaged
 * has forgotten the file may still know. */
static void
adopt(struct sight *g, struct index_msg *r, const struct scan_msg *m)
{
	if (!g->base || m->uid < g->above || m->uid > UID_MOST || claimed(g, m))
		return;
	r->uid = m->uid;
	r->kept_uid = KEPT_YES;
	g->above = m->uid + 1;
}

static void
add(struct sight *g, const struct scan_msg *m)
{
	struct index_msg *o = recognise(g, m);
	struct index *x = g->x;
	struct index_msg *r;

	index_room(x, (size_t)x->head.count + 1);
	r = &x->msg[x->head.count++];
	if (o) {
		*r = *o;
		o->hash = FOUND;
		meet(g, r, m);
		g->known++;
		return;
	}
	*r = (struct index_msg){.modseq = g->modseq};
	place(r, m);
	r->flags = r->kept = (uint16_t)m->flags;
	r->keywords = r->kept_keywords = keyword_bits(x, m->keywords);
	adopt(g, r, m);
	g->changed = true;
}

/* --- UIDs --- */

/* The first message tells which UIDs the file goes by. */
static void
base(struct sight *g, const struct scan_msg *m)
{
	struct index_head *h = &g->x->head;
	bool sane = m->validity > 0 && m->last <= UID_MOST;

	index_begin(g->x, sane ? m->validity : 0);
	g->base = sane && m->validity == h->validity;
	g->above = g->x->trusted ? h->next : 1;
	h->kept_next = g->base ? m->last + 1 : 0;
	if (h->next <= h->kept_next)
		h->next = h->kept_next;
}

static int
by_place(const void *a, const void *b)
{
	const struct index_msg *const *x = a, *const *y = b;

	return (*x)->off < (*y)->off ? -1 : (*x)->off > (*y)->off;
}

/* Give a UID to each message from first on that has none, and put all in their
 * order. */
static void
number(struct index *x, size_t first)
{
	size_t i, n = (size_t)x->head.count;
	bool sorted = true;

	for (i = first; i < n; i++)
		if (x->msg[i].uid >= x->head.next)
			x->head.next = x->msg[i].uid + 1;
	for (i = first; i < n; i++) {
		if (x->msg[i].uid == 0)
			x->msg[i].uid = x->head.next++;
		if (i > 0 && x->msg[i - 1].uid >= x->msg[i].uid)
			sorted = false;
	}
	if (!sorted)
		qsort(x->msg, n, sizeof *x->msg, by_uid);
}

struct index_msg **
file_order(struct index *x)
{
	size_t i, n = (size_t)x->head.count;
	struct index_msg **m = mem_alloc((n + 1) * sizeof *m);
	bool sorted = true;

	for (i = 0; i < n; i++) {
		m[i] = &x->msg[i];
		if (i > 0 && m[i - 1]->off > m[i]->off)
			sorted = false;
	}
	if (!sorted)
		qsort(m, n, sizeof(struct index_msg *), by_place);
	return m;
}

/* --- looking --- */

/* Put on record which of the old ones are no longer there. */
static void
miss(struct store *s, const struct sight *g)
{
	struct gone gone = {0};
	size_t i;

	if (!g->x->trusted) {
		gone_unknown(s);
		return;
	}
	if (g->known == g->nold)
		return;
	for (i = 0; i < g->nold; i++)
		if (g->old[i].hash != FOUND)
			gone_see(&gone, g->old[i].uid);
	gone_save(s, &gone, g->modseq);
}

/* Scan all and recognise what is known. */
static int
look_at_all(struct store *s, struct sight *g, int fd)
{
	struct index *x = g->x;
	struct scan *scan = scan_open(read_at, &fd, 0);
	struct scan_msg m;
	bool first = true;
	int r;

	g->old = x->msg;
	g->nold = (size_t)x->head.count;
	chain(g);
	x->msg = NULL;
	x->cap = 0;
	x->head.count = x->head.skip = 0;
	while ((r = scan_next(scan, &m)) > 0) {
		if (first)
			base(g, &m);
		first = false;
		if (m.internal)
			x->head.skip = m.off + m.len;
		else
			add(g, &m);
	}
	scan_close(scan);
	if (first && r == 0)
		base(g, &(struct scan_msg){0});
	if (g->known < g->nold)
		g->changed = true;
	if (r == 0)
		miss(s, g);
	number(x, 0);
	unchain(g);
	return r;
}

/* Scan from the last message on: it must still be there.  1, 0 when it is not,
 * -1. */
static int
look_at_tail(struct sight *g, int fd, size_t *first)
{
	struct index *x = g->x;
	size_t i, last = 0, n = (size_t)x->head.count;
	struct scan_msg m;
	struct scan *scan;
	int r;

	/* Mostly it is the one with the highest UID. */
	if (x->msg[n - 1].off + x->msg[n - 1].len == x->head.state.size)
		last = n - 1;
	for (i = 1; i < n && last < n - 1; i++)
		if (x->msg[i].off > x->msg[last].off)
			last = i;
	scan = scan_open(read_at, &fd, x->msg[last].off);
	r = scan_next(scan, &m);
	if (r > 0 && m.off == x->msg[last].off && m.hash == x->msg[last].hash) {
		g->base = x->head.kept_next > 0;
		g->above = x->head.next;
		meet(g, &x->msg[last], &m);
		while ((r = scan_next(scan, &m)) > 0)
			add(g, &m);
		number(x, n);
		*first = last;
		r = r < 0 ? -1 : 1;
	} else if (r > 0 || errno == EILSEQ) {
		r = 0;
	}
	scan_close(scan);
	return r;
}

/* May the file have grown only?  That others also changed flags in place is then found
 * out when a header is written (mboxkeep.c). */
static bool
has_grown(const struct index *x, const struct stat *st)
{
	const struct index_state *s = &x->head.state;

	return x->trusted && x->head.count > 0 &&
	       s->dev == (uint64_t)st->st_dev &&
	       s->ino == (uint64_t)st->st_ino &&
	       s->size < (uint64_t)st->st_size;
}

int
look(struct store *s, int fd, const struct stat *st, size_t *first)
{
	struct index *x = &s->index;
	struct sight g = {.x = x};
	int r = 0;

	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	g.modseq = index_modseq(x);
	*first = 0;
	if (has_grown(x, st))
		r = look_at_tail(&g, fd, first);
	if (r == 0)
		r = look_at_all(s, &g, fd);
	if (r < 0) {
		x->trusted = false;
		return -1;
	}
	if (g.changed)
		x->head.modseq = g.modseq;
	state_of(&x->head.state, st);
	return 0;
}

int
look_save(struct index *x, size_t first)
{
	size_t n = (size_t)x->head.count;

	return first > 0 ? index_update(x, first, n) : index_save(x, 0, n);
}
