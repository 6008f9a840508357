/* maildircrash - a Maildir through store.h when the index is damaged, when others
 * rename all the time or write anew, and when we are killed at any system call. */
#include "maildirbox.h"
#include "record.h"
#include "tests/unit/maildirhelp.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* --- a bad index --- */

static const char *
index_file(void)
{
	static char path[200];
	char name[RECORD_NAME];

	record_name(name, "index", box);
	snprintf(path, sizeof path, "%s/%s", state, name);
	return path;
}

static void
damaged(void)
{
	struct str good = {0};
	struct store s;
	int i, fd;

	fill();
	settle();
	begin_store(&s);
	whole(&s);
	store_close(&s);
	assert(io_slurp(AT_FDCWD, index_file(), 1 << 20, &good) == 0);
	for (i = 0; i < 400; i++) {
		size_t at = (size_t)rand() % good.n;
		char c = (char)(good.s[at] ^ (1 << rand() % 8));

		fd = open(index_file(), O_WRONLY | O_TRUNC);
		assert(fd >= 0 && io_writeall(fd, good.s, good.n) == 0);
		if (i % 4 == 0)
			assert(ftruncate(fd, (off_t)at) == 0);
		else
			assert(io_pwriteall(fd, &c, 1, (off_t)at) == 0);
		close(fd);
		begin_store(&s);
		whole(&s);
		store_close(&s);
		begin_store(&s);
		whole(&s);
		store_close(&s);
	}
	/* A record that is lost makes a new UID, and the others stay. */
	good.s[INDEX_HEAD + sizeof(struct index_msg) * 3] ^= 1;
	fd = open(index_file(), O_WRONLY | O_TRUNC);
	assert(fd >= 0 && io_writeall(fd, good.s, good.n) == 0);
	close(fd);
	begin_store(&s);
	whole(&s);
	assert(store_find(&s, 3) == 2 && store_find(&s, 4) < 0);
	assert(store_msg(&s, N - 1)->uid == N + 1);
	store_close(&s);
	str_free(&good);
}

/* --- races --- */

/* Rename all the time, as mail programs that set and clear flags, until the parent
 * is gone. */
static void
fidget(pid_t parent)
{
	char a[40], b[40], n[40];
	int i;

	for (i = 0; getppid() == parent; i++) {
		int k = i % N;

		snprintf(n, sizeof n, "new/%d.x", 1000 + k);
		snprintf(a, sizeof a, "cur/%d.x:2,", 1000 + k);
		snprintf(b, sizeof b, "cur/%d.x:2,S", 1000 + k);
		if (rename(at(n), at(a)) < 0 && rename(at(a), at(b)) < 0)
			(void)!rename(at(b), at(k % 3 ? n : a));
	}
}

/* Whatever is renamed, each message keeps its UID and can be read. */
static void
races(void)
{
	struct store s, t;
	uint32_t uid;
	pid_t pid, me = getpid();
	int i;

	fill();
	begin_store(&s);
	pid = fork();
	assert(pid >= 0);
	if (pid == 0) {
		fidget(me);
		_exit(0);
	}
	for (i = 0; i < 300; i++) {
		assert(store_sync(&s) >= 0);
		assert(store_count(&s) == N);
		assert(s.index.head.next == N + 1);
		for (uid = 1; uid <= N; uid++)
			assert(reads(&s, uid, "x\r\n"));
		set(&s, (uint32_t)(i % N + 1), FLAG_FLAGGED | FLAG_OLD, 0);
		if (i % 10 == 0)
			assert(store_keep(&s) == 0);
		if (i % 50 == 0) {
			begin_store(&t);
			assert(store_count(&t) == N);
			store_close(&t);
		}
	}
	for (uid = 1; uid <= N; uid += 2)
		assert(expunge(&s, uid, uid + 1) == 2);
	kill(pid, SIGKILL);
	assert(waitpid(pid, NULL, 0) == pid);
	store_sync(&s);
	assert(store_count(&s) == 0);
	store_close(&s);
}

/* A message whose file cannot be renamed keeps no other from it. */
static void
obstinate(void)
{
	uint32_t uid, all[] = {1, 2, 3};
	struct store s;
	size_t gone;

	begin();
	put("cur/1.a:2,", "a\n");
	put("cur/2.b:2,", "b\n");
	put("cur/3.c:2,", "c\n");
	assert(mkdir(at("cur/2.b:2,S"), 0700) == 0);
	begin_store(&s);
	for (uid = 1; uid <= 3; uid++)
		set(&s, uid, FLAG_SEEN, 0);
	assert(store_keep(&s) < 0 && errno == EISDIR);
	assert(there("cur/1.a:2,S") && there("cur/3.c:2,S"));
	assert(there("cur/2.b:2,") && flags(&s, 2) & FLAG_SEEN);
	assert(rmdir(at("cur/2.b:2,S")) == 0);
	assert(store_keep(&s) == 0 && there("cur/2.b:2,S"));
	/* Where one cannot be removed, why is told. */
	assert(unlink(at("cur/2.b:2,S")) == 0);
	assert(mkdir(at("cur/2.b:2,S"), 0700) == 0);
	assert(store_expunge(&s, all, 3, &gone) < 0 && errno == EISDIR);
	assert(gone == 1 && !there("cur/1.a:2,S"));
	store_close(&s);
}

/* A file that is written anew between two looks is one message. */
static void
anew(void)
{
	struct maildirbox b;
	struct entry *e;

	begin();
	put("cur/1.a:2,S", "a\n");
	put("cur/2.b:2,S", "b\n");
	put("tmp/x", "x\n");
	put("tmp/y", "y\n");
	box_init(&b);
	assert(box_open(&b, box, getuid()) == 1);
	assert(box_scan(&b, false) == 0 && b.n == 2);
	/* One has a higher inode, one a lower, however they are given out. */
	move("tmp/x", "cur/1.a:2,S");
	move("tmp/y", "cur/2.b:2,S");
	put("tmp/z", "z\n");
	move("tmp/z", "cur/2.b:2,S");
	assert(box_scan(&b, true) == 0 && b.n == 2);
	for (e = b.entry; e < b.entry + b.n; e++) {
		struct stat st;

		assert(stat(at("cur/2.b:2,S"), &st) == 0);
		if (strncmp(box_name(&b, e), "2.b", 3) == 0)
			assert(e->ino == st.st_ino);
		assert(!e->twin);
	}
	box_free(&b);
}

/* --- kill -9 --- */

/* What is interrupted: flags for all, the even ones out. */
static void
work(void)
{
	struct store_change c = {.set = FLAG_FLAGGED | FLAG_OLD};
	uint32_t all[N], even[N / 2], i;
	struct store s;
	size_t gone;

	for (i = 0; i < N; i++) {
		all[i] = i + 1;
		even[i / 2] = i / 2 * 2 + 2;
	}
	begin_store(&s);
	store_flag(&s, all, N, &c);
	store_keep(&s);
	store_expunge(&s, even, N / 2, &gone);
	store_close(&s);
}

/* Run work() up to its n-th stop at a system call, and kill it there.  Did it get so
 * far? */
static bool
run(int n)
{
	int status;
	pid_t pid = fork();

	assert(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			raise(SIGSTOP);
		work();
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid);
	while (WIFSTOPPED(status) && n-- > 0) {
		assert(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0);
		assert(waitpid(pid, &status, 0) == pid);
	}
	if (!WIFSTOPPED(status))
		return false;
	kill(pid, SIGKILL);
	assert(waitpid(pid, &status, 0) == pid);
	return true;
}

/* Of each message that was to stay there is one file, and at most one of the
 * others. */
static void
files(void)
{
	int of[N] = {0}, i;
	struct dirent *e;
	const char *sub;

	for (sub = "new"; sub; sub = *sub == 'n' ? "cur" : NULL) {
		DIR *d = opendir(at(sub));

		assert(d);
		while ((e = readdir(d)))
			if (e->d_name[0] != '.')
				of[strtol(e->d_name, NULL, 10) - 1000]++;
		closedir(d);
	}
	for (i = 0; i < N; i++)
		assert(of[i] == 1 || (i % 2 && of[i] == 0));
}

/* Who looks next sees the same messages under the same UIDs. */
static void
after(uint32_t validity)
{
	struct store s;
	size_t i, odd = 0;

	files();
	begin_store(&s);
	assert(s.index.head.validity == validity);
	for (i = 0; i < store_count(&s); i++) {
		const struct index_msg *m = store_msg(&s, i);

		assert(m->uid <= N && reads(&s, m->uid, "x\r\n"));
		odd += m->uid % 2;
	}
	assert(odd == N / 2 && s.index.head.next == N + 1);
	store_close(&s);
	/* And can do what was not done. */
	work();
	begin_store(&s);
	assert(store_count(&s) == N / 2);
	for (i = 0; i < N / 2; i++)
		assert(store_msg(&s, i)->kept & FLAG_FLAGGED);
	store_close(&s);
}

static void
killed(void)
{
	struct store s;
	uint32_t validity;
	bool more = true;
	int n;

	for (n = 1; more; n++) {
		fill();
		begin_store(&s);
		whole(&s);
		validity = s.index.head.validity;
		store_close(&s);
		more = run(n);
		after(validity);
	}
}

int
main(void)
{
	place();
	damaged();
	races();
	obstinate();
	anew();
	killed();
	wipe(top);
	return 0;
}
