/* spool - unit test of the spool: what was written is read, and what is damaged
 * is told apart. */
#include "spool.h"
#include "io.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/spool.XXXXXX";
static struct conf conf;
static struct spool sp;

static void
make_message(struct spool_new *f, size_t lines)
{
	char sender[] = "kim@b.test", envid[] = "a b+c";
	struct envelope e = {.uid = 7, .ret = RET_HDRS, .eightbit = true};
	size_t i;

	e.sender = sender;
	e.envid = envid;
	envelope_rcpt(&e, "bob@a.test", NULL, 0);
	envelope_rcpt(&e, "a b@a.test", "rfc822;x y@z",
	              NOTIFY_FAILURE | NOTIFY_DELAY);
	assert(spool_begin(f, &sp, &e) == 0);
	e.sender = e.envid = NULL;
	envelope_free(&e);
	for (i = 0; i < lines; i++)
		spool_write(f, "0123456789\n", 11);
}

static void
test_round_trip(size_t lines)
{
	struct spool_new f;
	struct message m;
	char buf[16], text[] = "said no", addr[] = "bob", st[] = "4.2.0";
	struct note n = {1, NOTE_DEFERRED, 99, addr, st, addr, text};

	make_message(&f, lines);
	assert(spool_load(&m, &sp, "new", f.tmp, true) == SPOOL_BUSY);
	assert(spool_commit(&f) == 0);
	assert(spool_is_id(f.id));
	assert(spool_load(&m, &sp, "new", f.id, true) == SPOOL_OK);
	assert(strcmp(m.env.sender, "kim@b.test") == 0 && m.env.uid == 7);
	assert(strcmp(m.env.envid, "a b+c") == 0 && m.env.ret == RET_HDRS);
	assert(m.env.eightbit && !m.env.utf8 && m.env.nrcpt == 2);
	assert(strcmp(m.env.rcpt[1].addr, "a b@a.test") == 0);
	assert(strcmp(m.env.rcpt[1].orcpt, "rfc822;x y@z") == 0);
	assert(m.env.rcpt[1].notify == (NOTIFY_FAILURE | NOTIFY_DELAY));
	assert(m.len == lines * 11);
	if (lines)
		assert(pread(m.fd, buf, 11, m.start + (off_t)m.len - 11) ==
		           11 &&
		       memcmp(buf, "0123456789\n", 11) == 0);
	assert(spool_note(&m, &n) == 0 && spool_sync(&m) == 0);
	/* A torn line of the journal hurts neither the one before nor the next. */
	assert(write(m.fd, "s\t0\t17", 6) == 6);
	message_free(&m);
	assert(spool_load(&m, &sp, "new", f.id, true) == SPOOL_OK);
	assert(m.nnote == 1 && m.gap);
	*addr = 'B';
	assert(spool_note(&m, &n) == 0);
	message_free(&m);
	assert(spool_load(&m, &sp, "new", f.id, false) == SPOOL_OK);
	assert(m.nnote == 2 && m.note[1].rcpt == 1 && m.note[1].when == 99);
	assert(strcmp(m.note[1].text, "said no") == 0);
	assert(strcmp(m.note[0].target, "bob") == 0);
	assert(strcmp(m.note[1].target, "Bob") == 0);
	message_free(&m);
	assert(spool_move(&sp, "new", f.id, "q/0000000060") == 0);
	assert(spool_next(&sp) == 60);
	assert(spool_remove(&sp, "q/0000000060", f.id) == 0);
	spool_sweep(&sp, 100);
	assert(spool_next(&sp) == 0);
}

/* A line that one process could not finish does not take that of another with
 * it, who has the same file open and knows nothing of it. */
static void
test_torn_by_another(void)
{
	char addr[] = "bob", st[] = "2.0.0", text[] = "got it";
	struct note n = {0, NOTE_SENT, 99, addr, st, addr, text};
	struct spool_new f;
	struct message m;
	struct rlimit was, small;
	struct stat sb;
	pid_t pid;
	int status;

	make_message(&f, 3);
	assert(spool_commit(&f) == 0);
	assert(spool_load(&m, &sp, "new", f.id, true) == SPOOL_OK);
	assert(fstat(m.fd, &sb) == 0 && getrlimit(RLIMIT_FSIZE, &was) == 0);
	pid = fork();
	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		small = was;
		small.rlim_cur = (rlim_t)sb.st_size + 9;
		if (setrlimit(RLIMIT_FSIZE, &small) < 0)
			_exit(2);
		_exit(spool_note(&m, &n) < 0 ? 0 : 1);
	}
	assert(waitpid(pid, &status, 0) == pid && status == 0);
	assert(spool_note(&m, &n) == 0);
	message_free(&m);
	assert(spool_load(&m, &sp, "new", f.id, true) == SPOOL_OK);
	assert(m.nnote == 1 && m.note[0].when == 99 && m.gap);
	message_free(&m);
	assert(spool_remove(&sp, "new", f.id) == 0);
}

/* Every byte of the file that is cut away or changed is noticed. */
static void
test_damage(void)
{
	struct spool_new f;
	struct message m;
	struct stat st;
	enum spool_why why;
	int fd;
	off_t i;
	char c;

	make_message(&f, 3);
	assert(spool_commit(&f) == 0);
	fd = openat(sp.new, f.id, O_RDWR);
	assert(fd >= 0 && fstat(fd, &st) == 0);
	for (i = 0; i < st.st_size; i++) {
		assert(pread(fd, &c, 1, i) == 1);
		c ^= 0x20;
		assert(pwrite(fd, &c, 1, i) == 1);
		why = spool_load(&m, &sp, "new", f.id, true);
		assert(why == SPOOL_BAD);
		c ^= 0x20;
		assert(pwrite(fd, &c, 1, i) == 1);
	}
	for (i = st.st_size - 1; i >= 0; i--) {
		assert(ftruncate(fd, i) == 0);
		why = spool_load(&m, &sp, "new", f.id, true);
		assert(why == (i == 0 ? SPOOL_TORN : SPOOL_BAD));
	}
	close(fd);
	assert(spool_remove(&sp, "new", f.id) == 0);
	assert(spool_load(&m, &sp, "new", f.id, true) == SPOOL_GONE);
}

/* What a dead writer leaves is torn, whatever it had written. */
static void
test_dead_writer(void)
{
	struct spool_new f;
	struct message m;

	make_message(&f, 20000);
	assert(spool_load(&m, &sp, "new", f.tmp, true) == SPOOL_BUSY);
	close(f.fd);
	assert(spool_load(&m, &sp, "new", f.tmp, true) == SPOOL_TORN);
	f.fd = -1;
	assert(unlinkat(sp.new, f.tmp, 0) == 0);
	str_free(&f.buf);
}

/* Is the envelope refused with one more recipient, which goes again? */
static bool
refuses(struct envelope *e, const char *addr, const char *orcpt)
{
	struct spool_new f;
	int r;

	envelope_rcpt(e, addr, orcpt, 0);
	r = spool_begin(&f, &sp, e);
	assert(r == 0 || errno == EINVAL);
	if (r == 0)
		spool_abort(&f);
	free(e->rcpt[--e->nrcpt].addr);
	free(e->rcpt[e->nrcpt].orcpt);
	return r < 0;
}

static void
test_refusals(void)
{
	char bad[] = "a\nrcpt - - evil", ok[] = "", envid[] = "a\tb";
	struct envelope e = {.uid = -1};
	struct spool_new f;

	e.sender = bad;
	envelope_rcpt(&e, "bob", NULL, 0);
	assert(spool_begin(&f, &sp, &e) < 0 && errno == EINVAL);
	e.sender = ok;
	assert(spool_begin(&f, &sp, &e) == 0);
	spool_abort(&f);
	/* What the reader would not read is not written. */
	assert(refuses(&e, "bob", "utf-8;b\xf8 b"));
	assert(refuses(&e, "bob", "rfc822;a\nb"));
	assert(refuses(&e, "bob", "bob"));
	assert(refuses(&e, "", NULL));
	e.envid = envid;
	assert(refuses(&e, "bob", NULL));
	e.envid = NULL;
	e.time = -1;
	assert(refuses(&e, "bob", NULL));
	e.time = 0;
	assert(!refuses(&e, "bob", "rfc822;b\\ +="));
	e.nrcpt = 0;
	assert(spool_begin(&f, &sp, &e) < 0 && errno == EINVAL);
	e.nrcpt = 1;
	assert(!spool_is_id("../../../../etc/x") && !spool_is_id("short") &&
	       !spool_is_id("1NG49ZQ1S4EAE85R/"));
	e.sender = NULL;
	envelope_free(&e);
}

static int
count(void *arg, const char *d, const char *id)
{
	(void)d;
	(void)id;
	++*(int *)arg;
	return 0;
}

/* An envelope that is longer than the first read. */
static void
test_many_recipients(void)
{
	struct envelope e = {.uid = -1};
	struct spool_new f;
	struct message m;
	char addr[32], none[] = "";
	int i;

	e.sender = none;
	for (i = 0; i < 5000; i++) {
		snprintf(addr, sizeof addr, "user%d@b.test", i);
		envelope_rcpt(&e, addr, NULL, 0);
	}
	assert(spool_begin(&f, &sp, &e) == 0);
	assert(spool_commit(&f) == 0);
	assert(spool_load(&m, &sp, "new", f.id, true) == SPOOL_OK);
	assert(m.env.nrcpt == 5000 &&
	       strcmp(m.env.rcpt[4999].addr, "user4999@b.test") == 0);
	message_free(&m);
	assert(spool_remove(&sp, "new", f.id) == 0);
	e.sender = NULL;
	envelope_free(&e);
}

static void
test_locks(void)
{
	int n = 0, fd = spool_lock(&sp);

	assert(fd >= 0 && spool_lock(&sp) < 0 && errno == EWOULDBLOCK);
	close(fd);
	assert(spool_walk(&sp, 1 << 30, true, count, &n) == 0 && n == 0);
}

int
main(void)
{
	char cmd[128];

	assert(mkdtemp(dir));
	log_to("/dev/null");
	conf.spool = dir;
	conf.spool_free = 0;
	assert(spool_make(&conf) == 0 && spool_make(&conf) == 0);
	assert(spool_open(&sp, &conf) == 0 && spool_room(&sp, &conf, 1));
	assert(!spool_room(&sp, &conf, 1ull << 60));
	test_round_trip(0);
	test_round_trip(3);
	test_round_trip(100000);
	test_torn_by_another();
	test_damage();
	test_dead_writer();
	test_refusals();
	test_many_recipients();
	test_locks();
	snprintf(cmd, sizeof cmd, "%s", dir);
	if (fork() == 0)
		execlp("rm", "rm", "-r", cmd, (char *)NULL);
	wait(NULL);
	return 0;
}
