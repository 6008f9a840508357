/* mboxadd - the mbox driver of store.h: messages are added.
 * All of them are one append, which is whole or not there (mbox.h); UIDs, flags and
 * keywords go into their headers at once.  The index follows as it does when
 * somebody else has added something.  Called by store.c. */
#include "mem.h"
#include "storembox.h"
#include "storeops.h"
#include "storetext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Bytes for what is said of the message later, and up to MBOX_SPREAD more. */
enum { ROOM = 112 };

/* Dates from here on have no four figures for the year. */
#define DATE_MOST ((int64_t)253370764800)

struct add {
	struct store *s;
	struct mbox *m;
	struct newtext text;
	struct str words, head;
	char last; /* byte of the header */
};

static void
put_header(void *arg, const void *p, size_t n)
{
	struct add *a = arg;

	if (n == 0)
		return;
	mbox_write(a->m, p, n);
	a->last = ((const char *)p)[n - 1];
}

static void
put_body(void *arg, const void *p, size_t n)
{
	mbox_write(((struct add *)arg)->m, p, n);
}

/* Put our fields and the empty line, as mboxhead has them in a header that has
 * nothing else. */
static void
put_stamp(struct add *a, const struct stamp *st)
{
	static const char none[] = "-\n\n";
	const struct cur raw = {none, none + 3};

	str_clear(&a->head);
	header_write(raw, st, ROOM + st->uid % MBOX_SPREAD, &a->head);
	mbox_write(a->m, a->head.s + 2, a->head.n - 2);
}

/* Put one message; last: the UID of the last one that is added. */
static int
put_msg(struct add *a, const struct store_new *new, uint32_t uid, uint32_t last)
{
	const struct index_msg m = {.uid = uid,
	                            .flags = (uint16_t) new->flags,
	                            .keywords = new->keywords};
	const struct index_head *h = &a->s->index.head;
	bool first = h->count == 0 && uid == h->next;
	int64_t date = new->date;
	struct stamp st;

	if (date <= 0 || date >= DATE_MOST)
		date = time(NULL);
	stamp_of(a->s, &m, first, &st, &a->words);
	if (st.validity)
		st.last = last;
	mbox_begin(a->m, "-", date);
	newtext_begin(&a->text, new);
	a->last = '\n';
	newtext_header(&a->text, put_header, a);
	if (a->last != '\n')
		mbox_write(a->m, "\n", 1);
	put_stamp(a, &st);
	if (newtext_body(&a->text, put_body, a) < 0)
		return -1;
	mbox_end(a->m);
	return 0;
}

/* The file has them.  Let the index follow; what it cannot tell we know.  Is it
 * saved? */
static bool
follow(struct store *s, const struct mbox *m, size_t before)
{
	struct index *x = &s->index;
	uint32_t now = (uint32_t)time(NULL);
	size_t i, first;
	struct stat st;

	if (fstat(m->fd, &st) < 0 || look(s, m->fd, &st, &first) < 0)
		return false;
	for (i = before; i < x->head.count; i++)
		x->msg[i].saved = now;
	turn_times(s, m);
	x->head.state = (struct index_state){0};
	if (fstat(m->fd, &st) == 0)
		state_of(&x->head.state, &st);
	return look_save(x, first) == 0 && (x->fd >= 0 || !x->dir);
}

static int
add_all(struct add *a, const struct store_new *new, size_t n, uint32_t *uid)
{
	struct store *s = a->s;
	size_t before = store_count(s), k;
	uint32_t next = s->index.head.next;
	bool based = before == 0 || s->index.head.kept_next > 0;

	if (UINT32_MAX - next < n) {
		errno = EOVERFLOW;
		return -1;
	}
	if (store_room(s, new, n) < 0)
		return -1;
	for (k = 0; k < n; k++) {
		uid[k] = next + (uint32_t)k;
		if (put_msg(a, &new[k], uid[k], next + (uint32_t)n - 1) < 0)
			return -1;
	}
	if (mbox_commit(a->m) < 0)
		return -1;
	/* UIDs in the file are believed where it says whose they are. */
	if (!follow(s, a->m, before) && !based)
		memset(uid, 0, n * sizeof *uid);
	return 0;
}

int
mbox_add(struct store *s, const struct store_new *m, size_t n, uint32_t *uid)
{
	struct add *a;
	struct turn t;
	int r, err;

	if (turn_begin_new(s, &t) < 0)
		return -1;
	a = mem_alloc(sizeof *a);
	a->s = s;
	a->m = &t.mbox;
	r = add_all(a, m, n, uid);
	err = errno;
	if (r < 0)
		snprintf(s->why, STORE_WHY, "cannot add to mailbox: %s",
		         strerror(err));
	str_free(&a->words);
	str_free(&a->head);
	free(a);
	turn_end(s, &t, TURN_READ);
	errno = err;
	return r;
}
