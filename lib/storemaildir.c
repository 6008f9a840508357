/* storemaildir - the Maildir driver of store.h: turns at the index, and reading.
 * The names of the files are the truth: which messages there are and what flags
 * they have.  The index adds UIDs and sizes, and flags on their way to the names.
 * Others rename and remove files whenever they like; a file is looked for again
 * before it counts as gone. */
#include "storemaildir.h"

#include "io.h"
#include "mboxline.h"
#include "mem.h"
#include "storeops.h"
#include "storewatch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	TRIES = 4,    /* how often a file may get another name under us */
	CHUNK = 32768 /* of a message; on the wire it may be twice that */
};

struct reader {
	int fd;
	char last; /* byte that was read last */
};

int
maildir_fail(struct store *s, const char *what)
{
	int err = errno;

	snprintf(s->why, STORE_WHY, "cannot %s Maildir: %s", what,
	         strerror(err));
	errno = err;
	return -1;
}

/* --- turns --- */

int
maildir_turn(struct store *s, bool again)
{
	struct index *x = &s->index;
	int r, changed = 0;

	if (again && maildir_look(s) < 0)
		return -1;
	if (index_lock(x) < 0)
		return maildir_fail(s, "lock the index of");
	r = index_load(x);
	/* Others may have seen more than we did. */
	if (r > 0 && maildir_look(s) < 0)
		r = -1;
	if (r < 0)
		return maildir_turn_end(s, maildir_fail(s, "read"));
	if (again || r > 0)
		changed = maildir_merge(s);
	if (changed < 0)
		return maildir_turn_end(s, maildir_fail(s, "read"));
	return changed || r > 0;
}

int
maildir_turn_end(struct store *s, int r)
{
	int err = errno;

	index_unlock(&s->index);
	errno = err;
	return r;
}

/* --- seeing what others did --- */

/* There is no Maildir: an empty mailbox, for now.  If it is only out of reach its
 * messages have their UIDs again when it is back. */
static int
no_maildir(struct store *s, bool changed)
{
	struct maildir_store *d = s->box;
	struct index *x = &s->index;

	if (box_scan(&d->box, false) < 0)
		return maildir_fail(s, "read");
	if (x->head.validity == 0) {
		if (index_lock(x) < 0 || index_load(x) < 0)
			return maildir_turn_end(
			    s, maildir_fail(s, "lock the index of"));
		maildir_numbers(s, false);
		index_save(x, 0, store_count(s));
		index_unlock(x);
	}
	if (store_count(s) > 0) {
		x->trusted = false;
		/* What the record says is not what is to be seen. */
		x->head.generation += INDEX_RECENT + 1;
	}
	x->head.count = x->head.unseen = x->head.fresh = 0;
	return changed;
}

static bool
dir_still(struct store *s)
{
	struct maildir_store *d = s->box;

	return box_open(&d->box, s->path, s->how.owner) > 0 &&
	       box_is_state(&d->box, &s->index.head.state);
}

static int
dir_sync(struct store *s)
{
	struct maildir_store *d = s->box;
	struct index *x = &s->index;
	bool had = store_count(s) > 0;
	int there, news, r;

	watch_add(s, d->watch);
	there = box_open(&d->box, s->path, s->how.owner);
	if (there < 0)
		return maildir_fail(s, "open");
	if ((news = index_load(x)) < 0)
		return maildir_fail(s, "read the index of");
	if (!there)
		return no_maildir(s, had);
	if (!d->other && x->trusted && box_is_state(&d->box, &x->head.state))
		return news;
	if ((r = maildir_turn(s, true)) < 0)
		return -1;
	index_unlock(x);
	return r || news;
}

/* --- reading --- */

/* Open the file of message i, whatever its name is by now.  If it is not as long as
 * it was, it is another message: a UID never stands for two (RFC 9051 2.3.1.1). */
static int
open_msg(struct store *s, size_t i)
{
	const struct index_msg *m = store_msg(s, i);
	struct maildir_store *d = s->box;
	int tries, fd;

	for (tries = 0; tries < TRIES; tries++) {
		struct entry *e =
		    d->box.looked ? box_find(&d->box, m->hash) : NULL;
		struct stat st;

		if (e) {
			fd = box_open_file(&d->box, e, &st);
			if (fd < 0 && errno != ENOENT)
				return -1;
			if (fd >= 0 && (uint64_t)st.st_size == m->len)
				return fd;
			if (fd >= 0) {
				close(fd);
				d->other = m->uid;
				break;
			}
		} else if (box_is_current(&d->box)) {
			break;
		}
		if (box_scan(&d->box, false) < 0)
			return -1;
	}
	errno = ESTALE;
	return -1;
}

static int
dir_read(struct store *s, size_t i, struct store_reader *r)
{
	int fd = open_msg(s, i);
	struct reader *b;

	if (fd < 0)
		return maildir_fail(s, "read a message of");
	b = mem_alloc(sizeof *b);
	b->fd = fd;
	r->box = b;
	return 0;
}

/* LF becomes CRLF where the CR is missing. */
static void
add_wire(struct str *out, const char *p, size_t n, char *last)
{
	const char *e = p + n, *lf;

	while (p < e) {
		lf = memchr(p, '\n', (size_t)(e - p));
		if (!lf)
			lf = e;
		str_add(out, p, (size_t)(lf - p));
		if (lf > p)
			*last = lf[-1];
		if (lf < e) {
			if (*last != '\r')
				str_addc(out, '\r');
			str_addc(out, '\n');
			*last = *lf++;
		}
		p = lf;
	}
}

static ssize_t
dir_get(struct store *s, struct store_reader *r, struct str *out)
{
	struct reader *b = r->box;
	size_t before = out->n;
	char buf[CHUNK];
	ssize_t n = io_readall(b->fd, buf, sizeof buf);

	if (n < 0)
		return maildir_fail(s, "read a message of");
	add_wire(out, buf, (size_t)n, &b->last);
	return (ssize_t)(out->n - before);
}

/* Read up to most bytes of message i.  1, 0 when there are more, -1. */
static int
slurp(struct store *s, size_t i, size_t most)
{
	struct maildir_store *d = s->box;
	struct str *raw = &d->raw;
	int fd = open_msg(s, i);
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		if ((uint64_t)st.st_size < most)
			most = (size_t)st.st_size;
		raw->s = mem_grow(raw->s, &raw->cap, most + 1, 1);
		n = io_readall(fd, raw->s, most);
	}
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return maildir_fail(s, "read a message of");
	raw->n = (size_t)n;
	return st.st_size <= n;
}

static int
dir_raw(struct store *s, size_t i, struct cur *raw)
{
	struct maildir_store *d = s->box;
	int r = slurp(s, i, STORE_RAW);

	*raw = str_cur(&d->raw);
	return r;
}

/* Can this line be in a header?  At its top, as that of an mbox that came along. */
static bool
in_header(struct cur line, bool top)
{
	struct cur name;
	enum line l = line_judge(line.p, cur_len(&line), &name);

	if (l == LINE_FIELD || !top)
		return l == LINE_FIELD || l == LINE_FOLD;
	cur_take(&line, '>');
	return cur_len(&line) >= 5 && memcmp(line.p, "From ", 5) == 0;
}

/* Behind the header in these bytes, or NULL when it does not end in them: at the
 * empty line, or (bare) before a line that cannot be in a header, as in an
 * mbox.  all: nothing comes behind them. */
static const char *
header_end(const struct str *raw, bool all, bool *bare)
{
	const char *p = raw->s, *e = p + raw->n, *lf, *end;

	for (; p < e; p = end) {
		lf = memchr(p, '\n', (size_t)(e - p));
		if (!lf && !all)
			return NULL;
		end = lf ? lf + 1 : e;
		if (lf && (lf == p || (lf == p + 1 && *p == '\r')))
			return end;
		*bare = !in_header((struct cur){p, end}, p == raw->s);
		if (*bare)
			return p;
	}
	return NULL;
}

static int
dir_header(struct store *s, size_t i, struct str *out)
{
	struct maildir_store *d = s->box;
	size_t most = CHUNK, before = out->n;
	bool bare = false;
	const char *e;
	char last = '\n';
	int r;

	do {
		if ((r = slurp(s, i, most)) < 0)
			return -1;
		e = header_end(&d->raw, r > 0, &bare);
		most *= 8;
	} while (!e && r == 0 && most <= STORE_HEADER);
	if (e) {
		add_wire(out, d->raw.s, (size_t)(e - d->raw.s), &last);
		if (bare)
			str_adds(out, "\r\n");
		return bare;
	}
	/* All of it is header, as far as we read. */
	add_wire(out, d->raw.s, d->raw.n, &last);
	while (r == 0 && out->n > before && out->s[out->n - 1] != '\n')
		out->n--;
	if (out->n > before && out->s[out->n - 1] != '\n')
		str_adds(out, "\r\n");
	str_adds(out, "\r\n");
	return 1;
}

static void
dir_read_end(struct store *s, struct store_reader *r)
{
	struct reader *b = r->box;

	(void)s;
	close(b->fd);
	free(b);
}

/* --- the driver --- */

static int
dir_open(struct store *s)
{
	struct maildir_store *d = mem_alloc(sizeof *d);

	box_init(&d->box);
	d->watch = -1;
	s->box = d;
	return 0;
}

static void
dir_close(struct store *s)
{
	struct maildir_store *d = s->box;

	box_free(&d->box);
	free(d->fresh);
	str_free(&d->raw);
	free(d);
}

static int *
dir_watch(const struct store *s)
{
	return &((struct maildir_store *)s->box)->watch;
}

static uint64_t
dir_size(const struct store *s)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < store_count(s); i++)
		sum += store_msg(s, i)->len;
	return sum;
}

const struct store_ops store_maildir = {
    .open = dir_open,
    .sync = dir_sync,
    .still = dir_still,
    .read = dir_read,
    .get = dir_get,
    .read_end = dir_read_end,
    .raw = dir_raw,
    .header = dir_header,
    .keep = maildir_keep,
    .expunge = maildir_expunge,
    .add = maildir_add,
    .size = dir_size,
    .watch = dir_watch,
    .move = maildir_move,
    .rename = maildir_rename,
    .close = dir_close,
};
