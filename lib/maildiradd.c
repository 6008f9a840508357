/* maildiradd - the Maildir driver of store.h: messages are added.
 * All are durable in tmp/ before the first gets its name, which tells its flags;
 * then the names are looked at, and the index gives the UIDs, under its lock.  Called by
 * store.c. */
#include "maildir.h"
#include "maildirname.h"
#include "mem.h"
#include "storemaildir.h"
#include "storeops.h"
#include "storetext.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct add {
	struct store *s;
	struct maildir m;
	struct newtext text;
	uint64_t *hash; /* of their names */
};

static void
put(void *arg, const void *p, size_t n)
{
	maildir_write(&((struct add *)arg)->m, p, n);
}

/* Write one message to tmp/. */
static int
put_msg(struct add *a, const struct store_new *new, uint32_t letters)
{
	struct str info = {0};
	int r;

	if ((new->flags &(FLAG_OLD * 2 - 1)) || letters)
		name_make(&info, "", new->flags, letters, letters);
	maildir_begin(&a->m);
	newtext_begin(&a->text, new);
	if (newtext_header(&a->text, put, a))
		put(a, "\n", 1);
	r = newtext_body(&a->text, put, a);
	if (r == 0)
		maildir_end_as(&a->m, new->date, info.n ? info.s : "");
	else
		maildir_abort(&a->m);
	str_free(&info);
	return r;
}

/* Where is the message with this hash?  Most likely at i. */
static ssize_t
find(const struct store *s, uint64_t hash, size_t i)
{
	size_t k = store_count(s);

	if (i < k && store_msg(s, i)->hash == hash)
		return (ssize_t)i;
	while (k-- > 0)
		if (store_msg(s, k)->hash == hash)
			break;
	return (ssize_t)k;
}

/* They are there: their UIDs, and what the names do not tell.  -1 when the UIDs are
 * not sure: nobody can tell them from the names. */
static int
number(struct add *a, const struct store_new *new, size_t n, uint32_t *uid)
{
	struct store *s = a->s;
	struct index *x = &s->index;
	size_t k, first = SIZE_MAX, last = 0;
	ssize_t i = (ssize_t)store_count(s) - 1;

	if (maildir_look(s) < 0 || maildir_merge(s) < 0)
		return -1;
	for (k = 0; k < n; k++) {
		struct index_msg *m;

		uid[k] = 0;
		if ((i = find(s, a->hash[k], (size_t)(i + 1))) < 0)
			continue;
		m = &x->msg[i];
		uid[k] = m->uid;
		m->saved = (uint32_t)time(NULL);
		m->keywords |= new[k].keywords;
		first = (size_t)i < first ? (size_t)i : first;
		last = (size_t)i > last ? (size_t)i : last;
	}
	if (first <= last)
		index_save(x, first, last + 1);
	return x->dir && x->fd < 0 ? -1 : 0;
}

/* Letters for their keywords. */
static int
learn(struct store *s, const struct store_new *new, size_t n)
{
	uint64_t all = 0;
	size_t k;

	for (k = 0; k < n; k++)
		all |= new[k].keywords;
	if (all == 0)
		return 0;
	if (maildir_turn(s, false) < 0)
		return -1;
	return maildir_turn_end(s, maildir_letters(s, all));
}

static int
add_all(struct add *a, const struct store_new *new, size_t n, uint32_t *uid)
{
	struct maildir_store *d = a->s->box;
	const char *name = NULL;
	size_t k;

	if (store_sync(a->s) < 0 || learn(a->s, new, n) < 0)
		return -1;
	for (k = 0; k < n; k++)
		if (put_msg(a, &new[k],
		            letters_of(&d->letters, new[k].keywords)) < 0)
			return maildir_fail(a->s, "write to");
	for (k = 0; k < n; k++) {
		struct maildir_name parts;

		name = maildir_name(&a->m, name);
		name_parse(&parts, cur_of(name));
		a->hash[k] = name_hash(parts.base);
	}
	/* Nobody gives numbers to some of them before all are there. */
	if (maildir_turn(a->s, false) < 0)
		return -1;
	if (store_room(a->s, new, n) < 0 || maildir_commit(&a->m) < 0)
		return maildir_turn_end(a->s, maildir_fail(a->s, "write to"));
	/* From here on they are there, whatever comes. */
	if (number(a, new, n, uid) < 0)
		memset(uid, 0, n * sizeof *uid);
	return maildir_turn_end(a->s, 0);
}

int
maildir_add(struct store *s, const struct store_new *m, size_t n, uint32_t *uid)
{
	struct add *a = mem_alloc(sizeof *a);
	int r, err;

	a->s = s;
	r = maildir_open(&a->m, s->path, s->how.owner, s->why);
	err = errno;
	if (r == 0) {
		a->hash = mem_alloc(n * sizeof *a->hash);
		r = add_all(a, m, n, uid);
		err = errno;
		maildir_close(&a->m);
	}
	free(a->hash);
	free(a);
	errno = err;
	return r;
}
