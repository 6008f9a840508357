/* storemaildir - a Maildir through store.h, while others deliver, rename and
 * remove.  With a number: that many messages, and how long it takes. */
#include "storemaildir.h"
#include "maildir.h"
#include "tests/unit/maildirhelp.h"

#include <errno.h>
#include <sys/syscall.h>

static bool held_up; /* fsync(2) takes so long that others break the lock */

int
fsync(int fd)
{
	if (held_up) {
		held_up = false;
		unlink(at("dovecot-keywords.lock"));
		put("dovecot-keywords.lock", "");
	}
	return (int)syscall(SYS_fsync, fd);
}

static bool
looked(const struct store *s)
{
	return ((const struct maildir_store *)s->box)->box.looked;
}

/* --- tests --- */

static void
set_time(const char *name, const struct timespec *t)
{
	struct timespec both[2] = {*t, *t};

	assert(utimensat(AT_FDCWD, at(name), both, 0) == 0);
}

static void
missing(void)
{
	struct store s;
	uint32_t validity;

	wipe(state);
	wipe(box);
	begin_store(&s);
	assert(store_count(&s) == 0);
	validity = s.index.head.validity;
	assert(validity != 0 && store_sync(&s) == 0);
	store_close(&s);
	assert(access(box, F_OK) < 0);
	begin_store(&s);
	assert(s.index.head.validity == validity);
	/* It comes while we look, goes and comes back. */
	assert(mkdir(box, 0700) == 0);
	assert(store_sync(&s) == 0);
	assert(mkdir(at("new"), 0700) == 0);
	put("new/1.a", "a\n");
	assert(store_sync(&s) == 1 && store_count(&s) == 1);
	assert(store_msg(&s, 0)->uid == 1);
	assert(rename(box, state) < 0);
	snprintf(state + strlen(state), 3, ".x");
	assert(rename(box, state) == 0);
	assert(store_sync(&s) == 1 && store_count(&s) == 0);
	assert(store_sync(&s) == 0 && store_keep(&s) == 0);
	assert(rename(state, box) == 0);
	state[strlen(state) - 2] = '\0';
	assert(store_sync(&s) == 1 && store_count(&s) == 1);
	assert(store_msg(&s, 0)->uid == 1);
	assert(s.index.head.validity == validity);
	store_close(&s);
}

static void
delivered(void)
{
	static const char *const text[] = {"Subject: a\n\na\n", "", "no end",
	                                   "Subject: b\r\n\r\nc\r\n\n\r",
	                                   "1\n\n2\n"};
	static const char *const wire[] = {
	    "Subject: a\r\n\r\na\r\n", "", "no end",
	    "Subject: b\r\n\r\nc\r\n\r\n\r", "1\r\n\r\n2\r\n"};
	char why[MAILDIR_WHY];
	struct maildir m;
	struct store s;
	size_t i, k;

	begin();
	put("tmp/old", "x");
	put("tmp/young", "x");
	set_time("tmp/old", &(struct timespec){.tv_sec = 1700000000});
	assert(maildir_open(&m, box, getuid(), why) == 0);
	assert(!there("tmp/old") && there("tmp/young"));
	for (i = 0; i < 5; i++) {
		maildir_begin(&m);
		for (k = 0; k < strlen(text[i]); k++)
			maildir_write(&m, text[i] + k, 1);
		maildir_end(&m);
	}
	assert(maildir_commit(&m) == 0);
	maildir_close(&m);
	begin_store(&s);
	assert(store_count(&s) == 5);
	for (i = 0; i < 5; i++) {
		const struct index_msg *x = store_msg(&s, i);

		assert(x->uid == i + 1 && x->flags == 0);
		assert(x->size == strlen(wire[i]));
		assert(x->len == strlen(text[i]));
		assert(x->date > 1700000000);
		assert(reads(&s, x->uid, wire[i]));
	}
	store_close(&s);
}

/* Names without sizes, or with wrong ones: the file is read. */
static void
measured(void)
{
	struct store s;
	struct str big = {0}, out;
	size_t i;

	begin();
	for (i = 0; i < 30000; i++)
		str_adds(&big, i % 7 ? "line\n" : "line\r\n");
	put("new/1.big", big.s);
	put("new/2.lie,S=3,W=5", "a\nb\n");
	put("new/3.lie,W=900", "a\nb\n");
	put("cur/4.true,S=4,W=6:2,", "a\nb\n");
	put("cur/5.half,W=5:2,", "a\nb\n");
	begin_store(&s);
	assert(store_count(&s) == 5);
	out = take(&s, 1);
	assert(out.n == 30000 * 6 && store_msg(&s, 0)->size == out.n);
	for (i = 0; i < out.n; i += 6)
		assert(memcmp(out.s + i, "line\r\n", 6) == 0);
	assert(reads(&s, 2, "a\r\nb\r\n"));
	assert(reads(&s, 3, "a\r\nb\r\n"));
	assert(reads(&s, 4, "a\r\nb\r\n"));
	assert(reads(&s, 5, "a\r\nb\r\n"));
	str_free(&big);
	str_free(&out);
	store_close(&s);
}

static void
unchanged(void)
{
	struct store s;
	uint64_t generation;

	begin();
	put("new/1.a", "a\n");
	settle();
	begin_store(&s);
	assert(looked(&s));
	generation = s.index.head.generation;
	store_close(&s);
	begin_store(&s);
	assert(!looked(&s));
	assert(s.index.head.generation == generation);
	assert(reads(&s, 1, "a\r\n"));
	settle();
	put("new/2.b", "b\n");
	assert(store_sync(&s) == 1 && store_count(&s) == 2);
	/* Changes that do not change the time of the directory. */
	settle();
	assert(store_sync(&s) == 0);
	store_close(&s);
}

/* A second change in the same tick of the clock is seen. */
static void
same_tick(void)
{
	struct timespec t;
	struct store s;
	int i;

	for (i = 0; i < 2; i++) {
		begin();
		put("new/1.a", "a\n");
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec += 10; /* a tick that does not end meanwhile */
		if (i == 1)
			t.tv_nsec = 0; /* as old file systems have it */
		set_time("cur", &t);
		set_time("new", &t);
		begin_store(&s);
		assert(store_count(&s) == 1);
		move("new/1.a", "cur/1.a:2,S");
		put("new/2.b", "b\n");
		set_time("cur", &t);
		set_time("new", &t);
		assert(store_sync(&s) == 1 && store_count(&s) == 2);
		assert(flags(&s, 1) == (FLAG_SEEN | FLAG_OLD));
		store_close(&s);
	}
}

static void
outsiders(void)
{
	struct store s;

	begin();
	put("new/1.a", "a\n");
	put("new/2.b", "b\n");
	put("cur/3.c:2,FP", "c\n");
	begin_store(&s);
	assert(flags(&s, 1) == 0 && flags(&s, 2) == 0);
	assert(flags(&s, 3) == (FLAG_FLAGGED | FLAG_OLD));
	move("new/1.a", "cur/1.a:2,RS");
	assert(store_sync(&s) == 1);
	assert(flags(&s, 1) == (FLAG_ANSWERED | FLAG_SEEN | FLAG_OLD));
	/* Both change the same message: every change counts. */
	set(&s, 3, FLAG_SEEN, 0);
	set(&s, 1, FLAG_DELETED, FLAG_ANSWERED);
	move("cur/3.c:2,FP", "cur/3.c:2,PRT");
	unlink(at("new/2.b"));
	put("new/0.d", "d\n");
	assert(store_sync(&s) == 1 && store_count(&s) == 3);
	assert(store_find(&s, 2) < 0);
	assert(flags(&s, 3) ==
	       (FLAG_ANSWERED | FLAG_DELETED | FLAG_SEEN | FLAG_OLD));
	assert(flags(&s, 1) == (FLAG_DELETED | FLAG_SEEN | FLAG_OLD));
	assert(store_msg(&s, 2)->uid == 4);
	/* Renamed once more behind our back, just before we keep. */
	move("cur/3.c:2,PRT", "cur/3.c:2,FPRT");
	assert(store_keep(&s) == 0);
	assert(there("cur/3.c:2,FPRST"));
	assert(there("cur/1.a:2,ST"));
	assert(there("new/0.d"));
	set(&s, 4, FLAG_OLD, 0);
	assert(store_keep(&s) == 0 && there("cur/0.d:2,"));
	/* There is no way back to new/. */
	set(&s, 4, FLAG_SEEN, FLAG_OLD);
	assert(store_keep(&s) == 0 && there("cur/0.d:2,S"));
	set(&s, 4, 0, FLAG_SEEN | FLAG_OLD);
	assert(store_keep(&s) == 0 && there("cur/0.d:2,"));
	assert(flags(&s, 4) == FLAG_OLD);
	store_sync(&s);
	assert(flags(&s, 3) & FLAG_FLAGGED);
	assert(store_sync(&s) == 0);
	store_close(&s);
	begin_store(&s);
	assert(store_count(&s) == 3 && reads(&s, 4, "d\r\n"));
	store_close(&s);
}

static void
deleted(void)
{
	struct store s;
	uint32_t next;

	begin();
	put("new/1.a", "a\n");
	put("new/2.b", "b\n");
	put("new/3.c", "c\n");
	put("new/4.d", "d\n");
	begin_store(&s);
	/* One has another name by now, one is gone already. */
	move("new/1.a", "cur/1.a:2,S");
	unlink(at("new/2.b"));
	assert(expunge(&s, 1, 2) == 2);
	assert(!there("cur/1.a:2,S") && store_count(&s) == 2);
	assert(reads(&s, 3, "c\r\n") && reads(&s, 4, "d\r\n"));
	assert(expunge(&s, 4, 0) == 1);
	assert(expunge(&s, 4, 0) == 1);
	next = s.index.head.next;
	store_close(&s);
	put("new/5.e", "e\n");
	begin_store(&s);
	assert(store_count(&s) == 2 && next == 5);
	assert(store_msg(&s, 1)->uid == 5);
	store_close(&s);
}

/* Somebody takes the mark off again just before what has it goes: seen when we begin,
 * or only when the name is not the one that it was. */
static void
spared(void)
{
	const struct timespec then = {.tv_sec = 1700000000};
	uint32_t uid[] = {1, 2};
	struct store s;
	size_t gone;
	int late;

	for (late = 0; late < 2; late++) {
		begin();
		put("cur/1.a:2,T", "a\n");
		put("cur/2.b:2,ST", "b\n");
		set_time("cur", &then);
		begin_store(&s);
		move("cur/1.a:2,T", "cur/1.a:2,F");
		move("cur/2.b:2,ST", "cur/2.b:2,T");
		if (late)
			set_time("cur", &then);
		assert(store_purge(&s, uid, 2, &gone) == 0 && gone == 1);
		assert(there("cur/1.a:2,F") && !there("cur/2.b:2,T"));
		assert(store_sync(&s) >= 0 && store_count(&s) == 1);
		assert(flags(&s, 1) == (FLAG_FLAGGED | FLAG_OLD));
		store_close(&s);
	}
}

static void
moving(void)
{
	struct store_reader r;
	struct str out = {0};
	struct store s;

	begin();
	put("new/1.a", "a\n");
	put("new/2.b", "b\n");
	begin_store(&s);
	move("new/1.a", "cur/1.a:2,");
	assert(reads(&s, 1, "a\r\n"));
	move("cur/1.a:2,", "cur/1.a:2,S");
	assert(store_read(&s, 1, &r) == 0);
	unlink(at("cur/1.a:2,S"));
	assert(store_get(&s, &r, &out) == 3);
	assert(store_get(&s, &r, &out) == 0);
	store_read_end(&s, &r);
	str_free(&out);
	errno = 0;
	assert(store_read(&s, 1, &r) < 0 && errno == ESTALE);
	store_read_end(&s, &r);
	assert(store_sync(&s) == 1 && store_count(&s) == 1);
	assert(store_read(&s, 1, &r) < 0 && errno == ESTALE);
	store_close(&s);
}

/* A file that is not as long as it was is another message. */
static void
rewritten(void)
{
	struct store_reader r;
	struct cur raw;
	struct store s;
	int fd;

	begin();
	put("cur/1.a,S=2,W=3:2,S", "a\n");
	put("cur/2.b:2,", "b\n");
	begin_store(&s);
	fd = open(at("cur/1.a,S=2,W=3:2,S"), O_WRONLY | O_APPEND);
	assert(fd >= 0 && io_writeall(fd, "more\n", 5) == 0);
	close(fd);
	assert(store_read(&s, 1, &r) < 0 && errno == ESTALE);
	assert(store_sync(&s) == 1 && store_find(&s, 1) < 0);
	assert(reads(&s, 3, "a\r\nmore\r\n"));
	assert(flags(&s, 3) == (FLAG_SEEN | FLAG_OLD));
	assert(truncate(at("cur/2.b:2,"), 0) == 0);
	assert(store_raw(&s, 2, &raw) < 0 && errno == ESTALE);
	assert(store_sync(&s) == 1 && reads(&s, 4, ""));
	assert(store_count(&s) == 2 && store_sync(&s) == 0);
	store_close(&s);
}

/* Links, pipes and directories are no messages; files are not read through
 * links. */
static void
irregular(void)
{
	struct store_how own = {.state = state, .owner = getuid()};
	struct store_how other = {.owner = getuid() + 1};
	struct store_reader r;
	struct store s;

	begin();
	put("secret", "s\n");
	assert(symlink("../secret", at("new/1.link")) == 0);
	assert(mkfifo(at("new/2.fifo"), 0600) == 0);
	assert(mkdir(at("cur/3.dir"), 0700) == 0);
	put("new/.4.hidden", "h\n");
	put("new/5.a,S=2,W=3", "a\n");
	begin_store(&s);
	assert(store_count(&s) == 1 && reads(&s, 1, "a\r\n"));
	unlink(at("new/5.a,S=2,W=3"));
	assert(symlink("../secret", at("new/5.a,S=2,W=3")) == 0);
	assert(store_read(&s, 1, &r) < 0);
	store_close(&s);
	assert(store_open(&s, box, &other) < 0 && errno == EPERM);
	assert(s.why[0]);
	move("cur", "cur.away");
	assert(symlink("cur.away", at("cur")) == 0);
	assert(store_open(&s, box, &own) < 0);
}

/* Two files with one base name are two messages, and neither is renamed over the
 * other. */
static void
twins(void)
{
	struct store s;
	uint32_t uid;

	begin();
	put("cur/1.a:2,", "a\n");
	put("cur/1.a:2,S", "bb\n");
	put("new/1.a", "ccc\n");
	begin_store(&s);
	assert(store_count(&s) == 3);
	for (uid = 1; uid <= 3; uid++)
		set(&s, uid, FLAG_SEEN | FLAG_OLD, 0);
	assert(store_keep(&s) == 0);
	assert(there("cur/1.a:2,") && there("cur/1.a:2,S") && there("new/1.a"));
	assert(store_sync(&s) >= 0 && store_count(&s) == 3);
	for (uid = 1; uid <= 3; uid++)
		if (store_msg(&s, uid - 1)->len == 3)
			assert(expunge(&s, uid, 0) == 1);
	assert(!there("cur/1.a:2,S"));
	/* Looked at twice, as another one is gone. */
	put("new/2.b", "b\n");
	assert(store_sync(&s) == 1 && store_count(&s) == 3);
	unlink(at("new/2.b"));
	assert(store_sync(&s) == 1 && store_count(&s) == 2);
	unlink(at("new/1.a"));
	store_sync(&s);
	assert(store_count(&s) == 1);
	assert(reads(&s, store_msg(&s, 0)->uid, "a\r\n"));
	/* The same file under two names, as link and unlink leave it. */
	assert(link(at("cur/1.a:2,"), at("new/1.a")) == 0);
	store_sync(&s);
	assert(store_count(&s) == 1);
	store_close(&s);
}

static int
bit(struct store *s, const char *name)
{
	struct cur c = cur_of(name);

	return index_keyword(&s->index, &c);
}

static void
keywords(void)
{
	struct store_change c = {0};
	const struct timespec later[2] = {{.tv_sec = time(NULL) + 86400},
	                                  {.tv_sec = time(NULL) + 86400}};
	struct str file = {0};
	struct store s;
	struct stat st;
	uint32_t uid = 2;

	begin();
	put("dovecot-keywords", "0 $Forwarded\n1 b(d\n3 Work\n26 no\nx\n");
	put("cur/1.a:2,Sadz", "a\n");
	put("cur/2.b:2,b", "b\n");
	begin_store(&s);
	assert(store_msg(&s, 0)->keywords ==
	       (1U << bit(&s, "$Forwarded") | 1U << bit(&s, "work")));
	assert(store_msg(&s, 1)->keywords == 0);
	c.set_keywords = 1U << bit(&s, "Work");
	assert(store_flag(&s, &uid, 1, &c) == 0);
	assert(store_keep(&s) == 0 && there("cur/2.b:2,bd"));
	/* One that has no letter yet; others' lines stay. */
	c.set_keywords = 1U << bit(&s, "$Junk");
	c.clear_keywords = 1U << bit(&s, "Work");
	assert(store_flag(&s, &uid, 1, &c) == 0);
	assert(store_keep(&s) == 0 && there("cur/2.b:2,be"));
	assert(io_slurp(AT_FDCWD, at("dovecot-keywords"), 1000, &file) == 0);
	assert(strcmp(file.s, "0 $Forwarded\n1 b(d\n3 Work\n26 no\nx\n"
	                      "4 $Junk\n") == 0);
	assert(!there("dovecot-keywords.lock"));
	str_free(&file);
	/* The other way round. */
	move("cur/2.b:2,be", "cur/2.b:2,a");
	move("cur/1.a:2,Sadz", "cur/1.a:2,Sz");
	assert(store_sync(&s) == 1);
	assert(store_msg(&s, 0)->keywords == 0);
	assert(store_msg(&s, 1)->keywords == 1U << bit(&s, "$Forwarded"));
	store_close(&s);
	/* Somebody holds the lock: the keyword waits in the index.  If the lock is of
	 * a time to come then it ages from now on. */
	put("dovecot-keywords.lock", "");
	assert(utimensat(AT_FDCWD, at("dovecot-keywords.lock"), later, 0) == 0);
	begin_store(&s);
	c.set_keywords = 1U << bit(&s, "Late");
	assert(store_flag(&s, &uid, 1, &c) == 0);
	assert(store_keep(&s) == 0 && there("cur/2.b:2,a"));
	assert(store_msg(&s, 1)->keywords & 1U << bit(&s, "Late"));
	store_close(&s);
	assert(stat(at("dovecot-keywords.lock"), &st) == 0);
	assert(st.st_mtime <= time(NULL));
	unlink(at("dovecot-keywords.lock"));
	begin_store(&s);
	assert(store_keep(&s) == 0 && there("cur/2.b:2,af"));
	/* Who lost it meanwhile leaves alone what is another's now. */
	c.set_keywords = 1U << bit(&s, "Later");
	assert(store_flag(&s, &uid, 1, &c) == 0);
	held_up = true;
	assert(store_keep(&s) == 0 && there("cur/2.b:2,af") && !held_up);
	assert(there("dovecot-keywords.lock"));
	assert(io_slurp(AT_FDCWD, at("dovecot-keywords"), 1000, &file) == 0);
	assert(strstr(file.s, "5 Late\n"));
	str_free(&file);
	unlink(at("dovecot-keywords.lock"));
	assert(store_keep(&s) == 0 && there("cur/2.b:2,afg"));
	store_close(&s);
}

static void
migrated(void)
{
	struct timespec now[2] = {{.tv_nsec = UTIME_NOW},
	                          {.tv_nsec = UTIME_NOW}};
	struct store s;
	uint32_t next;

	begin();
	put("dovecot-uidlist", "3 V1275660208 N40 G0\n7 :2.b,S=2,W=3:2,S\n"
	                       "9 W3 :1.a\n33 :9.gone\n9 :4.twice\n");
	put("cur/1.a:2,", "a\n");
	put("cur/2.b,S=2,W=3:2,S", "b\n");
	put("new/3.c", "c\n");
	put("new/4.twice", "d\n");
	begin_store(&s);
	assert(store_count(&s) == 4);
	assert(s.index.head.validity == 1275660208);
	assert(store_msg(&s, 0)->uid == 7 && reads(&s, 7, "b\r\n"));
	assert(store_msg(&s, 1)->uid == 9);
	assert(store_msg(&s, 2)->uid >= 40);
	next = s.index.head.next;
	assert(next == store_msg(&s, 3)->uid + 1 && next < 60);
	store_close(&s);
	/* Once is enough; and without our index the old list is good for what it
	 * lists, but never gives a number again that we may have given. */
	now[0].tv_sec = now[1].tv_sec = time(NULL) - 1000;
	now[0].tv_nsec = now[1].tv_nsec = 0;
	assert(utimensat(AT_FDCWD, at("dovecot-uidlist"), now, 0) == 0);
	begin_store(&s);
	assert(s.index.head.next == next);
	store_close(&s);
	wipe(state);
	begin_store(&s);
	assert(store_msg(&s, 0)->uid == 7 && store_msg(&s, 2)->uid >= 1040);
	store_close(&s);
	begin();
	put("courierimapuiddb", "1 1000000001 7\n5 1.a\n");
	put("cur/1.a:2,S", "a\n");
	begin_store(&s);
	assert(store_msg(&s, 0)->uid == 5);
	assert(s.index.head.validity == 1000000001);
	store_close(&s);
}

static void
in_memory(void)
{
	static const char *const nowhere[] = {NULL, "/dev/null/x"};
	struct store s;
	size_t i;

	for (i = 0; i < 2; i++) {
		begin();
		put("new/1.a", "a\n");
		put("new/2.b", "b\n");
		begin_store_at(&s, nowhere[i]);
		assert(store_count(&s) == 2 && reads(&s, 2, "b\r\n"));
		set(&s, 1, FLAG_SEEN, 0);
		assert(there("cur/1.a:2,S"));
		put("new/3.c", "c\n");
		assert(store_sync(&s) == 1 && store_count(&s) == 3);
		assert(flags(&s, 1) == (FLAG_SEEN | FLAG_OLD));
		assert(expunge(&s, 2, 3) == 2 && !there("new/3.c"));
		assert(store_sync(&s) >= 0 && store_count(&s) == 1);
		store_close(&s);
	}
}

static void
together(void)
{
	struct store a, b;

	begin();
	put("new/1.a", "a\n");
	put("new/2.b", "b\n");
	begin_store(&a);
	begin_store(&b);
	put("new/3.c", "c\n");
	assert(store_sync(&a) == 1 && store_sync(&b) == 1);
	assert(a.index.head.next == b.index.head.next);
	set(&a, 1, FLAG_SEEN | FLAG_OLD, 0);
	set(&b, 2, FLAG_FLAGGED | FLAG_OLD, 0);
	assert(store_keep(&a) == 0 && store_keep(&b) == 0);
	assert(there("cur/1.a:2,S") && there("cur/2.b:2,F"));
	assert(flags(&b, 1) == (FLAG_SEEN | FLAG_OLD));
	assert(store_sync(&a) >= 0);
	assert(flags(&a, 2) == (FLAG_FLAGGED | FLAG_OLD));
	assert(expunge(&a, 1, 0) == 1 && expunge(&b, 1, 2) == 2);
	assert(store_sync(&a) == 1 && store_count(&a) == 1);
	assert(store_sync(&b) >= 0 && store_count(&b) == 1);
	assert(store_msg(&a, 0)->uid == 3);
	store_close(&a);
	store_close(&b);
}

/* What went is told, whoever took it, and what is noted is kept. */
static void
remembered(void)
{
	struct store_change c = {.set = FLAG_SEEN};
	struct store_note note = {2, 7, 99};
	struct store_range *v;
	uint32_t uid = 2, failed;
	struct cur raw;
	struct str out = {0};
	struct store s, t;
	uint64_t modseq;
	size_t n;

	begin();
	put("new/1.a", "A: b\nC: d\n\na\n");
	put("new/2.b", "b\n");
	put("new/3.c", "A: b\r\nC: d\r\n\r\n");
	put("new/4.d", "A: b\nno end");
	begin_store(&s);
	begin_store(&t);
	modseq = s.index.head.modseq;
	assert(modseq > 0 && store_gone(&s, modseq, &v, &n) == 1 && n == 0);
	assert(s.index.head.id != 0 && s.index.head.id == t.index.head.id);
	assert(store_header(&s, 1, &out) == 0);
	assert(strcmp(out.s, "A: b\r\nC: d\r\n\r\n") == 0);
	str_clear(&out);
	assert(store_header(&s, 3, &out) == 0);
	assert(strcmp(out.s, "A: b\r\nC: d\r\n\r\n") == 0);
	str_clear(&out);
	assert(store_header(&s, 4, &out) == 1);
	assert(strcmp(out.s, "A: b\r\n\r\n") == 0);
	assert(store_raw(&s, 3, &raw) == 1 && cur_len(&raw) == 14);
	assert(store_size(&s) == 13 + 2 + 14 + 11);
	store_notes(&s, &note, 1);
	assert(s.index.head.modseq == modseq && store_sync(&t) >= 0);
	assert(store_msg(&t, 1)->form == 7 && store_msg(&t, 1)->cache == 99);
	c.failed = &failed;
	c.unchanged = store_msg(&t, 1)->modseq - 1;
	assert(store_flag(&t, &uid, 1, &c) == 0 && c.nfailed == 1);
	assert(failed == 2 && flags(&t, 2) == 0);
	c.unchanged++;
	assert(store_flag(&t, &uid, 1, &c) == 0 && c.nfailed == 0);
	assert(t.index.head.modseq > modseq && store_msg(&t, 1)->form == 7);
	modseq = t.index.head.modseq;
	set(&t, 2, FLAG_OLD, 0);
	assert(t.index.head.modseq == modseq);
	assert(expunge(&t, 2, 0) == 1);
	unlink(at("new/3.c"));
	assert(store_sync(&s) == 1 && store_count(&s) == 2);
	assert(s.index.head.modseq > modseq);
	assert(store_gone(&s, modseq, &v, &n) == 1 && n == 1);
	assert(v[0].lo == 2 && v[0].hi == 3);
	free(v);
	str_free(&out);
	store_close(&s);
	store_close(&t);
}

/* --- time --- */

static void
report(const char *what, long long since)
{
	printf("%s: %lld ms\n", what, io_now() - since);
}

static void
bench(unsigned n)
{
	char name[80];
	struct store s;
	long long t;
	unsigned i;

	begin();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof name, "new/%u.M%uP1Q1.host.test%s",
		         1763765040 + i, i * 7919 % 1000000,
		         i % 2 ? ",S=12,W=16" : "");
		put(name, "A: b\n\nfour\n\n");
	}
	settle();
	t = io_now();
	begin_store(&s);
	report("first open", t);
	store_close(&s);
	t = io_now();
	begin_store(&s);
	report("open unchanged", t);
	t = io_now();
	assert(reads(&s, n, "A: b\r\n\r\nfour\r\n\r\n"));
	report("read the last", t);
	put("new/1.new", "x\n");
	t = io_now();
	assert(store_sync(&s) == 1);
	report("one more", t);
	for (i = 1; i <= n; i++)
		s.index.msg[i - 1].flags |= FLAG_OLD;
	t = io_now();
	store_keep(&s);
	report("keep all", t);
	t = io_now();
	assert(expunge(&s, 1, 0) == 1);
	report("expunge one", t);
	store_close(&s);
	t = io_now();
	begin_store(&s);
	report("open after that", t);
	store_close(&s);
}

int
main(int argc, char **argv)
{
	place();
	if (argc > 1) {
		bench((unsigned)strtoul(argv[1], NULL, 10));
	} else {
		missing();
		delivered();
		measured();
		unchanged();
		same_tick();
		outsiders();
		deleted();
		spared();
		moving();
		rewritten();
		irregular();
		twins();
		keywords();
		migrated();
		in_memory();
		together();
		remembered();
	}
	wipe(top);
	return 0;
}
