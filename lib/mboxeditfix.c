/* mboxeditfix - finish or take back a change to an mbox that somebody of us did
 * not come to the end of.  Called under both locks.
 * The entry says what was being done; the mbox is looked at whether it is what
 * that would leave.  If it is not, another program has rewritten it since: what
 * he wrote is his, and not touched. */
#include "mboxwork.h"

#include "io.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* How it came out, for the log. */
enum { NOTHING, FINISHED, TAKEN_BACK, GIVEN_UP };

/* Could we have written such an entry?  Then no sum of its numbers wraps. */
static bool
is_sane(const struct entry *e)
{
	static const uint64_t most = INT64_MAX / 16;

	return e->size < most && e->at < most && e->n < most &&
	       e->data < most && e->hole < most && e->hole_len < most &&
	       e->script < most && e->edits <= e->script && e->room < most &&
	       (e->hole_len == 0 || e->hole + e->hole_len <= e->size ||
	        e->phase != PHASE_CUT);
}

/* Is the mbox, of this size, what it was around the place?  1, 0, or -1 with
 * errno. */
static int
is_same(const struct work *w, uint64_t size)
{
	const struct entry *e = &w->j.now;
	bool hole = e->phase == PHASE_CUT && e->hole_len > 0;
	uint64_t sum;

	if (size < (hole ? e->hole + e->hole_len + 1 : e->size))
		return 0;
	if (work_around(w, &sum) < 0)
		return -1;
	return sum == e->around;
}

/* 1, 0 when it is torn or cannot be ours, -1 with errno. */
static int
get_script(struct work *w)
{
	const struct entry *e = &w->j.now;
	const struct edit *last;
	int r = journal_read_script(&w->j, &w->s.data);

	if (r != 1)
		return r;
	if (script_parse(&w->s, (size_t)e->edits) < 0)
		return 0;
	last = &w->s.e[w->s.n - 1];
	return last->off + last->len <= e->size &&
	       (e->room > 0 || w->s.patches == w->s.n);
}

/* Are there zeros only from off to end?  1, 0, or -1 with errno. */
static int
is_zero(struct work *w, uint64_t off, uint64_t end)
{
	size_t k, i;

	for (; off < end; off += k) {
		ssize_t n;

		k = end - off < WORK_PIECE ? (size_t)(end - off) : WORK_PIECE;
		n = io_preadall(w->f->fd, w->buf, k, (off_t)off);
		if (n < 0)
			return -1;
		for (i = 0; i < k; i++)
			if ((size_t)n < k || w->buf[i] != '\0')
				return 0;
	}
	return 1;
}

/* It was being made longer by zeros.  They go; or, if another program has added
 * something behind them, they are used. */
static int
fix_grow(struct work *w, uint64_t size)
{
	struct entry *e = &w->j.now;
	uint64_t old = e->size, end;
	int r;

	if (size == old)
		return NOTHING;
	if ((r = get_script(w)) == 1)
		r = is_same(w, size);
	if (r != 1)
		return r < 0 ? -1 : GIVEN_UP;
	end = old + w->s.grow;
	if ((r = is_zero(w, old, size < end ? size : end)) != 1)
		return r;
	if (size > end) {
		e->size = end;
		if (fsync(w->f->fd) < 0 || work_run(w, end) < 0)
			return -1;
		return FINISHED;
	}
	if (ftruncate(w->f->fd, (off_t)old) < 0 || fsync(w->f->fd) < 0)
		return -1;
	return TAKEN_BACK;
}

/* Everything before done was moved (rising; else behind): go on from there. */
static int
go_on(struct work *w, uint64_t done, uint64_t size)
{
	struct entry *e = &w->j.now;

	/* What others have added goes down with the rest; behind what would
	 * have been the end there may be a token. */
	if ((w->s.cut > 0 || e->hole_len > 0) && size != e->size) {
		if (done > e->size - w->s.cut)
			done = e->size - w->s.cut;
		e->size = size;
		e->phase = PHASE_COPY;
	}
	if (work_run(w, done) == 0)
		return FINISHED;
	return e->phase == PHASE_UNDO && !w->touched ? TAKEN_BACK : -1;
}

static int
fix_copy(struct work *w, uint64_t size)
{
	struct entry *e = &w->j.now;
	int r, data;

	/* The first entry, torn: nothing was done.  Or it is old, and what it
	 * needs was overwritten by one that is torn: all was done. */
	if ((r = get_script(w)) != 1)
		return r;
	if ((data = journal_has_data(&w->j)) < 0)
		return -1;
	if (data == 0 && e->step <= 1 && w->s.grow == 0)
		return NOTHING;
	if ((r = is_same(w, size)) == 1 && e->patch)
		r = script_is_ours(&w->s, w->f->fd);
	if (r != 1)
		return r < 0 ? -1 : GIVEN_UP;
	/* Without its bytes this step was not begun. */
	if (data == 0)
		return go_on(w, w->s.rising ? e->at : e->at + e->n, size);
	if (work_apply(w) < 0)
		return -1;
	return go_on(w, w->s.rising ? e->at + e->n : e->at, size);
}

/* The blocks are gone, but the file is as long as it was, or longer.  Others have
 * added to it since; or the power failed while what follows them was moved down, one
 * piece after the other: then there is a hole of that size where that came to.
 * At the end it need not be one of whole blocks. */
static int
fix_hole(struct work *w)
{
	const struct entry *e = &w->j.now;
	uint64_t end = e->size, len = e->hole_len;
	int r = is_zero(w, end - len, end);

	if (r == 1)
		return work_remove(w, end - len, len);
	return r < 0 ? -1 : hole_mend(w->f->fd, e->hole, len);
}

/* All was moved: has the cut been made? */
static int
fix_cut(struct work *w, uint64_t size)
{
	struct entry *e = &w->j.now;
	int r = work_has_token(w);

	if (r == 1) {
		if ((r = is_same(w, size)) == 1)
			r = get_script(w);
		if (r != 1)
			return r < 0 ? -1 : GIVEN_UP;
		return go_on(w, e->hole_len ? script_from(&w->s) : e->at + e->n,
		             size);
	}
	if (r == 0 && e->hole_len > 0 && size >= e->size)
		r = fix_hole(w);
	if (r < 0 || fsync(w->f->fd) < 0)
		return -1;
	return FINISHED;
}

static int
fix_undo(struct work *w)
{
	int r = get_script(w);

	if (r != 1)
		return r;
	if ((r = script_is_ours(&w->s, w->f->fd)) != 1)
		return r < 0 ? -1 : GIVEN_UP;
	if (script_patch(&w->s, w->f->fd, true) < 0 || fdatasync(w->f->fd) < 0)
		return -1;
	return TAKEN_BACK;
}

static int
fix(struct work *w, const struct stat *st)
{
	const struct entry *e = &w->j.now;
	uint64_t size = (uint64_t)st->st_size;

	/* The number of the device may be another one since the start of the
	 * system; the bytes tell more. */
	if (e->ino != st->st_ino || !is_sane(e))
		return NOTHING;
	w->buf = mem_alloc(WORK_PIECE);
	switch (e->phase) {
	case PHASE_GROW: return fix_grow(w, size);
	case PHASE_COPY: return fix_copy(w, size);
	case PHASE_CUT: return fix_cut(w, size);
	case PHASE_UNDO: return fix_undo(w);
	default: return NOTHING;
	}
}

static void
tell(const struct edit_file *f, int how)
{
	static const char *const words[] = {
	    [FINISHED] = "finished an interrupted change",
	    [TAKEN_BACK] = "took back an interrupted change",
	    [GIVEN_UP] = "an interrupted change is given up, "
	                 "another program has written to the file since",
	};

	if (words[how])
		log_warn("%s: %s", f->path, words[how]);
}

int
mbox_edit_fix(const struct edit_file *f)
{
	struct work w = {.f = f};
	struct stat st;
	int r = 0;

	if (journal_open(&w.j, f, false) < 0)
		return io_is_passing(errno) ? -1 : 0;
	if (journal_is_open(&w.j)) {
		r = fstat(f->fd, &st) < 0 ? -1 : fix(&w, &st);
		if (r >= 0) {
			tell(f, r);
			journal_idle(&w.j, false);
		}
	}
	work_free(&w);
	return r < 0 ? -1 : 0;
}

bool
mbox_edit_is_open(const struct edit_file *f)
{
	struct journal j;
	bool open;

	if (!f->state || journal_open(&j, f, false) < 0)
		return false;
	open = journal_is_open(&j);
	journal_close(&j);
	return open;
}
