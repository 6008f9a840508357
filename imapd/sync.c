/* sync - the one voice of unasked updates (RFC 9051 5.2, 7.5; RFC 7162 3.2.10).
 * The client knows the mailbox as box.v has it: a message's number is its place
 * there, and nothing changes it but EXPUNGE and VANISHED, which are said here and
 * nowhere else, and EXISTS.  The index may be ahead of that at any time. */
#include "imap.h"

#include "log.h"

#include <stdlib.h>

enum { UNKNOWN = UINT16_MAX /* flags that no message has */ };

/* --- what the client knows --- */

static void
learn(struct seen *v, const struct index_msg *m)
{
	v->uid = m->uid;
	v->flags = m->flags & IMAP_FLAGS;
	v->keywords = m->keywords;
	v->modseq = m->modseq;
}

/* New messages are \Recent in the first session that says so to the others: those that
 * it was not the first to mark are another's. */
static void
mark_recent(struct session *s, size_t from)
{
	struct store_change old = {.set = FLAG_OLD, .first = true};
	struct box *b = &s->box;
	uint32_t *uid = mem_alloc(2 * (b->n - from + 1) * sizeof *uid);
	size_t i, n = 0, k = 0;

	for (i = from; i < b->n; i++)
		if (b->v[i].recent)
			uid[n++] = b->v[i].uid;
	old.failed = uid + n;
	if (n > 0 && !b->readonly && store_flag(&b->store, uid, n, &old) == 0)
		for (i = from; i < b->n && k < old.nfailed; i++)
			if (b->v[i].uid == old.failed[k]) {
				b->v[i].recent = false;
				k++;
			}
	b->recent += n - k;
	free(uid);
}

/* Take the messages from index record k on into the client's view. */
static void
take(struct session *s, size_t k)
{
	struct box *b = &s->box;
	size_t from = b->n, n = store_count(&b->store);

	b->v = mem_grow(b->v, &b->cap, b->n + (n - k) + 1, sizeof *b->v);
	for (; k < n; k++) {
		const struct index_msg *m = store_msg(&b->store, k);

		learn(&b->v[b->n], m);
		b->v[b->n++].recent = !(m->flags & FLAG_OLD);
	}
	/* What others change from here on is not in the view. */
	b->generation = b->store.index.head.generation;
	mark_recent(s, from);
}

void
sync_begin(struct session *s)
{
	struct box *b = &s->box;
	const struct index_head *h = &b->store.index.head;

	b->asleep = b->store.index.bare;
	if (b->asleep) {
		b->n = store_count(&b->store);
		b->next = h->next;
		b->generation = h->generation;
	} else {
		take(s, 0);
	}
	b->told = h->modseq;
}

/* --- waking --- */

/* The next message that was there: 0, or -1 when it is one too many. */
static int
add_seen(struct box *b, size_t *n, const struct index_msg *m)
{
	struct seen *v = &b->v[*n];

	if (*n == b->n)
		return -1;
	++*n;
	learn(v, m);
	v->recent = false;
	/* It changed, or went. */
	if (m->modseq > b->told)
		v->flags = UNKNOWN;
	return 0;
}

static int
by_uid(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* Add those that went since then. */
static int
add_gone(struct session *s, size_t *n)
{
	struct box *b = &s->box;
	struct index_msg m = {.modseq = UINT64_MAX};
	struct store_range *gone;
	size_t i, have = *n, ranges;
	int r = 0;

	store_gone(&b->store, b->told, &gone, &ranges);
	for (i = 0; i < ranges; i++)
		for (m.uid = gone[i].lo;
		     m.uid <= gone[i].hi && m.uid < b->next && r == 0; m.uid++)
			r = add_seen(b, n, &m);
	free(gone);
	if (*n > have)
		qsort(b->v, *n, sizeof *b->v, by_uid);
	return r;
}

/* The messages that were there are some of those that now are, or went since.  If these
 * are as many as there were, it is them. */
static int
recall(struct session *s)
{
	struct box *b = &s->box;
	struct store *st = &b->store;
	size_t i, n = 0;

	b->v = mem_grow(b->v, &b->cap, b->n + 1, sizeof *b->v);
	if (st->index.head.validity != b->validity)
		return -1;
	for (i = 0; i < store_count(st) && store_msg(st, i)->uid < b->next; i++)
		if (add_seen(b, &n, store_msg(st, i)) < 0)
			return -1;
	if (n < b->n && add_gone(s, &n) < 0)
		return -1;
	return n == b->n ? 0 : -1;
}

int
sync_wake(struct session *s)
{
	struct box *b = &s->box;

	if (!b->asleep)
		return 0;
	if (store_load(&b->store) < 0)
		return -1;
	if (recall(s) < 0) {
		io_puts(&s->io, "* BYE [UNAVAILABLE] what went meanwhile is "
		                "not known, select it again\r\n");
		return IMAP_BYE;
	}
	b->asleep = false;
	return 0;
}

void
sync_believe(struct session *s, size_t i, const struct store_change *c)
{
	struct seen *v = &s->box.v[i];

	v->flags = (uint16_t)(((v->flags & ~c->clear) | c->set) & IMAP_FLAGS);
	v->keywords = (v->keywords & ~c->clear_keywords) | c->set_keywords;
}

/* --- lines --- */

void
sync_numbers(struct session *s, struct str *x)
{
	str_adds(x, "* ");
	str_addu(x, s->box.n);
	str_adds(x, " EXISTS\r\n");
	if (s->on & ON_REV2)
		return;
	str_adds(x, "* ");
	str_addu(x, s->box.recent);
	str_adds(x, " RECENT\r\n");
}

/* The names of all keywords that the mailbox has. */
static uint64_t
all_keywords(const struct store *st)
{
	uint64_t all = 0;
	int i;

	for (i = 0; i < INDEX_KEYWORDS; i++) {
		struct cur name = index_keyword_name(&st->index, i);

		if (cur_len(&name) == 0)
			break;
		all |= UINT64_C(1) << i;
	}
	return all;
}

void
sync_names(struct session *s, struct str *x)
{
	struct box *b = &s->box;
	struct str names = {0};

	b->keywords = all_keywords(&b->store);
	out_flags(&names, &b->store, IMAP_FLAGS, b->keywords, false);
	str_addf(x, "* FLAGS (%s)\r\n", names.s);
	if (b->readonly)
		str_adds(x, "* OK [PERMANENTFLAGS ()] read-only\r\n");
	else
		str_addf(x, "* OK [PERMANENTFLAGS (%s%s)] all stay\r\n",
		         names.s, b->keywords == UINT64_MAX ? "" : " \\*");
	str_free(&names);
}

bool
sync_uid(const struct session *s)
{
	return s->uid || s->on & (ON_CONDSTORE | ON_REV2);
}

bool
sync_flags(struct session *s, size_t i, struct str *x)
{
	const struct index_msg *m = box_msg(s, i);
	struct box *b = &s->box;
	struct seen *v = &b->v[i];

	if (!m)
		return false;
	if (m->keywords & ~b->keywords)
		sync_names(s, x);
	learn(v, m);
	str_adds(x, "* ");
	str_addu(x, i + 1);
	str_adds(x, " FETCH (");
	if (sync_uid(s)) {
		str_adds(x, "UID ");
		str_addu(x, m->uid);
		str_addc(x, ' ');
	}
	if (s->on & ON_CONDSTORE) {
		str_adds(x, "MODSEQ (");
		str_addu(x, m->modseq);
		str_adds(x, ") ");
	}
	str_adds(x, "FLAGS (");
	out_flags(x, &b->store, m->flags, m->keywords,
	          v->recent && !(s->on & ON_REV2));
	str_addc(x, ')');
	return true;
}

void
sync_line(struct session *s, size_t i, struct str *x)
{
	if (!sync_flags(s, i, x))
		return;
	str_adds(x, ")\r\n");
	io_put(&s->io, x->s, x->n);
	str_clear(x);
}

/* --- updates --- */

void
sync_condstore(struct session *s)
{
	uint64_t told = s->box.told;

	if (!(s->on & ON_CONDSTORE) && s->state & SELECTED)
		io_putf(&s->io, "* OK [HIGHESTMODSEQ %llu] from here on\r\n",
		        (unsigned long long)(told ? told : 1));
	s->on |= ON_CONDSTORE;
}

/* Has something changed that the client was not told? */
static bool
is_news(const struct session *s, const struct seen *v,
        const struct index_msg *m)
{
	return v->flags != (m->flags & IMAP_FLAGS) ||
	       v->keywords != m->keywords ||
	       (s->on & ON_CONDSTORE && v->modseq != m->modseq);
}

/* Say that these UIDs are gone; their numbers were i[0], i[1], ... */
static void
say_gone(struct session *s, const uint32_t *uid, const size_t *i, size_t n)
{
	struct str x = {0};
	size_t k;

	if (s->on & ON_QRESYNC) {
		str_adds(&x, "* VANISHED ");
		out_set(&x, uid, n);
		str_adds(&x, "\r\n");
	} else {
		for (k = 0; k < n; k++) {
			str_adds(&x, "* ");
			str_addu(&x, i[k] + 1 - k);
			str_adds(&x, " EXPUNGE\r\n");
		}
	}
	say(s, &x);
}

/* The places in the view, from i on, of the next message that the index has not;
 * *k is where in the index to look. */
static size_t
next_gone(const struct box *b, size_t i, size_t *k)
{
	size_t count = store_count(&b->store);

	for (; i < b->n; i++) {
		uint32_t uid = b->v[i].uid;

		while (*k < count && store_msg(&b->store, *k)->uid < uid)
			++*k;
		if (*k == count || store_msg(&b->store, *k)->uid != uid)
			break;
	}
	return i;
}

/* Take out of the view what the index has not; or, unless expunge, only notice. */
static void
tell_gone(struct session *s, bool expunge)
{
	struct box *b = &s->box;
	size_t k = 0, n = 0, i = next_gone(b, 0, &k), left = i, *at;
	uint32_t *uid;

	b->held = i < b->n && !expunge;
	if (i == b->n || b->held)
		return;
	uid = mem_alloc((b->n - i) * sizeof *uid);
	at = mem_alloc((b->n - i) * sizeof *at);
	while (i < b->n) {
		size_t next = next_gone(b, i + 1, &k);

		b->recent -= b->v[i].recent;
		at[n] = i;
		uid[n++] = b->v[i].uid;
		memmove(b->v + left, b->v + i + 1,
		        (next - i - 1) * sizeof *b->v);
		left += next - i - 1;
		i = next;
	}
	b->n = left;
	say_gone(s, uid, at, n);
	free(uid);
	free(at);
}

static void
tell_new(struct session *s)
{
	struct box *b = &s->box;
	uint32_t last = b->n > 0 ? b->v[b->n - 1].uid : 0;
	size_t k = store_count(&b->store);
	struct str x = {0};

	while (k > 0 && store_msg(&b->store, k - 1)->uid > last)
		k--;
	if (k == store_count(&b->store))
		return;
	take(s, k);
	sync_numbers(s, &x);
	say(s, &x);
}

/* That there is room for no other keyword is told when it is so (RFC 9051 7.1). */
static void
tell_full(struct session *s)
{
	const struct index *x = &s->box.store.index;
	struct cur last = index_keyword_name(x, INDEX_KEYWORDS - 1);
	struct str names = {0};

	if (s->box.keywords == UINT64_MAX || cur_len(&last) == 0)
		return;
	sync_names(s, &names);
	say(s, &names);
}

static void
tell_flags(struct session *s, const struct index_span *p)
{
	struct box *b = &s->box;
	struct str x = {0};
	size_t i;

	for (i = (size_t)p->first; i < b->n && i < p->end; i++) {
		const struct index_msg *m = box_msg(s, i);

		if (m && is_news(s, &b->v[i], m))
			sync_line(s, i, &x);
	}
	str_free(&x);
}

/* Are there UIDs among those that the client knows which it was never told?  Then
 * somebody put back what was gone, and no number is right.  Nor is one of a mailbox
 * that came in the place of this one. */
static bool
is_other(const struct session *s)
{
	const struct box *b = &s->box;
	uint32_t last = b->n > 0 ? b->v[b->n - 1].uid : 0;
	size_t i, k = 0, count = store_count(&b->store);

	if (b->store.index.head.validity != b->validity ||
	    store_is_replaced(&b->store))
		return true;
	for (i = 0; k < count && store_msg(&b->store, k)->uid <= last; k++) {
		while (b->v[i].uid < store_msg(&b->store, k)->uid)
			i++;
		if (b->v[i].uid != store_msg(&b->store, k)->uid)
			return true;
	}
	return false;
}

/* RFC 7162 3.2: while it does not know all that went, the client must not take a higher
 * modseq for that up to which it knows all. */
static void
told(struct session *s)
{
	struct box *b = &s->box;

	if (!b->held)
		b->told = b->store.index.head.modseq;
	else if (s->on & ON_QRESYNC && b->told > 0)
		io_putf(&s->io,
		        "* OK [HIGHESTMODSEQ %llu] some went after that\r\n",
		        (unsigned long long)b->told);
}

int
sync_tell(struct session *s, bool expunge)
{
	struct box *b = &s->box;
	struct index_head *h = &b->store.index.head;
	struct index_span p;
	int r = 0;

	if (b->asleep && store_is_still(&b->store))
		return 0;
	if ((r = sync_wake(s)) > 0)
		return -1;
	if (r < 0 || store_sync(&b->store) < 0) {
		log_warn("%s: %s", b->store.path, b->store.why);
		return 0;
	}
	tell_full(s);
	if (h->generation == b->generation && !(b->held && expunge)) {
		told(s);
		return 0;
	}
	/* If what changed is known, and is not all, nothing went. */
	if (b->held || !index_changed(h, b->generation, &p) ||
	    p.end == UINT64_MAX) {
		if (is_other(s)) {
			io_puts(&s->io, "* BYE [UNAVAILABLE] this is another "
			                "mailbox now, select it again\r\n");
			return -1;
		}
		p = (struct index_span){0, UINT64_MAX};
		tell_gone(s, expunge);
	}
	b->generation = h->generation;
	tell_flags(s, &p);
	tell_new(s);
	told(s);
	return 0;
}

/* --- what happened while the client was away --- */

static int
by_lo(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* The set's ranges the right way round and in order, up to the last UID that there
 * was, which is that of *; one beyond it has nothing.  NULL: that is all. */
static struct range *
sorted(struct session *s, const struct set *set, size_t *n)
{
	uint32_t last = s->box.store.index.head.next - 1;
	struct range *v;
	size_t i;

	*n = set ? set->n : 1;
	v = arena_alloc(&s->arena, (*n + 1) * sizeof *v);
	if (!set)
		v[0] = (struct range){1, last};
	for (i = 0; set && i < *n; i++) {
		uint32_t lo = set->v[i].lo, hi = set->v[i].hi;

		v[i] = (struct range){lo < hi ? lo : hi, lo < hi ? hi : lo};
		if (v[i].hi == UINT32_MAX && v[i].lo > last)
			v[i].lo = last;
		if (v[i].hi > last)
			v[i].hi = last;
	}
	qsort(v, *n, sizeof *v, by_lo);
	return v;
}

/* UIDs that are not there: what to say when nobody knows when they went. */
static struct store_range *
absent(struct session *s, size_t *n)
{
	const struct box *b = &s->box;
	uint32_t next = 1;
	struct store_range *v = mem_alloc((b->n + 1) * sizeof *v);
	size_t i;

	for (*n = i = 0; i <= b->n; i++) {
		uint32_t uid =
		    i < b->n ? b->v[i].uid : b->store.index.head.next;

		if (uid > next)
			v[(*n)++] = (struct store_range){next, uid - 1};
		next = uid + 1;
	}
	return v;
}

static void
add_range(struct str *x, uint32_t lo, uint32_t hi)
{
	str_adds(x, x->n > 0 ? "," : "* VANISHED (EARLIER) ");
	str_addu(x, lo);
	if (hi > lo) {
		str_addc(x, ':');
		str_addu(x, hi);
	}
}

void
sync_vanished(struct session *s, uint64_t modseq, const struct set *known)
{
	struct store_range *gone = NULL;
	size_t n, m, i = 0, k = 0;
	struct range *want = sorted(s, known, &m);
	uint32_t said = 0;
	struct str x = {0};

	if (store_gone(&s->box.store, modseq, &gone, &n) <= 0)
		gone = absent(s, &n);
	while (i < n && k < m) {
		uint32_t lo = gone[i].lo, hi = gone[i].hi;

		lo = lo < want[k].lo ? want[k].lo : lo;
		lo = lo <= said ? said + 1 : lo;
		hi = hi > want[k].hi ? want[k].hi : hi;
		if (lo <= hi) {
			add_range(&x, lo, hi);
			said = hi;
		}
		if (gone[i].hi < want[k].hi)
			i++;
		else
			k++;
	}
	if (x.n > 0) {
		str_adds(&x, "\r\n");
		io_put(&s->io, x.s, x.n);
	}
	str_free(&x);
	free(gone);
}

void
sync_since(struct session *s, uint64_t modseq, const struct set *known)
{
	struct box *b = &s->box;
	size_t i, n, k = 0;
	struct range *want = sorted(s, known, &n);
	uint32_t hi = 0; /* of the ranges that begin up to here */
	struct str x = {0};

	sync_vanished(s, modseq, known);
	for (i = 0; i < b->n; i++) {
		for (; k < n && want[k].lo <= b->v[i].uid; k++)
			hi = want[k].hi > hi ? want[k].hi : hi;
		if (b->v[i].uid <= hi && b->v[i].modseq > modseq)
			sync_line(s, i, &x);
	}
	str_free(&x);
}
