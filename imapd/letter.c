/* letter - see letter.h. */
#include "letter.h"

#include <errno.h>
#include <stdlib.h>

enum { KEEP = 1 << 16 /* bytes of memory that the next one may use again */ };

static void
forget(struct session *s, struct letter *l)
{
	if (l->reading)
		store_read_end(&s->box.store, &l->reader);
	l->reading = l->whole = false;
	l->root = NULL;
	l->uid = 0;
	arena_reset(&l->arena);
	if (l->text.cap > KEEP)
		str_free(&l->text);
	str_clear(&l->text);
}

void
letter_close(struct session *s)
{
	struct letter *l = s->box.letter;

	if (!l)
		return;
	forget(s, l);
	str_free(&l->text);
	str_free(&l->buf);
	arena_free(&l->arena);
	free(l);
	s->box.letter = NULL;
}

/* --- reading --- */

/* Begin at the start. */
static int
rewind_letter(struct session *s, struct letter *l)
{
	if (l->reading)
		store_read_end(&s->box.store, &l->reader);
	l->reading = store_read(&s->box.store, l->uid, &l->reader) == 0;
	l->pos = 0;
	str_clear(&l->buf);
	return l->reading ? 0 : -1;
}

/* The next portion of it: its length, 0 at the end, -1. */
static ssize_t
next_portion(struct session *s, struct letter *l)
{
	ssize_t n;
	int e;

	str_clear(&l->buf);
	n = store_get(&s->box.store, &l->reader, &l->buf);
	if (n < 0) {
		e = errno;
		store_read_end(&s->box.store, &l->reader);
		l->reading = false;
		errno = e;
		return -1;
	}
	l->pos += (uint64_t)n;
	return n;
}

/* All of a short one. */
static int
load(struct session *s, struct letter *l)
{
	struct store *st = &s->box.store;
	ssize_t n;
	int e;

	if (store_read(st, l->uid, &l->reader) < 0)
		return -1;
	do
		n = store_get(st, &l->reader, &l->text);
	while (n > 0 && l->text.n <= 2 * STORE_RAW);
	e = errno;
	store_read_end(st, &l->reader);
	errno = e;
	if (n < 0)
		return -1;
	if (n > 0) { /* it is much longer than the index says */
		errno = EILSEQ;
		return -1;
	}
	l->whole = true;
	l->size = l->text.n;
	return 0;
}

struct letter *
letter_at(struct session *s, size_t i)
{
	const struct index_msg *m = box_msg(s, i);
	struct letter *l = s->box.letter;

	if (!m) {
		errno = ESTALE;
		return NULL;
	}
	if (!l)
		l = s->box.letter = mem_alloc(sizeof *l);
	if (l->uid == m->uid && l->hash == m->hash && l->told == m->size)
		return l;
	forget(s, l);
	l->uid = m->uid;
	l->hash = m->hash;
	l->size = l->told = m->size;
	if (l->size > STORE_RAW || load(s, l) == 0)
		return l;
	l->uid = 0;
	return NULL;
}

const struct part *
letter_root(struct session *s, struct letter *l)
{
	struct mime *m;
	ssize_t n = 0;

	if (l->root)
		return l->root;
	arena_reset(&l->arena);
	if (!l->whole && rewind_letter(s, l) < 0)
		return NULL;
	m = mime_open(&l->arena);
	l->sum = (struct sum){0};
	if (l->whole)
		mime_feed(m, l->text.s, l->text.n);
	while (!l->whole && (n = next_portion(s, l)) > 0) {
		mime_feed(m, l->buf.s, l->buf.n);
		sum_add(&l->sum, l->buf.s, l->buf.n);
	}
	l->root = mime_end(m);
	if (n < 0)
		l->root = NULL;
	return l->root;
}

uint64_t
letter_content(const struct letter *l)
{
	struct sum s = {0};

	if (!l->whole)
		return sum_hash(&l->sum);
	sum_add(&s, l->text.s, l->text.n);
	return sum_hash(&s);
}

int
letter_reach(struct session *s, struct letter *l, uint64_t off)
{
	ssize_t n = 1;

	if (l->whole)
		return 0;
	if ((!l->reading || off < l->pos - l->buf.n) && rewind_letter(s, l) < 0)
		return -1;
	while (off >= l->pos && n > 0)
		n = next_portion(s, l);
	if (n == 0)
		errno = EILSEQ;
	return n > 0 ? 0 : -1;
}

int
letter_range(struct session *s, struct letter *l, uint64_t off, uint64_t len,
             int (*put)(void *to, const char *p, size_t n), void *to)
{
	uint64_t end = off + len, from, to_go;

	if (l->whole) {
		errno = EILSEQ;
		return end > l->text.n ? -1
		                       : put(to, l->text.s + off, (size_t)len);
	}
	for (; off < end; off += to_go) {
		if (letter_reach(s, l, off) < 0)
			return -1;
		from = l->pos - l->buf.n;
		to_go = (l->pos < end ? l->pos : end) - off;
		if (put(to, l->buf.s + (off - from), (size_t)to_go) < 0)
			return -1;
	}
	return 0;
}
