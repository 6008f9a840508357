/* mboxcrash - changes of a file that end at any call that writes: the process is
 * killed there, or the power fails and the disk loses some of the sectors that
 * were not synced.  Other programs may add to the file before the change is
 * finished or taken back, and that may be interrupted again; or they rewrite it.
 *
 *	mboxcrash [FIRST [ROUNDS]]
 */
#define _GNU_SOURCE /* fallocate(2) */
#include "io.h"
#include "log.h"
#include "mboxedit.h"
#include "record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SECTOR = 512,
	BLOCK = 4096,
	WORDS = 1 << 16,
	EDITS = 8,
	OPS = 3,
	FILES = 2, /* the mbox and the journal */
	CRASHED = 100
};

static char dir[] = "/tmp/facteur-crash.XXXXXX";
static char box[64], state[64];
static unsigned long long seed;
static char words[WORDS];

static size_t
dice(size_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return n ? (size_t)(seed >> 33) % n : 0;
}

/* --- a disk that forgets --- */

enum kind { WRITE, SIZE, COLLAPSE };

/* A change that was not synced. */
struct late {
	enum kind kind;
	size_t off, n; /* SIZE: off is the new size */
	char *p;
};

static struct disk {
	ino_t ino;
	struct str safe; /* what is sure to be there */
	struct late late[4096];
	size_t n;
} disk[FILES];

static long ticks; /* calls that are left, -1: no end */
static bool power; /* that is how it ends */

static struct disk *
disk_of(int fd)
{
	struct stat st;
	int i;

	assert(fstat(fd, &st) == 0);
	for (i = 0; i < FILES; i++)
		if (disk[i].ino == st.st_ino)
			return &disk[i];
	return NULL;
}

static void
resize(struct str *s, size_t n)
{
	while (s->n < n)
		str_addc(s, '\0');
	s->n = n;
}

static void
put(struct str *s, size_t off, const char *p, size_t n)
{
	if (s->n < off + n)
		resize(s, off + n);
	memcpy(s->s + off, p, n);
}

static void
take_out(struct str *s, size_t off, size_t n)
{
	memmove(s->s + off, s->s + off + n, s->n - off - n);
	s->n -= n;
}

/* Blocks are taken out; in part: those before the hole have moved, as xfs does it.
 * Returns whether it is done. */
static bool
collapse(struct str *s, const struct late *l, bool whole)
{
	size_t left = s->n - l->off - l->n;
	size_t moved = dice((left + BLOCK - 1) / BLOCK + 1) * BLOCK;
	size_t hole;

	if (whole) {
		take_out(s, l->off, l->n);
		return true;
	}
	moved = moved < left ? moved : left;
	hole = l->off + moved;
	memmove(s->s + l->off, s->s + l->off + l->n, moved);
	memset(s->s + hole, 0, l->n);
	return false;
}

/* Apply a change, each sector of it with a chance of some in 4. */
static void
apply(struct str *s, const struct late *l, size_t chance)
{
	size_t at, k;

	if (l->kind == SIZE)
		resize(s, l->off);
	if (l->kind == COLLAPSE)
		collapse(s, l, true);
	for (at = 0; l->kind == WRITE && at < l->n; at += k) {
		k = SECTOR - (l->off + at) % SECTOR;
		k = k > l->n - at ? l->n - at : k;
		if (dice(4) < chance)
			put(s, l->off + at, l->p + at, k);
	}
}

static void
sync_disk(struct disk *d)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		apply(&d->safe, &d->late[i], 4);
		free(d->late[i].p);
	}
	d->n = 0;
}

static void
note(int fd, enum kind kind, size_t off, const void *p, size_t n)
{
	struct disk *d = disk_of(fd);
	struct late *l;

	if (!d)
		return;
	assert(d->n < sizeof d->late / sizeof *d->late);
	l = &d->late[d->n++];
	*l = (struct late){kind, off, n, NULL};
	if (p) {
		l->p = malloc(n + 1);
		memcpy(l->p, p, n);
	}
}

/* What the disk has kept: some sectors, and the size that it had at some moment.
 * A collapse is the last change before a sync. */
static void
keep(struct disk *d)
{
	static const size_t chances[] = {0, 2, 2, 4};
	size_t chance = chances[dice(4)], upto, i, size;
	struct str s = {0};

	upto = chance == 0 ? 0 : chance == 4 ? d->n : dice(d->n + 1);
	str_add(&s, d->safe.s, d->safe.n);
	size = s.n;
	for (i = 0; i < d->n; i++) {
		const struct late *l = &d->late[i];

		if (l->kind == WRITE)
			apply(&d->safe, l, chance);
		if (l->kind == SIZE && l->off < d->safe.n && i < upto)
			resize(&d->safe, l->off);
		if (l->kind == COLLAPSE && i < upto &&
		    !collapse(&d->safe, l, dice(2)))
			break;
		apply(&s, l, 4);
		if (i < upto)
			size = s.n;
	}
	resize(&d->safe, size);
	str_free(&s);
}

/* Write what the disk has kept into the file; blocks of zeros are holes. */
static void
lose(struct disk *d, const char *path)
{
	static const char zeros[BLOCK];
	int fd = open(path, O_RDWR);
	size_t at, k;

	keep(d);
	assert(fd >= 0 && syscall(SYS_ftruncate, fd, 0) == 0);
	for (at = 0; at < d->safe.n; at += k) {
		const char *p = d->safe.s + at;

		k = d->safe.n - at < BLOCK ? d->safe.n - at : BLOCK;
		if (memcmp(p, zeros, k) != 0)
			assert(syscall(SYS_pwrite64, fd, p, k, at) == (long)k);
	}
	assert(syscall(SYS_ftruncate, fd, d->safe.n) == 0);
	close(fd);
}

static char journal[128];

static void
crash(void)
{
	extern int done;

	if (power) {
		lose(&disk[0], box);
		lose(&disk[1], journal);
	}
	_exit(CRASHED + done);
}

/* Changes that were told as done, and things added behind them. */
int done;

static bool
tick(void)
{
	return ticks >= 0 && ticks-- == 0;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	bool end = tick();
	ssize_t r;

	if (end && dice(2))
		n = dice(n + 1);
	else if (end)
		n = 0;
	r = syscall(SYS_pwrite64, fd, p, n, off);
	note(fd, WRITE, (size_t)off, p, n);
	if (end)
		crash();
	return r;
}

int
ftruncate(int fd, off_t size)
{
	int r;

	if (tick())
		crash();
	r = (int)syscall(SYS_ftruncate, fd, size);
	note(fd, SIZE, (size_t)size, NULL, 0);
	return r;
}

int
posix_fallocate(int fd, off_t off, off_t n)
{
	struct stat st;

	assert(fstat(fd, &st) == 0);
	return st.st_size < off + n && ftruncate(fd, off + n) < 0 ? errno : 0;
}

/* Done by hand, so that the file system does not matter. */
int
fallocate(int fd, int mode, off_t off, off_t n)
{
	struct stat st;
	size_t left;
	char *p;

	assert(mode == 8 && fstat(fd, &st) == 0);
	if (off % BLOCK || n % BLOCK || off + n >= st.st_size) {
		errno = EINVAL;
		return -1;
	}
	if (tick())
		crash();
	left = (size_t)(st.st_size - off - n);
	p = malloc(left);
	assert(pread(fd, p, left, off + n) == (ssize_t)left);
	assert(syscall(SYS_pwrite64, fd, p, left, off) == (long)left);
	assert(syscall(SYS_ftruncate, fd, st.st_size - n) == 0);
	free(p);
	note(fd, COLLAPSE, (size_t)off, NULL, (size_t)n);
	return 0;
}

int
fdatasync(int fd)
{
	struct disk *d = disk_of(fd);

	if (tick())
		crash();
	if (d)
		sync_disk(d);
	return 0;
}

int
fsync(int fd)
{
	return fdatasync(fd);
}

/* --- what is done --- */

/* From p on, the next place where a From_ line may begin: nobody adds to an mbox
 * what begins otherwise. */
static const char *
from_line(const char *p, const char *e)
{
	const char *f = memchr(p, 'F', (size_t)(e - p));

	return f ? f : memchr(words, 'F', WORDS);
}

/* One change, and what is added to the file behind it. */
struct op {
	struct edit e[EDITS];
	size_t n;
	size_t off, len;  /* of a hole */
	struct str after; /* the file then */
	const char *more; /* appended and synced after it */
	size_t nmore;
	uint64_t chunk;
};

static void
model(struct op *o, const struct str *from)
{
	size_t i, pos = 0;

	str_clear(&o->after);
	for (i = 0; i < o->n; i++) {
		str_add(&o->after, from->s + pos, (size_t)o->e[i].off - pos);
		str_add(&o->after, o->e[i].p, o->e[i].n);
		pos = (size_t)(o->e[i].off + o->e[i].len);
	}
	str_add(&o->after, from->s + pos, from->n - pos);
	if (o->len > 0)
		take_out(&o->after, o->off, o->len);
}

/* Patches, with a hole between two of them. */
static void
make_hole(struct op *o, const struct str *from)
{
	size_t blocks = from->n / BLOCK, first = dice(blocks), i, k = 0;
	struct edit e;

	o->off = first * BLOCK;
	o->len = (1 + dice((blocks - first) / 2)) * BLOCK;
	if (o->off + o->len >= from->n) {
		o->len = 0;
		return;
	}
	for (i = 0; i < 2; i++) {
		size_t low = i ? o->off + o->len : 0;
		size_t high = i ? from->n : o->off;

		e.off = low + dice(high - low);
		e.len = e.n =
		    dice(high - (size_t)e.off > 900 ? 900
		                                    : high - (size_t)e.off + 1);
		e.p = words + dice(WORDS / 2);
		if (e.n > 0 && dice(3))
			o->e[k++] = e;
	}
	o->n = k;
}

/* way < 0: the file shrinks, > 0 grows, 0 patches. */
static void
make_edits(struct op *o, size_t size, int way)
{
	size_t n = 1 + dice(EDITS), i, pos = 0;
	long sum = 0;

	for (i = 0; i < n && pos < size; i++) {
		struct edit *x = &o->e[o->n++];

		*x = (struct edit){.off = pos + dice((size - pos) / 2 + 1)};
		x->len = dice(dice(2) ? 40 : (size - (size_t)x->off) / 2 + 1);
		if (x->len > size - x->off)
			x->len = size - x->off;
		x->len = x->len > WORDS / 4 ? WORDS / 4 : x->len;
		x->n = (size_t)x->len;
		if (way < 0 && dice(3))
			x->n = dice((size_t)(x->len + (uint64_t)-sum) + 1);
		else if (way > 0 && dice(3))
			x->n += dice(dice(2) ? 5000 : 20);
		x->n = x->n > WORDS / 2 ? WORDS / 2 : x->n;
		x->p = words + dice(WORDS / 2);
		sum += (long)x->n - (long)x->len;
		pos = (size_t)(x->off + x->len);
	}
}

/* last: the change before, which may be made once more, or NULL. */
static void
make_op(struct op *o, const struct str *from, const struct op *last)
{
	static const uint64_t chunks[] = {300, 4096, 10000, 0};
	int way = (int)dice(4) - 1;
	const struct edit *e = last ? &last->e[last->n - 1] : NULL;

	*o = (struct op){.chunk = chunks[dice(4)]};
	if (e && last->len == 0 && e->off + e->len <= from->n && dice(2)) {
		o->n = last->n;
		memcpy(o->e, last->e, sizeof o->e);
	} else if (way == 2 && from->n > 3 * BLOCK) {
		make_hole(o, from);
	} else {
		make_edits(o, from->n, way == 2 ? -1 : way);
	}
	if (o->n == 0)
		o->e[o->n++] = (struct edit){.off = from->n / 2};
	model(o, from);
	o->nmore = dice(2) ? 0 : dice(3000);
	o->more = from_line(words + dice(WORDS / 2), words + WORDS / 2);
	str_add(&o->after, o->more, o->nmore);
}

static int
open_box(int flags)
{
	int fd = open(box, O_RDWR | flags, 0600);

	assert(fd >= 0);
	return fd;
}

static void
append(const char *p, size_t n)
{
	int fd = open_box(0);

	assert(pwrite(fd, p, n, lseek(fd, 0, SEEK_END)) == (ssize_t)n);
	assert(fsync(fd) == 0);
	close(fd);
}

static void
run(const struct op *o)
{
	struct edit_file f = {open_box(0), box, state, getuid(), o->chunk};
	bool pending;
	int r;

	if (o->len > 0)
		r = mbox_collapse(&f, o->e, o->n, o->off, o->len, &pending);
	else
		r = mbox_edit(&f, o->e, o->n, &pending);
	assert(r == 0 && !pending);
	close(f.fd);
}

static void
fix(void)
{
	struct edit_file f = {open_box(0), box, state, getuid(), 0};

	assert(mbox_edit_fix(&f) == 0);
	close(f.fd);
}

/* --- rounds --- */

static void
load_disk(struct disk *d, const char *path)
{
	struct stat st;

	*d = (struct disk){0};
	if (stat(path, &st) < 0)
		return;
	d->ino = st.st_ino;
	assert(io_slurp(AT_FDCWD, path, 1 << 26, &d->safe) == 0);
}

/* Do it in a child that ends after so many calls: how many changes it told as
 * done, or -1 when it came to the end. */
static int
child(long limit, bool cut, const struct op *o, size_t n)
{
	pid_t pid = fork();
	int status;
	size_t i;

	assert(pid >= 0);
	if (pid == 0) {
		seed ^= (unsigned long long)limit << 20;
		dice(1);
		load_disk(&disk[0], box);
		load_disk(&disk[1], journal);
		ticks = limit;
		power = cut;
		if (n == 0)
			fix();
		for (i = 0; i < n; i++) {
			run(&o[i]);
			done++;
			append(o[i].more, o[i].nmore);
			done++;
		}
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid);
	assert(WIFEXITED(status));
	status = WEXITSTATUS(status);
	assert(status == 0 || status >= CRASHED);
	return status == 0 ? -1 : status - CRASHED;
}

static struct str
get_box(void)
{
	struct str s = {0};

	assert(io_slurp(AT_FDCWD, box, 1 << 26, &s) == 0);
	return s;
}

/* Is the file what it was after i changes, and what was added since?  torn: what
 * was added behind the last of them need not be there. */
static bool
is_state(const struct str *now, const struct op *o, int i, bool torn,
         const struct str *first, const struct str *more)
{
	const struct str *base = i == 0 ? first : &o[i - 1].after;
	size_t head = base->n - (torn && i > 0 ? o[i - 1].nmore : 0);

	return now->n >= head + more->n && now->n <= base->n + more->n &&
	       (head == 0 || memcmp(now->s, base->s, head) == 0) &&
	       (more->n == 0 ||
	        memcmp(now->s + now->n - more->n, more->s, more->n) == 0);
}

/* done: as told by the child, 2 for each change. */
static bool
is_right(const struct str *now, const struct op *o, size_t n, int told,
         const struct str *first, const struct str *more)
{
	int i = told / 2;

	if (told < 0)
		return is_state(now, o, (int)n, false, first, more);
	if (told % 2)
		return is_state(now, o, i + 1, true, first, more);
	return is_state(now, o, i, false, first, more) ||
	       is_state(now, o, i + 1, true, first, more);
}

static void
round_of(unsigned long long number)
{
	struct str first = {0}, more = {0}, now;
	struct op o[OPS];
	size_t n, i, few;
	bool cut;
	int was, tries, fd;

	seed = number;
	few = dice(3) ? 26 : 1 + dice(2);
	for (i = 0; i < WORDS; i++)
		words[i] = dice(9) ? (char)('a' + dice(few)) : 'F';
	n = 1 + dice(OPS);
	str_add(&first, words + dice(1000), dice(dice(2) ? 40000 : 3000));
	for (i = 0; i < n; i++)
		make_op(&o[i], i ? &o[i - 1].after : &first,
		        i ? &o[i - 1] : NULL);
	fd = open_box(O_CREAT | O_TRUNC);
	assert(io_writeall(fd, first.s, first.n) == 0);
	close(fd);
	cut = dice(2);
	was = child((long)dice(n * (dice(3) ? 25 : 80)), cut, o, n);
	for (tries = 0; was >= 0; tries++) {
		/* Somebody else comes first; perhaps with bytes that were
		 * there before. */
		if (dice(2)) {
			size_t k = dice(dice(2) ? 9000 : 100);
			const char *p = words, *e = words + WORDS / 2;

			if (dice(2) && first.n > k) {
				p = first.s;
				e = p + first.n - k;
			}
			p = from_line(p + dice((size_t)(e - p)), e);
			append(p, k);
			str_add(&more, p, k);
		}
		if (tries > 3 ||
		    child((long)dice(20), cut || dice(2), NULL, 0) < 0)
			break;
	}
	fix();
	now = get_box();
	if (!is_right(&now, o, n, was, &first, &more)) {
		fprintf(stderr, "round %llu: %d of %zu done, %s, %d tries\n",
		        number, was, n, cut ? "cut" : "killed", tries);
		exit(1);
	}
	fix();
	for (i = 0; i < n; i++)
		str_free(&o[i].after);
	str_free(&now);
	str_free(&first);
	str_free(&more);
}

/* Somebody rewrites the file before we come back: what he wrote stays. */
static void
rewritten_round(unsigned long long number)
{
	struct str first = {0}, theirs = {0}, now;
	struct op o;
	size_t i;
	int fd;

	seed = number;
	for (i = 0; i < WORDS; i++)
		words[i] = dice(9) ? (char)('a' + dice(26)) : 'F';
	str_add(&first, words + dice(1000), 100 + dice(30000));
	make_op(&o, &first, NULL);
	fd = open_box(O_CREAT | O_TRUNC);
	assert(io_writeall(fd, first.s, first.n) == 0);
	if (child((long)dice(25), dice(2), &o, 1) >= 0) {
		for (i = dice(40000); i > 0; i--)
			str_addc(&theirs,
			         dice(9) ? (char)('a' + dice(26)) : 'F');
		assert(syscall(SYS_ftruncate, fd, 0) == 0);
		assert(syscall(SYS_pwrite64, fd, theirs.s, theirs.n, 0) ==
		       (long)theirs.n);
		fix();
		now = get_box();
		if (now.n != theirs.n ||
		    (now.n > 0 && memcmp(now.s, theirs.s, now.n) != 0)) {
			fprintf(stderr, "rewritten %llu\n", number);
			exit(1);
		}
		str_free(&now);
	}
	close(fd);
	str_free(&o.after);
	str_free(&theirs);
	str_free(&first);
}

int
main(int argc, char **argv)
{
	unsigned long long from = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	unsigned long long n = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000;
	struct edit_file f;
	char name[RECORD_NAME];
	bool pending;
	int fd;

	assert(mkdtemp(dir));
	snprintf(box, sizeof box, "%s/box", dir);
	snprintf(state, sizeof state, "%s/state", dir);
	log_to("/dev/null");
	ticks = -1;
	/* The journal's name. */
	fd = open_box(O_CREAT);
	f = (struct edit_file){fd, box, state, getuid(), 0};
	assert(io_writeall(fd, "abc", 3) == 0);
	assert(mbox_edit(&f, &(struct edit){1, 1, "x", 1}, 1, &pending) == 0);
	close(fd);
	record_name(name, "edit", box);
	snprintf(journal, sizeof journal, "%s/%s", state, name);
	for (; n > 0; n--, from++) {
		round_of(from);
		if (from % 4 == 0)
			rewritten_round(from);
	}
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
