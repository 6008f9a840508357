/* mbox - what an append leaves behind, cut off at every byte, with and without
 * other programs' letters behind it. */
#include "mbox.h"
#include "io.h"
#include "log.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char old[] = "From a@x Sat Nov 21 19:54:01 2026\n"
                          "Subject: old\n\nold body\n\n";
static const char other[] = "From alien@x Sat Nov 21 19:55:02 2026\n"
                            "Subject: other\n\nother body\n\n";
/* Its From_ line begins as that of our second letter does. */
static const char twin[] = "From s@x Thu Jan  1 00:00:09 1970\n"
                           "Subject: twin\n\ntwin body\n\n";
static char dir[] = "/tmp/facteur-mbox.XXXXXX";
static char box[64], state[64];
static dev_t moved; /* so much higher is the number of the device since */

static void
put_file(const char *p, size_t n)
{
	int fd = open(box, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert(fd >= 0 && io_writeall(fd, p, n) == 0);
	close(fd);
}

static struct str
get_file(void)
{
	struct str s = {0};

	assert(io_slurp(AT_FDCWD, box, 1 << 24, &s) == 0);
	return s;
}

static void
open_box(struct mbox *m)
{
	struct mbox_how how = {.owner = getuid(), .state = state};
	char why[MBOX_WHY];

	assert(mbox_open(m, box, &how, why) == 0);
}

static void
letter(struct mbox *m, const char *id, const char *text)
{
	mbox_begin(m, "s@x", 0);
	mbox_write(m, text, strlen(text));
	mbox_end(m);
	plan_note(&m->plan, id, "to@x");
}

/* Die between the record and the append of two letters: what was to be
 * appended.  Their ids are new each time. */
static struct str
crash(const char *before, char id[16])
{
	static unsigned count;
	struct str s = {0};
	struct mbox m;
	char id2[24];

	snprintf(id, 16, "T%u", count++);
	snprintf(id2, sizeof id2, "%sb", id);
	put_file(before, strlen(before));
	open_box(&m);
	letter(&m, id, "Subject: new\n\nFrom here\nto there\n");
	letter(&m, id2, "Subject: second\n\nsecond body, no end");
	str_add(&s, m.plan.buf.s, m.plan.buf.n);
	assert(plan_commit(&m.plan, m.st.st_dev - moved, m.st.st_ino, m.size) ==
	       0);
	mbox_close(&m);
	return s;
}

/* Open and close: what the box is then. */
static struct str
reopen(const char *id, bool *seen)
{
	struct mbox m;

	open_box(&m);
	*seen = plan_seen(&m.plan, id, "to@x");
	assert(!m.plan.head.open && m.plan.head.fresh == 0);
	mbox_close(&m);
	return get_file();
}

static bool
ends_in(const struct str *s, const char *tail)
{
	size_t n = strlen(tail);

	return s->n >= n && memcmp(s->s + s->n - n, tail, n) == 0;
}

/* Does a message of the plan end at k, and another begin? */
static bool
is_boundary(const struct str *plan, size_t k)
{
	return k >= 2 && k + 5 < plan->n &&
	       memcmp(plan->s + k - 2, "\n\nFrom ", 7) == 0;
}

/* Torn after every byte: the box is as before; whole, or cut between two
 * messages, as somebody who deletes the second leaves it: it stays. */
static void
test_torn(const char *before)
{
	char id[16];
	size_t k, n = strlen(before);

	for (k = 0;; k++) {
		struct str plan = crash(before, id), now;
		bool seen, whole = k == plan.n;
		struct str s = {0};

		str_add(&s, before, n);
		str_add(&s, plan.s, k);
		put_file(s.s ? s.s : "", s.n);
		now = reopen(id, &seen);
		assert(seen == whole);
		assert(now.n == (whole || is_boundary(&plan, k) ? n + k : n));
		assert(n == 0 || memcmp(now.s, before, n) == 0);
		str_free(&s);
		str_free(&plan);
		str_free(&now);
		if (whole)
			break;
	}
}

/* The power went: the file is long enough but has a hole. */
static void
test_hole(void)
{
	char id[16];
	size_t n = strlen(old), k;

	for (k = 0; k < 100; k += 7) {
		struct str plan = crash(old, id), s = {0}, now;
		bool seen;

		str_adds(&s, old);
		str_add(&s, plan.s, plan.n);
		memset(s.s + n + k, 0, 5);
		put_file(s.s, s.n);
		now = reopen(id, &seen);
		assert(!seen && now.n == n && memcmp(now.s, old, n) == 0);
		str_free(&s);
		str_free(&plan);
		str_free(&now);
	}
}

/* Count the lines that a reader takes for the beginning of a message. */
static int
messages(const struct str *s)
{
	struct cur c = {s->s, s->s + s->n}, line;
	bool empty = true;
	int n = 0;

	while (cur_len(&c) > 0) {
		cur_until(&c, "\n", &line);
		cur_take(&c, '\n');
		n += empty && mbox_is_from(line);
		empty = cur_len(&line) == 0;
	}
	return n;
}

/* It went when a part was on the disk, with zeros to its end, that may be where a
 * message ends; perhaps another program's letter is behind it. */
static void
test_hole_end(const char *theirs)
{
	char id[16];
	size_t n = strlen(old), k;

	for (k = 1;; k++) {
		struct str plan = crash(old, id), s = {0}, now;
		bool seen, all = k == plan.n;

		str_adds(&s, old);
		str_add(&s, plan.s, k);
		memset(s.s + n + k / 2, 0, k - k / 2);
		str_adds(&s, theirs);
		put_file(s.s, s.n);
		now = reopen(id, &seen);
		assert(!seen && memcmp(now.s, old, n) == 0);
		assert(ends_in(&now, theirs) && !strstr(now.s, "Subject: new"));
		assert(*theirs || now.n == n);
		assert(messages(&now) == (*theirs ? 2 : 1));
		str_free(&s);
		str_free(&plan);
		str_free(&now);
		if (all)
			break;
	}
}

/* Another program appended behind our torn part: its letter is whole and seen,
 * ours is gone, or whole. */
static void
test_foreign(const char *before, const char *theirs, const char *gap)
{
	char id[16];
	size_t k, n = strlen(before);

	for (k = 0;; k++) {
		struct str plan = crash(before, id), s = {0}, now;
		bool seen, whole = k + strlen(gap) >= plan.n;
		size_t plan_n = plan.n;
		const char *torn;
		int count;

		str_add(&s, before, n);
		str_add(&s, plan.s, k);
		str_adds(&s, gap);
		str_adds(&s, theirs);
		put_file(s.s, s.n);
		now = reopen(id, &seen);
		assert(seen == whole);
		assert(n == 0 || memcmp(now.s, before, n) == 0);
		assert(ends_in(&now, theirs));
		count = messages(&now);
		torn = strstr(now.s, "Subject: second");
		assert(torn == NULL || whole);
		assert(whole || count == 2 - (n == 0) || count == 3 - (n == 0));
		/* A first letter that stayed is whole. */
		torn = strstr(now.s, "Subject: new");
		assert(
		    !torn ||
		    strncmp(
		        torn, "Subject: new\n\n>From here\nto there\n\n",
		        strlen("Subject: new\n\n>From here\nto there\n\n")) ==
		        0);
		str_free(&s);
		str_free(&plan);
		str_free(&now);
		if (k == plan_n)
			break;
	}
}

/* A mail reader rewrote the box meanwhile: nothing of it is touched. */
static void
test_rewritten(void)
{
	static const char *const flag = "Status: RO\n";
	char id[16];
	size_t k;

	for (k = 0;; k++) {
		struct str plan = crash(old, id), s = {0}, now;
		bool seen, end = k == plan.n;

		str_adds(&s, old);
		str_add(&s, plan.s, k);
		str_adds(&s, flag);
		str_add(&s, plan.s + k, plan.n - k);
		put_file(s.s, s.n);
		now = reopen(id, &seen);
		assert(now.n == s.n && memcmp(now.s, s.s, s.n) == 0);
		str_free(&s);
		str_free(&plan);
		str_free(&now);
		if (end)
			break;
	}
}

/* Expunged by another program although our mark was lost: the second letter
 * stands where the first was, or only the first is left. */
static void
test_expunged(void)
{
	char id[16];
	struct str plan = crash(old, id), s = {0}, now;
	const char *second = strstr(plan.s + 5, "\n\nFrom ") + 2;
	size_t first = (size_t)(second - plan.s);
	bool seen;

	str_adds(&s, old);
	str_adds(&s, second);
	put_file(s.s, s.n);
	now = reopen(id, &seen);
	assert(now.n == s.n && memcmp(now.s, s.s, s.n) == 0);
	str_free(&now);
	str_free(&plan);

	plan = crash(old, id);
	str_clear(&s);
	str_adds(&s, old);
	str_add(&s, plan.s, first);
	str_adds(&s, twin);
	put_file(s.s, s.n);
	now = reopen(id, &seen);
	assert(now.n == s.n && memcmp(now.s, s.s, s.n) == 0);
	str_free(&s);
	str_free(&plan);
	str_free(&now);
}

/* A box whose end is no empty line gets one, and only with a message. */
static void
test_end(const char *before, const char *between)
{
	struct str s = {0}, now;
	struct mbox m;

	put_file(before, strlen(before));
	open_box(&m);
	mbox_close(&m);
	now = get_file();
	assert(now.n == strlen(before));
	str_free(&now);
	open_box(&m);
	letter(&m, "X", "A: b\n\n");
	assert(mbox_commit(&m) == 0);
	mbox_close(&m);
	str_addf(&s, "%s%sFrom s@x Thu Jan  1 00:00:00 1970\nA: b\n\n\n",
	         before, between);
	now = get_file();
	assert(now.n == s.n && memcmp(now.s, s.s, s.n) == 0);
	str_free(&s);
	str_free(&now);
}

/* More than fits into memory, in several portions; then letters again. */
static void
test_large(void)
{
	static char line[5001];
	struct str now;
	struct mbox m;
	struct plan_mark mark;
	int i;

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	put_file(old, strlen(old));
	open_box(&m);
	letter(&m, "L1", "A: b\n\nfirst\n");
	mark = plan_mark(&m.plan);
	mbox_begin(&m, "", 0);
	for (i = 0; i < 300; i++)
		mbox_write(&m, line, sizeof line);
	assert(m.plan.spilled > 0);
	plan_cut(&m.plan, mark);
	letter(&m, "L2", "A: b\n\nsecond\n");
	mbox_begin(&m, "", 0);
	for (i = 0; i < 300; i++)
		mbox_write(&m, line, sizeof line);
	mbox_end(&m);
	assert(mbox_commit(&m) == 0);
	mbox_close(&m);
	now = get_file();
	assert(messages(&now) == 4);
	/* From_ lines, headers and bodies, and the empty lines. */
	assert(now.n == strlen(old) + (34 + 12 + 1) + (34 + 13 + 1) +
	                    (44 + 300 * sizeof line + 1));
	str_free(&now);
	open_box(&m);
	assert(plan_seen(&m.plan, "L1", "to@x") &&
	       plan_seen(&m.plan, "L2", "to@x") &&
	       !plan_seen(&m.plan, "L2", "too@x"));
	for (i = 0; i < 3 * PLAN_IDS; i++) {
		char id[20];

		snprintf(id, sizeof id, "N%d", i);
		plan_note(&m.plan, id, "to@x");
	}
	plan_done(&m.plan);
	mbox_close(&m);
	open_box(&m);
	assert(!plan_seen(&m.plan, "N0", "to@x"));
	assert(plan_seen(&m.plan, "N374", "to@x"));
	assert(plan_seen(&m.plan, "N250", "to@x"));
	mbox_close(&m);
}

static void
test_is_from(void)
{
	static const char *const yes[] = {
	    "From a@x Sat Nov 21 19:54:01 2026",
	    "From a@x  Sat Nov  1 19:54 2026",
	    "From a b c Sat Nov 21 19:54:01 MET 2026",
	    "From a@x Sat Nov 21 19:54:01 MET DST 2026",
	    "From a@x Sat Nov 21 19:54:01 2026 +0100",
	    "From  Sat Nov 21 19:54:01 2026",
	};
	static const char *const no[] = {
	    "From a@x",
	    "From me to you on Sat",
	    "from a@x Sat Nov 21 19:54:01 2026",
	    ">From a@x Sat Nov 21 19:54:01 2026",
	    "From",
	    "From a@x Sat Nov 21 19h54 2026",
	    "From a@x Sat Nox 21 19:54:01 2026",
	    "From a@x Sat Nov 41 19:54:01 2026",
	    "From a@x Sat Nov 21 19:54:01 26",
	    "From a@x Sat Nov 21 99:54:01 2026",
	    "",
	};
	size_t i;

	for (i = 0; i < sizeof yes / sizeof *yes; i++)
		assert(mbox_is_from(cur_of(yes[i])));
	for (i = 0; i < sizeof no / sizeof *no; i++)
		assert(!mbox_is_from(cur_of(no[i])));
}

int
main(void)
{
	char theirs[2100];

	assert(mkdtemp(dir));
	setenv("TZ", "UTC", 1);
	snprintf(box, sizeof box, "%s/box", dir);
	snprintf(state, sizeof state, "%s/state", dir);
	log_to("/dev/null");
	test_torn(old);
	test_torn("");
	test_torn("From a@x Sat Nov 21 19:54:01 2026\n\nno end");
	test_hole();
	test_hole_end("");
	test_hole_end("From b@y Sat Nov 21 19:54:02 2026\nSubject: b\n\nb\n\n");
	memset(theirs, 'b', sizeof theirs);
	memcpy(theirs, "From ", 5);
	strcpy(theirs + 2000,
	       "@y Sat Nov 21 19:54:02 2026\nSubject: b\n\nb\n\n");
	test_hole_end(theirs);
	/* The system was started anew. */
	moved = 1;
	test_torn(old);
	test_hole();
	moved = 0;
	test_foreign(old, other, "");
	test_foreign(old, other, "\n");
	test_foreign("", other, "");
	test_foreign(old, twin, "");
	test_rewritten();
	test_expunged();
	test_end("", "");
	test_end(old, "");
	test_end("From x Sat Nov 21 19:54:01 2026\n\nb\n", "\n");
	test_end("From x Sat Nov 21 19:54:01 2026\n\nb", "\n\n");
	test_end("From x Sat Nov 21 19:54:01 2026\n\nb\r", "\n\n");
	test_end("From x Sat Nov 21 19:54:01 2026\r\n\r\nb\r\n", "\n");
	test_end("From x Sat Nov 21 19:54:01 2026\r\n\r\nb\r\n\r\n", "");
	test_end("From x Sat Nov 21 19:54:01 2026\n\nb\n\r\n", "");
	test_end("From x Sat Nov 21 19:54:01 2026\n\nb\r\r\n", "\n");
	test_end("\r\n", "");
	test_large();
	test_is_from();
	put_file("", 0);
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
