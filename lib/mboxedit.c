/* mboxedit - see mboxedit.h.
 * Every step is durable in the journal before the mbox is touched by it, and
 * durable in the mbox before the next is in the journal.  Bytes of the mbox are
 * overwritten only when they were moved, or are in the journal. */
#include "mboxwork.h"

#include "io.h"
#include "mem.h"
#include "sum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SAMPLE = 4096,   /* bytes on each side that are looked at */
	CHUNK = 16 << 20 /* most bytes that are moved in a step */
};

void
work_free(struct work *w)
{
	int err = errno;

	journal_close(&w->j);
	script_free(&w->s);
	free(w->buf);
	errno = err;
}

/* --- what is where --- */

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Where the new file ends, of which the entry's size is known. */
static uint64_t
new_end(const struct work *w)
{
	return w->j.now.size - w->s.cut;
}

/* How many bytes of the token follow there, to be cut off again: they tell a file
 * that was cut from one that was not. */
static uint64_t
token_len(const struct work *w)
{
	return least(JOURNAL_TOKEN, w->s.cut);
}

/* Where moving ends. */
static uint64_t
last(const struct work *w)
{
	if (w->s.cut == 0 && w->s.grow == 0)
		return script_end(&w->s);
	return new_end(w) + token_len(w);
}

static int
add_sample(const struct work *w, struct sum *s, uint64_t off, uint64_t end)
{
	char b[SAMPLE];
	ssize_t n;

	if (off >= end)
		return 0;
	n = io_preadall(w->f->fd, b, (size_t)(end - off), (off_t)off);
	if (n > 0)
		sum_add(s, b, (size_t)n);
	return n < 0 ? -1 : 0;
}

int
work_around(const struct work *w, uint64_t *sum)
{
	const struct entry *e = &w->j.now;
	uint64_t low = e->patch ? script_patch_end(&w->s) : 0;
	uint64_t behind = e->at + e->n, end = e->size;
	struct sum s = {0};

	if (e->patch && script_around(&w->s, w->f->fd, e->size, &s) < 0)
		return -1;
	if (e->phase == PHASE_COPY && w->s.patches == w->s.n) {
		*sum = sum_end(&s);
		return 0;
	}
	if (e->phase == PHASE_CUT && e->hole_len > 0) {
		low = e->at;
		end = e->hole + e->hole_len;
	}
	if (e->at > SAMPLE && low < e->at - SAMPLE)
		low = e->at - SAMPLE;
	if (add_sample(w, &s, low, e->at) < 0 ||
	    add_sample(w, &s, behind, least(behind + SAMPLE, end)) < 0)
		return -1;
	if (end > SAMPLE && behind < end - SAMPLE)
		behind = end - SAMPLE;
	if (add_sample(w, &s, behind, end) < 0)
		return -1;
	*sum = sum_end(&s);
	return 0;
}

int
work_has_token(const struct work *w)
{
	const struct entry *e = &w->j.now;
	char b[JOURNAL_TOKEN];
	size_t n = (size_t)least(e->n, sizeof b);
	ssize_t got = io_preadall(w->f->fd, b, n, (off_t)e->at);

	if (got < 0)
		return -1;
	return got == (ssize_t)n && memcmp(b, e->token, n) == 0;
}

/* --- a step --- */

/* Bytes of the new file, with the token behind it. */
static int
read_new(struct work *w, uint64_t pos, size_t n)
{
	uint64_t end = w->s.cut > 0 ? new_end(w) : UINT64_MAX;
	size_t k = pos < end ? (size_t)least(n, end - pos) : 0;

	if (k < n)
		memcpy(w->buf + k, w->j.now.token + (pos + k - end), n - k);
	return script_read(&w->s, w->f->fd, pos, w->buf, k);
}

/* Put the n bytes of the entry into the journal. */
static int
collect(struct work *w)
{
	struct entry *e = &w->j.now;
	struct sum s = {0};
	uint64_t done;
	size_t k;

	for (done = 0; done < e->n; done += k) {
		k = (size_t)least(e->n - done, WORK_PIECE);
		if (read_new(w, e->at + done, k) < 0 ||
		    io_pwriteall(w->j.fd, w->buf, k, (off_t)(e->data + done)) <
		        0)
			return -1;
		sum_add(&s, w->buf, k);
	}
	e->check = sum_end(&s);
	return 0;
}

int
work_apply(struct work *w)
{
	struct entry *e = &w->j.now;
	uint64_t done;
	size_t k;

	w->touched = true;
	if (e->patch && script_patch(&w->s, w->f->fd, false) < 0)
		return -1;
	for (done = 0; done < e->n; done += k) {
		ssize_t got;

		k = (size_t)least(e->n - done, WORK_PIECE);
		got = io_preadall(w->j.fd, w->buf, k, (off_t)(e->data + done));
		if (got >= 0 && got < (ssize_t)k)
			errno = EIO;
		if (got < (ssize_t)k || io_pwriteall(w->f->fd, w->buf, k,
		                                     (off_t)(e->at + done)) < 0)
			return -1;
	}
	e->patch = 0;
	return fdatasync(w->f->fd);
}

/* Move the bytes of the new file at [at, at+n), together with the patches if they
 * are still to be made. */
static int
step(struct work *w, uint64_t at, uint64_t n)
{
	struct entry *e = &w->j.now;

	e->phase = PHASE_COPY;
	e->step++;
	e->at = at;
	e->n = n;
	/* The first area to begin with: where one step does all, room was made
	 * for that only. */
	e->data = journal_area(&w->j, e->data == journal_area(&w->j, 0));
	if (collect(w) < 0 || work_around(w, &e->around) < 0 ||
	    journal_commit(&w->j) < 0)
		return -1;
	return work_apply(w);
}

/* How many bytes of the next step, when everything before done (rising; else
 * behind) was moved? */
static uint64_t
next(const struct work *w, uint64_t done)
{
	uint64_t from = script_from(&w->s), to = last(w);

	if (w->s.patches == w->s.n || done < from || done > to)
		return 0;
	return least(w->j.now.room, w->s.rising ? to - done : done - from);
}

/* --- the end of it --- */

/* The blocks cannot be taken out: back to what was there before.  -1, with the
 * errno of that. */
static int
undo(struct work *w)
{
	int err = errno;

	if (work_has_token(w) != 1) {
		errno = err;
		return -1;
	}
	w->j.now.phase = PHASE_UNDO;
	if (journal_commit(&w->j) < 0 ||
	    script_patch(&w->s, w->f->fd, true) < 0 || fdatasync(w->f->fd) < 0)
		return -1;
	w->touched = false;
	errno = err;
	return -1;
}

/* The last part, where it is cutting off. */
static int
work_cut(struct work *w)
{
	struct entry *e = &w->j.now;

	if (e->phase != PHASE_CUT) {
		e->phase = PHASE_CUT;
		e->at = e->hole_len > 0 ? e->hole : new_end(w);
		e->n = e->hole_len > 0 ? JOURNAL_TOKEN : token_len(w);
		if (work_around(w, &e->around) < 0 || journal_commit(&w->j) < 0)
			return -1;
	}
	w->touched = true;
	if (e->hole_len > 0) {
		if (hole_close(w->f->fd, e->hole, e->hole_len) < 0)
			return undo(w);
	} else if (ftruncate(w->f->fd, (off_t)e->at) < 0) {
		return -1;
	}
	if (fsync(w->f->fd) < 0)
		return -1;
	journal_idle(&w->j, false);
	return 0;
}

int
work_run(struct work *w, uint64_t done)
{
	const struct entry *e = &w->j.now;
	uint64_t n;

	while ((n = next(w, done)) > 0 || e->patch) {
		if (!w->s.rising)
			done -= n;
		if (step(w, done, n) < 0)
			return -1;
		if (w->s.rising)
			done += n;
	}
	if (w->s.cut > 0 || e->hole_len > 0)
		return work_cut(w);
	/* What a later step needs must not be overwritten before it is known
	 * that there is none. */
	journal_idle(&w->j, e->step > 1 || w->s.grow > 0);
	return 0;
}

/* --- beginning --- */

/* Make the mbox as long as it will be, so that a full disk is known before a byte
 * has moved.  First the size alone, which is one change. */
static int
lengthen(struct work *w)
{
	struct entry *e = &w->j.now;
	uint64_t old = e->size, end = old + w->s.grow, off;
	int fd = w->f->fd, err;

	e->phase = PHASE_GROW;
	e->at = old;
	if (work_around(w, &e->around) < 0 || journal_commit(&w->j) < 0)
		return -1;
	w->touched = true;
	if (ftruncate(fd, (off_t)end) == 0) {
		memset(w->buf, 0, WORK_PIECE);
		for (off = old; off < end; off += WORK_PIECE)
			if (io_pwriteall(fd, w->buf,
			                 (size_t)least(end - off, WORK_PIECE),
			                 (off_t)off) < 0)
				break;
		if (off >= end && fsync(fd) == 0) {
			e->size = end;
			return 0;
		}
	}
	err = errno;
	if (ftruncate(fd, (off_t)old) == 0)
		w->touched = false;
	errno = err;
	return -1;
}

/* Fill the first entry, of which hole and token are given, and put the script into
 * the journal. */
static int
prepare(struct work *w, const struct stat *st)
{
	struct entry *e = &w->j.now;
	uint64_t most = 0;

	e->ino = st->st_ino;
	e->size = (uint64_t)st->st_size;
	e->patch = w->s.patches > 0;
	e->edits = w->s.n;
	e->script = w->s.data.n;
	if (w->s.patches < w->s.n)
		most = last(w) + w->s.grow - script_from(&w->s);
	e->room = least(w->f->chunk ? w->f->chunk : CHUNK, most);
	if (journal_reserve(&w->j, most) < 0)
		return -1;
	return journal_write_script(&w->j, &w->s.data);
}

static int
begin(struct work *w, const struct stat *st)
{
	if (prepare(w, st) < 0)
		return -1;
	if (w->s.grow > 0 && lengthen(w) < 0)
		return -1;
	return work_run(w, w->s.rising ? script_from(&w->s) : last(w));
}

int
work_remove(struct work *w, uint64_t off, uint64_t len)
{
	const struct edit e = {.off = off, .len = len};
	struct entry *now = &w->j.now;
	struct stat st;

	now->hole = now->hole_len = now->step = now->n = now->data = 0;
	if (fstat(w->f->fd, &st) < 0 || script_make(&w->s, w->f->fd, &e, 1) < 0)
		return -1;
	return begin(w, &st);
}

/* All that goes is the end of the file: that is one change by itself. */
static int
shorten(const struct script *s, int fd, bool *pending)
{
	if (ftruncate(fd, (off_t)s->e[0].off) < 0)
		return -1;
	*pending = true;
	if (fsync(fd) < 0)
		return -1;
	*pending = false;
	return 0;
}

/* Do what the script says, and take out the hole of the entry. */
static int
run(struct work *w, struct entry first, const struct stat *st, bool *pending)
{
	int err;

	if (journal_open(&w->j, w->f, true) < 0)
		return -1;
	if (journal_is_open(&w->j) && w->j.now.ino == st->st_ino) {
		*pending = true;
		errno = EBUSY;
		return -1;
	}
	first.seq = w->j.now.seq;
	w->j.now = first;
	w->buf = mem_alloc(WORK_PIECE);
	if (begin(w, st) == 0)
		return 0;
	err = errno;
	*pending = w->touched ||
	           (w->j.now.seq > first.seq && journal_idle(&w->j, true) < 0);
	errno = err;
	return -1;
}

/* Where a descriptor is for appending Linux puts whatever is written at the
 * end. */
static int
end_appending(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || !(flags & O_APPEND))
		return flags < 0 ? -1 : 0;
	return fcntl(fd, F_SETFL, flags & ~O_APPEND);
}

/* Do the edits, which is all that first does not say. */
static int
change(struct work *w, struct entry first, const struct edit *e, size_t n,
       bool *pending)
{
	struct stat st;
	uint64_t end;

	if (end_appending(w->f->fd) < 0 || fstat(w->f->fd, &st) < 0 ||
	    script_make(&w->s, w->f->fd, e, n) < 0)
		return -1;
	if (w->s.n == 0)
		return 0;
	e = &w->s.e[w->s.n - 1];
	end = e->off + e->len;
	if (end > (uint64_t)st.st_size ||
	    (first.hole_len > 0 && w->s.patches < w->s.n)) {
		errno = EINVAL;
		return -1;
	}
	if (w->s.n == 1 && e->n == 0 && end == (uint64_t)st.st_size)
		return shorten(&w->s, w->f->fd, pending);
	return run(w, first, &st, pending);
}

static int
make_token(char token[JOURNAL_TOKEN])
{
	unsigned char b[JOURNAL_TOKEN / 2];
	size_t i;

	if (getentropy(b, sizeof b) < 0)
		return -1;
	for (i = 0; i < JOURNAL_TOKEN; i++)
		token[i] = "0123456789abcdef"[b[i / 2] >> (i % 2 * 4) & 15];
	return 0;
}

int
mbox_edit(const struct edit_file *f, const struct edit *e, size_t n,
          bool *pending)
{
	struct work w = {.f = f, .j.fd = -1};
	struct entry first = {0};
	int r;

	*pending = false;
	if (make_token(first.token) < 0)
		return -1;
	r = change(&w, first, e, n, pending);
	work_free(&w);
	return r;
}

int
mbox_collapse(const struct edit_file *f, const struct edit *patch, size_t n,
              uint64_t off, uint64_t len, bool *pending)
{
	struct work w = {.f = f, .j.fd = -1};
	struct entry first = {.hole = off, .hole_len = len};
	struct edit *e;
	size_t i = 0;
	int r;

	*pending = false;
	if (make_token(first.token) < 0)
		return -1;
	/* The token goes to the start of the hole, among the patches. */
	e = mem_alloc((n + 1) * sizeof *e);
	for (; i < n && patch[i].off < off; i++)
		e[i] = patch[i];
	e[i] = (struct edit){off, JOURNAL_TOKEN, first.token, JOURNAL_TOKEN};
	for (; i < n; i++)
		e[i + 1] = patch[i];
	r = change(&w, first, e, n + 1, pending);
	free(e);
	work_free(&w);
	return r;
}
