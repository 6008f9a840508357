/* maildirlook - what is in a Maildir, into the index.
 * Looking takes no lock, for it may have to read whole messages; the index is locked
 * only while the outcome is put into it. */
#include "maildirname.h"
#include "mem.h"
#include "storegone.h"
#include "storemaildir.h"

#include <errno.h>
#include <stdlib.h>

enum { LOOKS = 2 }; /* what two looks do not see is gone */

/* A message that the index does not know. */
struct fresh {
	const char *name;
	const struct entry *e;
	struct index_msg m;
};

/* --- what is there --- */

/* The file of a message, unless that is another message by now. */
static struct entry *
find(const struct maildir_store *d, const struct index_msg *m)
{
	return m->uid == d->other ? NULL : box_find(&d->box, m->hash);
}

/* Mark what the index knows; how many messages of it are not there? */
static size_t
match(struct store *s)
{
	struct maildir_store *d = s->box;
	size_t i, missing = 0;

	for (i = 0; i < store_count(s); i++) {
		struct entry *e = find(d, store_msg(s, i));

		if (e)
			e->known = true;
		else
			missing++;
	}
	return missing;
}

static int
by_arrival(const void *a, const void *b)
{
	return name_order(((const struct fresh *)a)->name,
	                  ((const struct fresh *)b)->name);
}

static void
list_fresh(struct maildir_store *d)
{
	size_t i;

	d->nfresh = 0;
	for (i = 0; i < d->box.n; i++) {
		const struct entry *e = &d->box.entry[i];

		if (e->known)
			continue;
		d->fresh = mem_grow(d->fresh, &d->cap, d->nfresh + 1,
		                    sizeof *d->fresh);
		d->fresh[d->nfresh++] = (struct fresh){
		    .name = box_name(&d->box, e),
		    .e = e,
		    .m = {.hash = e->hash, .kept_uid = 1},
		};
	}
	if (d->nfresh > 0)
		qsort(d->fresh, d->nfresh, sizeof *d->fresh, by_arrival);
}

/* Measure what is new.  How many went away meanwhile, or -1. */
static ssize_t
measure(struct maildir_store *d)
{
	size_t i, k = 0;
	ssize_t lost = 0;

	list_fresh(d);
	for (i = 0; i < d->nfresh; i++) {
		int r = box_measure(&d->box, d->fresh[i].e, &d->fresh[i].m);

		if (r < 0 && errno != ENOENT)
			return -1;
		lost += r < 0;
		if (r > 0)
			d->fresh[k++] = d->fresh[i];
	}
	d->nfresh = k;
	return lost;
}

/* Read the names, and measure what the index does not know. */
int
maildir_look(struct store *s)
{
	struct maildir_store *d = s->box;
	int tries;

	for (tries = 0; tries < LOOKS; tries++) {
		size_t missing;
		ssize_t lost;

		if (box_scan(&d->box, tries > 0) < 0)
			return maildir_fail(s, "read");
		missing = match(s);
		if ((lost = measure(d)) < 0)
			return maildir_fail(s, "read");
		if (lost == 0 && (missing == 0 || d->box.steady))
			break;
	}
	return 0;
}

/* --- into the index --- */

/* What differs from the flags that the mailbox had is what others changed; what we
 * changed meanwhile stays.  Is anything different now? */
bool
maildir_merge_flags(struct index_msg *m, unsigned flags, uint64_t keywords,
                    uint64_t modseq)
{
	unsigned theirs = flags ^ m->kept;
	uint64_t words = keywords ^ m->kept_keywords;
	struct index_msg was = *m;

	if (!theirs && !words)
		return false;
	m->flags = (uint16_t)((m->flags & ~theirs) | (flags & theirs));
	m->keywords = (m->keywords & ~words) | (keywords & words);
	m->kept = (uint16_t)flags;
	m->kept_keywords = keywords;
	if (m->flags != was.flags || m->keywords != was.keywords)
		m->modseq = modseq;
	return true;
}

/* Drop what is gone and take over the flags of the rest; the first record that
 * changed. */
static size_t
merge_known(struct store *s, uint64_t modseq)
{
	struct maildir_store *d = s->box;
	struct index *x = &s->index;
	size_t i, k = 0, n = store_count(s), first = SIZE_MAX;
	struct gone gone = {0};

	for (i = 0; i < n; i++) {
		struct index_msg m = x->msg[i];
		const struct entry *e = find(d, &m);
		bool changed = k != i;

		if (!e) {
			gone_see(&gone, m.uid);
			continue;
		}
		if (maildir_merge_flags(
		        &m, e->flags, letters_keywords(&d->letters, e->letters),
		        modseq))
			changed = true;
		if (changed && first == SIZE_MAX)
			first = k;
		x->msg[k++] = m;
	}
	if (k < n && first == SIZE_MAX)
		first = k;
	gone_save(s, &gone, modseq);
	x->head.count = k;
	return first;
}

static int
by_uid(const void *a, const void *b)
{
	const struct fresh *x = a, *y = b;

	if (x->m.uid != y->m.uid)
		return x->m.uid < y->m.uid ? -1 : 1;
	return by_arrival(a, b);
}

/* A mailbox that is new to us keeps the UIDs that another server gave.  If it cannot be
 * told now which these are it must not get others: that would be for good. */
static int
import_uids(struct store *s)
{
	struct maildir_store *d = s->box;
	struct index_head *h = &s->index.head;
	struct uidlist u;
	size_t i;
	int r = uidlist_load(&u, d->box.top), err = errno;

	if (r == 0) {
		h->validity = u.validity;
		h->next = u.next;
		for (i = 0; i < d->nfresh; i++)
			d->fresh[i].m.uid =
			    uidlist_find(&u, d->fresh[i].m.hash);
	}
	uidlist_free(&u);
	errno = err;
	return r < 0 ? -1 : 0;
}

/* Give UIDs to the new messages, in order of arrival; those that have one come
 * first. */
static void
number_fresh(struct store *s)
{
	struct maildir_store *d = s->box;
	struct index_head *h = &s->index.head;
	size_t i;
	int pass;

	for (pass = 0; pass < 2 && d->nfresh > 0; pass++) {
		uint32_t last = 0;

		for (i = 0; i < d->nfresh; i++) {
			struct index_msg *m = &d->fresh[i].m;

			if (m->uid == 0 || (pass > 0 && m->uid == last))
				m->uid = UINT32_MAX;
			last = m->uid;
		}
		qsort(d->fresh, d->nfresh, sizeof *d->fresh, by_uid);
	}
	for (i = 0; i < d->nfresh; i++)
		if (d->fresh[i].m.uid == UINT32_MAX)
			d->fresh[i].m.uid = h->next++;
}

static void
add_fresh(struct store *s, uint64_t modseq)
{
	struct maildir_store *d = s->box;
	struct index *x = &s->index;
	size_t i, n = store_count(s);

	number_fresh(s);
	index_room(x, n + d->nfresh);
	for (i = 0; i < d->nfresh; i++) {
		const struct entry *e = d->fresh[i].e;
		struct index_msg m = d->fresh[i].m;

		m.flags = m.kept = e->flags;
		m.keywords = m.kept_keywords =
		    letters_keywords(&d->letters, e->letters);
		m.modseq = modseq;
		x->msg[n + i] = m;
	}
	x->head.count = n + d->nfresh;
}

/* An index without numbers is new, or its numbers were lost: it is another mailbox
 * now to those who know the old ones. */
int
maildir_numbers(struct store *s, bool import)
{
	struct index_head *h = &s->index.head;
	size_t n = store_count(s);

	index_begin(&s->index, 0);
	if (n > 0 && h->next <= s->index.msg[n - 1].uid)
		h->next = s->index.msg[n - 1].uid + 1;
	if (import && n == 0 && h->next == 1)
		return import_uids(s);
	return 0;
}

/* Make the index true of what was seen.  1 when the messages or their flags
 * changed, 0, or -1. */
int
maildir_merge(struct store *s)
{
	struct maildir_store *d = s->box;
	struct index *x = &s->index;
	size_t words = strnlen(x->head.names, INDEX_NAMES), n, first;
	uint64_t modseq = index_modseq(x);
	bool trusted = x->trusted, changed;

	if (letters_load(&d->letters, d->box.top, x) < 0 ||
	    maildir_numbers(s, true) < 0)
		return -1;
	if (!trusted)
		gone_unknown(s);
	first = merge_known(s, modseq);
	d->other = 0;
	n = store_count(s);
	if (d->nfresh > 0 && first > n)
		first = n;
	add_fresh(s, modseq);
	n = store_count(s);
	changed = first != SIZE_MAX;
	if (changed)
		x->head.modseq = modseq;
	else
		first = n;
	if (!changed && trusted &&
	    strnlen(x->head.names, INDEX_NAMES) == words &&
	    memcmp(&x->head.state, &d->box.state, sizeof d->box.state) == 0)
		return 0;
	x->head.state = d->box.state;
	/* An index that cannot be saved is good in memory. */
	index_save(x, trusted ? first : 0, n);
	return changed;
}

int
maildir_letters(struct store *s, uint64_t keywords)
{
	struct maildir_store *d = s->box;
	struct index *x = &s->index;

	if (letters_load(&d->letters, d->box.top, x) < 0 ||
	    (letters_add(&d->letters, d->box.top, x, keywords) < 0 &&
	     x->fd < 0))
		return maildir_fail(s, "keep the keywords of");
	return 0;
}
