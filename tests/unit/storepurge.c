/* storepurge - messages go out of a large mbox: what does not have to move is not
 * written again; and when the power fails no UID is given again, and no flag is hidden. */
#include "io.h"
#include "mbox.h"
#include "mboxedit.h"
#include "record.h"
#include "store.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LETTERS = 20, LARGE = 1 << 20, SMALL = 300 };

static char dir[] = "/var/tmp/facteur-purge.XXXXXX";
static char box[64], state[64], index_name[128];
static struct str disk; /* the index, as it was synced last */

static void
read_index(void)
{
	str_clear(&disk);
	assert(io_slurp(AT_FDCWD, index_name, 1 << 20, &disk) == 0);
}

int
fdatasync(int fd)
{
	struct stat a, b;

	if (*index_name && stat(index_name, &a) == 0 && fstat(fd, &b) == 0 &&
	    a.st_ino == b.st_ino)
		read_index();
	return (int)syscall(SYS_fdatasync, fd);
}

static void
deliver(int i, size_t size)
{
	struct mbox_how how = {
	    .owner = getuid(), .state = state, .patience = 100};
	struct str text = {0};
	char why[MBOX_WHY];
	struct mbox m;

	str_addf(&text, "Subject: letter %d\n\n", i);
	while (text.n < size)
		str_addf(&text, "a line of letter %d\n", i);
	assert(mbox_open(&m, box, &how, why) == 0);
	mbox_begin(&m, "a@x.test", 1700000000);
	mbox_write(&m, text.s, text.n);
	mbox_end(&m);
	assert(mbox_commit(&m) == 0);
	mbox_close(&m);
	str_free(&text);
}

/* Bytes that this process has written. */
static unsigned long long
written(void)
{
	struct str s = {0};
	unsigned long long n;
	const char *p;

	assert(io_slurp(AT_FDCWD, "/proc/self/io", 4096, &s) == 0);
	assert((p = strstr(s.s, "wchar: ")));
	n = strtoull(p + 7, NULL, 10);
	str_free(&s);
	return n;
}

static void
is_letter(struct store *s, size_t i, int number)
{
	struct str header = {0};
	char want[40];

	snprintf(want, sizeof want, "Subject: letter %d\r\n", number);
	assert(store_header(s, store_msg(s, i)->uid, &header) == 0);
	assert(strncmp(header.s, want, strlen(want)) == 0);
	str_free(&header);
}

/* Some of these letters go, of which the small one is less than a block: how much is
 * written? */
static unsigned long long
purge(int small, const uint32_t *uid, size_t n)
{
	const struct store_how how = {
	    .state = state, .owner = getuid(), .patience = 100};
	unsigned long long before;
	size_t gone, i, k = 0;
	struct store s;

	unlink(box);
	for (i = 1; i <= LETTERS; i++)
		deliver((int)i, (int)i == small ? SMALL : LARGE);
	assert(store_open(&s, box, &how) == 0);
	assert(store_count(&s) == LETTERS);
	before = written();
	assert(store_expunge(&s, uid, n, &gone) == 0 && gone == n);
	before = written() - before;
	assert(store_count(&s) == LETTERS - n && store_sync(&s) == 0);
	for (i = 0; i < LETTERS; i++)
		if (k < n && uid[k] == i + 1)
			k++;
		else
			is_letter(&s, i - k, (int)i + 1);
	store_close(&s);
	store_remove(box, &how);
	return before;
}

/* A mailbox with two letters, and an index that is on the disk. */
static void
begin_power(const struct store_how *how)
{
	char name[RECORD_NAME];
	struct store s;

	deliver(1, SMALL);
	deliver(2, SMALL);
	assert(store_open(&s, box, how) == 0 && store_keep(&s) == 0);
	store_close(&s);
	record_name(name, "index", box);
	snprintf(index_name, sizeof index_name, "%s/%s", state, name);
	read_index();
}

/* The power fails: of the index there is what was synced. */
static void
power_fails(void)
{
	int fd = open(index_name, O_WRONLY | O_TRUNC);

	assert(fd >= 0 && io_writeall(fd, disk.s, disk.n) == 0);
	close(fd);
	*index_name = '\0';
	str_free(&disk);
}

/* The third letter comes and goes, and a fourth one comes. */
static void
test_power_uid(const struct store_how *how)
{
	const uint32_t third = 3;
	uint32_t validity;
	struct store s;
	size_t gone;

	begin_power(how);
	deliver(3, SMALL);
	assert(store_open(&s, box, how) == 0);
	validity = s.index.head.validity;
	assert(store_msg(&s, 2)->uid == third);
	assert(store_expunge(&s, &third, 1, &gone) == 0 && gone == 1);
	store_close(&s);
	deliver(4, SMALL);
	power_fails();
	assert(store_open(&s, box, how) == 0);
	assert(store_count(&s) == 3 && s.index.head.validity == validity);
	is_letter(&s, 2, 4);
	assert(store_msg(&s, 2)->uid > third);
	store_close(&s);
	store_remove(box, how);
}

/* A flag is written into the mailbox, and a third letter comes. */
static void
test_power_flag(const struct store_how *how)
{
	struct store_change flag = {.set = FLAG_FLAGGED};
	const uint32_t first = 1;
	struct store s;

	begin_power(how);
	assert(store_open(&s, box, how) == 0);
	assert(store_flag(&s, &first, 1, &flag) == 0 && store_keep(&s) == 0);
	store_close(&s);
	deliver(3, SMALL);
	power_fails();
	assert(store_open(&s, box, how) == 0 && store_count(&s) == 3);
	assert(store_msg(&s, 0)->flags & FLAG_FLAGGED);
	store_close(&s);
	store_remove(box, how);
}

static bool
can_collapse(void)
{
	int fd = open(box, O_RDWR | O_CREAT, 0600);
	size_t block = fd < 0 ? 0 : mbox_can_collapse(fd);

	close(fd);
	return block > 0;
}

int
main(void)
{
	const struct store_how how = {
	    .state = state, .owner = getuid(), .patience = 100};
	static const uint32_t large[] = {1, 7}, mixed[] = {1, 7, 18},
	                      early[] = {2, 17}, end[] = {1, 20};

	assert(mkdtemp(dir));
	snprintf(box, sizeof box, "%s/box", dir);
	snprintf(state, sizeof state, "%s/state", dir);
	test_power_uid(&how);
	test_power_flag(&how);
	if (can_collapse()) {
		assert(purge(0, large, 2) < LARGE);
		assert(purge(20, end, 2) < LARGE);
		/* Two of them follow the small one. */
		assert(purge(18, mixed, 3) < 5 * LARGE);
		assert(purge(2, early, 2) > 10 * (unsigned long long)LARGE);
	} else {
		assert(purge(18, mixed, 3) > 10 * (unsigned long long)LARGE);
	}
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
