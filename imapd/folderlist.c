/* folderlist - all names of mailboxes as one sorted list: folder_list() of folder.h.
 * Called for LIST, LSUB, DELETE and RENAME.  Its time grows with what is there, and with
 * the sort of it; it opens no mailbox. */
#include "folderkind.h"

#include <errno.h>
#include <stdlib.h>

int
names_add(struct names *l, struct cur name, unsigned is)
{
	size_t n = cur_len(&name);
	const char *p;

	if (l->n >= FOLDER_MOST) {
		errno = EOVERFLOW;
		return -1;
	}
	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
	p = arena_dup(l->arena, name.p, n);
	l->v[l->n++] = (struct folder){
	    .name = {p, p + n},
              .is = is
        };
	return 0;
}

/* --- order: INBOX, then by bytes, where a separator comes before all --- */

static size_t
common(struct cur a, struct cur b)
{
	size_t i = 0, n = cur_len(&a) < cur_len(&b) ? cur_len(&a) : cur_len(&b);

	while (i < n && a.p[i] == b.p[i])
		i++;
	return i;
}

static int
rank(struct cur c, size_t i, char separator)
{
	if (i == cur_len(&c))
		return -2;
	return c.p[i] == separator ? -1 : (unsigned char)c.p[i];
}

static bool
is_inbox(struct cur c, char separator)
{
	return cur_len(&c) >= 5 && memcmp(c.p, "INBOX", 5) == 0 &&
	       (cur_len(&c) == 5 || c.p[5] == separator);
}

static int
compare(const void *a, const void *b, char separator)
{
	struct cur x = ((const struct folder *)a)->name;
	struct cur y = ((const struct folder *)b)->name;
	bool first = is_inbox(x, separator);
	size_t i = common(x, y);

	if (first != is_inbox(y, separator))
		return first ? -1 : 1;
	return rank(x, i, separator) - rank(y, i, separator);
}

static int
by_slash(const void *a, const void *b)
{
	return compare(a, b, '/');
}

static int
by_dot(const void *a, const void *b)
{
	return compare(a, b, '.');
}

/* --- the list --- */

/* The next name of a list in order: once each, and behind every level above it. */
static void
add_levels(const struct folders *f, struct names *l, struct folder x)
{
	size_t n = cur_len(&x.name), shared = 0, had = 0, i;

	if (l->n > 0) {
		struct folder *before = &l->v[l->n - 1];

		shared = common(before->name, x.name);
		had = cur_len(&before->name);
		if (shared == n && had == n) {
			before->is |= x.is;
			return;
		}
	}
	for (i = 1; i <= n; i++) {
		/* A level is there when the name before is it, or lies in it. */
		if ((i < n && x.name.p[i] != f->separator) || i < shared ||
		    (i == shared && i == had))
			continue;
		l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
		l->v[l->n++] = (struct folder){
		    .name = {x.name.p, x.name.p + i},
		    .is = i == n ? x.is : FOLDER_NOSELECT,
		};
	}
}

/* Which name is above which. */
static void
set_up(const struct folders *f, struct folder *v, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		v[i].up = i;
		if (i == 0)
			continue;
		for (k = i - 1;; k = v[k].up) {
			if (folder_is_below(f, v[i].name, v[k].name)) {
				v[i].up = k;
				break;
			}
			if (v[k].up == k)
				break;
		}
	}
}

static void
set_children(struct folder *v, size_t n)
{
	size_t i;

	for (i = n; i-- > 0;) {
		if (!(v[i].is & FOLDER_CHILDREN))
			v[i].is |= FOLDER_NOCHILDREN;
		if (v[i].up != i && v[i].is & (FOLDER_EXISTS | FOLDER_CHILDREN))
			v[v[i].up].is |= FOLDER_CHILDREN;
	}
}

bool
folder_knows_subscriptions(const struct folders *f)
{
	return !f->unread;
}

int
folder_list(struct folders *f, struct arena *a, struct folder **v, size_t *n)
{
	struct names raw = {.arena = a}, l = {.arena = a};
	size_t i;
	int r;

	names_add(&raw, cur_of("INBOX"),
	          FOLDER_EXISTS | (f->maildir ? 0 : FOLDER_NOINFERIORS));
	r = f->maildir ? maildir_list(f, &raw) : tree_list(f, &raw);
	if (r == 0) {
		f->unread = subscribe_list(f, &raw) < 0;
		qsort(raw.v, raw.n, sizeof *raw.v,
		      f->maildir ? by_dot : by_slash);
		for (i = 0; i < raw.n; i++)
			add_levels(f, &l, raw.v[i]);
		set_up(f, l.v, l.n);
		set_children(l.v, l.n);
		use_mark(f, l.v, l.n);
		*n = l.n;
		*v = arena_alloc(a, l.n * sizeof *l.v);
		memcpy(*v, l.v, l.n * sizeof *l.v);
	}
	free(raw.v);
	free(l.v);
	return r;
}
