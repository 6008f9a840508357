/* mboxedit - random changes to a file against the same changes in memory, with
 * calls of the system that fail, once or from some moment on; and what is
 * refused. */
#define _GNU_SOURCE /* fallocate(2) */
#include "mboxedit.h"
#include "io.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EDITS = 12, MOST = 60000, BLOCK = 4096, NEVER = -1 };

static char dir[] = "/tmp/facteur-edit.XXXXXX";
static char box[64], state[64];
static unsigned long long seed = 1;

/* --- a system that fails --- */

static long left = NEVER; /* calls until then */
static int error;         /* errno, 0: a write is short */
static bool for_ever;

static bool
fails(void)
{
	if (left == NEVER || left-- > 0)
		return false;
	left = for_ever ? 0 : NEVER;
	errno = error;
	return true;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	if (fails()) {
		if (error || n == 0)
			return -1;
		n = (n + 1) / 2;
	}
	return syscall(SYS_pwrite64, fd, p, n, off);
}

ssize_t
pread(int fd, void *p, size_t n, off_t off)
{
	if (fails()) {
		if (error || n == 0)
			return -1;
		n = (n + 1) / 2;
	}
	return syscall(SYS_pread64, fd, p, n, off);
}

int
ftruncate(int fd, off_t size)
{
	return fails() ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

/* Nothing needs to be durable here. */
int
fdatasync(int fd)
{
	(void)fd;
	return fails() ? -1 : 0;
}

int
fsync(int fd)
{
	return fdatasync(fd);
}

int
posix_fallocate(int fd, off_t off, off_t n)
{
	struct stat st;

	if (fails())
		return error;
	assert(fstat(fd, &st) == 0);
	return st.st_size < off + n ? (int)syscall(SYS_ftruncate, fd, off + n)
	                            : 0;
}

/* By hand, so that the file system does not matter. */
int
fallocate(int fd, int mode, off_t off, off_t n)
{
	struct stat st;
	size_t k;
	char *p;

	assert(mode == 8 && fstat(fd, &st) == 0);
	if (fails())
		return -1;
	if (off % BLOCK || n % BLOCK || off + n >= st.st_size) {
		errno = EINVAL;
		return -1;
	}
	k = (size_t)(st.st_size - off - n);
	p = malloc(k);
	assert(syscall(SYS_pread64, fd, p, k, off + n) == (long)k);
	assert(syscall(SYS_pwrite64, fd, p, k, off) == (long)k);
	assert(syscall(SYS_ftruncate, fd, st.st_size - n) == 0);
	free(p);
	return 0;
}

/* --- what is done --- */

static size_t
dice(size_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return n ? (size_t)(seed >> 33) % n : 0;
}

static struct edit_file
file(int fd, uint64_t chunk)
{
	return (struct edit_file){fd, box, state, getuid(), chunk};
}

/* n bytes, of which many are alike. */
static void
text(struct str *s, size_t n)
{
	size_t i, kind = dice(4);

	str_clear(s);
	for (i = 0; i < n; i++)
		str_addc(s, kind == 0   ? 'x'
		            : kind == 1 ? (char)('a' + i % 7)
		                        : (char)('a' + dice(26)));
}

static int
put_file(const struct str *s)
{
	int fd = open(box, O_RDWR | O_APPEND | O_CREAT | O_TRUNC, 0600);

	assert(fd >= 0 && io_writeall(fd, s->s, s->n) == 0);
	return fd;
}

static bool
holds(const struct str *want)
{
	struct str s = {0};
	bool same;

	assert(io_slurp(AT_FDCWD, box, 1 << 26, &s) == 0);
	same = s.n == want->n && (s.n == 0 || !memcmp(s.s, want->s, s.n));
	str_free(&s);
	return same;
}

/* A list of edits of a file of size bytes: dir < 0 shrinks, > 0 grows, 0 patches.
 * Returns how many. */
static size_t
edits(struct edit e[EDITS], const char *words, size_t size, int way)
{
	size_t n = 1 + dice(EDITS - 1), i, pos = 0, k = 0;
	long sum = 0;

	for (i = 0; i < n && pos < size; i++) {
		size_t span = 1 + (size - pos) / n, len;
		size_t off = pos + dice(dice(3) ? span : 2);
		struct edit *x = &e[k++];
		long room = -sum;

		off = off > size ? size : off;
		len = dice(dice(2) ? 40 : span);
		len = len > size - off ? size - off : len;
		len = len > MOST / 4 ? MOST / 4 : len;
		*x = (struct edit){off, len, NULL, len};
		if (way < 0 && dice(3))
			x->n = dice(len + (size_t)room + 1);
		else if (way > 0 && dice(3))
			x->n = len + dice(300);
		x->n = x->n > MOST / 4 ? MOST / 4 : x->n;
		x->p = words + dice(MOST / 2);
		sum += (long)x->n - (long)len;
		if (way > 0 && sum < 0)
			x->n = len;
		if (way < 0)
			assert(sum <= 0);
		pos = off + len;
	}
	return k;
}

static void
model(struct str *to, const struct str *from, const struct edit *e, size_t n)
{
	size_t i, pos = 0;

	str_clear(to);
	for (i = 0; i < n; i++) {
		str_add(to, from->s + pos, (size_t)e[i].off - pos);
		str_add(to, e[i].p, e[i].n);
		pos = (size_t)(e[i].off + e[i].len);
	}
	str_add(to, from->s + pos, from->n - pos);
}

/* A change, and the file before and after it. */
struct round {
	struct str old, want, words;
	struct edit e[EDITS];
	size_t n, off, len;
	uint64_t chunk;
};

/* way: -1 shrink, 0 patch, 1 grow, 2 take out blocks. */
static void
make(struct round *r, int way)
{
	static const uint64_t chunks[] = {1, 7, 100, 4096, 5000, 0};
	size_t blocks;

	r->chunk = chunks[dice(6)];
	r->off = r->len = 0;
	if (r->words.n == 0 || dice(20) == 0)
		text(&r->words, MOST);
	text(&r->old, way < 2 && r->chunk > 0 && r->chunk < 100
	                  ? dice(300)
	                  : 2 * BLOCK + dice(MOST));
	if (way < 2) {
		r->n = edits(r->e, r->words.s, r->old.n, way);
		model(&r->want, &r->old, r->e, r->n);
		return;
	}
	blocks = (r->old.n - 1) / BLOCK;
	r->off = dice(blocks) * BLOCK;
	r->len = (1 + dice(blocks - r->off / BLOCK - 1)) * BLOCK;
	r->n = r->off > 0 ? edits(r->e, r->words.s, r->off, 0) : 0;
	model(&r->want, &r->old, r->e, r->n);
	memmove(r->want.s + r->off, r->want.s + r->off + r->len,
	        r->want.n - r->off - r->len);
	r->want.n -= r->len;
}

static int
change(const struct round *r, const struct edit_file *f, bool *pending)
{
	if (r->len > 0)
		return mbox_collapse(f, r->e, r->n, r->off, r->len, pending);
	return mbox_edit(f, r->e, r->n, pending);
}

static void
drop(struct round *r)
{
	str_free(&r->old);
	str_free(&r->want);
	str_free(&r->words);
}

static void
test_random(int way)
{
	struct round r = {0};
	int i;

	for (i = 0; i < 200; i++) {
		struct edit_file f;
		bool pending = true;
		int fd;

		make(&r, way);
		fd = put_file(&r.old);
		f = file(fd, r.chunk);
		assert(change(&r, &f, &pending) == 0);
		assert(!pending && holds(&r.want));
		assert(mbox_edit_fix(&f) == 0);
		assert(holds(&r.want));
		close(fd);
	}
	drop(&r);
}

/* Each call fails in turn, once or with all that follow: nothing was changed, or
 * the next one comes to the end, one way or the other. */
static void
test_errors(int way, int err, bool ever)
{
	struct round r = {0};
	int i;

	error = err;
	for_ever = ever;
	for (i = 0; i < 200; i++) {
		struct edit_file f;
		bool pending = true;
		int fd, got;

		make(&r, way);
		fd = put_file(&r.old);
		f = file(fd, r.chunk);
		left = (long)dice(dice(3) ? 30 : 400);
		got = change(&r, &f, &pending);
		left = NEVER;
		if (got == 0)
			assert(!pending && holds(&r.want));
		else if (!pending)
			assert(holds(&r.old));
		/* The next one fails, too, and then there is an end. */
		left = (long)dice(20);
		(void)!mbox_edit_fix(&f);
		left = NEVER;
		assert(mbox_edit_fix(&f) == 0);
		assert(holds(&r.want) || (got < 0 && holds(&r.old)));
		assert(got == 0 || pending || holds(&r.old));
		assert(mbox_edit(&f, NULL, 0, &pending) == 0);
		close(fd);
	}
	drop(&r);
}

/* Where blocks cannot be taken out everything is as it was. */
static void
test_refused(void)
{
	struct round r = {0};
	struct edit_file f;
	struct edit bad[2] = {
	    {.off = 5, .len = 3},
            {.off = 7, .len = 1}
        };
	bool pending;
	int fd;

	make(&r, 2);
	fd = put_file(&r.old);
	f = file(fd, 0);
	assert(mbox_collapse(&f, r.e, 0, 1, BLOCK, &pending) < 0);
	assert(errno == EINVAL && !pending && holds(&r.old));
	assert(mbox_edit_fix(&f) == 0 && holds(&r.old));
	/* Overlapping; behind the end; longer and then shorter. */
	assert(mbox_edit(&f, bad, 2, &pending) < 0);
	assert(errno == EINVAL && !pending && holds(&r.old));
	bad[0] = (struct edit){.off = r.old.n, .len = 1};
	assert(mbox_edit(&f, bad, 1, &pending) < 0);
	assert(errno == EINVAL && !pending && holds(&r.old));
	bad[0] = (struct edit){.off = 1, .n = 5, .p = "abcde"};
	bad[1] = (struct edit){.off = 3, .len = 9};
	assert(mbox_edit(&f, bad, 2, &pending) < 0);
	assert(errno == EINVAL && !pending && holds(&r.old));
	close(fd);
	drop(&r);
}

int
main(void)
{
	int way;

	assert(mkdtemp(dir));
	snprintf(box, sizeof box, "%s/box", dir);
	snprintf(state, sizeof state, "%s/state", dir);
	log_to("/dev/null");
	for (way = -1; way <= 2; way++) {
		test_random(way);
		test_errors(way, EIO, false);
		test_errors(way, ENOSPC, true);
		test_errors(way, EOPNOTSUPP, false);
		test_errors(way, 0, true);
	}
	test_refused();
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
