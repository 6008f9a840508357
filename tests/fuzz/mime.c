/* mime - fuzz target: whatever comes makes a tree whose parts lie in one
 * another, in order; in pieces it is the same tree; what is said of it follows
 * the grammar.
 * With: imapd/mime.c imapd/mimehead.c imapd/param.c imapd/field.c imapd/structure.c imapd/envelope.c imapd/address.c imapd/out.c */
#include "imapd/mime.h"

#include "imapdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct part *
parse(struct arena *a, const uint8_t *data, size_t n, size_t step)
{
	struct mime *m = mime_open(a);
	size_t i;

	for (i = 0; i < n; i += step)
		mime_feed(m, (const char *)data + i,
		          n - i < step ? n - i : step);
	return mime_end(m);
}

static void
check_part(const struct part *p, const uint8_t *data, size_t depth)
{
	const struct part *c;
	uint64_t at = p->body, lines = 0, i;

	must(depth < MIME_DEPTH);
	must(p->head <= p->body && p->body <= p->end);
	must(p->type.p < p->type.e && p->subtype.p < p->subtype.e);
	for (i = p->body; i < p->end; i++)
		lines += data[i] == '\n';
	must(lines == p->lines);
	must(p->kind != MIME_MESSAGE || (p->child && !p->child->next));
	must(!p->child || p->kind == MIME_MESSAGE || p->kind == MIME_MULTIPART);
	for (c = p->child; c; c = c->next) {
		must(c->parent == p && c->head >= at && c->end <= p->end);
		must(p->kind != MIME_MESSAGE ||
		     (c->head == p->body && c->end == p->end));
		at = c->end;
		check_part(c, data, depth + 1);
	}
}

static void
check_same(const struct part *a, const struct part *b)
{
	for (; a && b; a = a->next, b = b->next) {
		must(a->head == b->head && a->body == b->body);
		must(a->end == b->end && a->lines == b->lines);
		must(cur_len(&a->header) == cur_len(&b->header));
		check_same(a->child, b->child);
	}
	must(!a && !b);
}

static void
check_answer(const struct part *a, const struct part *b, bool ext)
{
	struct str x = {0}, y = {0};
	struct cur c;

	structure_write(&x, a, ext);
	structure_write(&y, b, ext);
	must(x.n == y.n && memcmp(x.s, y.s, x.n) == 0);
	c = str_cur(&x);
	data_body(&c, ext);
	must(cur_len(&c) == 0);
	str_free(&x);
	str_free(&y);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0}, b = {0};
	struct part *x, *y;
	size_t step;

	if (n == 0)
		return 0;
	step = 1 + *data++ % 32;
	n--;
	x = parse(&a, data, n, n + 1);
	y = parse(&b, data, n, step);
	must(x->head == 0 && x->end == n);
	check_part(x, data, 0);
	check_same(x, y);
	check_answer(x, y, false);
	check_answer(x, y, true);
	arena_free(&a);
	arena_free(&b);
	return 0;
}
