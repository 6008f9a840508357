/* drop - the maildrop: the messages that were there at the login, by number, over
 * lib/store.h.  What others bring or take in the meantime changes no number
 * (RFC 1939 4). */
#include "pop.h"

#include "log.h"
#include "mem.h"

#include <stdlib.h>

int
drop_open(struct drop *d, const struct conf *c, const struct user *u,
          bool by_hand)
{
	struct store_how how = {
	    .owner = u->uid, .dot_optional = by_hand, .patience = POP_PATIENCE};
	size_t i, cap = 0;

	str_addf(&d->state, "%s/%s", c->state, u->name);
	how.state = d->state.s;
	d->path = mailbox_path(c, u);
	if (store_open(&d->store, d->path, &how) < 0)
		return -1;
	d->open = true;
	d->n = d->left = store_count(&d->store);
	d->item = mem_grow(NULL, &cap, d->n + 1, sizeof *d->item);
	for (i = 0; i < d->n; i++) {
		const struct index_msg *m = store_msg(&d->store, i);

		d->item[i].uid = m->uid;
		d->item[i].size = m->size;
		d->size += m->size;
	}
	d->all = d->size;
	return 0;
}

void
drop_mark(struct drop *d, struct item *it, bool deleted)
{
	if (it->deleted == deleted)
		return;
	it->deleted = deleted;
	if (deleted) {
		d->left--;
		d->size -= it->size;
	} else {
		d->left++;
		d->size += it->size;
	}
}

/* Mark as read what was sent as a whole, unless it goes. */
static void
flag_seen(struct drop *d, uint32_t *uid, bool purge)
{
	struct store_change seen = {.set = FLAG_SEEN};
	size_t i, n = 0;

	for (i = 0; i < d->n; i++)
		if (d->item[i].seen && !(purge && d->item[i].deleted))
			uid[n++] = d->item[i].uid;
	if (n > 0)
		store_flag(&d->store, uid, n, &seen);
}

/* A message that is not as long as it was came in two parts: what the client got was
 * not all of it, and it stays. */
static int
expunge(struct drop *d, uint32_t *uid)
{
	size_t i, n = 0, all = 0, gone;

	if (store_sync(&d->store) < 0)
		return -1;
	for (i = 0; i < d->n; i++) {
		ssize_t k = store_find(&d->store, d->item[i].uid);

		if (!d->item[i].deleted || k < 0)
			continue;
		all++;
		if (store_msg(&d->store, (size_t)k)->size == d->item[i].size)
			uid[n++] = d->item[i].uid;
	}
	if (store_expunge(&d->store, uid, n, &gone) == 0 && n == all)
		return 0;
	log_warn("%s: %zu of %zu messages deleted: %s", d->path, gone, all,
	         n < all ? "they have changed" : d->store.why);
	return -1;
}

int
drop_update(struct drop *d, bool purge)
{
	uint32_t *uid;
	int r = 0;

	if (!d->open)
		return 0;
	uid = mem_alloc((d->n + 1) * sizeof *uid);
	flag_seen(d, uid, purge);
	if (purge)
		r = expunge(d, uid);
	free(uid);
	return r;
}

void
drop_close(struct drop *d)
{
	size_t i;

	if (!d->open)
		return;
	if (store_keep(&d->store) < 0)
		log_warn("%s: flags not written: %s", d->path, d->store.why);
	store_close(&d->store);
	for (i = 0; i < d->n; i++)
		free(d->item[i].name);
	free(d->item);
	free(d->path);
	str_free(&d->state);
	d->item = NULL;
	d->open = false;
}
