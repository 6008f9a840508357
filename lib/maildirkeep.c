/* maildirkeep - flags into the names of files, and files out of the Maildir.
 * Both go by the names that we know; where one is no longer there the names are
 * read again. */
#include "maildirname.h"
#include "storegone.h"
#include "storemaildir.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { PASSES = 4 }; /* how often files may be renamed under us */

/* Make our changes of names durable, all at once. */
static int
sync_dirs(const struct maildir_store *d, const bool touched[DIRS])
{
	int i, r = 0;

	for (i = 0; i < DIRS; i++)
		if (touched[i] && fsync(d->box.dir[i]) < 0 && errno != EINVAL)
			r = -1;
	return r;
}

/* --- flags into the names --- */

static bool
is_pending(const struct index_msg *m)
{
	return m->flags != m->kept || m->keywords != m->kept_keywords;
}

/* Keywords that some name does not have yet. */
static uint64_t
pending_keywords(const struct store *s)
{
	uint64_t all = 0;
	size_t i;

	for (i = 0; i < store_count(s); i++)
		all |=
		    store_msg(s, i)->keywords & ~store_msg(s, i)->kept_keywords;
	return all;
}

/* The name that m asks for in place of that of e.  Only one in cur/ can say anything,
 * and there is no way back to new/.  Returns the letters. */
static uint32_t
new_name(const struct maildir_store *d, const struct entry *e,
         struct index_msg *m, struct str *name)
{
	uint32_t mask = letters_of(&d->letters, UINT64_MAX);
	uint32_t letters = letters_of(&d->letters, m->keywords);

	m->flags |= e->flags & FLAG_OLD;
	if (m->flags || letters)
		m->flags |= FLAG_OLD;
	if (m->flags)
		name_make(name, box_name(&d->box, e), m->flags, letters, mask);
	else
		str_adds(name, box_name(&d->box, e));
	return (e->letters & ~mask) | letters;
}

/* Rename the file of e.  1, 0 when it is not there, -1. */
static int
rename_to(struct maildir_store *d, struct entry *e, const struct str *name,
          unsigned flags, bool touched[DIRS])
{
	int from = box_dir(&d->box, e), to = from;

	if (flags & FLAG_OLD)
		to = d->box.dir[DIR_CUR];
	if (from == to && strcmp(name->s, box_name(&d->box, e)) == 0)
		return 1;
	if (renameat(from, box_name(&d->box, e), to, name->s) < 0)
		return errno == ENOENT ? 0 : -1;
	touched[DIR_CUR] = true;
	if (from != to)
		touched[DIR_NEW] = true;
	e->name = d->box.names.n;
	str_add(&d->box.names, name->s, name->n + 1);
	return 1;
}

/* Give message i the name that its flags ask for.  1, 0 when its file is not where
 * it was, -1. */
static int
keep_msg(struct store *s, size_t i, bool touched[DIRS])
{
	struct maildir_store *d = s->box;
	struct index *x = &s->index;
	struct index_msg m = x->msg[i];
	struct entry *e = box_find(&d->box, m.hash);
	struct str name = {0};
	uint32_t letters;
	int r;

	if (!e || e->twin)
		return 1;
	maildir_merge_flags(&m, e->flags,
	                    letters_keywords(&d->letters, e->letters),
	                    index_modseq(x));
	letters = new_name(d, e, &m, &name);
	r = rename_to(d, e, &name, m.flags, touched);
	str_free(&name);
	if (r < 0 && errno == ENAMETOOLONG)
		return 1;
	if (r <= 0)
		return r;
	e->flags = m.kept = m.flags;
	e->letters = letters;
	m.kept_keywords = letters_keywords(&d->letters, letters);
	if (m.modseq > x->head.modseq)
		x->head.modseq = m.modseq;
	x->msg[i] = m;
	return 1;
}

/* One pass over what is to be kept; how many files were not found, or -1: one that
 * could not be renamed does not keep back the others. */
static ssize_t
keep_all(struct store *s, size_t *first, bool touched[DIRS])
{
	ssize_t missed = 0;
	size_t i;
	int err = 0;

	for (i = 0; i < store_count(s); i++) {
		int r;

		if (!is_pending(store_msg(s, i)))
			continue;
		if ((r = keep_msg(s, i, touched)) < 0)
			err = errno;
		missed += r == 0;
		if (r > 0 && i < *first)
			*first = i;
	}
	errno = err;
	return err ? -1 : missed;
}

static bool
any_pending(const struct store *s)
{
	size_t i;

	for (i = 0; i < store_count(s); i++)
		if (is_pending(store_msg(s, i)))
			return true;
	return false;
}

int
maildir_keep(struct store *s)
{
	struct maildir_store *d = s->box;
	size_t first = SIZE_MAX;
	bool touched[DIRS] = {false};
	ssize_t missed = 1;
	int pass, r = 0, err;

	if (d->box.top < 0 || !any_pending(s))
		return 0;
	/* Names that are older than the index would bring back the flags of then. */
	if (maildir_turn(s, !box_is_current(&d->box)) < 0)
		return -1;
	if (maildir_letters(s, pending_keywords(s)) < 0)
		return maildir_turn_end(s, -1);
	for (pass = 0; pass < PASSES && missed > 0; pass++) {
		if (pass > 0 && box_scan(&d->box, false) < 0)
			missed = -1;
		else
			missed = keep_all(s, &first, touched);
	}
	if (missed < 0 || sync_dirs(d, touched) < 0)
		r = maildir_fail(s, "rename a message of");
	err = errno;
	if (first < store_count(s))
		index_save(&s->index, first, store_count(s));
	errno = err;
	return maildir_turn_end(s, r);
}

/* --- files out of the Maildir --- */

/* Remove the file of message i, unless by its name it lacks one of the flags by
 * now.  1, 0 when it is not where it was, -1. */
static int
remove_msg(struct maildir_store *d, struct index_msg *m, unsigned flags,
           bool sure, bool touched[DIRS])
{
	const struct entry *e = box_find(&d->box, m->hash);
	struct index_msg now = *m;

	if (!e && !sure)
		return 0;
	if (e)
		maildir_merge_flags(&now, e->flags, m->kept_keywords, 0);
	if (flags & ~(unsigned)now.flags)
		return 1;
	if (e) {
		if (unlinkat(box_dir(&d->box, e), box_name(&d->box, e), 0) < 0)
			return errno == ENOENT ? 0 : -1;
		touched[e->flags & FLAG_OLD ? DIR_CUR : DIR_NEW] = true;
	}
	m->hash = 0;
	return 1;
}

/* One pass over the UIDs; how many files were not found, or -1. */
static ssize_t
remove_all(struct store *s, const uint32_t *uid, size_t n, unsigned flags,
           bool sure, bool touched[DIRS])
{
	ssize_t missed = 0;
	size_t k;

	for (k = 0; k < n; k++) {
		ssize_t i = store_find(s, uid[k]);
		int r;

		if (i < 0 || s->index.msg[i].hash == 0)
			continue;
		r = remove_msg(s->box, &s->index.msg[i], flags, sure, touched);
		if (r < 0)
			return -1;
		missed += r == 0;
	}
	return missed;
}

/* Take the records of what was removed out of the index; how many stay of those that
 * should have gone. */
static size_t
forget(struct store *s, const uint32_t *uid, size_t n)
{
	struct index *x = &s->index;
	size_t i, k = 0, first = SIZE_MAX, left = 0;
	uint64_t modseq = index_modseq(x);
	struct gone gone = {0};

	for (i = 0; i < store_count(s); i++) {
		if (x->msg[i].hash != 0) {
			x->msg[k++] = x->msg[i];
			continue;
		}
		gone_see(&gone, x->msg[i].uid);
		if (first == SIZE_MAX)
			first = k;
	}
	gone_save(s, &gone, modseq);
	x->head.count = k;
	if (first != SIZE_MAX) {
		x->head.modseq = modseq;
		index_save(x, first, k);
	}
	for (i = 0; i < n; i++)
		left += store_find(s, uid[i]) >= 0;
	return left;
}

int
maildir_expunge(struct store *s, const uint32_t *uid, size_t n, unsigned flags,
                size_t *gone)
{
	struct maildir_store *d = s->box;
	bool touched[DIRS] = {false};
	ssize_t missed = 1;
	int pass, r = 0, err;

	if (d->box.top < 0)
		return 0;
	/* A name that was seen long ago may have had other flags in between. */
	if (maildir_turn(s, flags ? !box_is_current(&d->box) : !d->box.looked) <
	    0)
		return -1;
	/* That a UID was given must not be forgotten when its message is gone: it
	 * would be given again. */
	if (s->index.fd >= 0)
		fdatasync(s->index.fd);
	for (pass = 0; pass < PASSES && missed > 0; pass++) {
		bool sure = pass > 0;

		if (sure && box_scan(&d->box, pass > 1) < 0)
			missed = -1;
		else
			missed = remove_all(s, uid, n, flags,
			                    sure && (d->box.steady || pass > 1),
			                    touched);
	}
	if (missed < 0 || sync_dirs(d, touched) < 0)
		r = maildir_fail(s, "remove a message of");
	err = errno;
	*gone = n - forget(s, uid, n);
	errno = err;
	return maildir_turn_end(s, r);
}
