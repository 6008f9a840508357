/* storembox - the mbox driver of store.h: turns at the file, and reading from it.
 * Reading takes a read lock for the moment of one read, and looks whether the
 * file is still the one that the index tells of; so nobody is locked out
 * by a session, and nobody's rewriting puts a wrong byte into a message. */
#define _GNU_SOURCE /* O_NOATIME */
#include "storembox.h"

#include "io.h"
#include "mem.h"
#include "storeops.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef O_NOATIME
#define O_NOATIME 0
#endif

enum {
	CHUNK = 65536, /* bytes of one read */
	PAUSE = 5,     /* ms between two tries to lock */
	TRIES = 4      /* how often the file may change under a read */
};

struct box {
	int fd; /* for reading, or -1 */
	dev_t dev;
	ino_t ino;
	bool unsettled; /* somebody died at a change */
};

/* --- turns --- */

static bool
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

	if (index_load(x) < 0 || fstat(fd, &st) < 0)
		return -1;
	if (is_state(x, &st))
		return 0;
	t->changed = true;
	if (look(s, fd, &st, &first) < 0)
		return -1;
	/* We are not who reads the mail. */
	keep[0] = st.st_atim;
	keep[1] = (struct timespec){.tv_nsec = UTIME_OMIT};
	futimens(fd, keep);
	/* An index that cannot be saved is good in memory. */
	index_save(x, first, (size_t)x->head.count);
	return 0;
}

int
turn_begin(struct store *s, struct turn *t)
{
	struct mbox_how how = {
	    .owner = s->how.owner,
	    .state = s->how.state,
	    .dot_optional = s->how.dot_optional,
	    .must_exist = true,
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

/* Shells and mail readers take a file that was changed after it was read for one
 * with new mail: let them be right. */
static void
set_times(const struct store *s, const struct mbox *m)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	size_t i, n = store_count(s);

	for (i = 0; i < n; i++)
		if (!(store_msg(s, i)->flags & (FLAG_SEEN | FLAG_OLD)))
			break;
	if (i < n && m->st.st_atim.tv_sec <= m->st.st_mtim.tv_sec) {
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
	struct stat st;

	if (use != TURN_READ) {
		set_times(s, &t->mbox);
		x->head.state = (struct index_state){0};
		if (use == TURN_WROTE && fstat(t->mbox.fd, &st) == 0)
			index_state_of(&x->head.state, &st);
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

	if (index_lock(x) < 0)
		return -1;
	if (lstat(s->path, &st) == 0 || errno != ENOENT) {
		/* It is back already. */
		index_unlock(x);
		errno = EAGAIN;
		return -1;
	}
	if (index_load(x) >= 0 && !is_void(x)) {
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

/* --- reading --- */

struct reader {
	struct wire wire;
	uint64_t pos;  /* raw bytes of the message that were read */
	uint64_t body; /* its body's place when they were */
	bool done;
	char buf[CHUNK];
};

/* Have the file open that path names now. */
static int
box_file(struct store *s, const struct stat *st)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	struct box *b = s->box;
	struct stat mine;

	if (b->fd >= 0 && b->dev == st->st_dev && b->ino == st->st_ino)
		return 0;
	if (b->fd >= 0)
		close(b->fd);
	b->fd = open(s->path, flags | O_NOATIME);
	if (b->fd < 0 && errno == EPERM)
		b->fd = open(s->path, flags);
	if (b->fd < 0 || fstat(b->fd, &mine) < 0)
		return -1;
	b->dev = mine.st_dev;
	b->ino = mine.st_ino;
	return 0;
}

static int
read_lock(const struct store *s, int fd, short type)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET};
	long long end = io_now() + s->how.patience;

	while (fcntl(fd, F_SETLK, &fl) < 0) {
		if ((errno != EAGAIN && errno != EACCES && errno != EINTR) ||
		    io_now() >= end)
			return -1;
		poll(NULL, 0, PAUSE);
	}
	return 0;
}

/* Is the file the one that the index tells of? */
static bool
is_same(const struct store *s, struct stat *st)
{
	return lstat(s->path, st) == 0 && is_state(&s->index, st);
}

/* Read n bytes at off if the file is what it was: 1; 0 when it is not, -1. */
static int
read_steady(struct store *s, uint64_t off, char *p, size_t n)
{
	struct box *b = s->box;
	struct stat st;
	ssize_t got;

	if (!is_same(s, &st))
		return 0;
	if (box_file(s, &st) < 0 || read_lock(s, b->fd, F_RDLCK) < 0)
		return -1;
	got = is_same(s, &st) ? io_preadall(b->fd, p, n, (off_t)off) : 0;
	/* Not everybody takes the lock. */
	if (got == (ssize_t)n && !is_same(s, &st))
		got = 0;
	read_lock(s, b->fd, F_UNLCK);
	return got < 0 ? -1 : got == (ssize_t)n;
}

static int
box_read(struct store *s, size_t i, struct store_reader *r)
{
	struct reader *b = mem_alloc(sizeof *b);

	wire_begin(&b->wire);
	b->body = store_msg(s, i)->body;
	r->box = b;
	return 0;
}

/* The message is where the index says now: go on at the same place of it. */
static const struct index_msg *
follow(const struct store *s, const struct store_reader *r)
{
	ssize_t i = store_find(s, r->uid);
	struct reader *b = r->box;
	const struct index_msg *m;

	errno = ESTALE;
	if (i < 0)
		return NULL;
	m = store_msg(s, (size_t)i);
	if (b->pos >= b->body)
		b->pos = m->body + (b->pos - b->body);
	else if (b->pos > 0 && m->body != b->body)
		return NULL;
	b->body = m->body;
	return m;
}

/* Read the next portion: 1, 0 at the end, -1. */
static int
next_raw(struct store *s, struct store_reader *r, size_t *n)
{
	struct reader *b = r->box;
	const struct index_msg *m;
	int tries, got;

	for (tries = 0; tries < TRIES; tries++) {
		if (!(m = follow(s, r)))
			return -1;
		if (b->pos >= m->end)
			return 0;
		*n =
		    m->end - b->pos < CHUNK ? (size_t)(m->end - b->pos) : CHUNK;
		got = read_steady(s, m->off + b->pos, b->buf, *n);
		if (got != 0)
			return got;
		if (box_sync(s) < 0)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}

static ssize_t
box_get(struct store *s, struct store_reader *r, struct str *out)
{
	struct reader *b = r->box;
	size_t before = out->n, n;
	int got;

	while (!b->done && out->n == before) {
		if ((got = next_raw(s, r, &n)) < 0)
			return -1;
		if (got > 0) {
			wire_feed(&b->wire, b->buf, n, out);
			b->pos += n;
		} else {
			wire_end(&b->wire, out);
			b->done = true;
		}
	}
	return (ssize_t)(out->n - before);
}

static void
box_read_end(struct store *s, struct store_reader *r)
{
	(void)s;
	free(r->box);
}

/* --- the driver --- */

static int
box_open(struct store *s)
{
	const struct edit_file f = {
	    .path = s->path, .state = s->how.state, .owner = s->how.owner};
	struct box *b = mem_alloc(sizeof *b);

	b->fd = -1;
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
	free(b);
}

const struct store_ops store_mbox = {
    .open = box_open,
    .sync = box_sync,
    .read = box_read,
    .get = box_get,
    .read_end = box_read_end,
    .keep = mbox_keep,
    .expunge = mbox_purge,
    .close = box_close,
};
