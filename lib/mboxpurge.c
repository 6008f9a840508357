/* mboxpurge - messages out of an mbox for good.
 * A hole in a large file is closed without moving what follows, where the file
 * system can take whole blocks out of a file: what is left over, less than a
 * block, becomes room in the header of the message behind the hole.  Otherwise
 * the file's tail is moved. */
#include "storembox.h"

#include "io.h"
#include "mem.h"
#include "storegone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What moving a byte and closing a hole take, in ns, roughly: both write twice
 * and sync. */
enum { MOVE_COST = 5, HOLE_COST = 4000000 };

struct hole {
	uint64_t off, end;
	/* Numbers, in the order of the file: its first, the one behind it. */
	size_t first, next;
};

struct purge {
	struct store *s;
	struct mbox *m;
	struct index_msg **order;
	size_t n;       /* messages in order */
	unsigned flags; /* that those who go must have */
	bool *doomed;   /* by number in order */
	struct hole *v;
	size_t holes, cap;
	uint64_t size; /* of the file */
	size_t *gone;
	bool pending; /* a change was begun and is not finished */
	struct pen pen;
};

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Does a message begin at off, or does the file end there? */
static bool
is_border(const struct purge *p, uint64_t off)
{
	char b[5];

	return off == p->size ||
	       (io_preadall(p->m->fd, b, sizeof b, (off_t)off) ==
	            (ssize_t)sizeof b &&
	        memcmp(b, "From ", sizeof b) == 0);
}

/* The index was true of a file of this size and time; what goes for good is looked
 * at all the same. */
static int
check_holes(const struct purge *p)
{
	size_t i;

	for (i = 0; i < p->holes; i++)
		if (!is_border(p, p->v[i].off) || !is_border(p, p->v[i].end)) {
			errno = EAGAIN;
			return -1;
		}
	return 0;
}

/* Find the messages and the holes that they leave.  What others no longer have marked
 * as deleted stays. */
static int
find_holes(struct purge *p, const uint32_t *uid, size_t n)
{
	size_t i;

	p->doomed = mem_alloc(p->n + 1);
	for (i = 0; i < p->n; i++) {
		struct index_msg *m = p->order[i];
		unsigned flags = m->flags;

		if (!bsearch(&m->uid, uid, n, sizeof *uid, by_number))
			continue;
		if (pen_read(&p->pen, m) < 0 && errno == EAGAIN)
			return -1;
		if (((flags & FLAG_DELETED) | p->flags) & ~(unsigned)m->flags)
			continue;
		p->doomed[i] = true;
		if (p->holes == 0 || p->v[p->holes - 1].next != i) {
			p->v =
			    mem_grow(p->v, &p->cap, p->holes + 1, sizeof *p->v);
			p->v[p->holes++] =
			    (struct hole){.off = m->off, .first = i};
		}
		p->v[p->holes - 1].end = m->off + m->len;
		p->v[p->holes - 1].next = i + 1;
	}
	return check_holes(p);
}

/* Its header has size bytes now and says all that we know. */
static void
restamped(struct index_msg *m, size_t size)
{
	m->len += size - m->body;
	m->end += size - m->body;
	m->body = (uint32_t)size;
	m->kept = m->flags;
	m->kept_keywords = m->keywords;
	m->kept_uid = KEPT_YES;
}

/* --- the file's tail moves --- */

/* The message that becomes the first one has to say which UIDs were given out.
 * Its new header to text; 0, or -1 when it cannot, or there is none. */
static int
crown(struct purge *p, size_t from, struct str *text)
{
	const struct hole *h = &p->v[from];
	struct pen *pen = &p->pen;
	struct index_msg *m;

	if (from > 0 || h->first > 0 || h->next == p->n)
		return -1;
	m = p->order[h->next];
	/* What is moved down may not pass where it was, nor stay there. */
	if (pen_stamp(pen, m, true) < 0 ||
	    pen->least >= m->body + (h->end - h->off))
		return -1;
	pen_write(pen, pen->least > pen->raw.n ? pen->least : pen->raw.n, text);
	return 0;
}

/* The records follow; grown: the first one's header by so many bytes. */
static void
moved(struct purge *p, size_t from, uint64_t grown)
{
	uint64_t shift = 0;
	size_t i, k = from;

	for (i = 0; i < p->n; i++) {
		for (; k < p->holes && p->v[k].next <= i; k++)
			shift += p->v[k].end - p->v[k].off;
		p->order[i]->off -= shift;
		if (p->doomed[i] && i >= p->v[from].first)
			p->order[i]->len = 0;
		if (i == p->v[from].next)
			shift -= grown;
	}
	p->holes = from;
}

/* Close the holes from number from on. */
static int
move(struct purge *p, size_t from)
{
	const struct edit_file f = edit_file(p->s, p->m);
	struct index_head *head = &p->s->index.head;
	struct edit *e = mem_alloc((p->holes + 2) * sizeof *e);
	struct index_msg *first = NULL;
	struct str text = {0};
	size_t k, n = 0;
	int r = 0;

	for (k = from; k < p->holes; k++) {
		e[n++] = (struct edit){.off = p->v[k].off,
		                       .len = p->v[k].end - p->v[k].off};
		if (k == from && crown(p, from, &text) == 0) {
			first = p->order[p->v[k].next];
			e[n++] = (struct edit){first->off, first->body, text.s,
			                       text.n};
		}
	}
	if (n > 0)
		r = mbox_edit(&f, e, n, &p->pending);
	if (r == 0 && n > 0) {
		if (p->v[from].first == 0 && head->skip == 0)
			head->kept_next = first ? head->next : 0;
		moved(p, from, first ? text.n - first->body : 0);
		if (first)
			restamped(first, text.n);
	}
	free(e);
	str_free(&text);
	return r;
}

/* --- a hole is closed in place --- */

/* How the hole before message m is closed: size bytes of its new header, and
 * extra bytes of its body behind them, are written at the hole's start, and the
 * cut bytes at at are taken out. */
struct patch {
	uint64_t at, cut;
	size_t size, extra;
};

/* 0, or -1 when it cannot be closed like that: what follows has to move.  mutt takes
 * a file that begins a message where it ended before for one that only grew, and
 * would write what it remembers over all that is before. */
static int
measure(const struct hole *h, const struct index_msg *m, size_t least,
        size_t block, struct patch *p)
{
	uint64_t limit = h->end + m->body, b = block;

	if (least == 0 || h->off + least > limit)
		return -1;
	*p = (struct patch){.at = (h->off + b - 1) / b * b};
	p->cut = (limit - h->off - least) / b * b;
	if (p->cut > 0 && p->at + p->cut > limit)
		p->extra = (size_t)(p->at + p->cut - limit);
	if (m->body + p->extra > m->len) {
		p->cut -= b;
		p->extra = 0;
		if (p->cut > 0 && p->at + p->cut > limit)
			return -1;
	}
	p->size = (size_t)(limit - h->off - p->cut);
	return p->cut > 0 ? 0 : -1;
}

/* How it is done, if it can be; the pen then has the new header. */
static int
plan_hole(struct purge *p, const struct hole *h, size_t block, struct patch *a)
{
	struct index_msg *m;

	if (h->next == p->n)
		return -1;
	m = p->order[h->next];
	if (pen_stamp(&p->pen, m, h->off == p->order[0]->off) < 0)
		return -1;
	return measure(h, m, p->pen.least, block, a);
}

/* The bytes that stand at the hole's start in the end. */
static int
compose(struct purge *p, const struct hole *h, size_t block, struct patch *a,
        struct str *text)
{
	const struct index_msg *m;

	if (plan_hole(p, h, block, a) < 0)
		return -1;
	m = p->order[h->next];
	pen_write(&p->pen, a->size, text);
	text->s = mem_grow(text->s, &text->cap, text->n + a->extra + 1, 1);
	if (io_preadall(p->m->fd, text->s + text->n, a->extra,
	                (off_t)(h->end + m->body)) != (ssize_t)a->extra)
		return -1;
	text->n += a->extra;
	return 0;
}

static int
cut(struct purge *p, const struct hole *h, const struct patch *a,
    const struct str *text)
{
	const struct edit_file f = edit_file(p->s, p->m);
	size_t low = text->n;
	struct edit e[2];

	if (h->off + low > a->at)
		low = (size_t)(a->at - h->off);
	e[0] = (struct edit){h->off, low, text->s, low};
	e[1] = (struct edit){a->at + a->cut, text->n - low, text->s + low,
	                     text->n - low};
	return mbox_collapse(&f, low > 0 ? e : e + 1,
	                     (size_t)((low > 0) + (low < text->n)), a->at,
	                     a->cut, &p->pending);
}

/* The records follow. */
static void
closed(struct purge *p, const struct hole *h, const struct patch *a)
{
	struct index_head *head = &p->s->index.head;
	struct index_msg *m = p->order[h->next];
	uint64_t end = m->off + m->len;
	size_t i;

	restamped(m, a->size);
	m->off = h->off;
	m->len = end - a->cut - m->off;
	if (h->off == p->order[0]->off && head->skip == 0)
		head->kept_next = head->next;
	for (i = h->next + 1; i < p->n; i++)
		p->order[i]->off -= a->cut;
	for (i = h->first; i < h->next; i++)
		p->order[i]->len = 0;
	p->size -= a->cut;
}

/* Close the last hole in place: 0, or -1. */
static int
close_hole(struct purge *p, size_t block)
{
	const struct hole *h = &p->v[p->holes - 1];
	struct str text = {0};
	struct patch a = {0};
	int r = compose(p, h, block, &a, &text);

	if (r == 0)
		r = cut(p, h, &a, &text);
	str_free(&text);
	if (r < 0)
		return -1;
	closed(p, h, &a);
	p->holes--;
	return 0;
}

/* --- both --- */

/* Take the records of what is gone out of the index. */
static void
forget(struct purge *p)
{
	struct index *x = &p->s->index;
	uint64_t modseq = index_modseq(x);
	struct gone gone = {0};
	size_t i, k = 0;

	for (i = 0; i < x->head.count; i++)
		if (x->msg[i].len > 0)
			x->msg[k++] = x->msg[i];
		else
			gone_see(&gone, x->msg[i].uid);
	gone_save(p->s, &gone, modseq);
	*p->gone = (size_t)x->head.count - k;
	x->head.count = k;
	x->head.modseq = modseq;
}

/* The time that it takes to close k holes in place and to move what follows the
 * others, in ns. */
static uint64_t
cost(const struct purge *p, size_t k)
{
	uint64_t tail = k < p->holes ? p->size - p->v[k].end : 0;

	return k * (uint64_t)HOLE_COST + tail * MOVE_COST;
}

/* How many holes, from the first on, are best closed in place?  What follows one that
 * cannot be has to move, and the holes in it go with that. */
static size_t
in_place(struct purge *p, size_t block)
{
	struct patch a;
	size_t k = 0, best = 0;

	while (k < p->holes && plan_hole(p, &p->v[k], block, &a) == 0) {
		if (++k * (uint64_t)HOLE_COST >= cost(p, best))
			break;
		if (cost(p, k) < cost(p, best))
			best = k;
	}
	return best;
}

static int
close_holes(struct purge *p)
{
	size_t block = p->holes > 0 ? mbox_can_collapse(p->m->fd) : 0;
	size_t n = block > 0 ? in_place(p, block) : 0;

	if (move(p, n) < 0)
		return -1;
	while (p->holes > 0 && close_hole(p, block) == 0)
		;
	return p->pending ? -1 : move(p, 0);
}

int
mbox_purge(struct store *s, const uint32_t *uid, size_t n, unsigned flags,
           size_t *gone)
{
	struct purge p = {.s = s, .flags = flags, .gone = gone};
	struct turn t;
	int r, err;

	if (turn_begin(s, &t) < 0)
		return errno == ENOENT ? 0 : -1;
	p.m = &t.mbox;
	p.n = store_count(s);
	p.order = file_order(&s->index);
	p.size = s->index.head.state.size;
	p.pen = (struct pen){.s = s, .fd = t.mbox.fd};
	/* That a UID was given must not be forgotten when its message is gone: it
	 * would be given again. */
	if (s->index.fd >= 0)
		fdatasync(s->index.fd);
	r = find_holes(&p, uid, n) < 0 ? -1 : close_holes(&p);
	err = errno;
	if (r < 0)
		snprintf(s->why, STORE_WHY, "cannot write to mailbox: %s",
		         strerror(err));
	forget(&p);
	free(p.order);
	free(p.doomed);
	free(p.v);
	pen_end(&p.pen);
	turn_end(s, &t, r < 0 ? TURN_FAILED : TURN_WROTE);
	errno = err;
	return r;
}
