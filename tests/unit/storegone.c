/* storegone - what went is remembered up to a bound, and what is not sure to be known is
 * said to be unknown: after a power cut either of the two files may be an old one. */
#include "storegone.h"
#include "io.h"
#include "log.h"
#include "record.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/facteur-gone.XXXXXX";
static char file[120];
static struct store s;

/* Is it known what went since then?  How many UIDs, or -1. */
static long
since(uint64_t modseq)
{
	struct store_range *v;
	size_t n, i;
	long all = 0;

	if (store_gone(&s, modseq, &v, &n) == 0) {
		assert(n == 0 && v == NULL);
		return -1;
	}
	for (i = 0; i < n; i++)
		all += (long)(v[i].hi - v[i].lo) + 1;
	free(v);
	return all;
}

/* These UIDs went, each with another between them. */
static void
went(uint32_t uid, size_t n)
{
	uint64_t modseq = index_modseq(&s.index);
	struct gone g = {0};

	assert(index_lock(&s.index) == 0);
	for (; n > 0; n--, uid += 2)
		gone_see(&g, uid);
	gone_save(&s, &g, modseq);
	s.index.head.modseq = modseq;
	index_unlock(&s.index);
}

static void
begin(void)
{
	unlink(file);
	s.index.head = (struct index_head){.id = 7, .validity = 5};
	s.index.head.modseq = s.index.head.begun = 1000;
	s.index.trusted = true;
	assert(since(1000) == 0);
}

static void
few(void)
{
	begin();
	assert(since(999) == -1 && since(1001) == -1);
	went(10, 1);
	assert(since(1000) == 1 && since(1001) == 0 && since(999) == -1);
	went(11, 1);
	went(20, 3);
	/* Two that touch count as one range, but each once. */
	assert(since(1000) == 5 && since(1001) == 4 && since(1002) == 3);
	/* Those between two that went before do not go again. */
	went(31, 1);
	went(30, 2);
	assert(since(1003) == 3 && since(1004) == 2);
	/* Those that are there did not go. */
	index_room(&s.index, 2);
	s.index.msg[0].uid = 11;
	s.index.msg[1].uid = 22;
	s.index.head.count = 2;
	assert(since(1000) == 6);
	s.index.head.count = 0;
	/* What is behind the index's count, somebody died at. */
	s.index.head.gone--;
	assert(since(1004) == 1);
}

/* The first one that goes, and all that was before is known. */
static void
first(void)
{
	begin();
	unlink(file);
	s.index.head.modseq = 1005;
	assert(since(1000) == 0 && since(999) == -1);
	unlink(file);
	went(10, 1);
	assert(since(1000) == 1 && since(1005) == 1 && since(999) == -1);
	/* All at once, and more than there is room for. */
	begin();
	unlink(file);
	s.index.head.modseq = 1005;
	went(10, 5000);
	assert(since(1005) == -1 && since(1006) == 0);
	unlink(file);
	assert(since(1005) == -1 && since(1006) == 0);
}

static void
many(void)
{
	uint64_t k;
	struct stat st;

	begin();
	for (k = 0; k < 10000; k++) {
		went((uint32_t)k * 2 + 1, 1);
		if (k % 64 == 0)
			assert(since(1001 + k) == 0 && since(1000 + k) == 1);
	}
	assert(since(11000 - 2000) == 2000);
	assert(since(1000) == -1 && since(11000 - 4097) == -1);
	/* The bound is where it says. */
	for (k = 11000; since(k) >= 0; k -= 16)
		assert(since(k) == (long)(11000 - k));
	assert(k < 11000 - 2047);
	assert(stat(file, &st) == 0 && st.st_size < 140000);
	/* More at once than there is room for. */
	went(30000, 3000);
	assert(since(11000) == 3000);
	went(40000, 5000);
	assert(since(11001) == -1 && since(11002) == 0);
	went(60000, 4);
	assert(since(11002) == 4);
}

/* One file is older than the other, torn, foreign or lost. */
static void
crashes(void)
{
	struct index_head old;
	struct str whole = {0};
	size_t at;
	int fd;

	begin();
	went(10, 1);
	assert(io_slurp(AT_FDCWD, file, 1 << 20, &whole) == 0);
	old = s.index.head;
	went(20, 1);
	assert(since(1000) == 2);
	/* The index is older. */
	s.index.head = old;
	assert(since(1000) == 1);
	went(30, 2);
	assert(since(1000) == 3);
	/* The file is older. */
	fd = open(file, O_WRONLY | O_TRUNC);
	assert(fd >= 0 && io_writeall(fd, whole.s, whole.n) == 0);
	assert(since(1000) == -1);
	went(40, 1);
	assert(since(1000) == -1 && since(s.index.head.modseq - 1) == 1);
	/* Any byte is wrong. */
	for (at = 0; at < whole.n; at++) {
		s.index.head = old;
		whole.s[at] ^= 1;
		assert(io_pwriteall(fd, whole.s, whole.n, 0) == 0);
		assert(since(1000) == -1);
		whole.s[at] ^= 1;
	}
	assert(io_pwriteall(fd, whole.s, whole.n, 0) == 0);
	assert(since(1000) == 1);
	/* It is of another index. */
	s.index.head.id++;
	assert(since(1000) == -1);
	s.index.head.id--;
	/* Something went that nobody saw. */
	gone_unknown(&s);
	assert(since(1000) == -1);
	went(50, 1);
	assert(since(1000) == -1 && since(s.index.head.modseq - 1) == 1);
	close(fd);
	unlink(file);
	assert(since(1000) == -1);
	str_free(&whole);
}

int
main(void)
{
	char name[RECORD_NAME];

	log_stderr(false);
	assert(mkdtemp(dir));
	s.path = "/nowhere/box";
	s.how = (struct store_how){.state = dir, .owner = getuid()};
	assert(index_open(&s.index, dir, s.path, getuid()) == 0);
	record_name(name, "gone", s.path);
	snprintf(file, sizeof file, "%s/%s", dir, name);
	few();
	first();
	many();
	crashes();
	index_close(&s.index);
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
