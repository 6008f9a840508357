/* storemove - mailboxes get other names, are removed and made again, and are watched;
 * both kinds, while others have them open. */
#include "index.h"
#include "io.h"
#include "log.h"
#include "record.h"
#include "store.h"
#include "storeops.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/facteur-move.XXXXXX";
static char state[80], a[80], b[80], text[80], extra[120];
static int fd;
static struct store_how how;
static bool maildir;

static void
wipe(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(1);
	}
	assert(waitpid(pid, NULL, 0) == pid);
}

static void
begin(void)
{
	wipe(state);
	wipe(a);
	wipe(b);
}

static uint32_t
add(struct store *s, unsigned flags)
{
	struct store_new m = {
	    .fd = fd, .len = 14, .date = 1700000000, .flags = flags};
	uint32_t uid;

	assert(store_add(s, &m, 1, &uid) == 0);
	return uid;
}

static void
fill(const char *path)
{
	struct store s;
	uint32_t uid = 2;
	size_t gone;
	int i;

	assert(store_open(&s, path, &how) == 0);
	for (i = 0; i < 5; i++)
		assert(add(&s, FLAG_SEEN | FLAG_OLD) == (uint32_t)i + 1);
	assert(store_expunge(&s, &uid, 1, &gone) == 0 && gone == 1);
	store_close(&s);
}

static void
is_filled(struct store *s, uint32_t validity)
{
	static const uint32_t uid[] = {1, 3, 4, 5};
	struct str out = {0};
	size_t i;

	assert(s->index.head.validity == validity);
	assert(store_count(s) == 4 && s->index.head.next == 6);
	for (i = 0; i < 4; i++) {
		assert(store_msg(s, i)->uid == uid[i]);
		assert(store_msg(s, i)->flags == (FLAG_SEEN | FLAG_OLD));
		str_clear(&out);
		assert(store_header(s, uid[i], &out) == 0 && out.n == 11);
	}
	str_free(&out);
}

static bool
there(const char *kind, const char *path)
{
	char name[RECORD_NAME], file[200];

	record_name(name, kind, path);
	snprintf(file, sizeof file, "%s/%s", state, name);
	return access(file, F_OK) == 0;
}

/* Another one comes to be at the last moment. */
static int
rename_late(const char *from, const char *to)
{
	struct store s;
	uint32_t uid;
	size_t gone;

	assert(store_open(&s, to, &how) == 0);
	uid = add(&s, 0);
	assert(store_expunge(&s, &uid, 1, &gone) == 0 && gone == 1);
	store_close(&s);
	return store_mbox.rename(from, to);
}

static void
overtaken(void)
{
	struct store_ops late = store_mbox;
	struct store s;

	begin();
	fill(a);
	assert(store_open(&s, a, &how) == 0);
	late.rename = rename_late;
	s.op = &late;
	errno = 0;
	assert(store_moved(&s, b) < 0 && errno == EEXIST);
	s.op = &store_mbox;
	store_close(&s);
	assert(there("index", a) && there("gone", a) && there("gone", b));
}

static void
renamed(bool lost)
{
	uint64_t id, modseq;
	struct store ghost, s;
	struct store_range *v;
	uint32_t validity;
	size_t n;

	begin();
	errno = 0;
	assert(store_rename(a, b, &how) < 0 && errno == ENOENT);
	fill(a);
	assert(store_open(&ghost, a, &how) == 0);
	validity = ghost.index.head.validity;
	id = ghost.index.head.id;
	modseq = ghost.index.head.modseq;
	assert(id != 0 && there("gone", a));
	fill(b);
	errno = 0;
	assert(store_rename(a, b, &how) < 0 && errno == EEXIST);
	wipe(b);
	assert(store_rename(a, b, &how) == 0);
	assert(!there("index", a) && !there("gone", a) && there("gone", b));
	/* For who has it open it is gone; the new name does not mind. */
	assert(store_sync(&ghost) == 1 && store_count(&ghost) == 0);
	if (lost && !maildir)
		wipe(state);
	assert(store_open(&s, b, &how) == 0);
	is_filled(&s, validity);
	if (!lost) {
		assert(s.index.head.id == id && s.index.head.modseq == modseq);
		assert(store_gone(&s, modseq, &v, &n) == 1 && n == 0);
		assert(store_gone(&s, modseq - 1, &v, &n) == 1 && n == 1);
		assert(v[0].lo == 2 && v[0].hi == 2);
		free(v);
	}
	store_close(&s);
	store_close(&ghost);
	/* Another one of the old name is another one. */
	fill(a);
	assert(store_open(&s, a, &how) == 0);
	if (!lost)
		assert(s.index.head.validity > validity);
	assert(s.index.head.id != id);
	store_close(&s);
}

static void
removed(void)
{
	uint32_t validity = 0;
	struct store s, ghost;
	int i;

	begin();
	errno = 0;
	assert(store_remove(a, &how) < 0 && errno == ENOENT);
	for (i = 0; i < 4; i++) {
		fill(a);
		assert(store_open(&s, a, &how) == 0);
		assert(s.index.head.validity > validity);
		validity = s.index.head.validity;
		store_close(&s);
		assert(store_open(&ghost, a, &how) == 0);
		assert(store_remove(a, &how) == 0);
		assert(access(a, F_OK) < 0);
		assert(!there("index", a) && !there("gone", a) &&
		       !there("mbox", a) && !there("edit", a));
		assert(store_sync(&ghost) == 1 && store_count(&ghost) == 0);
		store_close(&ghost);
	}
}

/* What does not belong to a Maildir stays, and all of it with it. */
static void
strange(void)
{
	static const char *const name[] = {"sub", "file", "cur/sub"};
	struct store s;
	size_t i;

	for (i = 0; i < 3; i++) {
		begin();
		fill(a);
		snprintf(extra, sizeof extra, "%s%s", a, name[i]);
		if (i == 1)
			assert(close(creat(extra, 0600)) == 0);
		else
			assert(mkdir(extra, 0700) == 0);
		errno = 0;
		assert(store_remove(a, &how) < 0 && errno == ENOTEMPTY);
		assert(store_open(&s, a, &how) == 0 && store_count(&s) == 4);
		store_close(&s);
	}
	/* Links are not followed. */
	begin();
	fill(a);
	fill(b);
	snprintf(extra, sizeof extra, "%scur/1.link", a);
	assert(symlink(b, extra) == 0);
	snprintf(extra, sizeof extra, "%sdovecot-uidlist", a);
	assert(symlink(text, extra) == 0);
	assert(store_remove(a, &how) == 0 && access(text, F_OK) == 0);
	assert(store_open(&s, b, &how) == 0 && store_count(&s) == 4);
	store_close(&s);
	snprintf(extra, sizeof extra, "%.*s", (int)strlen(a) - 1, a);
	assert(symlink(b, extra) == 0);
	assert(store_remove(a, &how) < 0);
	unlink(extra);
}

/* --- watching --- */

static bool
woken(int watch)
{
	struct pollfd p = {.fd = watch, .events = POLLIN};
	bool yes = poll(&p, 1, 0) > 0;

	store_watched(watch);
	assert(poll(&p, 1, 0) == 0);
	return yes;
}

/* Another program puts a file of its own there, and goes on writing to that. */
static void
replaced(struct store *s, int watch)
{
	static const char letter[] = "From a@x Sat Nov 21 19:54:01 2026\n"
	                             "A: b\n\nc\n\n";
	int box, i;

	woken(watch);
	box = open(b, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert(box >= 0 && io_writeall(box, letter, sizeof letter - 1) == 0);
	assert(!woken(watch));
	assert(rename(b, a) == 0 && woken(watch));
	assert(store_sync(s) == 1 && store_count(s) == 1);
	woken(watch);
	for (i = 2; i < 4; i++) {
		assert(io_writeall(box, letter, sizeof letter - 1) == 0);
		assert(woken(watch));
		assert(store_sync(s) == 1 && store_count(s) == (size_t)i);
		woken(watch);
	}
	close(box);
}

static void
watched(void)
{
	struct store_change c = {.set = FLAG_FLAGGED};
	struct store s, t;
	uint32_t uid;
	int watch, i;

	begin();
	assert(store_open(&s, a, &how) == 0);
	assert(store_open(&t, a, &how) == 0);
	watch = store_watch(&s);
	assert(watch >= 0 && store_sync(&s) >= 0);
	woken(watch);
	assert(!woken(watch));
	/* It is made, grows, is replaced, and so on. */
	for (i = 0; i < 3; i++) {
		uid = add(&t, 0);
		assert(woken(watch) && store_sync(&s) == 1);
		woken(watch);
		assert(store_flag(&t, &uid, 1, &c) == 0);
		assert(woken(watch) && store_sync(&s) == 1);
		woken(watch);
		assert(!woken(watch));
		/* Who has it open when it goes has nothing to do with the next one of
		 * that name. */
		if (i < 2) {
			if (i == 0) {
				assert(store_remove(a, &how) == 0);
			} else {
				assert(store_rename(a, b, &how) == 0);
			}
			assert(woken(watch) && store_sync(&s) == 1);
			assert(store_count(&s) == 0);
			store_close(&t);
			assert(store_open(&t, a, &how) == 0);
			add(&t, 0);
			assert(woken(watch) && store_sync(&s) == 1);
			assert(store_count(&s) == 1);
			add(&t, 0);
			assert(woken(watch) && store_sync(&s) == 1);
			assert(store_count(&s) == 2);
			close(watch);
			store_close(&s);
			assert(store_open(&s, a, &how) == 0);
			watch = store_watch(&s);
			assert(store_sync(&s) >= 0);
		}
	}
	if (!maildir)
		replaced(&s, watch);
	close(watch);
	assert(store_sync(&s) >= 0);
	store_close(&s);
	store_close(&t);
}

/* What one sees is not what the other has left: a flag for a mailbox that has another
 * name by now, a message that is not to be removed any more, room that is taken. */
static void
at_once(void)
{
	struct store_change seen = {.set = FLAG_FLAGGED},
	                    undo = {.clear = FLAG_DELETED};
	struct store_new m = {.fd = fd, .len = 14, .date = 1700000000};
	uint32_t uid[] = {1, 2};
	struct store s, t;
	size_t gone;

	begin();
	assert(store_open(&s, a, &how) == 0);
	assert(add(&s, FLAG_DELETED) == 1 && add(&s, FLAG_DELETED) == 2);
	assert(store_open(&t, a, &how) == 0);
	assert(store_flag(&t, uid, 1, &undo) == 0);
	assert(store_purge(&s, uid, 2, &gone) == 0 && gone == 1);
	assert(store_count(&s) == 1 && store_msg(&s, 0)->uid == 1);

	s.how.limit = store_size(&s) + 200;
	t.how.limit = s.how.limit;
	assert(store_sync(&t) >= 0);
	while (store_add(&s, &m, 1, uid) == 0)
		assert(store_count(&s) < 200);
	assert(errno == EDQUOT);
	assert(store_add(&t, &m, 1, uid) < 0 && errno == EDQUOT);

	assert(store_rename(a, b, &how) == 0);
	uid[0] = 1;
	assert(store_flag(&s, uid, 1, &seen) < 0 && errno == ESTALE);
	store_close(&s);
	store_close(&t);
}

int
main(void)
{
	log_stderr(false);
	assert(mkdtemp(dir));
	snprintf(state, sizeof state, "%s/state", dir);
	snprintf(text, sizeof text, "%s/text", dir);
	how = (struct store_how){
	    .state = state, .owner = getuid(), .patience = 100};
	fd = open(text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert(fd >= 0 && io_writeall(fd, "A: bcde\r\n\r\nf\r\n", 14) == 0);
	for (maildir = false;; maildir = true) {
		snprintf(a, sizeof a, "%s/a%s", dir, maildir ? "dir/" : "");
		snprintf(b, sizeof b, "%s/b%s", dir, maildir ? "dir/" : "");
		renamed(false);
		renamed(true);
		if (!maildir)
			overtaken();
		removed();
		watched();
		at_once();
		if (maildir)
			break;
	}
	strange();
	wipe(dir);
	return 0;
}
