/* search - SEARCH and UID SEARCH (RFC 9051 6.4.4, RFC 3501 6.4.4), the forms
 * of their answer (RFC 4731, 7162) and what is remembered of it (RFC 5182).
 * Called by imap.c. */
#include "criteria.h"

#include <stdlib.h>

enum { MIN = 1, MAX = 2, LIST = 4, COUNT = 8, SAVE = 16 };

struct result {
	unsigned options; /* of RETURN */
	bool extended;    /* ESEARCH is the answer */
	uint32_t *at;
	size_t n;
};

/* "RETURN" SP "(" [options] ")" SP, if it is there. */
static int
options(struct parse *p, struct result *r)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {
	    {"MIN",   MIN  },
            {"MAX",   MAX  },
            {"ALL",   LIST },
	    {"COUNT", COUNT},
            {"SAVE",  SAVE },
	};
	const size_t all = sizeof names / sizeof *names;
	size_t i;

	if (!parse_word(p, "RETURN"))
		return 0;
	r->extended = true;
	if (parse_sp(p) < 0 || parse_byte(p, '(') < 0)
		return -1;
	while (parse_peek(p) != ')') {
		for (i = 0; i < all && !parse_word(p, names[i].name); i++)
			;
		if (i == all)
			return parse_fail(p, "there is no such result option");
		r->options |= names[i].bit;
		if (parse_peek(p) != ')' && parse_sp(p) < 0)
			return -1;
	}
	if (r->options == 0)
		r->options = LIST;
	return parse_byte(p, ')') < 0 ? -1 : parse_sp(p);
}

static int
arguments(struct criteria *c, struct parse *p, struct result *r)
{
	if (parse_sp(p) < 0 || options(p, r) < 0)
		return -1;
	if (parse_word(p, "CHARSET") &&
	    (parse_sp(p) < 0 || criteria_charset(c, p) < 0 || parse_sp(p) < 0))
		return -1;
	return criteria_parse(c, p);
}

/* --- $ --- */

/* What MIN and MAX leave of the result when nothing else is asked for (RFC 5182
 * 2.4; RFC 7162 3.1.10 likewise). */
static void
narrow(struct result *r)
{
	uint32_t *at = r->at;

	if (r->n == 0 || !(r->options & (MIN | MAX)) ||
	    r->options & (LIST | COUNT))
		return;
	if (!(r->options & MIN))
		at[0] = at[r->n - 1];
	if ((r->options & (MIN | MAX)) == (MIN | MAX) && r->n > 1) {
		at[1] = at[r->n - 1];
		r->n = 2;
	} else {
		r->n = 1;
	}
}

static void
save(struct session *s, const uint32_t *at, size_t n)
{
	struct box *b = &s->box;
	size_t i;

	free(b->found);
	b->found = mem_alloc(n * sizeof *b->found);
	for (i = 0; i < n; i++)
		b->found[i] = b->v[at[i]].uid;
	b->nfound = n;
}

/* --- the answer --- */

static uint32_t
number(const struct session *s, uint32_t at)
{
	return s->uid ? s->box.v[at].uid : at + 1;
}

static void
add_search(struct criteria *c, struct str *x, const struct result *r)
{
	const struct session *s = c->s;
	size_t i;

	str_adds(x, "* SEARCH");
	for (i = 0; i < r->n; i++) {
		str_addc(x, ' ');
		str_addu(x, number(s, r->at[i]));
	}
	if (c->modseq && r->n > 0) {
		str_adds(x, " (MODSEQ ");
		str_addu(x, criteria_modseq(c, r->at, r->n));
		str_addc(x, ')');
	}
	str_adds(x, "\r\n");
}

static void
add_item(struct str *x, const char *name, uint64_t n)
{
	str_adds(x, name);
	str_addu(x, n);
}

/* RFC 4731 3.1; count is what was found before it was narrowed, as at are
 * all. */
static void
add_esearch(struct session *s, struct str *x, const struct result *r)
{
	uint32_t *v;
	size_t i;

	str_adds(x, "* ESEARCH (TAG ");
	out_string(x, s->tag);
	str_adds(x, s->uid ? ") UID" : ")");
	if (r->options & MIN && r->n > 0)
		add_item(x, " MIN ", number(s, r->at[0]));
	if (r->options & MAX && r->n > 0)
		add_item(x, " MAX ", number(s, r->at[r->n - 1]));
	if (r->options & LIST && r->n > 0) {
		v = arena_alloc(&s->arena, r->n * sizeof *v);
		for (i = 0; i < r->n; i++)
			v[i] = number(s, r->at[i]);
		str_adds(x, " ALL ");
		out_set(x, v, r->n);
	}
	if (r->options & COUNT)
		add_item(x, " COUNT ", r->n);
}

static void
answer(struct session *s, struct criteria *c, struct result *r)
{
	struct str x = {0};

	if (!r->extended) {
		add_search(c, &x, r);
	} else if (r->options != SAVE) {
		add_esearch(s, &x, r);
		narrow(r);
		if (c->modseq && r->n > 0)
			add_item(&x, " MODSEQ ",
			         criteria_modseq(c, r->at, r->n));
		str_adds(&x, "\r\n");
	}
	say(s, &x);
	if (r->options & SAVE)
		save(s, r->at, r->n);
}

static int
search(struct session *s, struct parse *p, struct criteria *c)
{
	struct result r = {0};

	if (arguments(c, p, &r) < 0) {
		/* RFC 5182 2.1: NO empties it, BAD does not. */
		if (c->refused && r.options & SAVE)
			save(s, NULL, 0);
		return criteria_bad(c);
	}
	if (c->modseq)
		sync_condstore(s);
	if (criteria_find(c, &r.at, &r.n) < 0) {
		if (r.options & SAVE)
			save(s, NULL, 0);
		return 0;
	}
	if (s->on & ON_REV2 && !r.extended) { /* RFC 9051 7.3.4 */
		r.extended = true;
		r.options = LIST;
	}
	answer(s, c, &r);
	return ok(s, "that is what there is");
}

int
do_search(struct session *s, struct parse *p)
{
	struct criteria *c = criteria_begin(s);

	search(s, p, c);
	criteria_end(c);
	return 0;
}
