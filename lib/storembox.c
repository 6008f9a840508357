/* storembox - the mbox driver of store.h: turns at the file, and seeing what others
 * did to it. */
#include "storembox.h"

#include "mem.h"
#include "storegone.h"
#include "storeops.h"
#include "storewatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- turns --- */

bool
is_state(const struct index *x, const struct stat *st)
{
	struct index_state now;

	index_state_of(&now, st);
	return x->trusted && x->head.state.dev == now.dev &&
	       x->head.state.ino == now.ino && x->head.state.size == now.size &&
	       x->head.state.mtime == now.mtime;
}

/* With all locks held: make the index true. */
static int
see(struct store *s, struct turn *t)
{
	struct index *x = &s->index;
	int fd = t->mbox.fd;
	struct timespec keep[2];
	struct stat st;
	size_t first;
	int err;

	if (index_load(x) < 0 || fstat(fd, &st) < 0)
		return -1;
	if (is_state(x, &st))
		return 0;
	t->changed = true;
	if (look(s, fd, &st, &first) < 0) {
		err = errno;
		/* What was known before is not gone. */
		index_load(x);
		errno = err;
		return -1;
	}
	/* We are not who reads the mail. */
	keep[0] = st.st_atim;
	keep[1] = (struct timespec){.tv_nsec = UTIME_OMIT};
	futimens(fd, keep);
	/* An index that cannot be saved is good in memory. */
	look_save(x, first);
	return 0;
}

/* create: make the file if there is none. */
static int
begin(struct store *s, struct turn *t, bool create)
{
	struct mbox_how how = {
	    .owner = s->how.owner,
	    .state = s->how.state,
	    .dot_optional = s->how.dot_optional,
	    .must_exist = !create,
	    .patience = s->how.patience,
	};
	int err;

	t->changed = false;
	if (mbox_open(&t->mbox, s->path, &how, s->why) < 0)
		return -1;
	if (index_lock(&s->index) == 0) {
		if (see(s, t) == 0)
			return 0;
		err = errno;
		index_unlock(&s->index);
	} else {
		err = errno;
	}
	snprintf(s->why, STORE_WHY, "cannot read mailbox: %s",
	         err == EILSEQ ? "it is not in mbox form" : strerror(err));
	mbox_close(&t->mbox);
	errno = err;
	return -1;
}

int
turn_begin(struct store *s, struct turn *t)
{
	return begin(s, t, false);
}

int
turn_begin_new(struct store *s, struct turn *t)
{
	return begin(s, t, true);
}

/* Shells and mail readers take a file that was changed after it was read for one
 * with new mail: let them be right. */
void
turn_times(const struct store *s, const struct mbox *m)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	size_t i = store_count(s);

	/* The newest first: they are mostly the ones. */
	while (i > 0 && store_msg(s, i - 1)->flags & (FLAG_SEEN | FLAG_OLD))
		i--;
	if (i > 0 && m->st.st_atim.tv_sec <= m->st.st_mtim.tv_sec) {
		t[0] = m->st.st_atim;
		if (t[0].tv_sec >= time(NULL))
			t[0] = (struct timespec){.tv_sec = time(NULL) - 1};
	}
	futimens(m->fd, t);
}

void
turn_end(struct store *s, struct turn *t, enum turn_use use)
{
	struct index *x = &s->index;
	struct box *b = s->box;
	struct stat st;

	if (use != TURN_READ) {
		turn_times(s, &t->mbox);
		x->head.state = (struct index_state){0};
		b->len = 0;
		if (use == TURN_WROTE && !b->surprised &&
		    fstat(t->mbox.fd, &st) == 0)
			index_state_of(&x->head.state, &st);
		b->surprised = false;
		index_save(x, 0, (size_t)x->head.count);
	}
	index_unlock(x);
	mbox_close(&t->mbox);
}

struct edit_file
edit_file(const struct store *s, const struct mbox *m)
{
	return (struct edit_file){
	    .fd = m->fd,
	    .path = s->path,
	    .state = s->how.state,
	    .owner = s->how.owner,
	};
}

/* --- seeing what others did --- */

static bool
is_void(const struct index *x)
{
	return x->trusted && x->head.count == 0 && x->head.state.ino == 0;
}

/* There is no file: that is an empty mailbox. */
static int
vanish(struct store *s)
{
	struct index *x = &s->index;
	struct index_head *h = &x->head;
	struct stat st;
	int err;

	if (index_lock(x) < 0)
		return -1;
	if (lstat(s->path, &st) == 0 || errno != ENOENT) {
		/* It is back already. */
		index_unlock(x);
		errno = EAGAIN;
		return -1;
	}
	if (index_load(x) < 0) {
		err = errno;
		index_unlock(x);
		errno = err;
		return -1;
	}
	if (!is_void(x)) {
		gone_all(s);
		h->state = (struct index_state){0};
		h->count = h->skip = h->kept_next = 0;
		index_begin(x, 0);
		h->modseq = index_modseq(x);
		index_save(x, 0, 0);
	}
	index_unlock(x);
	return 1;
}

static int
box_sync(struct store *s)
{
	struct index *x = &s->index;
	struct box *b = s->box;
	struct turn t;
	struct stat st;
	int r = index_load(x);

	if (r < 0)
		return -1;
	watch_add(s, b->watch);
	if (lstat(s->path, &st) < 0) {
		if (errno == ENOENT)
			return is_void(x) ? r : vanish(s);
		snprintf(s->why, STORE_WHY, "cannot look at mailbox: %s",
		         strerror(errno));
		return -1;
	}
	if (!b->unsettled && is_state(x, &st))
		return r;
	if (turn_begin(s, &t) < 0)
		return errno == ENOENT ? vanish(s) : -1;
	b->unsettled = false;
	turn_end(s, &t, TURN_READ);
	return 1;
}

/* --- the driver --- */

static int
box_open(struct store *s)
{
	const struct edit_file f = {
	    .path = s->path, .state = s->how.state, .owner = s->how.owner};
	struct box *b = mem_alloc(sizeof *b);

	b->fd = -1;
	b->watch = -1;
	b->unsettled = mbox_edit_is_open(&f);
	s->box = b;
	return 0;
}

static void
box_close(struct store *s)
{
	struct box *b = s->box;

	if (b->fd >= 0)
		close(b->fd);
	free(b->window);
	free(b);
}

static int *
box_watch(const struct store *s)
{
	return &((struct box *)s->box)->watch;
}

static uint64_t
box_size(const struct store *s)
{
	return s->index.head.state.size;
}

const struct store_ops store_mbox = {
    .open = box_open,
    .sync = box_sync,
    .read = mbox_read,
    .get = mbox_get,
    .read_end = mbox_read_end,
    .raw = mbox_raw,
    .header = mbox_header,
    .keep = mbox_keep,
    .expunge = mbox_purge,
    .add = mbox_add,
    .size = box_size,
    .watch = box_watch,
    .move = mbox_move,
    .rename = mbox_rename,
    .close = box_close,
};
