/* mboxread - the mbox driver of store.h: reading from the file.
 * Reading takes a read lock for the moment of one read, and looks whether the
 * file is still the one that the index tells of; so nobody is locked out
 * by a session, and nobody's rewriting puts a wrong byte into a message.  What
 * was read stays in a window, which grows where messages are asked for one behind
 * the other; it is good as long as the index tells of the same file. */
#define _GNU_SOURCE /* O_NOATIME */
#include "io.h"
#include "mem.h"
#include "storembox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef O_NOATIME
#define O_NOATIME 0
#endif

enum {
	CHUNK = 65536, /* bytes of a message that are put at a time */
	GAP = 1 << 17, /* bytes that may be passed over on the way forward */
	TRIES = 4      /* how often the file may change under a read */
};

struct reader {
	struct wire wire;
	uint64_t pos;  /* raw bytes of the message that were read */
	uint64_t body; /* its body's place when they were */
	bool done;
};

/* --- one read --- */

void
read_unseen(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NOATIME);
}

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

/* Is the file the one that the index tells of? */
static bool
is_same(const struct store *s, struct stat *st)
{
	return lstat(s->path, st) == 0 && is_state(&s->index, st);
}

/* Read n bytes at off, or up to most if there are so many, if the file is what it
 * was: 1; 0 when it is not, -1. */
static int
read_steady(struct store *s, uint64_t off, size_t n, size_t most)
{
	struct box *b = s->box;
	struct stat st;
	ssize_t got;

	b->len = 0;
	if (!is_same(s, &st))
		return 0;
	if (box_file(s, &st) < 0 ||
	    lock_fcntl(b->fd, F_RDLCK, s->how.patience) < 0)
		return -1;
	got = is_same(s, &st) ? io_preadall(b->fd, b->window, most, (off_t)off)
	                      : 0;
	/* Not everybody takes the lock. */
	if (got >= (ssize_t)n && !is_same(s, &st))
		got = 0;
	lock_fcntl(b->fd, F_UNLCK, 0);
	if (got < (ssize_t)n)
		return got < 0 ? -1 : 0;
	b->off = off;
	b->len = (size_t)got;
	b->state = s->index.head.state;
	return 1;
}

/* --- the window --- */

/* How much is read at off: what is asked for, or more and more of what is behind
 * it on the way through the file. */
static size_t
ahead(const struct store *s, uint64_t off, size_t n)
{
	struct box *b = s->box;
	uint64_t size = s->index.head.state.size;

	if (b->len == 0 || off < b->off || off > b->off + b->len + GAP)
		b->ahead = 0;
	else if (b->ahead < STORE_RAW)
		b->ahead = b->ahead ? 2 * b->ahead : CHUNK;
	if (b->ahead <= n || off >= size || size - off <= n)
		return n;
	return size - off < b->ahead ? (size_t)(size - off) : b->ahead;
}

/* Are they in the window? */
static bool
is_there(const struct store *s, uint64_t off, size_t n)
{
	const struct index *x = &s->index;
	const struct box *b = s->box;

	return x->trusted && off >= b->off && off - b->off <= b->len &&
	       n <= b->len - (off - b->off) &&
	       memcmp(&b->state, &x->head.state, sizeof b->state) == 0;
}

/* The n bytes at off, at most STORE_RAW: 1 and *p; 0 when the file is not what it
 * was, -1. */
static int
look_at(struct store *s, uint64_t off, size_t n, const char **p)
{
	struct box *b = s->box;
	int r = 1;

	if (!b->window)
		b->window = mem_alloc(STORE_RAW);
	if (!is_there(s, off, n))
		r = read_steady(s, off, n, ahead(s, off, n));
	if (r > 0)
		*p = b->window + (off - b->off);
	return r;
}

/* Does a message begin at off, or does the file end there?  1, 0, -1. */
static int
is_border(struct store *s, uint64_t off)
{
	const struct box *b = s->box;
	char buf[5] = "";

	if (off == s->index.head.state.size)
		return 1;
	if (is_there(s, off, sizeof buf))
		memcpy(buf, b->window + (off - b->off), sizeof buf);
	else if (io_preadall(b->fd, buf, sizeof buf, (off_t)off) < 0)
		return -1;
	return memcmp(buf, "From ", sizeof buf) == 0;
}

/* As look_at(), but 0 also when message m, of which it is the start or all, does not
 * lie where the index says: a file that grew was looked at behind that only.  Then
 * all of it is looked at the next time. */
static int
look_at_start(struct store *s, const struct index_msg *m, size_t n,
              const char **p)
{
	int r = look_at(s, m->off, n, p);

	if (r <= 0)
		return r;
	if ((r = is_border(s, m->off)) > 0)
		r = is_border(s, m->off + m->len);
	if (r == 0)
		s->index.head.state.ino = 0;
	return r;
}

/* The first bytes of message *i, all if it is short.  As it moves, *i follows.
 * 0, or -1 with errno. */
static int
look_at_msg(struct store *s, size_t *i, bool header, struct cur *c)
{
	uint32_t uid = store_msg(s, *i)->uid;
	int tries, got;

	for (tries = 0; tries < TRIES; tries++) {
		const struct index_msg *m = store_msg(s, *i);
		uint64_t all = header ? m->body : m->end;
		size_t want = all < STORE_RAW ? (size_t)all : STORE_RAW;
		ssize_t now;

		if ((got = look_at_start(s, m, want, &c->p)) < 0)
			return -1;
		if (got > 0) {
			c->e = c->p + want;
			return 0;
		}
		if (store_sync(s) < 0)
			return -1;
		if ((now = store_find(s, uid)) < 0) {
			errno = ESTALE;
			return -1;
		}
		*i = (size_t)now;
	}
	errno = EAGAIN;
	return -1;
}

int
mbox_raw(struct store *s, size_t i, struct cur *raw)
{
	if (store_msg(s, i)->end > STORE_RAW)
		return 0;
	return look_at_msg(s, &i, false, raw) < 0 ? -1 : 1;
}

int
mbox_header(struct store *s, size_t i, struct str *out)
{
	struct wire w;
	struct cur c;

	if (look_at_msg(s, &i, true, &c) < 0)
		return -1;
	while (store_msg(s, i)->body > STORE_RAW && c.e > c.p &&
	       c.e[-1] != '\n')
		c.e--;
	wire_begin(&w);
	wire_feed(&w, c.p, cur_len(&c), out);
	wire_end(&w, out);
	return 0;
}

/* --- a message, piece by piece --- */

int
mbox_read(struct store *s, size_t i, struct store_reader *r)
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

/* The next portion: 1, 0 at the end, -1. */
static int
next_raw(struct store *s, struct store_reader *r, const char **p, size_t *n)
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
		got = b->pos > 0 ? look_at(s, m->off + b->pos, *n, p)
		                 : look_at_start(s, m, *n, p);
		if (got != 0)
			return got;
		if (store_sync(s) < 0)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}

ssize_t
mbox_get(struct store *s, struct store_reader *r, struct str *out)
{
	struct reader *b = r->box;
	size_t before = out->n, n;
	const char *p;
	int got;

	while (!b->done && out->n == before) {
		if ((got = next_raw(s, r, &p, &n)) < 0)
			return -1;
		if (got > 0) {
			wire_feed(&b->wire, p, n, out);
			b->pos += n;
		} else {
			wire_end(&b->wire, out);
			b->done = true;
		}
	}
	return (ssize_t)(out->n - before);
}

void
mbox_read_end(struct store *s, struct store_reader *r)
{
	(void)s;
	free(r->box);
}
