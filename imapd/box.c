/* box - the selected mailbox: SELECT, EXAMINE (RFC 9051 6.3.2, 6.3.3), CLOSE,
 * UNSELECT, CHECK, and what messages a set names. */
#include "imap.h"

#include "cache.h"
#include "folder.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>

/* --- messages --- */

const struct index_msg *
box_msg(const struct session *s, size_t i)
{
	const struct store *st = &s->box.store;
	uint32_t uid = s->box.v[i].uid;
	ssize_t k;

	/* Mostly nothing went that the client does not know. */
	if (i < store_count(st) && store_msg(st, i)->uid == uid)
		return store_msg(st, i);
	k = store_find(st, uid);
	return k < 0 ? NULL : store_msg(st, (size_t)k);
}

ssize_t
box_place(const struct session *s, uint32_t uid)
{
	size_t i = box_lower(&s->box, uid);

	return i < s->box.n && s->box.v[i].uid == uid ? (ssize_t)i : -1;
}

static int
set_saved(struct session *s, uint32_t **at, size_t *n)
{
	const struct box *b = &s->box;
	size_t i;

	*at = arena_alloc(&s->arena, (b->nfound + 1) * sizeof **at);
	for (*n = i = 0; i < b->nfound; i++) {
		ssize_t k = box_place(s, b->found[i]);

		if (k >= 0)
			(*at)[(*n)++] = (uint32_t)k;
	}
	return 0;
}

int
box_set(struct session *s, const struct set *set, uint32_t **at, size_t *n)
{
	size_t i = 0, end = s->box.n;
	bool *in = NULL, one = set->n == 1;

	if (set->saved)
		return set_saved(s, at, n);
	if (!one)
		in = arena_alloc(&s->arena, end + 1);
	if (one ? box_range(&s->box, set->v, s->uid, &i, &end)
	        : box_mark(s, set, s->uid, in))
		return bad(s, "there is no message of that number") - 1;
	*at = arena_alloc(&s->arena, (end > i ? end - i : 1) * sizeof **at);
	for (*n = 0; i < end; i++)
		if (one || in[i])
			(*at)[(*n)++] = (uint32_t)i;
	return 0;
}

uint32_t *
box_uids(struct session *s, const uint32_t *at, size_t n)
{
	uint32_t *uid = arena_alloc(&s->arena, (n + 1) * sizeof *uid);
	size_t i;

	for (i = 0; i < n; i++)
		uid[i] = s->box.v[at[i]].uid;
	return uid;
}

/* --- opening --- */

static struct store_how
how(const struct session *s)
{
	return (struct store_how){.state = s->records.s,
	                          .owner = s->user->uid,
	                          .dot_optional = s->own,
	                          .patience = IMAP_PATIENCE,
	                          .limit = s->conf->mailbox_limit};
}

/* The path of a mailbox that exists, or NULL: the answer was given. */
static char *
path_of(struct session *s, struct cur name, bool try)
{
	int there = folder_exists(s->folders, name);
	char *path = there > 0 ? folder_path(s->folders, name) : NULL;

	if (path)
		return path;
	if (there == 0 || errno == ENOENT)
		no(s, "[%s] there is no such mailbox",
		   try ? "TRYCREATE" : "NONEXISTENT");
	else if (errno == EINVAL)
		no(s, "[CANNOT] there can be no mailbox of that name");
	else if (errno == ENOTSUP)
		no(s, "[CANNOT] that is no mailbox, but a place for others");
	else
		no(s, "[%s] cannot open that mailbox: %s",
		   errno == EACCES || errno == ELOOP ? "NOPERM" : "SERVERBUG",
		   strerror(errno));
	return NULL;
}

static struct store *
visit(struct session *s, struct cur name, bool try, bool peek,
      struct store *other)
{
	const struct store_how h = how(s);
	char *path = path_of(s, name, try), *mine;
	struct store *st = &s->box.store;
	int r;

	if (!path)
		return NULL;
	mine = arena_dup(&s->arena, path, strlen(path));
	free(path);
	path = NULL;
	if (s->box.open && !s->box.asleep && strcmp(mine, st->path) == 0 &&
	    store_is_named(st) > 0)
		r = store_sync(st);
	else
		r = (peek ? store_peek : store_open)(st = other, mine, &h);
	if (r < 0) {
		no_store(s, st);
		return NULL;
	}
	/* One that was removed or renamed just now is not an empty one. */
	if (store_count(st) == 0 && !(path = path_of(s, name, try))) {
		box_leave(s, st);
		return NULL;
	}
	free(path);
	return st;
}

struct store *
box_visit(struct session *s, struct cur name, bool try, struct store *other)
{
	return visit(s, name, try, false, other);
}

struct store *
box_peek(struct session *s, struct cur name, struct store *other)
{
	return visit(s, name, false, true, other);
}

void
box_leave(struct session *s, struct store *st)
{
	if (st != &s->box.store)
		store_close(st);
}

/* --- leaving --- */

void
box_close(struct session *s)
{
	struct box *b = &s->box;

	if (!b->open)
		return;
	cache_flush(s);
	/* Who did not look at the messages did nothing to them. */
	if (!b->readonly && !b->asleep && store_keep(&b->store) < 0)
		log_warn("%s: flags not written: %s", b->store.path,
		         b->store.why);
	cache_close(s);
	store_close(&b->store);
	free(b->path);
	free(b->name);
	free(b->v);
	free(b->found);
	*b = (struct box){0};
	s->state = USER;
}

/* Remove what has \Deleted.  0, or -1 with the answer given. */
int
box_purge(struct session *s, const uint32_t *at, size_t n)
{
	uint32_t *uid = arena_alloc(&s->arena, (n + 1) * sizeof *uid);
	struct store *st = &s->box.store;
	size_t i, k = 0, gone;

	if (store_sync(st) < 0) {
		no_store(s, st);
		return -1;
	}
	for (i = 0; i < n; i++) {
		const struct index_msg *m = box_msg(s, at[i]);

		if (m && m->flags & FLAG_DELETED)
			uid[k++] = m->uid;
	}
	if (store_purge(st, uid, k, &gone) == 0)
		return 0;
	no_store(s, st);
	return -1;
}

int
box_purged(struct session *s)
{
	if (!(s->on & ON_QRESYNC))
		return ok(s, "done");
	return ok(s, "[HIGHESTMODSEQ %llu] done",
	          (unsigned long long)s->box.store.index.head.modseq);
}

uint32_t *
box_all(struct session *s)
{
	uint32_t *at = arena_alloc(&s->arena, (s->box.n + 1) * sizeof *at);
	size_t i;

	for (i = 0; i < s->box.n; i++)
		at[i] = (uint32_t)i;
	return at;
}

int
do_close(struct session *s, struct parse *p)
{
	if (parse_end(p) < 0)
		return bad_parse(s);
	if (!s->box.readonly && box_purge(s, box_all(s), s->box.n) < 0)
		return 0;
	/* No HIGHESTMODSEQ: what went was not told (RFC 7162 3.2.8). */
	box_close(s);
	return ok(s, "closed");
}

int
do_unselect(struct session *s, struct parse *p)
{
	if (parse_end(p) < 0)
		return bad_parse(s);
	box_close(s);
	return ok(s, "closed");
}

int
do_check(struct session *s, struct parse *p)
{
	if (parse_end(p) < 0)
		return bad_parse(s);
	if (!s->box.readonly && store_keep(&s->box.store) < 0)
		return no_store(s, &s->box.store);
	return ok(s, "everything is written");
}

/* --- SELECT --- */

/* What SELECT may say behind the name (RFC 7162 3.1.8, 3.2.5). */
struct resync {
	bool asked;
	uint32_t validity;
	uint64_t modseq;
	struct set known;
};

/* "(" uidvalidity SP mod-sequence [SP known-uids] [SP seq-match-data] ")" */
static int
qresync(struct session *s, struct parse *p, struct resync *q)
{
	struct set sequence;

	if (!(s->on & ON_QRESYNC))
		return parse_fail(p, "ENABLE QRESYNC first");
	if (parse_sp(p) < 0 || parse_byte(p, '(') < 0 ||
	    parse_nz_number(p, &q->validity) < 0 || parse_sp(p) < 0 ||
	    parse_number64(p, &q->modseq) < 0)
		return -1;
	q->asked = true;
	if (parse_peek(p) == ' ' &&
	    (parse_sp(p) < 0 ||
	     (parse_peek(p) != '(' && parse_set(p, &q->known) < 0)))
		return -1;
	if (parse_peek(p) == ' ')
		parse_sp(p);
	/* Which numbers the client has for which UIDs is but a hint how much
	 * of VANISHED it can be spared. */
	if (parse_peek(p) == '(' &&
	    (parse_byte(p, '(') < 0 || parse_set(p, &sequence) < 0 ||
	     parse_sp(p) < 0 || parse_set(p, &sequence) < 0 ||
	     parse_byte(p, ')') < 0))
		return -1;
	return parse_byte(p, ')');
}

static int
parameters(struct session *s, struct parse *p, struct resync *q)
{
	if (parse_peek(p) != ' ')
		return parse_end(p);
	if (parse_sp(p) < 0 || parse_byte(p, '(') < 0)
		return -1;
	do {
		if (parse_word(p, "CONDSTORE"))
			s->on |= ON_CONDSTORE;
		else if (!parse_word(p, "QRESYNC"))
			return parse_fail(p, "there is no such parameter");
		else if (qresync(s, p, q) < 0)
			return -1;
	} while (cur_take(&p->c, ' '));
	return parse_byte(p, ')') < 0 ? -1 : parse_end(p);
}

/* unseen: the first message that was not seen. */
static void
tell(struct session *s, size_t unseen, struct str *x)
{
	struct box *b = &s->box;
	const struct index_head *h = &b->store.index.head;

	sync_numbers(s, x);
	sync_names(s, x);
	if (unseen < b->n && !(s->on & ON_REV2))
		str_addf(x, "* OK [UNSEEN %zu] first unseen\r\n", unseen + 1);
	str_addf(x,
	         "* OK [UIDVALIDITY %u] for ever\r\n"
	         "* OK [UIDNEXT %u] the next one\r\n"
	         "* OK [HIGHESTMODSEQ %llu] the last change\r\n"
	         "* OK [MAILBOXID (F%016llx)] its own\r\n",
	         h->validity, h->next,
	         (unsigned long long)(h->modseq ? h->modseq : 1),
	         (unsigned long long)h->id);
	if (s->on & ON_REV2) /* RFC 9051 6.3.2 */
		list_one(s, cur_of(b->name), x);
}

/* now: its messages are asked for, or there are some that are \Recent. */
static int
open_box(struct session *s, struct cur name, bool readonly, bool now,
         size_t *unseen)
{
	struct box *b = &s->box;
	const struct index_head *h = &b->store.index.head;

	if (b->open) { /* RFC 9051 7.1 */
		box_close(s);
		io_puts(&s->io, "* OK [CLOSED] the other one is closed\r\n");
	}
	if (!box_peek(s, name, &b->store))
		return -1;
	if ((now || h->fresh > 0) && store_load(&b->store) < 0) {
		no_store(s, &b->store);
		store_close(&b->store);
		return -1;
	}
	b->open = true;
	b->readonly = readonly || store_is_readonly(&b->store);
	b->name = mem_dup(name.p, cur_len(&name));
	b->path = mem_dup(b->store.path, strlen(b->store.path));
	b->store.path = b->path;
	b->validity = h->validity;
	*unseen = (size_t)h->first_unseen;
	s->state = SELECTED;
	sync_begin(s);
	return 0;
}

static int
select_box(struct session *s, struct parse *p, bool readonly)
{
	struct resync q = {0};
	struct str x = {0};
	struct cur name;
	size_t unseen;

	if (parse_sp(p) < 0 || parse_mailbox(p, &name) < 0 ||
	    parameters(s, p, &q) < 0)
		return bad_parse(s);
	if (open_box(s, name, readonly, q.asked, &unseen) < 0)
		return 0;
	tell(s, unseen, &x);
	say(s, &x);
	if (q.asked && q.validity == s->box.validity)
		sync_since(s, q.modseq, q.known.n > 0 ? &q.known : NULL);
	return ok(s, s->box.readonly ? "[READ-ONLY] have a look"
	                             : "[READ-WRITE] it is yours");
}

int
do_select(struct session *s, struct parse *p)
{
	return select_box(s, p, false);
}

int
do_examine(struct session *s, struct parse *p)
{
	return select_box(s, p, true);
}
