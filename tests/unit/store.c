#define _GNU_SOURCE
/* store - a mailbox under everybody's hands: two stores, our deliveries, foreign
 * appends and rewritings, our own additions, flags, keywords, notes, expunges, in
 * random order.  After each step both stores tell the same as a model: every
 * message whole and once, under the UID that it always had; and what went since
 * some moment is what was there then and is not now. */
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
	uint64_t keywords;
	uint16_t form;
	uint32_t uid; /* 0: not seen yet */
} model[MOST];
static size_t live;
static unsigned last_id;
static uint32_t top_uid, validity;
static uint64_t top_modseq;

/* What was there when a store was looked at. */
static struct moment {
	uint64_t modseq;
	size_t n;
	uint32_t uid[MOST];
} past[8];
static size_t moments;

static char dir[] = "/var/tmp/facteur-store.XXXXXX";
static char box[64], state[64], other[64], texts[64];
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

static void
compare_header(struct store *s, const struct letter *l)
{
	struct str got = {0}, want = {0};
	struct cur raw;

	wire_text(&want, l);
	assert(store_header(s, l->uid, &got) == 0);
	assert(got.n < want.n && memcmp(got.s, want.s, got.n) == 0);
	assert(memcmp(got.s + got.n - 4, "\r\n\r\n", 4) == 0);
	assert(store_raw(s, l->uid, &raw) == 1);
	assert(cur_len(&raw) > want.n / 2 && id_at(raw.p) == l->id);
	assert(raw.e[-4] == 'e' && raw.e[-3] == 'n' && raw.e[-2] == 'd');
	str_free(&got);
	str_free(&want);
}

static bool
was_told(const struct store_range *v, size_t n, uint32_t uid)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (uid >= v[i].lo && uid <= v[i].hi)
			return true;
	return false;
}

/* What went since some moments is told. */
static void
check_gone(struct store *s)
{
	struct store_range *v;
	size_t i, k, n, lost;

	for (k = 0; k < moments; k++) {
		const struct moment *m = &past[k];

		assert(store_gone(s, m->modseq, &v, &n) == 1);
		for (i = lost = 0; i < m->n; i++) {
			bool there = store_find(s, m->uid[i]) >= 0;

			lost += !there;
			assert(was_told(v, n, m->uid[i]) == !there);
		}
		assert(lost == 0 || s->index.head.modseq > m->modseq);
		for (i = 0; i < n; i++)
			assert(v[i].lo <= v[i].hi && v[i].hi <= top_uid &&
			       (i == 0 || v[i].lo > v[i - 1].hi));
		for (i = 0; i < store_count(s); i++)
			assert(!was_told(v, n, store_msg(s, i)->uid));
		free(v);
	}
}

static void
remember(const struct store *s)
{
	struct moment *m = &past[moments < 8 ? moments++ : chance(8)];
	size_t i;

	m->modseq = s->index.head.modseq;
	m->n = store_count(s);
	for (i = 0; i < m->n; i++)
		m->uid[i] = store_msg(s, i)->uid;
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
		top_uid = m->uid > top_uid ? m->uid : top_uid;
		assert(m->flags == l->flags);
		assert(m->keywords == l->keywords);
		assert(m->form == l->form && m->cache == 3U * l->form);
		assert(m->size == l->wire);
		if (chance(16) == 0)
			compare(s, l);
		if (chance(16) == 0)
			compare_header(s, l);
	}
	assert(s->index.head.next > top_uid);
	check_gone(s);
	if (chance(5) == 0)
		remember(s);
}

static uint64_t
any_word(struct store *s)
{
	static const char *const words[] = {"$Forwarded", "Work", "$Junk"};
	struct cur c = cur_of(words[chance(3)]);
	int bit = store_keyword(s, &c, true);

	assert(bit >= 0);
	return UINT64_C(1) << bit;
}

/* Some letters at once. */
static void
add(struct store *s)
{
	int fd = open(texts, O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned n = 1 + chance(4), i;
	struct store_new v[4];
	struct letter *l[4];
	uint32_t uid[4];
	uint64_t off = 0;

	assert(fd >= 0);
	for (i = 0; i < n; i++) {
		struct str w = {0};

		l[i] = born();
		l[i]->flags = chance(64);
		l[i]->keywords = chance(2) ? any_word(s) : 0;
		wire_text(&w, l[i]);
		assert(io_writeall(fd, w.s, w.n) == 0);
		v[i] = (struct store_new){.fd = fd,
		                          .off = off,
		                          .len = w.n,
		                          .date = 1700000000 + l[i]->id,
		                          .flags = l[i]->flags,
		                          .keywords = l[i]->keywords};
		off += l[i]->wire = w.n;
		str_free(&w);
	}
	assert(store_add(s, v, n, uid) == 0);
	close(fd);
	for (i = 0; i < n; i++) {
		ssize_t at = store_find(s, uid[i]);

		assert(uid[i] > top_uid && at >= 0);
		assert(store_msg(s, (size_t)at)->saved > 0);
		l[i]->uid = uid[i];
	}
}

static void
notes(struct store *s)
{
	struct store_note v[MOST];
	uint64_t modseq;
	size_t i, n = 0;

	assert(store_sync(s) >= 0);
	modseq = s->index.head.modseq;
	for (i = 0; i < live; i++)
		if (model[i].uid && chance(3)) {
			model[i].form = (uint16_t)chance(60000);
			v[n++] = (struct store_note){
			    model[i].uid, model[i].form, 3U * model[i].form};
		}
	v[n++] = (struct store_note){UINT32_MAX, 1, 1};
	store_notes(s, v, n);
	assert(s->index.head.modseq == modseq);
}

static void
flag(struct store *s)
{
	struct store_change c = {.set = chance(64), .clear = chance(64)};
	struct index_msg was;
	const struct index_msg *is;
	uint32_t failed = 0;
	struct letter *l;

	if (live == 0)
		return;
	l = &model[chance((unsigned)live)];
	if (l->uid == 0)
		return;
	c.clear &= ~c.set;
	if (chance(4) == 0)
		c.set_keywords = any_word(s);
	else if (chance(4) == 0)
		c.clear_keywords = any_word(s);
	else if (chance(4) == 0) {
		c.set &= FLAG_OLD;
		c.clear &= FLAG_OLD;
	}
	assert(store_sync(s) >= 0);
	was = *store_msg(s, (size_t)store_find(s, l->uid));
	/* Too late, or not. */
	c.failed = &failed;
	if (chance(3) == 0)
		c.unchanged = was.modseq - chance(2);
	assert(store_flag(s, &l->uid, 1, &c) == 0);
	is = store_msg(s, (size_t)store_find(s, l->uid));
	if (c.unchanged && c.unchanged < was.modseq) {
		assert(c.nfailed == 1 && failed == l->uid);
		assert(is->modseq == was.modseq);
		return;
	}
	assert(c.nfailed == 0);
	l->flags = (l->flags & ~c.clear) | c.set;
	l->keywords = (l->keywords & ~c.clear_keywords) | c.set_keywords;
	if (((was.flags ^ l->flags) & ~(unsigned)FLAG_OLD) ||
	    was.keywords != l->keywords)
		assert(is->modseq > was.modseq &&
		       is->modseq == s->index.head.modseq);
	else
		assert(is->modseq == was.modseq);
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

/* From here on it is known. */
static void
ask_gone(struct store *s)
{
	struct store_range *v;
	size_t n;

	store_gone(s, s->index.head.modseq, &v, &n);
	free(v);
	assert(store_gone(s, s->index.head.modseq, &v, &n) == 1 && n == 0);
}

/* Keep what there is to be kept: the index has on disk what it has in memory. */
static void
keep(struct store *s)
{
	const struct index *x = &s->index;
	struct index there;

	assert(store_keep(s) == 0);
	assert(index_open(&there, state, box, getuid()) == 0);
	assert(index_load(&there) == 1 && there.trusted);
	assert(there.head.generation == x->head.generation);
	assert(there.head.count == x->head.count);
	assert(x->head.count == 0 ||
	       memcmp(there.msg, x->msg,
	              (size_t)x->head.count * sizeof *x->msg) == 0);
	index_close(&there);
}

/* Of two that mark what is new, one is the first, however they look at it. */
static void
firsts(struct store *a, struct store *b)
{
	uint32_t uid[MOST], failed[MOST];
	struct store_change c = {
	    .set = FLAG_OLD, .first = true, .failed = failed};
	size_t i, n = 0, all;

	assert(store_sync(a) >= 0 && store_sync(b) >= 0);
	all = store_count(a);
	for (i = 0; i < all && n < MOST; i++)
		if (!(store_msg(a, i)->flags & FLAG_OLD))
			uid[n++] = store_msg(a, i)->uid;
	assert(store_flag(a, uid, n, &c) == 0 && c.nfailed == 0);
	assert(store_flag(b, uid, n, &c) == 0 && c.nfailed == n);
	for (i = 0; i < n; i++)
		assert(failed[i] == uid[i]);
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
	snprintf(texts, sizeof texts, "%s/text", dir);
	for (round = 1; round <= rounds; round++) {
		seed = round;
		big = round % 2;
		unlink(box);
		live = moments = 0;
		open_store(&a);
		ask_gone(&a);
		open_store(&b);
		while (big && live < 60)
			deliver();
		for (step = 0; step < 100; step++) {
			struct store *s = chance(2) ? &a : &b;

			switch (live < MOST - 10 ? chance(15) : 5) {
			case 0:
			case 1:
			case 2: deliver(); break;
			case 3:
			case 4: foreign_append(); break;
			case 5: expunge(s); break;
			case 6:
			case 7: flag(s); break;
			case 8: keep(s); break;
			case 9:
				if (chance(2))
					keep(&a);
				foreign_rewrite();
				break;
			case 10:
				store_close(s);
				open_store(s);
				break;
			case 11:
			case 12: add(s); break;
			case 13: notes(s); break;
			default: break;
			}
			check(s);
			if (chance(3) == 0)
				check(s == &a ? &b : &a);
		}
		firsts(&a, &b);
		store_close(&a);
		store_close(&b);
	}
	return execlp("rm", "rm", "-r", dir, (char *)NULL);
}
