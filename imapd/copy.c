/* copy - COPY (RFC 9051 6.4.7) and MOVE (RFC 6851): all messages or none come into
 * the other mailbox, with flags, keywords and date; then, for MOVE, they go here. */
#include "stage.h"

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

/* Copy n messages: 0 with the response code in x, or -1 with the answer given. */
static int
copy(struct session *s, struct store *to, uint32_t *at, size_t *n,
     struct str *x)
{
	struct stage g;
	uint32_t *uid;
	int r = -1;

	/* Flags that others set a moment ago go with it. */
	if (store_sync(&s->box.store) < 0)
		return no_store(s, &s->box.store) - 1;
	if (stage_open(&g, s->records.s) < 0)
		return no_store(s, to) - 1;
	if (read_all(s, at, n, &g) == 0)
		r = stage_keywords(s, &g, &s->box.store, to);
	if (r == 0 && *n > 0 && (r = stage_add(s, &g, to, &uid)) == 0)
		copyuid(x, to, box_uids(s, at, *n), uid, *n);
	stage_close(&g);
	return r;
}

static int
copy_or_move(struct session *s, struct parse *p, bool move)
{
	struct store other, *to;
	struct str x = {0};
	struct set set;
	struct cur name;
	uint32_t *at;
	size_t n, gone;
	int r;

	if (parse_sp(p) < 0 || parse_set(p, &set) < 0 || parse_sp(p) < 0 ||
	    parse_mailbox(p, &name) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	if (move && s->box.readonly)
		return no(s, "[NOPERM] the mailbox was opened to be read only");
	if (box_set(s, &set, &at, &n) < 0 ||
	    !(to = box_visit(s, name, true, &other)))
		return 0;
	r = copy(s, to, at, &n, &x);
	box_leave(s, to);
	if (r == 0 && move && x.n > 0)
		io_putf(&s->io, "* OK %s%zu there\r\n", x.s, n);
	if (r == 0 && move &&
	    store_expunge(&s->box.store, box_uids(s, at, n), n, &gone) < 0)
		no_store(s, &s->box.store);
	else if (r == 0)
		ok(s, "%sdone", x.n > 0 && !move ? x.s : "");
	str_free(&x);
	return 0;
}

int
do_copy(struct session *s, struct parse *p)
{
	return copy_or_move(s, p, false);
}

int
do_move(struct session *s, struct parse *p)
{
	return copy_or_move(s, p, true);
}
