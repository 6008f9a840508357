/* store - see store.h.  What is the same for both kinds of mailbox: the index and
 * the flags in it. */
#include "store.h"

#include "storeops.h"

#include <errno.h>
#include <string.h>

int
store_open(struct store *s, const char *path, const struct store_how *how)
{
	size_t n = strlen(path);
	int err;

	*s = (struct store){.path = path, .how = *how};
	s->op = n > 0 && path[n - 1] == '/' ? &store_maildir : &store_mbox;
	/* Without a file the index does its work in memory. */
	index_open(&s->index, how->state, path, how->owner);
	if (s->op->open(s) == 0 && s->op->sync(s) >= 0)
		return 0;
	err = errno;
	store_close(s);
	errno = err;
	return -1;
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

/* --- changing --- */

/* Does the change make a difference to m? */
static bool
change(struct index_msg *m, const struct store_change *c)
{
	unsigned flags = (m->flags & ~c->clear) | c->set;
	uint64_t words = (m->keywords & ~c->clear_keywords) | c->set_keywords;

	if (flags == m->flags && words == m->keywords)
		return false;
	m->flags = (uint16_t)flags;
	m->keywords = words;
	return true;
}

/* Lock the index when it is one that can be believed. */
static int
lock_true(struct store *s)
{
	struct index *x = &s->index;

	if (index_load(x) < 0 || (!x->trusted && s->op->sync(s) < 0) ||
	    index_lock(x) < 0)
		return -1;
	if (index_load(x) >= 0 && x->trusted)
		return 0;
	index_unlock(x);
	errno = EAGAIN;
	return -1;
}

int
store_flag(struct store *s, const uint32_t *uid, size_t n,
           const struct store_change *c)
{
	struct index *x = &s->index;
	size_t first = SIZE_MAX, end = 0, k;
	int r = 0;

	if (lock_true(s) < 0)
		return -1;
	for (k = 0; k < n; k++) {
		ssize_t i = store_find(s, uid[k]);

		if (i < 0 || !change(&x->msg[i], c))
			continue;
		x->msg[i].modseq = index_modseq(x);
		first = (size_t)i < first ? (size_t)i : first;
		end = (size_t)i + 1 > end ? (size_t)i + 1 : end;
	}
	if (end > 0) {
		x->head.modseq = index_modseq(x);
		r = index_save(x, first, end);
	}
	index_unlock(x);
	return r;
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
	return n > 0 ? s->op->expunge(s, uid, n, gone) : 0;
}
