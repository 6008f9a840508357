/* threads - see threads.h.  Steps are those of RFC 5256 3, REFERENCES. */
#include "threads.h"

#include "field.h"

#include <stdlib.h>

enum {
	PATIENCE = 1000000, /* steps up the tree to look for loops, and */
	STEPS = 64,         /* as many for each reference */
	TABLE = 1024,       /* entries at first */
	DUMMIES = 100000,   /* as many at most, and */
	MORE = 8            /* as many for each message */
};

/* A message, or the dummy for one that is not there. */
struct node {
	struct node *parent, *child, *last, *next;
	uint32_t number; /* 0: a dummy */
	bool reply;
	bool gone; /* merged into another thread */
	bool has_children;
	int64_t sent;
	struct cur subject;
	size_t slot; /* its place among the roots */
};

/* --- a table by text --- */

struct entry {
	uint64_t hash;
	struct cur key;
	struct node *node;
};

struct table {
	struct entry *v;
	size_t n, cap;
};

struct threads {
	struct arena *arena;
	uint64_t seed;
	struct table ids;
	struct node **v; /* all nodes */
	size_t n, cap;
	size_t most; /* nodes that references may make */
	struct node **root;
	size_t nroots, caproots;
	uint64_t patience;
	struct str id; /* the one that is read */
};

/* Nobody outside can know which keys meet: the seed is where the memory is. */
static uint64_t
hash(const struct threads *t, struct cur c)
{
	uint64_t h = t->seed;

	for (; c.p < c.e; c.p++) {
		h = (h ^ (unsigned char)*c.p) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

static struct entry *
probe(const struct table *x, uint64_t h, struct cur key)
{
	size_t i = (size_t)h & (x->cap - 1);

	for (;; i = (i + 1) & (x->cap - 1)) {
		struct entry *e = &x->v[i];

		if (!e->node ||
		    (e->hash == h && cur_len(&e->key) == cur_len(&key) &&
		     memcmp(e->key.p, key.p, cur_len(&key)) == 0))
			return e;
	}
}

/* Room for n keys, and as many again. */
static void
table_size(struct table *x, size_t n)
{
	struct table old = *x;
	size_t i;

	for (x->cap = TABLE; x->cap < 2 * n; x->cap *= 2)
		;
	x->v = mem_alloc(x->cap * sizeof *x->v);
	for (i = 0; i < old.cap; i++)
		if (old.v[i].node)
			*probe(x, old.v[i].hash, old.v[i].key) = old.v[i];
	free(old.v);
}

/* The entry of a key; one without a node is new, and is to be given one. */
static struct entry *
find(const struct threads *t, struct table *x, struct cur key)
{
	uint64_t h = hash(t, key);
	struct entry *e;

	if (x->n >= x->cap / 2)
		table_size(x, 2 * x->cap);
	e = probe(x, h, key);
	if (e->node)
		return e;
	x->n++;
	e->hash = h;
	e->key = key;
	return e;
}

static struct cur
keep(struct threads *t, struct cur c)
{
	const char *p = arena_dup(t->arena, c.p, cur_len(&c));

	return (struct cur){p, p + cur_len(&c)};
}

struct threads *
threads_begin(struct arena *a, size_t n)
{
	struct threads *t = arena_alloc(a, sizeof *t);

	t->arena = a;
	t->seed = (uint64_t)(uintptr_t)a ^ (uint64_t)(uintptr_t)t << 20;
	t->patience = PATIENCE;
	t->most = DUMMIES + MORE * n;
	table_size(&t->ids, n);
	return t;
}

void
threads_end(struct threads *t)
{
	free(t->ids.v);
	free(t->v);
	free(t->root);
	str_free(&t->id);
}

static struct node *
node_new(struct threads *t)
{
	struct node *x = arena_alloc(t->arena, sizeof *x);

	t->v = mem_grow(t->v, &t->cap, t->n + 1, sizeof *t->v);
	t->v[t->n++] = x;
	return x;
}

/* --- message IDs --- */

/* What ends an ID, or makes it an odd one. */
static bool
is_special(char c)
{
	switch (c) {
	case '>':
	case '<':
	case '"':
	case '(':
	case ' ':
	case '\t':
	case '\r':
	case '\n': return true;
	default: return false;
	}
}

/* An ID with quotes, comments or blanks, from p on up to > or <: its end. */
static const char *
odd_id(struct threads *t, const char *p, const char *e)
{
	const char *q;
	size_t n;

	str_clear(&t->id);
	str_adds(&t->id, "");
	for (; p < e && *p != '>' && *p != '<'; p = q) {
		q = p + 1;
		if (*p == '"') {
			q = header_quoted(p, e);
			n = t->id.n;
			str_add(&t->id, p, (size_t)(q - p));
			t->id.n = (size_t)(header_unquote(t->id.s + n, p, q) -
			                   t->id.s);
		} else if (*p == '(') {
			q = header_comment(p, e);
		} else if (!memchr(" \t\r\n", *p, 4)) {
			str_addc(&t->id, *p);
		}
	}
	return p;
}

/* What stands between < and >, without quotes, comments and blanks: the same
 * ID however it is written.  Good until the next call.  False at the end. */
static bool
next_id(struct threads *t, struct cur *c, struct cur *id)
{
	const char *p = c->p, *e = c->e;

	while ((p = p < e ? memchr(p, '<', (size_t)(e - p)) : NULL)) {
		id->p = ++p;
		while (p < e && !is_special(*p))
			p++;
		id->e = p;
		if (p < e && *p != '>') {
			p = odd_id(t, id->p, e);
			*id = str_cur(&t->id);
		}
		c->p = p;
		if (p < e && *p == '>' && cur_len(id) > 0)
			return true;
	}
	c->p = e;
	return false;
}

/* The node of an ID, a dummy if nobody had it before. */
static struct node *
node_of(struct threads *t, struct cur id)
{
	struct entry *e = find(t, &t->ids, id);

	if (!e->node) {
		e->key = keep(t, id);
		e->node = node_new(t);
	}
	return e->node;
}

/* The node of an ID that is referred to, or NULL: then there are more IDs that nobody
 * has than honest mail has, and it is as if this one were not there. */
static struct node *
referred(struct threads *t, struct cur id)
{
	if (t->n < t->most)
		return node_of(t, id);
	return probe(&t->ids, hash(t, id), id)->node;
}

/* --- step 1: links --- */

/* Is x among the ancestors of at?  Yes also when it would take too long to
 * tell. */
static bool
is_above(struct threads *t, const struct node *x, const struct node *at)
{
	if (x != at && !x->has_children)
		return false;
	while (at && at != x && t->patience > 0) {
		at = at->parent;
		t->patience--;
	}
	return at != NULL;
}

static void
link_nodes(struct threads *t, struct node *parent, struct node *child)
{
	t->patience += STEPS;
	if (is_above(t, child, parent))
		return;
	child->parent = parent;
	parent->has_children = true;
}

/* 1 (A): the last of the references, all of which are linked, or NULL. */
static struct node *
link_references(struct threads *t, struct cur refs)
{
	struct node *last = NULL, *x;
	struct cur id;

	while (next_id(t, &refs, &id)) {
		x = referred(t, id);
		if (!x)
			continue;
		if (last && !x->parent)
			link_nodes(t, last, x);
		last = x;
	}
	return last;
}

void
threads_add(struct threads *t, const struct threads_msg *m)
{
	struct cur c = m->id, id;
	struct node *x = NULL, *parent;

	if (c.p && next_id(t, &c, &id))
		x = node_of(t, id);
	/* One without an ID, or with another's. */
	if (!x || x->number)
		x = node_new(t);
	x->number = m->number;
	x->sent = m->sent;
	x->reply = m->reply;
	x->subject = keep(t, m->subject);
	parent = m->references.p ? link_references(t, m->references) : NULL;
	c = m->in_reply_to;
	if (!parent && c.p && next_id(t, &c, &id))
		parent = referred(t, id);
	/* 1 (B) */
	if (x->parent == parent)
		return;
	x->parent = NULL;
	if (parent)
		link_nodes(t, parent, x);
}

/* --- trees --- */

static void
append(struct node *parent, struct node *x)
{
	x->parent = parent;
	x->next = NULL;
	if (parent->last)
		parent->last->next = x;
	else
		parent->child = x;
	parent->last = x;
}

/* All children of one become the other's. */
static void
append_all(struct node *parent, struct node *from)
{
	struct node *x, *next;

	for (x = from->child; x; x = next) {
		next = x->next;
		append(parent, x);
	}
	from->child = from->last = NULL;
}

static void
root_add(struct threads *t, struct node *x)
{
	t->root =
	    mem_grow(t->root, &t->caproots, t->nroots + 1, sizeof *t->root);
	x->parent = NULL;
	x->slot = t->nroots;
	t->root[t->nroots++] = x;
}

/* Children of nodes from all nodes' parents; then the order from above to
 * below: a node stands behind its parent. */
static struct node **
in_order(struct threads *t, size_t *roots)
{
	struct node **v = mem_alloc((t->n + 1) * sizeof *v), *x;
	size_t i, n = 0;

	for (i = 0; i < t->n; i++) {
		x = t->v[i];
		if (x->parent)
			append(x->parent, x);
		else
			v[n++] = x;
	}
	*roots = n;
	for (i = 0; i < n; i++)
		for (x = v[i]->child; x; x = x->next)
			v[n++] = x;
	return v;
}

/* Steps 2 and 3: who has no parent is a root; dummies go, but those that
 * hold several threads together. */
static void
prune(struct threads *t)
{
	size_t i, roots;
	struct node **v = in_order(t, &roots), *x, *c, *next;

	for (i = t->n; i-- > 0;) {
		x = v[i];
		c = x->child;
		x->child = x->last = NULL;
		for (; c; c = next) {
			next = c->next;
			if (c->number)
				append(x, c);
			else
				append_all(x, c);
		}
	}
	for (i = 0; i < roots; i++) {
		x = v[i];
		c = x->child;
		if (!x->number && c && !c->next) {
			x->child = x->last = NULL;
			x = c;
		}
		if (x->number || x->child)
			root_add(t, x);
	}
	free(v);
}

/* --- steps 4 and 6: order --- */

/* Whose date counts. */
static const struct node *
first_of(const struct node *x)
{
	return x->number || !x->child ? x : x->child;
}

static int
by_date(const void *a, const void *b)
{
	const struct node *x = first_of(*(struct node *const *)a);
	const struct node *y = first_of(*(struct node *const *)b);

	if (x->sent != y->sent)
		return x->sent < y->sent ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void
sort_children(struct node *x, struct node ***v, size_t *cap)
{
	struct node *c;
	size_t i, n = 0;

	if (!x->child || !x->child->next)
		return;
	for (c = x->child; c; c = c->next) {
		*v = mem_grow(*v, cap, n + 1, sizeof **v);
		(*v)[n++] = c;
	}
	qsort(*v, n, sizeof **v, by_date);
	x->child = x->last = NULL;
	for (i = 0; i < n; i++)
		append(x, (*v)[i]);
}

/* Roots that are still there, in their order. */
static void
sort_roots(struct threads *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->nroots; i++)
		if (!t->root[i]->gone)
			t->root[n++] = t->root[i];
	t->nroots = n;
	if (n > 1)
		qsort(t->root, n, sizeof *t->root, by_date);
	for (i = 0; i < n; i++)
		t->root[i]->slot = i;
}

/* --- step 5: threads of one subject --- */

static struct cur
thread_subject(const struct node *root)
{
	return first_of(root)->subject;
}

static bool
is_reply(const struct node *root)
{
	return root->number && root->reply;
}

/* 5 (B) */
static void
fill(struct threads *t, struct table *subjects)
{
	size_t i;

	for (i = 0; i < t->nroots; i++) {
		struct node *x = t->root[i];
		struct cur subject = thread_subject(x);
		struct entry *e;

		if (cur_len(&subject) == 0)
			continue;
		e = find(t, subjects, subject);
		if (!e->node ||
		    (e->node->number &&
		     (!x->number || (is_reply(e->node) && !is_reply(x)))))
			e->node = x;
	}
}

/* Both become children of a dummy, in the place of the first. */
static struct node *
join(struct threads *t, struct node *at, struct node *x)
{
	struct node *dummy = node_new(t);

	dummy->slot = at->slot;
	t->root[at->slot] = dummy;
	append(dummy, at);
	append(dummy, x);
	return dummy;
}

/* 5 (C) */
static void
merge(struct threads *t, struct table *subjects)
{
	size_t i;

	for (i = 0; i < t->nroots; i++) {
		struct node *x = t->root[i];
		struct cur subject = thread_subject(x);
		struct entry *e;

		if (x->gone || cur_len(&subject) == 0)
			continue;
		e = find(t, subjects, subject);
		if (e->node == x)
			continue;
		if (!e->node->number && !x->number)
			append_all(e->node, x);
		else if (!e->node->number ||
		         (is_reply(x) && !is_reply(e->node)))
			append(e->node, x);
		else
			e->node = join(t, e->node, x);
		x->gone = true;
	}
}

/* --- the answer --- */

/* Where a list begins: its messages up to where it forks or ends.  Returns
 * the last of them. */
static const struct node *
add_run(struct str *x, const struct node *at)
{
	str_addc(x, '(');
	if (!at->number)
		return at;
	str_addu(x, at->number);
	while (at->child && !at->child->next) {
		at = at->child;
		str_addc(x, ' ');
		str_addu(x, at->number);
	}
	if (at->child)
		str_addc(x, ' ');
	return at;
}

static bool
is_only_child(const struct node *x)
{
	return x->parent && x->parent->child == x && !x->next;
}

static void
add_thread(struct str *x, const struct node *root)
{
	const struct node *at = add_run(x, root);

	for (;;) {
		if (at->child) {
			at = add_run(x, at->child);
			continue;
		}
		/* Close lists up to one that has another behind it. */
		for (;;) {
			while (is_only_child(at))
				at = at->parent;
			str_addc(x, ')');
			if (at == root)
				return;
			if (at->next)
				break;
			at = at->parent;
		}
		at = add_run(x, at->next);
	}
}

void
threads_by_references(struct threads *t, struct str *x)
{
	struct table subjects = {0};
	struct node **v = NULL;
	size_t i, cap = 0;

	prune(t);
	for (i = 0; i < t->nroots; i++)
		if (!t->root[i]->number)
			sort_children(t->root[i], &v, &cap);
	sort_roots(t);
	fill(t, &subjects);
	merge(t, &subjects);
	for (i = 0; i < t->n; i++)
		sort_children(t->v[i], &v, &cap);
	sort_roots(t);
	for (i = 0; i < t->nroots; i++)
		add_thread(x, t->root[i]);
	free(subjects.v);
	free(v);
}

/* --- ORDEREDSUBJECT --- */

void
threads_by_subject(struct threads *t, struct str *x)
{
	struct table subjects = {0};
	size_t i, n = t->n;

	/* Dates first: then every thread is in order as it is made. */
	for (i = 0; i < n; i++)
		if (t->v[i]->number)
			root_add(t, t->v[i]);
	sort_roots(t);
	for (i = 0; i < t->nroots; i++) {
		struct node *m = t->root[i];
		struct entry *e = find(t, &subjects, m->subject);

		m->child = m->last = m->next = NULL;
		if (e->node) {
			append(e->node, m);
			m->gone = true;
		} else {
			e->node = m;
		}
	}
	for (i = 0; i < t->nroots; i++)
		if (!t->root[i]->gone)
			add_thread(x, t->root[i]);
	free(subjects.v);
}
