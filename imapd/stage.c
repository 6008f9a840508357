/* stage - see stage.h. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PORTION = 65536 };

#ifndef O_TMPFILE
#define O_TMPFILE 0
#endif

/* A file that nobody else can open. */
static int
nameless(const char *dir)
{
	struct str name = {0};
	int fd = -1;

	if (O_TMPFILE)
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		str_addf(&name, "%s/stage.XXXXXX", dir);
		fd = mkostemp(name.s, O_CLOEXEC);
		if (fd >= 0)
			unlink(name.s);
		str_free(&name);
	}
	return fd;
}

int
stage_open(struct stage *g, const char *dir)
{
	int err;

	*g = (struct stage){.fd = nameless(dir)};
	if (g->fd >= 0)
		return 0;
	err = errno;
	g->fd = nameless("/tmp");
	errno = err; /* what is the matter with dir is the reason */
	return g->fd < 0 ? -1 : 0;
}

void
stage_close(struct stage *g)
{
	if (g->fd >= 0)
		close(g->fd);
	str_free(&g->buf);
	free(g->v);
	g->fd = -1;
}

static void
flush(struct stage *g)
{
	if (!g->err && g->buf.n > 0 &&
	    io_pwriteall(g->fd, g->buf.s, g->buf.n,
	                 (off_t)(g->len - g->buf.n)) < 0)
		g->err = errno;
	str_clear(&g->buf);
}

struct store_new *
stage_begin(struct stage *g)
{
	struct store_new *m;

	g->v = mem_grow(g->v, &g->cap, g->n + 1, sizeof *g->v);
	m = &g->v[g->n++];
	*m = (struct store_new){.fd = g->fd, .off = g->len};
	return m;
}

void
stage_write(struct stage *g, const char *p, size_t n)
{
	str_add(&g->buf, p, n);
	g->len += n;
	g->v[g->n - 1].len += n;
	if (g->buf.n >= PORTION)
		flush(g);
}

int
stage_read(struct stage *g, struct store *from, const struct index_msg *m)
{
	struct store_new *to = stage_begin(g);
	struct store_reader r;
	struct str out = {0};
	ssize_t n;

	to->date = m->date;
	to->flags = m->flags & ~(unsigned)FLAG_OLD;
	to->keywords = m->keywords;
	if (store_read(from, m->uid, &r) < 0) {
		g->n--;
		return errno == ESTALE ? 0 : -1;
	}
	while ((n = store_get(from, &r, &out)) > 0) {
		stage_write(g, out.s, out.n);
		str_clear(&out);
	}
	store_read_end(from, &r);
	str_free(&out);
	return n < 0 ? -1 : 1;
}

/* 0, or -1 with the answer given. */
static int
translate(struct session *s, const struct store *from, struct store *to,
          uint64_t words, uint64_t *bits)
{
	struct cur name;
	struct flags one = {.word = &name, .n = 1};
	uint64_t bit;
	int i;

	for (*bits = 0, i = 0; i < INDEX_KEYWORDS; i++) {
		if (!(words >> i & 1))
			continue;
		name = index_keyword_name(&from->index, i);
		if (flags_keywords(s, to, &one, true, &bit) < 0)
			return -1;
		*bits |= bit;
	}
	return 0;
}

int
stage_keywords(struct session *s, struct stage *g, const struct store *from,
               struct store *to)
{
	uint64_t words = 0, bits = 0;
	size_t i;

	for (i = 0; i < g->n; i++) {
		uint64_t *k = &g->v[i].keywords;

		/* Neighbours mostly have the same, mostly none. */
		if (*k != words && translate(s, from, to, *k, &bits) < 0)
			return -1;
		words = *k;
		*k = bits;
	}
	return 0;
}

int
stage_add(struct session *s, struct stage *g, struct store *st, uint32_t **uid)
{
	bool sure = true;
	int named;
	size_t i;

	flush(g);
	if (g->err) {
		errno = g->err;
		return no_store(s, st) - 1;
	}
	named = st->index.fd < 0 ? 1 : store_is_named(st);
	if (named < 0)
		return no_store(s, st) - 1;
	/* It was removed, or renamed, while the messages came. */
	if (named == 0)
		return no(s, "[TRYCREATE] there is no such mailbox") - 1;
	*uid = arena_alloc(&s->arena, (g->n + 1) * sizeof **uid);
	if (store_add(st, g->v, g->n, *uid) < 0)
		return (errno == EDQUOT
		            ? no(s,
		                 "[OVERQUOTA] the mailbox would be too large")
		            : no_store(s, st)) -
		       1;
	for (i = 0; i < g->n; i++)
		if ((*uid)[i] == 0)
			sure = false;
	if (!sure)
		*uid = NULL;
	return 0;
}

int
stage_put(struct session *s, struct stage *g, struct store *st, uint32_t **uid)
{
	int turn, r;

	if (turn_take(s, TURN_ADD, &turn) < 0)
		return -1;
	r = stage_add(s, g, st, uid);
	turn_leave(turn);
	return r;
}
