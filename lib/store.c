/* store - see store.h.  What is the same for both kinds of mailbox: the index and
 * the flags in it. */
#include "store.h"

#include "io.h"
#include "storeops.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The index, or -1.  Without a file it does its work in memory; but of one that the
 * system cannot open for a moment all UIDs would be others until then. */
static int
open_index(struct store *s)
{
	const struct store_how *how = &s->how;

	if (index_open(&s->index, how->state, s->path, how->owner) == 0 ||
	    !how->state)
		return 0;
	return io_is_passing(errno) ? -1 : 0;
}

static int
begin(struct store *s, const char *path, const struct store_how *how, bool peek)
{
	size_t n = strlen(path);
	int err;

	*s = (struct store){.path = path, .how = *how};
	s->op = n > 0 && path[n - 1] == '/' ? &store_maildir : &store_mbox;
	if (open_index(s) == 0 && s->op->open(s) == 0 &&
	    ((peek && index_peek(&s->index) && s->op->still(s)) ||
	     s->op->sync(s) >= 0))
		return 0;
	err = errno;
	store_close(s);
	errno = err;
	return -1;
}

int
store_open(struct store *s, const char *path, const struct store_how *how)
{
	return begin(s, path, how, false);
}

int
store_peek(struct store *s, const char *path, const struct store_how *how)
{
	return begin(s, path, how, true);
}

bool
store_is_still(struct store *s)
{
	return index_is_still(&s->index) && s->op->still(s);
}

int
store_load(struct store *s)
{
	if (s->index.bare && index_load(&s->index) < 0)
		return -1;
	return s->index.trusted || s->op->sync(s) >= 0 ? 0 : -1;
}

int
store_sync(struct store *s)
{
	return s->op->sync(s);
}

void
store_close(struct store *s)
{
	if (s->box)
		s->op->close(s);
	s->box = NULL;
	index_close(&s->index);
}

int
store_is_named(const struct store *s)
{
	return index_is_named(&s->index, s->path);
}

bool
store_is_replaced(const struct store *s)
{
	struct stat st;

	/* Its index went, or got another name, with it.  An mbox tells by itself
	 * which it is. */
	return s->op == &store_maildir && s->index.fd >= 0 &&
	       fstat(s->index.fd, &st) == 0 && st.st_nlink == 0 &&
	       lstat(s->path, &st) == 0;
}

bool
store_is_readonly(const struct store *s)
{
	struct str path = {0};
	bool no;

	str_adds(&path, s->path);
	if (s->op == &store_maildir)
		str_adds(&path, "cur");
	no = access(path.s, W_OK) < 0 && (errno == EACCES || errno == EROFS);
	str_free(&path);
	return no;
}

size_t
store_count(const struct store *s)
{
	return (size_t)s->index.head.count;
}

const struct index_msg *
store_msg(const struct store *s, size_t i)
{
	return &s->index.msg[i];
}

ssize_t
store_find(const struct store *s, uint32_t uid)
{
	size_t lo = 0, hi = store_count(s);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->index.msg[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < store_count(s) && s->index.msg[lo].uid == uid ? (ssize_t)lo
	                                                          : -1;
}

/* --- reading --- */

int
store_read(struct store *s, uint32_t uid, struct store_reader *r)
{
	ssize_t i = store_find(s, uid);

	*r = (struct store_reader){.uid = uid};
	if (i >= 0)
		return s->op->read(s, (size_t)i, r);
	errno = ESTALE;
	return -1;
}

ssize_t
store_get(struct store *s, struct store_reader *r, struct str *out)
{
	return s->op->get(s, r, out);
}

void
store_read_end(struct store *s, struct store_reader *r)
{
	if (r->box)
		s->op->read_end(s, r);
	r->box = NULL;
}

/* As store_find(), where those before it were just asked for. */
static ssize_t
find_next(struct store *s, uint32_t uid)
{
	ssize_t i;

	if (s->next < store_count(s) && s->index.msg[s->next].uid == uid)
		i = (ssize_t)s->next;
	else
		i = store_find(s, uid);
	if (i >= 0)
		s->next = (size_t)i + 1;
	return i;
}

int
store_raw(struct store *s, uint32_t uid, struct cur *raw)
{
	ssize_t i = find_next(s, uid);

	if (i >= 0)
		return s->op->raw(s, (size_t)i, raw);
	errno = ESTALE;
	return -1;
}

/* A header that is too long ends with a whole line, and the empty one. */
static void
cut_header(struct str *out, size_t before)
{
	if (out->n - before <= STORE_HEADER)
		return;
	out->n = before + STORE_HEADER - 2;
	while (out->n > before && out->s[out->n - 1] != '\n')
		out->n--;
	str_adds(out, "\r\n");
}

int
store_header(struct store *s, uint32_t uid, struct str *out)
{
	ssize_t i = find_next(s, uid);
	size_t before = out->n;
	int r;

	if (i < 0) {
		errno = ESTALE;
		return -1;
	}
	if ((r = s->op->header(s, (size_t)i, out)) >= 0)
		cut_header(out, before);
	return r;
}

uint64_t
store_size(const struct store *s)
{
	return s->op->size(s);
}

/* --- changing --- */

/* Make the change to m, which gets modseq if anybody has to be told.  Does it make a
 * difference? */
static bool
change(struct index_msg *m, const struct store_change *c, uint64_t modseq)
{
	unsigned flags = (m->flags & ~c->clear) | c->set;
	uint64_t words = (m->keywords & ~c->clear_keywords) | c->set_keywords;
	unsigned turned = flags ^ m->flags;

	if (!turned && words == m->keywords)
		return false;
	if (turned != FLAG_OLD || words != m->keywords)
		m->modseq = modseq;
	m->flags = (uint16_t)flags;
	m->keywords = words;
	return true;
}

/* The records that have to be saved. */
struct span {
	size_t first, end;
};

static void
span_add(struct span *p, size_t i)
{
	if (p->end == 0 || i < p->first)
		p->first = i;
	if (i >= p->end)
		p->end = i + 1;
}

/* Lock the index when it is one that can be believed. */
static int
lock_true(struct store *s)
{
	struct index *x = &s->index;
	struct stat st;
	int r, err;

	if (index_load(x) < 0 || (!x->trusted && s->op->sync(s) < 0) ||
	    index_lock(x) < 0)
		return -1;
	r = index_load(x);
	/* Who has another name took a copy with it. */
	if (x->fd >= 0 && fstat(x->fd, &st) == 0 && st.st_nlink == 0) {
		errno = ESTALE;
		r = -1;
	}
	if (r >= 0 && x->trusted)
		return 0;
	err = r < 0 ? errno : EAGAIN;
	index_unlock(x);
	errno = err;
	return -1;
}

int
store_flag(struct store *s, const uint32_t *uid, size_t n,
           struct store_change *c)
{
	struct index *x = &s->index;
	uint64_t modseq, generation = x->head.generation;
	struct span p = {0};
	size_t k;

	c->nfailed = 0;
	if (lock_true(s) < 0)
		return -1;
	c->alone = x->head.generation == generation;
	modseq = index_modseq(x);
	for (k = 0; k < n; k++) {
		ssize_t i = find_next(s, uid[k]);
		struct index_msg *m = i < 0 ? NULL : &x->msg[i];

		if (m && c->unchanged && m->modseq > c->unchanged) {
			if (c->failed)
				c->failed[c->nfailed] = uid[k];
			c->nfailed++;
		} else if (m && change(m, c, modseq)) {
			if (m->modseq == modseq)
				x->head.modseq = modseq;
			span_add(&p, (size_t)i);
		} else if (c->first) {
			c->failed[c->nfailed++] = uid[k];
		}
	}
	if (p.end > 0)
		index_update(x, p.first, p.end);
	index_unlock(x);
	/* It must be somewhere before anybody hears that it is done. */
	if (x->fd < 0 && p.end > 0 && x->head.modseq == modseq)
		return s->op->keep(s);
	return 0;
}

int
store_keyword(struct store *s, const struct cur *name, bool make)
{
	struct index *x = &s->index;
	struct cur known;
	size_t before;
	int bit;

	if (lock_true(s) < 0)
		return -1;
	before = strnlen(x->head.names, INDEX_NAMES);
	for (bit = make ? -1 : INDEX_KEYWORDS - 1; bit >= 0; bit--) {
		known = index_keyword_name(x, bit);
		if (cur_alike(known, *name))
			break;
	}
	if (make)
		bit = index_keyword(x, name);
	/* One that cannot be saved is known to us, and to the mailbox when a
	 * message gets it. */
	if (strnlen(x->head.names, INDEX_NAMES) > before)
		index_update(x, 0, 0);
	index_unlock(x);
	if (bit < 0)
		errno = ERANGE;
	return bit;
}

void
store_notes(struct store *s, const struct store_note *v, size_t n)
{
	struct index *x = &s->index;
	struct span p = {0};
	size_t k;

	if (n == 0 || lock_true(s) < 0)
		return;
	for (k = 0; k < n; k++) {
		ssize_t i = find_next(s, v[k].uid);

		if (i < 0 || (x->msg[i].form == v[k].form &&
		              x->msg[i].cache == v[k].cache))
			continue;
		x->msg[i].form = v[k].form;
		x->msg[i].cache = v[k].cache;
		span_add(&p, (size_t)i);
	}
	if (p.end > 0)
		index_update(x, p.first, p.end);
	index_unlock(x);
}

int
store_add(struct store *s, const struct store_new *m, size_t n, uint32_t *uid)
{
	return n > 0 ? s->op->add(s, m, n, uid) : 0;
}

int
store_room(const struct store *s, const struct store_new *m, size_t n)
{
	uint64_t size = s->op->size(s);

	while (n-- > 0)
		size += m[n].len;
	if (s->how.limit == 0 || size <= s->how.limit)
		return 0;
	errno = EDQUOT;
	return -1;
}

int
store_keep(struct store *s)
{
	return s->op->keep(s);
}

int
store_expunge(struct store *s, const uint32_t *uid, size_t n, size_t *gone)
{
	*gone = 0;
	return n > 0 ? s->op->expunge(s, uid, n, 0, gone) : 0;
}

int
store_purge(struct store *s, const uint32_t *uid, size_t n, size_t *gone)
{
	*gone = 0;
	return n > 0 ? s->op->expunge(s, uid, n, FLAG_DELETED, gone) : 0;
}
