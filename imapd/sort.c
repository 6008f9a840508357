/* sort - SORT and UID SORT (RFC 5256, RFC 5957).  What is compared is found
 * out once for each message.  Called by imap.c. */
#include "sort.h"

#include "mime.h"
#include "subject.h"
#include "word.h"

#include <stdlib.h>

enum { CRITERIA = 20 /* in a command; there are ten */ };

enum sort_by {
	BY_ARRIVAL,
	BY_CC,
	BY_DATE,
	BY_FROM,
	BY_SIZE,
	BY_SUBJECT,
	BY_TO,
	BY_DISPLAY_FROM,
	BY_DISPLAY_TO
};

struct program {
	struct {
		enum sort_by by;
		bool reverse;
	} v[CRITERIA];
	size_t n;
};

/* A number; or a text, whose first bytes are the number. */
struct value {
	uint64_t n;
	const char *text;
	uint32_t len;
	bool reverse;
};

struct item {
	uint32_t at;
	uint32_t n;
	struct value *v;
};

/* --- the command --- */

/* sort-criterion */
static int
criterion(struct parse *p, struct program *g)
{
	static const struct {
		const char *name;
		enum sort_by by;
	} names[] = {
	    {"ARRIVAL",     BY_ARRIVAL     },
	    {"CC",          BY_CC          },
	    {"DATE",        BY_DATE        },
	    {"FROM",        BY_FROM        },
	    {"SIZE",        BY_SIZE        },
	    {"SUBJECT",     BY_SUBJECT     },
	    {"TO",          BY_TO          },
	    {"DISPLAYFROM", BY_DISPLAY_FROM},
	    {"DISPLAYTO",   BY_DISPLAY_TO  },
	};
	const size_t all = sizeof names / sizeof *names;
	bool reverse = parse_word(p, "REVERSE");
	size_t i;

	if (reverse && parse_sp(p) < 0)
		return -1;
	for (i = 0; i < all && !parse_word(p, names[i].name); i++)
		;
	if (i == all)
		return parse_fail(p, "there is no such sort criterion");
	if (g->n == CRITERIA)
		return parse_fail(p, "that is too much to sort by");
	g->v[g->n].by = names[i].by;
	g->v[g->n++].reverse = reverse;
	return 0;
}

static int
arguments(struct criteria *c, struct parse *p, struct program *g)
{
	if (parse_sp(p) < 0 || parse_byte(p, '(') < 0)
		return -1;
	do
		if (criterion(p, g) < 0)
			return -1;
	while (cur_take(&p->c, ' '));
	if (parse_byte(p, ')') < 0 || parse_sp(p) < 0 ||
	    criteria_charset(c, p) < 0 || parse_sp(p) < 0)
		return -1;
	return criteria_parse(c, p);
}

/* --- values --- */

int64_t
sort_sent(struct criteria *c, size_t i)
{
	const struct cached *k = criteria_cached(c, i);
	const struct index_msg *m;

	if (k && k->sent != INT64_MIN)
		return k->sent;
	m = box_msg(c->s, i);
	return m ? m->date : 0;
}

/* UTF-8 folded, to be compared byte by byte (i;unicode-casemap). */
static struct cur
folded(struct criteria *c, struct cur text, struct arena *a)
{
	char *p;

	str_clear(&c->folded);
	fold_add(&c->fold, &c->folded, text, true, true);
	p = arena_dup(a, c->folded.s, c->folded.n);
	return (struct cur){p, p + c->folded.n};
}

struct cur
sort_subject(struct criteria *c, size_t i, struct arena *a, bool *reply)
{
	const struct cached *k = criteria_cached(c, i);

	*reply = false;
	if (!k || !k->subject.p)
		return (struct cur){NULL, NULL};
	str_clear(&c->value);
	word_decode(&c->fold, k->subject, &c->value);
	return folded(c, subject_base(c->value.s, c->value.n, reply), a);
}

/* Of the first address in the field: its mailbox, or (display) its name. */
static struct cur
address(struct criteria *c, struct cur body, bool display, struct arena *a)
{
	struct address_list l = {.c = body, .arena = &c->scratch};
	struct address first = {0};
	struct cur text = {NULL, NULL};

	str_clear(&c->value);
	if (body.p && address_next(&l, &first)) {
		if (display && first.name.p)
			word_decode(&c->fold, first.name, &c->value);
		if (c->value.n == 0 && first.mailbox.p) {
			str_add(&c->value, first.mailbox.p,
			        cur_len(&first.mailbox));
			if (display && first.host.p) {
				str_addc(&c->value, '@');
				str_add(&c->value, first.host.p,
				        cur_len(&first.host));
			}
		}
		text = folded(c, str_cur(&c->value), a);
	}
	arena_reset(&c->scratch);
	return text;
}

static struct cur
text_of(struct criteria *c, enum sort_by by, size_t i, struct arena *a)
{
	const struct cached *k = criteria_cached(c, i);
	bool reply;

	if (!k)
		return (struct cur){NULL, NULL};
	switch (by) {
	case BY_SUBJECT: return sort_subject(c, i, a, &reply);
	case BY_CC: return address(c, k->cc, false, a);
	case BY_FROM: return address(c, k->from, false, a);
	case BY_TO: return address(c, k->to, false, a);
	case BY_DISPLAY_FROM: return address(c, k->from, true, a);
	default: return address(c, k->to, true, a);
	}
}

/* Signed numbers in the order of unsigned ones. */
static uint64_t
ordered(int64_t n)
{
	return (uint64_t)n ^ UINT64_C(1) << 63;
}

/* The first bytes of a text as a number that sorts like them. */
static uint64_t
prefix(struct cur c)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < sizeof n; i++)
		n = n << 8 | (i < cur_len(&c) ? (unsigned char)c.p[i] : 0);
	return n;
}

static void
fill(struct criteria *c, struct value *v, enum sort_by by, size_t i)
{
	const struct index_msg *m;
	struct cur text;

	if (by == BY_DATE) {
		v->n = ordered(sort_sent(c, i));
	} else if (by == BY_ARRIVAL || by == BY_SIZE) {
		m = box_msg(c->s, i);
		if (m)
			v->n = by == BY_SIZE ? m->size : ordered(m->date);
	} else {
		text = text_of(c, by, i, &c->s->arena);
		v->n = prefix(text);
		v->text = text.p;
		v->len = (uint32_t)cur_len(&text);
	}
}

/* --- order --- */

static int
compare(const struct value *x, const struct value *y)
{
	uint32_t n = x->len < y->len ? x->len : y->len;
	int r = 0;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	if (n > 0)
		r = memcmp(x->text, y->text, n);
	return r ? r : x->len < y->len ? -1 : x->len > y->len;
}

static int
by_values(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	uint32_t i;
	int r;

	for (i = 0; i < x->n; i++)
		if ((r = compare(&x->v[i], &y->v[i])))
			return x->v[i].reverse ? -r : r;
	return x->at < y->at ? -1 : x->at > y->at;
}

static struct item *
items(struct criteria *c, const struct program *g, const uint32_t *at, size_t n)
{
	struct arena *a = &c->s->arena;
	struct item *v = arena_alloc(a, (n + 1) * sizeof *v);
	struct value *value = arena_alloc(a, (n * g->n + 1) * sizeof *value);
	size_t i, k;

	for (i = 0; i < n; i++, value += g->n) {
		v[i] = (struct item){at[i], (uint32_t)g->n, value};
		for (k = 0; k < g->n; k++) {
			value[k].reverse = g->v[k].reverse;
			fill(c, &value[k], g->v[k].by, at[i]);
		}
	}
	return v;
}

static int
sort(struct session *s, struct parse *p, struct criteria *c)
{
	struct program g = {0};
	struct str x = {0};
	struct item *v;
	uint32_t *at;
	size_t i, n;

	if (arguments(c, p, &g) < 0)
		return criteria_bad(c);
	if (criteria_find(c, &at, &n) < 0)
		return 0;
	v = items(c, &g, at, n);
	if (criteria_failed(c))
		return 0;
	qsort(v, n, sizeof *v, by_values);
	str_adds(&x, "* SORT");
	for (i = 0; i < n; i++) {
		str_addc(&x, ' ');
		str_addu(&x, s->uid ? s->box.v[v[i].at].uid : v[i].at + 1);
	}
	if (c->modseq && n > 0) { /* RFC 7162 3.1.5 */
		str_adds(&x, " (MODSEQ ");
		str_addu(&x, criteria_modseq(c, at, n));
		str_addc(&x, ')');
	}
	str_adds(&x, "\r\n");
	say(s, &x);
	return ok(s, "that is the order");
}

int
do_sort(struct session *s, struct parse *p)
{
	struct criteria *c = criteria_begin(s);

	sort(s, p, c);
	criteria_end(c);
	return 0;
}
