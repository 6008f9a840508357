/* copy - COPY (RFC 9051 6.4.7) and MOVE (RFC 6851): all messages or none come into
 * the other mailbox, with flags, keywords and date; then, for MOVE, they go here. */
#include "stage.h"

#include <errno.h>

/* Those of the n messages that are still there, into the stage; at follows.  0, or
 * -1 with the answer given. */
static int
read_all(struct session *s, uint32_t *at, size_t *n, struct stage *g)
{
	struct store *st = &s->box.store;
	size_t i, k = 0;
	int r;

	for (i = 0; i < *n; i++) {
		const struct index_msg *m = box_msg(s, at[i]);

		if ((r = m ? stage_read(g, st, m) : 0) < 0)
			return no_store(s, st) - 1;
		if (r > 0)
			at[k++] = at[i];
	}
	if (k < *n && !s->uid)
		return no(s, "[EXPUNGEISSUED] some of them are gone") - 1;
	*n = k;
	return 0;
}

/* The response code of RFC 4315 3, which may be left out. */
static void
copyuid(struct str *x, const struct store *to, const uint32_t *from,
        const uint32_t *uid, size_t n)
{
	if (!uid)
		return;
	str_addf(x, "[COPYUID %u ", to->index.head.validity);
	out_set(x, from, n);
	str_addc(x, ' ');
	out_set(x, uid, n);
	str_adds(x, "] ");
}

/* Copy n messages, which get these UIDs or NULL: 0, or -1 with the answer given. */
static int
copy(struct session *s, struct store *to, uint32_t *at, size_t *n,
     uint32_t **uid)
{
	struct stage g;
	int r = -1;

	/* Flags that others set a moment ago go with it. */
	if (store_sync(&s->box.store) < 0)
		return no_store(s, &s->box.store) - 1;
	if (stage_open(&g, s->records.s) < 0)
		return no_store(s, to) - 1;
	if (read_all(s, at, n, &g) == 0)
		r = stage_keywords(s, &g, &s->box.store, to);
	if (r == 0 && *n > 0)
		r = stage_put(s, &g, to, uid);
	stage_close(&g);
	return r;
}

/* A set and a mailbox follow: 0, or -1 with the answer given. */
static int
begin(struct session *s, struct parse *p, bool move, uint32_t **at, size_t *n,
      struct store *other, struct store **to)
{
	struct set set;
	struct cur name;

	if (parse_sp(p) < 0 || parse_set(p, &set) < 0 || parse_sp(p) < 0 ||
	    parse_mailbox(p, &name) < 0 || parse_end(p) < 0)
		return bad_parse(s) - 1;
	if (move && s->box.readonly)
		return no(s,
		          "[NOPERM] the mailbox was opened to be read only") -
		       1;
	if (box_set(s, &set, at, n) < 0 ||
	    !(*to = box_visit(s, name, true, other)))
		return -1;
	return 0;
}

int
do_copy(struct session *s, struct parse *p)
{
	struct store other, *to;
	uint32_t *at, *uid = NULL;
	struct str x = {0};
	size_t n;

	if (begin(s, p, false, &at, &n, &other, &to) < 0)
		return 0;
	if (copy(s, to, at, &n, &uid) == 0) {
		copyuid(&x, to, box_uids(s, at, n), uid, n);
		ok(s, "%sdone", x.n > 0 ? x.s : "");
	}
	str_free(&x);
	box_leave(s, to);
	return 0;
}

/* --- MOVE --- */

/* They are in the other mailbox: remove them here, or, when nothing could be, there. */
static int
leave(struct session *s, struct store *to, const uint32_t *at, size_t n,
      const uint32_t *uid)
{
	const uint32_t *old = box_uids(s, at, n);
	struct store *from = &s->box.store;
	struct str x = {0};
	size_t gone;
	int err = 0;

	if (store_expunge(from, old, n, &gone) < 0)
		err = errno;
	if (err != EAGAIN || gone > 0 || !uid ||
	    store_expunge(to, uid, n, &gone) < 0)
		copyuid(&x, to, old, uid, n);
	if (x.n > 0)
		io_putf(&s->io, "* OK %s%zu there\r\n", x.s, n);
	str_free(&x);
	errno = err;
	return err ? no_store(s, from) : box_purged(s);
}

int
do_move(struct session *s, struct parse *p)
{
	struct store other, *to;
	uint32_t *at, *uid = NULL;
	size_t n;
	int turn;

	if (begin(s, p, true, &at, &n, &other, &to) < 0)
		return 0;
	if (turn_take(s, TURN_MOVE, &turn) == 0) {
		if (copy(s, to, at, &n, &uid) == 0)
			leave(s, to, at, n, uid);
		turn_leave(turn);
	}
	box_leave(s, to);
	return 0;
}
