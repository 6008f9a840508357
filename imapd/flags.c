/* flags - STORE (RFC 9051 6.4.6, RFC 7162 3.1.3) and EXPUNGE (6.4.3, RFC 4315 2.1). */
#include "imap.h"

#include <errno.h>

/* What STORE was told. */
struct order {
	struct set set;
	char sign; /* '+', '-', or '=' */
	bool silent;
	bool since; /* UNCHANGEDSINCE */
	struct flags flags;
	struct store_change change;
};

/* "(" UNCHANGEDSINCE SP mod-sequence-value ")" SP */
static int
modifier(struct parse *p, struct order *o)
{
	if (parse_peek(p) != '(')
		return 0;
	if (parse_byte(p, '(') < 0 || !parse_word(p, "UNCHANGEDSINCE") ||
	    parse_sp(p) < 0 || parse_number64(p, &o->change.unchanged) < 0 ||
	    parse_byte(p, ')') < 0 || parse_sp(p) < 0)
		return parse_fail(p, "there is no such modifier");
	o->since = true;
	if (o->change.unchanged == 0) /* no message is that old */
		o->change.unchanged = 1;
	return 0;
}

static int
store_args(struct parse *p, struct order *o)
{
	int c;

	if (parse_sp(p) < 0 || parse_set(p, &o->set) < 0 || parse_sp(p) < 0 ||
	    modifier(p, o) < 0)
		return -1;
	c = parse_peek(p);
	o->sign = c == '+' || c == '-' ? (char)c : '=';
	if (o->sign != '=')
		parse_byte(p, o->sign);
	o->silent = parse_word(p, "FLAGS.SILENT");
	if (!o->silent && !parse_word(p, "FLAGS"))
		return parse_fail(p, "FLAGS is missing");
	if (parse_sp(p) < 0 || parse_flags(p, &o->flags) < 0)
		return -1;
	return parse_end(p);
}

/* The bits of all keywords: 0, or -1 with the answer given. */
int
flags_keywords(struct session *s, struct store *st, const struct flags *f,
               bool make, uint64_t *bits)
{
	size_t i;
	int bit;

	for (*bits = i = 0; i < f->n; i++) {
		bit = store_keyword(st, &f->word[i], make);
		if (bit < 0 && make)
			return errno == ERANGE
			           ? no(s, "[LIMIT] this mailbox has too many "
			                   "keywords") -
			                 1
			           : no_store(s, st) - 1;
		if (bit >= 0)
			*bits |= UINT64_C(1) << bit;
	}
	return 0;
}

/* Will a keyword that is new be that of a message? */
static bool
makes_keywords(const struct session *s, const struct order *o,
               const uint32_t *at, size_t n)
{
	const struct index_msg *m;
	size_t i;

	for (i = 0; i < n && o->sign != '-'; i++)
		if ((m = box_msg(s, at[i])) &&
		    (!o->since || m->modseq <= o->change.unchanged))
			return true;
	return false;
}

static void
decide(struct order *o, uint64_t words)
{
	struct store_change *c = &o->change;

	if (o->sign == '-') {
		c->clear = o->flags.bits;
		c->clear_keywords = words;
		return;
	}
	c->set = o->flags.bits;
	c->set_keywords = words;
	if (o->sign == '=') {
		c->clear = IMAP_FLAGS & ~c->set;
		c->clear_keywords = ~words;
	}
}

/* Tell what became of them.  A change that was asked to be silent is one that the
 * client knows; its modseq it cannot know. */
static void
tell(struct session *s, const struct order *o, const uint32_t *at, size_t n)
{
	const struct store_change *c = &o->change;
	struct str x = {0};
	size_t i, k;

	for (i = k = 0; i < n; i++) {
		uint32_t uid = s->box.v[at[i]].uid;
		bool failed = k < c->nfailed && c->failed[k] == uid;

		k += failed;
		if (!failed && o->silent)
			sync_believe(s, at[i], c);
		if (failed ? o->since : !o->silent || s->on & ON_CONDSTORE)
			sync_line(s, at[i], &x);
	}
	str_free(&x);
}

/* RFC 7162 3.1.3: those that were not changed, as numbers or UIDs. */
static int
modified(struct session *s, const struct order *o)
{
	const struct store_change *c = &o->change;
	struct str x = {0};
	size_t i;

	for (i = 0; i < c->nfailed && !s->uid; i++)
		c->failed[i] = (uint32_t)box_place(s, c->failed[i]) + 1;
	out_set(&x, c->failed, c->nfailed);
	ok(s, "[MODIFIED %s] these had changed", x.s);
	str_free(&x);
	return 0;
}

int
do_store(struct session *s, struct parse *p)
{
	struct store *st = &s->box.store;
	struct order o = {0};
	uint32_t *at, *uid;
	uint64_t words;
	uint64_t before;
	size_t n;

	if (store_args(p, &o) < 0)
		return bad_parse(s);
	if (o.since)
		sync_condstore(s);
	if (box_set(s, &o.set, &at, &n) < 0)
		return 0;
	if (s->box.readonly)
		return no(s, "[NOPERM] the mailbox was opened to be read only");
	if (flags_keywords(s, st, &o.flags, makes_keywords(s, &o, at, n),
	                   &words) < 0)
		return 0;
	decide(&o, words);
	uid = box_uids(s, at, n);
	o.change.failed = arena_alloc(&s->arena, (n + 1) * sizeof *uid);
	before = st->index.head.generation;
	if (store_flag(st, uid, n, &o.change) < 0)
		return no_store(s, st);
	tell(s, &o, at, n);
	/* Nothing has changed but by us, and that was told. */
	if (before == s->box.generation && o.change.alone)
		s->box.generation = st->index.head.generation;
	if (o.change.nfailed > 0)
		return modified(s, &o);
	for (size_t i = 0; i < n; i++)
		if (!box_msg(s, at[i])) /* RFC 5530 3 */
			return s->uid ? ok(s, "done")
			              : no(s, "[EXPUNGEISSUED] some of them "
			                      "are gone");
	return ok(s, "done");
}

int
do_expunge(struct session *s, struct parse *p)
{
	uint32_t *at = box_all(s);
	size_t n = s->box.n;
	struct set set;

	if (s->uid && (parse_sp(p) < 0 || parse_set(p, &set) < 0))
		return bad_parse(s);
	if (parse_end(p) < 0)
		return bad_parse(s);
	if (s->box.readonly)
		return no(s, "[NOPERM] the mailbox was opened to be read only");
	if (s->uid && box_set(s, &set, &at, &n) < 0)
		return 0;
	if (box_purge(s, at, n) < 0)
		return 0;
	return box_purged(s);
}
