/* summary - how many recipients wait for each destination, and for what.
 * Memory is bounded: what comes when the table is full is one line. */
#include "mailq.h"

#include "addr.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 10000, SLOTS = 32768, REASON_MAX = 200 };

struct row {
	char *domain, *reason;
	unsigned long count;
};

struct summary {
	struct row row[ROWS];
	size_t n;
	unsigned long others; /* that did not fit */
	unsigned long all;
	unsigned short slot[SLOTS]; /* index of a row + 1, 0: free */
};

_Static_assert(ROWS<65535 && SLOTS> 2 * ROWS, "slots hold row numbers");

struct summary *
summary_new(void)
{
	return mem_alloc(sizeof(struct summary));
}

static size_t
hash(const char *a, const char *b)
{
	return (hash_of(a, strlen(a)) + 33 * hash_of(b, strlen(b))) % SLOTS;
}

static void
add(struct summary *s, const char *domain, const char *reason)
{
	size_t h = hash(domain, reason);
	struct row *r;

	s->all++;
	for (; s->slot[h]; h = (h + 1) % SLOTS) {
		r = &s->row[s->slot[h] - 1];
		if (strcmp(r->domain, domain) == 0 &&
		    strcmp(r->reason, reason) == 0) {
			r->count++;
			return;
		}
	}
	if (s->n == ROWS) {
		s->others++;
		return;
	}
	r = &s->row[s->n++];
	s->slot[h] = (unsigned short)s->n;
	r->domain = str_dup(domain);
	r->reason = str_dup(reason);
	r->count = 1;
}

void
summary_add(struct summary *s, const struct view *v)
{
	const struct envelope *e = &v->m->env;
	char domain[ADDR_DOMAIN_MAX + 1];
	char reason[REASON_MAX + 1];
	size_t i;

	for (i = 0; i < e->nrcpt; i++) {
		const char *why = v->reason[i];

		if (!why)
			continue;
		if (addr_to_ascii(addr_domain(e->rcpt[i].addr), domain) < 0)
			domain[0] = '\0';
		snprintf(reason, sizeof reason, "%s", *why ? why : v->queue);
		add(s, domain, reason);
	}
}

static int
by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->domain, y->domain);
}

void
summary_print(struct summary *s)
{
	size_t i;

	qsort(s->row, s->n, sizeof s->row[0], by_count);
	for (i = 0; i < s->n; i++) {
		printf("%7lu %-30s %s\n", s->row[i].count, s->row[i].domain,
		       s->row[i].reason);
		free(s->row[i].domain);
		free(s->row[i].reason);
	}
	if (s->others > 0)
		printf("%7lu %s\n", s->others, "others");
	printf("%7lu recipients wait\n", s->all);
	free(s);
}
