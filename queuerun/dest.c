/* dest - pieces wait here for a job, by destination; see run.h. */
#include "addr.h"
#include "mem.h"
#include "run.h"

#include <stdlib.h>

enum { WINDOW_START = 5 };

/* For other hosts it is the domain, in its one form. */
static const char *
key_of(const struct run *r, const struct target *t,
       char ascii[ADDR_DOMAIN_MAX + 1])
{
	const char *key = t->dest;

	if (t->kind != ROUTE_REMOTE)
		return key;
	key = *r->conf->smarthost ? "" : addr_domain(key);
	return addr_to_ascii(key, ascii) == 0 ? ascii : key;
}

static size_t
hash(enum route_kind kind, const char *key)
{
	return (hash_of(key, strlen(key)) + (size_t)kind) % DEST_HASH;
}

/* The destination of that name, or NULL. */
static struct dest *
find(const struct run *r, const struct target *t, const char *key)
{
	const char *user = t->user ? t->user : "";
	struct dest *d;

	for (d = r->dest[hash(t->kind, key)]; d; d = d->next)
		if (d->kind == t->kind && strcmp(d->key, key) == 0 &&
		    strcmp(d->user, user) == 0)
			break;
	return d;
}

static struct dest *
make(struct run *r, const struct target *t, const char *key)
{
	struct dest **at = &r->dest[hash(t->kind, key)],
	            *d = mem_alloc(sizeof *d);
	const char *user = t->user ? t->user : "";

	d->kind = t->kind;
	d->key = str_dup(key);
	d->user = str_dup(user);
	d->last = &d->first;
	d->window = 1;
	if (d->kind == ROUTE_REMOTE)
		d->window = r->conf->destination_limit < WINDOW_START
		                ? (unsigned)r->conf->destination_limit
		                : WINDOW_START;
	d->next = *at;
	*at = d;
	return d;
}

void
dest_add(struct run *r, struct piece *p)
{
	char ascii[ADDR_DOMAIN_MAX + 1];
	const char *key = key_of(r, p->to, ascii);
	struct dest *d = find(r, p->to, key);

	if (!d)
		d = make(r, p->to, key);
	d->open++;
	p->next = NULL;
	*d->last = p;
	d->last = &p->next;
	dest_line_up(r, d);
}

size_t
dest_open(const struct run *r, const struct piece *p)
{
	char ascii[ADDR_DOMAIN_MAX + 1];
	const struct dest *d = find(r, p->to, key_of(r, p->to, ascii));

	return d ? d->open : 0;
}

struct line *
dest_line(struct run *r, const struct dest *d)
{
	switch (d->kind) {
	case ROUTE_REMOTE: return &r->line[LINE_HOST];
	case ROUTE_PROGRAM: return &r->line[LINE_PROGRAM];
	default: return &r->line[LINE_MAILBOX];
	}
}

void
dest_line_up(struct run *r, struct dest *d)
{
	struct line *l = dest_line(r, d);

	if (d->ready || !d->first || d->running >= d->window)
		return;
	d->ready = true;
	d->next_ready = NULL;
	*l->last = d;
	l->last = &d->next_ready;
}

struct dest *
dest_ready(struct line *l)
{
	struct dest *d = l->first;

	if (!d)
		return NULL;
	l->first = d->next_ready;
	if (!l->first)
		l->last = &l->first;
	d->ready = false;
	return d;
}

void
dest_drop(struct run *r, struct dest *d)
{
	struct dest **at = &r->dest[hash(d->kind, d->key)];

	if (d->first || d->running || d->ready)
		return;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	free(d->key);
	free(d->user);
	free(d);
}
