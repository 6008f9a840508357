/* param - see param.h.  Called for every part of every message: never more
 * than n log n in what comes.  Senders forget semicolons and quotes; what can
 * be read is. */
#include "param.h"

#include <stdlib.h>

enum { SECTIONS = 100000 };

/* A piece of a value: name*3 or name*3* (RFC 2231 3, 4.1). */
struct piece {
	struct cur base;
	unsigned long long section;
	bool extended;
	size_t order;
	struct param *param;
};

struct cur
param_token(struct arena *a, struct cur *c, const char *stops)
{
	size_t n = strlen(stops) + 1; /* and NUL */
	struct cur t;

	header_space(c);
	t = *c;
	if (cur_peek(c) == '"') {
		char *to;

		c->p = header_quoted(t.p, t.e);
		t.e = c->p;
		to = arena_alloc(a, cur_len(&t));
		t = (struct cur){to, header_unquote(to, t.p, t.e)};
	} else {
		while (c->p < c->e && !memchr(stops, *c->p, n))
			c->p++;
		t.e = c->p;
	}
	header_space(c);
	return t;
}

struct cur
param_find(const struct param *p, const char *name)
{
	for (; p; p = p->next)
		if (cur_is(&p->name, name))
			return p->value;
	return (struct cur){NULL, NULL};
}

/* --- values in pieces --- */

/* Is it a piece of another? */
static bool
piece_read(struct piece *x, struct param *p)
{
	struct cur n = p->name, base;

	cur_until(&n, "*", &base);
	if (!cur_take(&n, '*') || cur_number(&n, SECTIONS, &x->section) < 0)
		return false;
	x->extended = cur_take(&n, '*');
	x->base = base;
	x->param = p;
	return cur_len(&n) == 0 && cur_len(&base) > 0;
}

static int
by_name(const struct cur *a, const struct cur *b)
{
	size_t m = cur_len(a), n = cur_len(b), i;

	for (i = 0; i < m && i < n; i++) {
		int d = str_lower(a->p[i]) - str_lower(b->p[i]);

		if (d)
			return d;
	}
	return (m > n) - (m < n);
}

static int
by_place(const void *x, const void *y)
{
	const struct piece *a = x, *b = y;
	int d = by_name(&a->base, &b->base);

	if (d == 0)
		d = (a->section > b->section) - (a->section < b->section);
	return d ? d : (a->order > b->order) - (a->order < b->order);
}

/* A plain piece of an extended value. */
static char *
escape(char *to, struct cur c)
{
	static const char hex[] = "0123456789abcdef",
	                  special[] = "%'*()<>@,;:\\\"/[]?=";

	for (; c.p < c.e; c.p++) {
		unsigned char b = (unsigned char)*c.p;

		if (b > ' ' && b < 0x7f &&
		    !memchr(special, b, sizeof special - 1)) {
			*to++ = *c.p;
			continue;
		}
		*to++ = '%';
		*to++ = hex[b >> 4];
		*to++ = hex[b & 15];
	}
	return to;
}

/* Join n pieces: as name*, still encoded, if one of them is. */
static void
pieces_join(struct arena *a, const struct piece *x, size_t n)
{
	struct param *p = x->param;
	bool extended = false;
	char *from, *to;
	size_t i, len = 2;

	for (i = 0; i < n; i++) {
		extended |= x[i].extended;
		len += cur_len(&x[i].param->value);
	}
	from = to = arena_alloc(a, extended ? 3 * len : len);
	/* The charset is in the first piece or nowhere. */
	if (extended && !x->extended) {
		*to++ = '\'';
		*to++ = '\'';
	}
	for (i = 0; i < n; i++) {
		struct cur v = x[i].param->value;

		if (extended && !x[i].extended) {
			to = escape(to, v);
		} else {
			memcpy(to, v.p, cur_len(&v));
			to += cur_len(&v);
		}
	}
	/* Behind base stands the star of its first piece. */
	p->name = (struct cur){x->base.p, x->base.e + extended};
	p->value = (struct cur){from, to};
}

/* Put the pieces behind the others; those that do not begin with 0 or leave a
 * gap stay what they are. */
static void
pieces_link(struct arena *a, struct piece *x, size_t n, struct param **end)
{
	size_t i, j, k;

	qsort(x, n, sizeof *x, by_place);
	for (i = 0; i < n; i = j) {
		bool whole = true;

		for (j = i; j < n && by_name(&x[i].base, &x[j].base) == 0; j++)
			whole &= x[j].section == j - i;
		if (whole)
			pieces_join(a, x + i, j - i);
		for (k = i; k < (whole ? i + 1 : j); k++) {
			*end = x[k].param;
			end = &x[k].param->next;
		}
	}
	*end = NULL;
}

static void
params_join(struct arena *a, struct param **first)
{
	struct param **end = first, *p;
	struct piece *x, one = {0};
	size_t n = 0;

	for (p = *first; p; p = p->next)
		n += piece_read(&one, p);
	if (n == 0)
		return;
	x = arena_alloc(a, n * sizeof *x);
	n = 0;
	for (p = *first; p; p = p->next) {
		if (piece_read(&one, p)) {
			one.order = n;
			x[n++] = one;
		} else {
			*end = p;
			end = &p->next;
		}
	}
	pieces_link(a, x, n, end);
}

/* --- the list --- */

/* name = value */
static bool
param_take(struct arena *a, struct cur *c, struct cur *name, struct cur *value)
{
	*name = param_token(a, c, "=;( \t\r\n");
	if (!cur_take(c, '='))
		return false;
	*value = param_token(a, c, ";( \t\r\n");
	return name->p < name->e;
}

struct param *
params_take(struct arena *a, struct cur c, size_t *left)
{
	struct param *first = NULL, **end = &first, *p;
	struct cur name, value;

	while (c.p<c.e && * left> 0) {
		header_space(&c);
		if (cur_take(&c, ';') || !param_take(a, &c, &name, &value))
			continue;
		p = arena_alloc(a, sizeof *p);
		*p = (struct param){name, value, NULL};
		*end = p;
		end = &p->next;
		--*left;
	}
	params_join(a, &first);
	return first;
}
