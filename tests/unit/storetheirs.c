#define _GNU_SOURCE
/* storetheirs - what other programs write into headers in place, as Dovecot and UW
 * imapd do where there is room, stays: also when we do not see it at first, as
 * the mbox grew behind it before we looked, and also when we write into the same
 * header, or take the letter before it away. */
#include "io.h"
#include "log.h"
#include "mbox.h"
#include "store.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LETTERS = 6, BODY = 40000 };

static char dir[] = "/var/tmp/facteur-theirs.XXXXXX";
static char box[64], state[64], fresh[64];
static unsigned letters, rounds;

static void
deliver(size_t body)
{
	struct mbox_how how = {
	    .owner = getuid(), .state = state, .patience = 1};
	char why[MBOX_WHY];
	struct str s = {0};
	struct mbox m;

	str_addf(&s, "Subject: letter %u\n\n", ++letters);
	while (s.n < body)
		str_adds(&s, "a line of its body\n");
	assert(mbox_open(&m, box, &how, why) == 0);
	mbox_begin(&m, "a@x.test", 1700000000 + (time_t)letters);
	mbox_write(&m, s.s, s.n);
	mbox_end(&m);
	assert(mbox_commit(&m) == 0);
	mbox_close(&m);
	str_free(&s);
}

static void
open_store(struct store *s, const char *where)
{
	struct store_how how = {
	    .state = where, .owner = getuid(), .patience = 100};

	assert(store_open(s, box, &how) == 0);
}

/* Another program writes to in place of from, of the same length, in the header of
 * the letter of that number. */
static void
theirs(unsigned letter, const char *from, const char *to)
{
	struct str in = {0}, subject = {0};
	int fd = open(box, O_WRONLY);
	char *p, *end;

	assert(strlen(from) == strlen(to));
	assert(fd >= 0 && io_slurp(AT_FDCWD, box, 1 << 28, &in) == 0);
	str_addf(&subject, "Subject: letter %u\n", letter);
	assert((p = strstr(in.s, subject.s)) && (end = strstr(p, "\n\n")));
	p = memmem(p, (size_t)(end + 1 - p), from, strlen(from));
	assert(p != NULL);
	assert(io_pwriteall(fd, to, strlen(to), (off_t)(p - in.s)) == 0);
	close(fd);
	str_free(&in);
	str_free(&subject);
}

static void
flag(struct store *s, uint32_t uid, unsigned set)
{
	struct store_change c = {.set = set};

	assert(store_flag(s, &uid, 1, &c) == 0);
}

/* A new mailbox, of which every header has flags and room. */
static void
begin(struct store *s, size_t body)
{
	uint32_t i;

	snprintf(box, sizeof box, "%s/box%u", dir, ++rounds);
	letters = 0;
	for (i = 0; i < LETTERS; i++)
		deliver(body);
	open_store(s, state);
	for (i = 0; i < LETTERS; i++)
		flag(s, store_msg(s, i)->uid, FLAG_SEEN | FLAG_FLAGGED);
	assert(store_keep(s) == 0);
}

static const struct index_msg *
of(struct store *s, uint32_t uid)
{
	ssize_t i = store_find(s, uid);

	return i < 0 ? NULL : store_msg(s, (size_t)i);
}

/* Who is here, and who comes and knows of nothing, see these flags. */
static void
expect(struct store *s, uint32_t uid, unsigned flags, const char *word)
{
	struct store new;
	int i;

	assert(store_sync(s) >= 0);
	open_store(&new, fresh);
	for (i = 0; i < 2; i++) {
		struct store *t = i ? &new : s;
		const struct index_msg *m = of(t, uid);
		struct cur name = cur_of(word);

		assert(m && m->flags == flags);
		assert(m->keywords ==
		       (*word ? UINT64_C(1) << index_keyword(&t->index, &name)
		              : 0));
	}
	store_close(&new);
}

/* They change the letter, and another comes before we look. */
static void
unseen(struct store *s, unsigned letter, const char *from, const char *to)
{
	theirs(letter, from, to);
	deliver(100);
	assert(store_sync(s) >= 0);
}

static void
same_header(void)
{
	struct store s;
	uint32_t uid;

	begin(&s, 100);
	uid = store_msg(&s, 2)->uid;
	unseen(&s, 3, "X-Status: F\n", "X-Status: A\n");
	flag(&s, uid, FLAG_DRAFT);
	assert(store_keep(&s) == 0);
	expect(&s, uid, FLAG_SEEN | FLAG_ANSWERED | FLAG_DRAFT, "");
	store_close(&s);
}

static void
keyword(void)
{
	struct store s;
	uint32_t uid;

	begin(&s, 100);
	uid = store_msg(&s, 1)->uid;
	unseen(&s, 2, "X-Keywords:      ", "X-Keywords: Work ");
	flag(&s, uid, FLAG_ANSWERED);
	assert(store_keep(&s) == 0);
	expect(&s, uid, FLAG_SEEN | FLAG_FLAGGED | FLAG_ANSWERED, "Work");
	store_close(&s);
}

/* The letter behind the one that goes is written to. */
static void
neighbour(uint32_t at, size_t body)
{
	uint32_t uid, goes;
	struct store s;
	size_t gone;

	begin(&s, body);
	goes = store_msg(&s, at)->uid;
	uid = store_msg(&s, at + 1)->uid;
	unseen(&s, at + 2, "X-Status: F\n", "X-Status: A\n");
	assert(store_expunge(&s, &goes, 1, &gone) == 0 && gone == 1);
	expect(&s, uid, FLAG_SEEN | FLAG_ANSWERED, "");
	store_close(&s);
}

/* They take the first one of two away that have one header, as drafts may: the other
 * is who it was, by the UID in its header, or as long as there is none by its size. */
static void
alike(bool kept)
{
	struct mbox_how how = {
	    .owner = getuid(), .state = state, .patience = 1};
	static const char *const text[] = {"Subject: a\n\none\n",
	                                   "Subject: a\n\nthe other\n"};
	uint32_t uid[2], i;
	char why[MBOX_WHY];
	struct str in = {0};
	struct store s;
	struct mbox m;
	const char *p;
	size_t gone;

	snprintf(box, sizeof box, "%s/box%u", dir, ++rounds);
	assert(mbox_open(&m, box, &how, why) == 0);
	for (i = 0; i < 2; i++) {
		mbox_begin(&m, "a@x.test", 1700000000);
		mbox_write(&m, text[i], strlen(text[i]));
		mbox_end(&m);
	}
	assert(mbox_commit(&m) == 0);
	mbox_close(&m);
	open_store(&s, state);
	for (i = 0; i < 2; i++)
		uid[i] = store_msg(&s, i)->uid;
	if (kept)
		assert(store_keep(&s) == 0);
	flag(&s, uid[0], FLAG_DELETED);
	assert(io_slurp(AT_FDCWD, box, 1 << 20, &in) == 0);
	assert((p = strstr(in.s + 5, "\nFrom ")));
	i = (uint32_t)(in.s + in.n - ++p);
	memmove(in.s, p, i);
	assert(truncate(box, 0) == 0);
	assert((m.fd = open(box, O_WRONLY)) >= 0);
	assert(io_writeall(m.fd, in.s, i) == 0);
	close(m.fd);
	str_free(&in);
	assert(store_purge(&s, uid, 2, &gone) == 0 && gone == 0);
	assert(!of(&s, uid[0]) && of(&s, uid[1]) && !of(&s, uid[1])->flags);
	store_close(&s);
}

/* What they say is not deleted does not go. */
static void
undeleted(void)
{
	struct store s;
	uint32_t uid[2];
	size_t gone;

	begin(&s, 100);
	uid[0] = store_msg(&s, 2)->uid;
	uid[1] = store_msg(&s, 4)->uid;
	flag(&s, uid[0], FLAG_DELETED);
	flag(&s, uid[1], FLAG_DELETED);
	assert(store_keep(&s) == 0);
	unseen(&s, 3, "X-Status: DF\n", "X-Status: AF\n");
	assert(store_expunge(&s, uid, 2, &gone) == 0 && gone == 1);
	expect(&s, uid[0], FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED, "");
	assert(!of(&s, uid[1]));
	store_close(&s);
}

int
main(void)
{
	log_stderr(false);
	assert(mkdtemp(dir));
	snprintf(state, sizeof state, "%s/state", dir);
	snprintf(fresh, sizeof fresh, "%s/fresh", dir);
	same_header();
	keyword();
	neighbour(0, 100);
	neighbour(0, BODY * 100);
	neighbour(2, BODY * 100);
	undeleted();
	alike(true);
	alike(false);
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
