#define _GNU_SOURCE
/* store - a mailbox under everybody's hands: two stores, our deliveries, foreign
 * appends and rewritings, flags, expunges, in random order.  After each step both
 * stores tell the same as a model: every message whole and once, under the UID
 * that it always had. */
#include "store.h"
#include "io.h"
#include "log.h"
#include "mbox.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 400, BIG = 60000 };

/* What must be in the mailbox. */
static struct letter {
	unsigned id;   /* unique for ever, 0: none */
	unsigned size; /* bytes of body, about */
	size_t wire;   /* octets on the wire */
	unsigned flags;
	uint32_t uid; /* 0: not seen yet */
} model[MOST];
static size_t live;
static unsigned last_id;
static uint32_t top_uid, validity;
static uint64_t top_modseq;

static char dir[] = "/var/tmp/facteur-store.XXXXXX";
static char box[64], state[64], other[64];
static uint64_t seed;
static bool big; /* so large that holes are closed in place */

static unsigned
chance(unsigned n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(seed >> 33) % n;
}

/* --- texts --- */

/* The message as it goes over the wire. */
static void
wire_text(struct str *s, const struct letter *l)
{
	unsigned i;

	str_addf(s, "From: a%u@x.test\r\nSubject: letter %u\r\n\r\n", l->id,
	         l->id);
	for (i = 0; s->n < l->size; i++)
		str_addf(s,
		         i % 7 == 3 ? "From line %u of %u\r\n"
		                    : "this is line %u of %u\r\n",
		         i, l->id);
	str_adds(s, "end\r\n");
}

static void
lf_text(struct str *s, struct letter *l)
{
	struct str w = {0};
	size_t i;

	wire_text(&w, l);
	l->wire = w.n;
	for (i = 0; i < w.n; i++)
		if (w.s[i] != '\r')
			str_addc(s, w.s[i]);
	str_free(&w);
}

/* --- hands --- */

static struct letter *
born(void)
{
	struct letter *l = &model[live++];

	*l = (struct letter){.id = ++last_id,
	                     .size = chance(8) && !big ? chance(3000)
	                                               : chance(BIG)};
	return l;
}

static void
deliver(void)
{
	struct mbox_how how = {
	    .owner = getuid(), .state = state, .patience = 1};
	struct str text = {0}, whole = {0};
	char why[MBOX_WHY];
	const char *body;
	struct mbox m;

	lf_text(&text, born());
	if (chance(2)) { /* with room, as deliver leaves it */
		body = strstr(text.s, "\n\n") + 1;
		str_add(&whole, text.s, (size_t)(body - text.s));
		str_addf(&whole, "X-Keywords:%*s\n", (int)chance(120), "");
		str_adds(&whole, body);
	} else {
		str_add(&whole, text.s, text.n);
	}
	assert(mbox_open(&m, box, &how, why) == 0);
	mbox_begin(&m, "a@x.test", 1700000000 + (time_t)last_id);
	mbox_write(&m, whole.s, whole.n);
	mbox_end(&m);
	assert(mbox_commit(&m) == 0);
	mbox_close(&m);
	str_free(&text);
	str_free(&whole);
}

static void
put(const char *path, int flags, const struct str *s)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);

	assert(fd >= 0 && io_writeall(fd, s->s, s->n) == 0);
	close(fd);
}

static void
quote(struct str *out, const struct str *in)
{
	const char *p = in->s, *e = p + in->n, *lf;

	for (; p < e; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(e - p));
		if (strncmp(p, "From ", 5) == 0)
			str_addc(out, '>');
		str_add(out, p, (size_t)(lf + 1 - p));
	}
}

static void
foreign_append(void)
{
	struct str text = {0}, s = {0};

	lf_text(&text, born());
	mbox_from(&s, "b@x.test", 1700000000 + (time_t)last_id);
	quote(&s, &text);
	str_adds(&s, "\n");
	put(box, O_APPEND, &s);
	str_free(&text);
	str_free(&s);
}

/* The id of the message that the From_ line at p begins. */
static unsigned
id_at(const char *p)
{
	const char *s = strstr(p, "Subject: letter ");

	assert(s != NULL);
	return (unsigned)strtoul(s + 16, NULL, 10);
}

static struct letter *
find(unsigned id)
{
	size_t i;

	for (i = 0; i < live; i++)
		if (model[i].id == id)
			return &model[i];
	return NULL;
}

static const char *
next_from(const char *p)
{
	const char *q = strstr(p, "\n\nFrom ");

	return q ? q + 2 : p + strlen(p);
}

/* Another program takes messages out, or marks them as read, and writes the file
 * anew. */
static void
foreign_rewrite(void)
{
	struct str in = {0}, out = {0};
	const char *p, *e, *h;
	struct letter *l;

	if (access(box, F_OK) < 0)
		return;
	assert(io_slurp(AT_FDCWD, box, 1 << 28, &in) == 0);
	for (p = in.s; p && *p; p = e) {
		e = next_from(p);
		l = find(id_at(p));
		assert(l != NULL);
		if (chance(5) == 0) {
			*l = model[--live];
			continue;
		}
		h = strstr(p, "\n\n") + 1;
		if (chance(5) == 0 &&
		    !memmem(p, (size_t)(h - p), "Status:", 7)) {
			l->flags |= FLAG_SEEN | FLAG_OLD;
			str_add(&out, p, (size_t)(h - p));
			str_adds(&out, "Status: RO\n");
			str_add(&out, h, (size_t)(e - h));
		} else {
			str_add(&out, p, (size_t)(e - p));
		}
	}
	if (chance(2)) {
		put(other, O_TRUNC, &out);
		assert(rename(other, box) == 0);
	} else {
		put(box, O_TRUNC, &out);
	}
	str_free(&in);
	str_free(&out);
}

/* --- our stores --- */

static void
open_store(struct store *s)
{
	struct store_how how = {
	    .state = state, .owner = getuid(), .patience = 100};

	assert(store_open(s, box, &how) == 0);
}

static void
read_all(struct store *s, uint32_t uid, struct str *out)
{
	struct store_reader r;
	ssize_t n;

	assert(store_read(s, uid, &r) == 0);
	while ((n = store_get(s, &r, out)) > 0)
		;
	assert(n == 0);
	store_read_end(s, &r);
}

static struct letter *
by_uid(uint32_t uid)
{
	size_t i;

	for (i = 0; i < live; i++)
		if (model[i].uid == uid)
			return &model[i];
	return NULL;
}

/* A message that was not seen before: which one is it? */
static struct letter *
meet(struct store *s, const struct index_msg *m)
{
	struct str t = {0};
	struct letter *l;

	assert(m->uid > top_uid);
	read_all(s, m->uid, &t);
	l = find(id_at(t.s));
	assert(l != NULL && l->uid == 0);
	l->uid = top_uid = m->uid;
	str_free(&t);
	return l;
}

static void
compare(struct store *s, const struct letter *l)
{
	struct str got = {0}, want = {0};

	read_all(s, l->uid, &got);
	wire_text(&want, l);
	assert(got.n == want.n && memcmp(got.s, want.s, want.n) == 0);
	str_free(&got);
	str_free(&want);
}

/* The store tells what the model holds; some of the messages are read. */
static void
check(struct store *s)
{
	size_t i;

	assert(store_sync(s) >= 0);
	assert(store_count(s) == live);
	if (!validity)
		validity = s->index.head.validity;
	assert(s->index.head.validity == validity);
	assert(s->index.head.modseq >= top_modseq);
	top_modseq = s->index.head.modseq;
	for (i = 0; i < live; i++) {
		const struct index_msg *m = store_msg(s, i);
		struct letter *l = by_uid(m->uid);

		assert(i == 0 || m->uid > store_msg(s, i - 1)->uid);
		if (!l)
			l = meet(s, m);
		assert(m->flags == l->flags);
		assert(m->size == l->wire);
		if (chance(16) == 0)
			compare(s, l);
	}
	assert(s->index.head.next > top_uid);
}

static void
flag(struct store *s)
{
	struct store_change c = {.set = chance(64), .clear = chance(64)};
	struct letter *l;

	if (live == 0)
		return;
	l = &model[chance((unsigned)live)];
	if (l->uid == 0)
		return;
	c.clear &= ~c.set;
	assert(store_flag(s, &l->uid, 1, &c) == 0);
	l->flags = (l->flags & ~c.clear) | c.set;
}

static int
by_number(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

static void
expunge(struct store *s)
{
	unsigned one_in = chance(10) ? 2 + chance(30) : 1;
	uint32_t uid[MOST];
	size_t i, n = 0, gone;

	if (big && chance(20))
		one_in = (unsigned)live;
	for (i = 0; i < live;)
		if (model[i].uid && chance(one_in) == 0) {
			uid[n++] = model[i].uid;
			model[i] = model[--live];
		} else {
			i++;
		}
	qsort(uid, n, sizeof *uid, by_number);
	assert(store_expunge(s, uid, n, &gone) == 0);
	assert(gone == n);
}

int
main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
	struct store a, b;
	unsigned round, step;

	log_stderr(false);
	assert(mkdtemp(dir));
	snprintf(box, sizeof box, "%s/box", dir);
	snprintf(other, sizeof other, "%s/other", dir);
	snprintf(state, sizeof state, "%s/state", dir);
	for (round = 1; round <= rounds; round++) {
		seed = round;
		big = round % 2;
		unlink(box);
		live = 0;
		open_store(&a);
		open_store(&b);
		while (big && live < 60)
			deliver();
		for (step = 0; step < 100; step++) {
			struct store *s = chance(2) ? &a : &b;

			switch (live < MOST - 10 ? chance(12) : 5) {
			case 0:
			case 1:
			case 2: deliver(); break;
			case 3:
			case 4: foreign_append(); break;
			case 5: expunge(s); break;
			case 6:
			case 7: flag(s); break;
			case 8: assert(store_keep(s) == 0); break;
			case 9:
				if (chance(2))
					assert(store_keep(&a) == 0);
				foreign_rewrite();
				break;
			case 10:
				store_close(s);
				open_store(s);
				break;
			default: break;
			}
			check(s);
			if (chance(3) == 0)
				check(s == &a ? &b : &a);
		}
		store_close(&a);
		store_close(&b);
	}
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
