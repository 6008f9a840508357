/* set - the messages of the selected mailbox that a set of numbers or UIDs names
 * (RFC 9051 9, sequence-set).  Pure.  Called by box.c and criteria.c. */
#include "imap.h"

#include "mem.h"

#include <stdlib.h>

/* The first place whose UID is not below. */
size_t
box_lower(const struct box *b, uint32_t uid)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->v[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int
box_range(const struct box *b, const struct range *r, bool uid, size_t *from,
          size_t *to)
{
	uint32_t lo = r->lo < r->hi ? r->lo : r->hi;
	uint32_t hi = r->lo < r->hi ? r->hi : r->lo;
	uint32_t last = (uint32_t)b->n;

	if (uid)
		last = b->n > 0 ? b->v[b->n - 1].uid : 0;
	/* * is the last one, and n:* has it even if n is greater. */
	lo = hi == UINT32_MAX && lo > last ? last : lo;
	hi = hi == UINT32_MAX ? last : hi;
	*from = uid ? box_lower(b, lo) : lo > 0 ? lo - 1 : 0;
	*to = !uid ? hi : hi == UINT32_MAX ? b->n : box_lower(b, hi + 1);
	return *to > b->n ? -1 : 0;
}

/* Note where ranges begin and end, then go through all places once: 20,000 ranges
 * cost no more than they are long. */
int
box_mark(struct session *s, const struct set *set, bool uid, bool *in)
{
	const struct box *b = &s->box;
	int32_t *step = mem_alloc((b->n + 1) * sizeof *step), inside = 0;
	size_t i, from, to;
	int r = 0;

	for (i = 0; r == 0 && i < set->n; i++) {
		r = box_range(b, &set->v[i], uid, &from, &to);
		if (r < 0 || from >= to)
			continue;
		step[from]++;
		step[to]--;
	}
	for (i = 0; i < b->n; i++) {
		inside += step[i];
		in[i] = inside > 0;
	}
	free(step);
	return r;
}
