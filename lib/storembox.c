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

void
state_of(struct index_state *s, const struct stat *st)
{
	index_state_of(s, st);
	s->mtime2 =
	    (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

bool
is_state(const struct index *x, const struct stat *st)
{
	struct index_state now;

	state_of(&now, st);
	return x->trusted && memcmp(&x->head.state, &now, sizeof now) == 0;
}

/* We are not who reads the mail: where reading has changed the time of last access,
 * have it as it was in st.  That is a change of its own. */
static void
unread(struct index *x, int fd, struct stat *st)
{
	struct timespec t[2] = {st->st_atim, {.tv_nsec = UTIME_OMIT}};
	struct stat now;

	if (fstat(fd, &now) < 0 || (now.st_atim.tv_sec == t[0].tv_sec &&
	                            now.st_atim.tv_nsec == t[0].tv_nsec))
		return;
	if (futimens(fd, t) == 0 && fstat(fd, &now) == 0)
		st->st_ctim = now.st_ctim;
	state_of(&x->head.state, st);
}

/* With all locks held: make the index true. */
static int
see(struct store *s, int fd)
{
	struct index *x = &s->index;
	struct stat st;
	size_t first;
	int err;

	if (index_load(x) < 0 || fstat(fd, &st) < 0)
		return -1;
	if (is_state(x, &st))
		return 0;
	read_unseen(fd);
	if (look(s, fd, &st, &first) < 0) {
		err = errno;
		/* What was known before is not gone. */
		index_load(x);
		errno = err;
		return -1;
	}
	unread(x, fd, &st);
	/* An index that cannot be saved is good in memory. */
	look_save(x, first);
	return 0;
}

/* create: make the file if there is none.  reading: nothing will be written. */
static int
begin(struct store *s, struct turn *t, bool create, bool reading)
{
	struct mbox_how how = {
	    .owner = s->how.owner,
	    .state = s->how.state,
	    .dot_optional = s->how.dot_optional,
	    .must_exist = !create,
	    .reading = reading,
	    .patience = s->how.patience,
	};
	int err;

	t->wrote = NULL;
	if (mbox_open(&t->mbox, s->path, &how, s->why) < 0)
		return -1;
	if (index_lock(&s->index) == 0) {
		if (see(s, t->mbox.fd) == 0)
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
	return begin(s, t, false, false);
}

int
turn_begin_new(struct store *s, struct turn *t)
{
	return begin(s, t, true, false);
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

/* Is the file as long as the index has it?  Not everybody takes the locks. */
static bool
is_all(const struct index *x, const struct stat *st)
{
	uint64_t end = x->head.skip;
	size_t i;

	for (i = 0; i < x->head.count; i++)
		if (x->msg[i].off + x->msg[i].len > end)
			end = x->msg[i].off + x->msg[i].len;
	return end == (uint64_t)st->st_size;
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
		    fstat(t->mbox.fd, &st) == 0 && is_all(x, &st))
			state_of(&x->head.state, &st);
		b->surprised = false;
		if (use == TURN_WROTE && t->wrote)
			index_update(x, (size_t)t->wrote->first,
			             (size_t)t->wrote->end);
		else
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

static bool
box_still(struct store *s)
{
	const struct box *b = s->box;
	struct stat st;

	if (lstat(s->path, &st) < 0)
		return errno == ENOENT && is_void(&s->index);
	return !b->unsettled && is_state(&s->index, &st);
}

static int
box_sync(struct store *s)
{
	struct box *b = s->box;
	struct turn t;
	struct stat st;
	int r = index_load(&s->index);

	if (r < 0)
		return -1;
	watch_add(s, b->watch);
	if (box_still(s))
		return r;
	if (lstat(s->path, &st) < 0) {
		if (errno == ENOENT)
			return vanish(s);
		snprintf(s->why, STORE_WHY, "cannot look at mailbox: %s",
		         strerror(errno));
		return -1;
	}
	if (begin(s, &t, false, true) < 0)
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
    .still = box_still,
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
