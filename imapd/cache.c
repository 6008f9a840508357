/* cache - see cache.h.  Entries that are not yet in the file lie in memory, in
 * the order of their UIDs; the index has the places of those in the file. */
#include "cache.h"

#include "cachefile.h"
#include "date.h"
#include "headername.h"
#include "letter.h"
#include "sum.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ENTRY_MOST = 1 << 16,  /* bytes; what is longer is not kept */
	PEND_MOST = 1 << 20,   /* bytes of entries that wait in memory */
	FILE_LITTLE = 1 << 20, /* bytes that need no tidying */
	KEEP = 1 << 16         /* bytes of memory that are used again */
};

/* Fields of which the body's place is kept. */
enum {
	SUBJECT,
	FROM,
	TO,
	CC,
	BCC,
	MESSAGE_ID,
	IN_REPLY_TO,
	REFERENCES,
	PLACES
};

static const char *const placed[PLACES] = {
    "subject", "from",       "to",          "cc",
    "bcc",     "message-id", "in-reply-to", "references",
};

struct place {
	uint32_t off, len; /* in the fields; off NOWHERE: there is none */
};
enum { NOWHERE = -1, NO_PLACE = 255 };

/* An entry: this, the texts, and at its end the fields' lengths.  No holes. */
struct entry {
	uint64_t sum;        /* of all behind it */
	uint64_t hash, size; /* as the index has them */
	uint64_t content;
	int64_t sent;
	int32_t zone;
	uint32_t uid, validity;
	uint32_t len; /* of all */
	uint32_t fields, envelope, structure, body, nfields;
	uint32_t whole; /* 1: structure, body and content are there */
	struct place place[PLACES];
};
_Static_assert(sizeof(struct entry) == 144, "no holes in an entry");

struct note {
	uint32_t uid, at;
};

struct cache {
	struct cachefile file;
	bool looked; /* at what others did to it, in this command */
	struct headernames names;
	uint8_t place[HEADERNAME_KNOWN]; /* of a name by its number */
	int date;
	struct str pend; /* entries that wait */
	struct note *note;
	size_t n, cap;
	/* what the making of an entry needs */
	struct str header, kept, entry;
	struct cached_field *field;
	size_t fields;
};

static struct cache *
cache_of(struct session *s)
{
	struct cache *c = s->box.cache;
	const struct store *st = &s->box.store;
	size_t i;

	if (c)
		return c;
	c = s->box.cache = mem_alloc(sizeof *c);
	c->file.state = st->how.state;
	c->file.path = st->path;
	c->file.owner = st->how.owner;
	cachefile_open(&c->file);
	headernames_begin(&c->names);
	memset(c->place, NO_PLACE, sizeof c->place);
	for (i = 0; i < PLACES; i++)
		c->place[headername_find(&c->names, cur_of(placed[i]))] =
		    (uint8_t)i;
	c->date = headername_find(&c->names, cur_of("date"));
	return c;
}

/* --- looking one up --- */

/* Is the entry at p, of which n bytes are there, whole and of this message? */
static bool
is_good(const struct entry *e, size_t n, const struct index_msg *m,
        uint32_t validity)
{
	const size_t skip = sizeof e->sum;

	return e->len <= n && e->uid == m->uid && e->hash == m->hash &&
	       e->size == m->size && e->validity == validity &&
	       e->sum == sum_of((const char *)e + skip, e->len - skip);
}

/* The length of the entry at p by what it says: 0 when that cannot be. */
static size_t
entry_len(const struct entry *e)
{
	uint64_t n = sizeof *e;

	n += (uint64_t)e->fields + e->envelope + e->structure + e->body;
	n = (n + CACHEFILE_UNIT - 1) / CACHEFILE_UNIT * CACHEFILE_UNIT;
	n += e->nfields * (uint64_t)sizeof(struct cached_field);
	return n == e->len && n <= ENTRY_MOST ? e->len : 0;
}

static const struct entry *
at_file(struct cache *c, uint64_t off, const struct index_msg *m,
        uint32_t validity)
{
	const void *p = cachefile_at(&c->file, off, sizeof(struct entry));
	const struct entry *e = p;
	size_t n = e ? entry_len(e) : 0;

	if (n == 0)
		return NULL;
	e = p = cachefile_at(&c->file, off, n);
	return e && entry_len(e) == n && is_good(e, n, m, validity) ? e : NULL;
}

static const struct entry *
at_pend(const struct cache *c, const struct index_msg *m, uint32_t validity)
{
	size_t lo = 0, hi = c->n;
	const struct entry *e;
	const void *p;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->note[mid].uid < m->uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == c->n || c->note[lo].uid != m->uid)
		return NULL;
	e = p = c->pend.s + c->note[lo].at;
	return is_good(e, e->len, m, validity) ? e : NULL;
}

static const struct entry *
find(struct session *s, const struct index_msg *m)
{
	uint32_t validity = s->box.store.index.head.validity;
	struct cache *c = cache_of(s);
	const struct entry *e = NULL;

	if (c->n > 0)
		e = at_pend(c, m, validity);
	if (!e && m->cache) {
		e = at_file(c, m->cache, m, validity);
		if (!e && !c->looked) {
			cachefile_look(&c->file);
			c->looked = true;
			e = at_file(c, m->cache, m, validity);
		}
	}
	return e;
}

/* --- making one --- */

/* Take a field into the entry, if it is one of those that are kept. */
static void
add_field(struct cache *c, struct cur field, struct entry *e, size_t *n)
{
	struct cur name = headername_take(field), body = {name.e, field.e};
	int k = headername_find(&c->names, name);
	struct place *p;

	if (k < 0)
		return;
	c->field = mem_grow(c->field, &c->fields, *n + 1, sizeof *c->field);
	c->field[*n] =
	    (struct cached_field){(uint32_t)k, (uint32_t)cur_len(&field)};
	++*n;
	cur_blanks(&body);
	cur_take(&body, ':');
	if (k == c->date && e->sent == INT64_MIN) {
		int64_t t;
		int zone;

		if (date_parse(body, &t, &zone) == 0) {
			e->sent = t;
			e->zone = zone;
		}
	}
	p = c->place[k] == NO_PLACE ? NULL : &e->place[c->place[k]];
	if (p && p->off == (uint32_t)NOWHERE) {
		p->off = e->fields + (uint32_t)(body.p - field.p);
		p->len = (uint32_t)cur_len(&body);
	}
	str_add(&c->kept, field.p, cur_len(&field));
	e->fields += (uint32_t)cur_len(&field);
}

static uint32_t
grown(const struct str *x, size_t *from)
{
	size_t n = x->n - *from;

	*from = x->n;
	return (uint32_t)n;
}

/* Put all of the entry together; root NULL: without what that tells. */
static struct entry *
build(struct cache *c, struct entry e, const struct part *root)
{
	struct cur header = str_cur(&c->header), field;
	static const char pad[CACHEFILE_UNIT];
	size_t n = 0, from, i;
	void *p;

	e.sent = INT64_MIN;
	for (i = 0; i < PLACES; i++)
		e.place[i].off = (uint32_t)NOWHERE;
	str_clear(&c->kept);
	while (header_next(&header, &field))
		add_field(c, field, &e, &n);
	str_clear(&c->entry);
	str_add(&c->entry, &e, sizeof e);
	str_add(&c->entry, c->kept.s, c->kept.n);
	from = c->entry.n;
	/* All that it is made of was kept. */
	envelope_write(&c->entry, str_cur(&c->kept));
	e.envelope = grown(&c->entry, &from);
	if (root) {
		structure_write(&c->entry, root, true);
		e.structure = grown(&c->entry, &from);
		structure_write(&c->entry, root, false);
		e.body = grown(&c->entry, &from);
		e.whole = 1;
	}
	str_add(&c->entry, pad, -c->entry.n % CACHEFILE_UNIT);
	e.nfields = (uint32_t)n;
	str_add(&c->entry, c->field, n * sizeof *c->field);
	e.len = (uint32_t)c->entry.n;
	memcpy(c->entry.s, &e, sizeof e);
	e.sum = sum_of(c->entry.s + sizeof e.sum, c->entry.n - sizeof e.sum);
	memcpy(c->entry.s, &e.sum, sizeof e.sum);
	p = c->entry.s;
	return p;
}

static void
shrink(struct str *x)
{
	if (x->cap > KEEP)
		str_free(x);
}

/* --- the file --- */

/* Tell the index where the entries of these notes are: in the file from off
 * on. */
static void
tell_index(struct session *s, const struct note *v, size_t n, uint64_t off)
{
	struct store_note *note = mem_alloc(n * sizeof *note);
	struct store *st = &s->box.store;
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		ssize_t at = store_find(st, v[i].uid);

		if (at >= 0)
			note[k++] = (struct store_note){
			    v[i].uid, store_msg(st, (size_t)at)->form,
			    off + v[i].at};
	}
	store_notes(st, note, k);
	free(note);
}

static void
flush(struct session *s, struct cache *c)
{
	uint64_t off;

	if (c->n > 0 && cachefile_add(&c->file, &c->pend, c->n, &off) == 0)
		tell_index(s, c->note, c->n, off);
	c->n = 0;
	str_clear(&c->pend);
}

void
cache_flush(struct session *s)
{
	struct cache *c = s->box.cache;

	if (!c)
		return;
	flush(s, c);
	shrink(&c->pend);
	c->looked = false;
}

/* Let it wait for the file. */
static void
keep(struct session *s, struct cache *c, const struct entry *e)
{
	if (c->file.refused || e->len > ENTRY_MOST)
		return;
	if (c->pend.n + e->len > PEND_MOST ||
	    (c->n > 0 && c->note[c->n - 1].uid >= e->uid))
		flush(s, c);
	c->note = mem_grow(c->note, &c->cap, c->n + 1, sizeof *c->note);
	c->note[c->n++] = (struct note){e->uid, (uint32_t)c->pend.n};
	str_add(&c->pend, e, e->len);
}

static const struct entry *
make(struct session *s, size_t i, bool whole)
{
	const struct index_msg *m = box_msg(s, i);
	struct cache *c = cache_of(s);
	struct entry e = {0}, *made;
	const struct part *root = NULL;
	struct letter *l = NULL;

	if (!m) {
		errno = ESTALE;
		return NULL;
	}
	e.uid = m->uid;
	e.hash = m->hash;
	e.size = m->size;
	e.validity = s->box.store.index.head.validity;
	shrink(&c->header);
	shrink(&c->kept);
	shrink(&c->entry);
	str_clear(&c->header);
	if (whole && (!(l = letter_at(s, i)) || !(root = letter_root(s, l))))
		return NULL;
	if (l)
		e.content = letter_content(l);
	if (store_header(&s->box.store, e.uid, &c->header) < 0)
		return NULL;
	made = build(c, e, root);
	keep(s, c, made);
	return made;
}

/* --- what is asked for --- */

static struct cur
text(const struct entry *e, size_t *at, uint32_t n)
{
	const char *p = (const char *)e + *at;

	*at += n;
	return (struct cur){p, p + n};
}

static struct cur
body_of(const struct cached *c, struct place p)
{
	const char *from = c->fields.p + p.off;

	if (p.off == (uint32_t)NOWHERE)
		return (struct cur){NULL, NULL};
	return (struct cur){from, from + p.len};
}

int
cache_get(struct session *s, size_t i, struct cached *c)
{
	const struct index_msg *m = box_msg(s, i);
	const struct entry *e = m ? find(s, m) : NULL;
	size_t at = sizeof *e;
	const void *p;

	if (!e && !(e = make(s, i, false)))
		return -1;
	c->fields = text(e, &at, e->fields);
	c->envelope = text(e, &at, e->envelope);
	p = (const char *)e + e->len - e->nfields * sizeof *c->field;
	c->field = p;
	c->nfields = e->nfields;
	c->sent = e->sent;
	c->zone = e->zone;
	c->subject = body_of(c, e->place[SUBJECT]);
	c->from = body_of(c, e->place[FROM]);
	c->to = body_of(c, e->place[TO]);
	c->cc = body_of(c, e->place[CC]);
	c->message_id = body_of(c, e->place[MESSAGE_ID]);
	c->in_reply_to = body_of(c, e->place[IN_REPLY_TO]);
	c->references = body_of(c, e->place[REFERENCES]);
	return 0;
}

int
cache_whole(struct session *s, size_t i, struct cached_whole *c)
{
	const struct index_msg *m = box_msg(s, i);
	const struct entry *e = m ? find(s, m) : NULL;
	size_t at = sizeof *e;

	if ((!e || !e->whole) && !(e = make(s, i, true)))
		return -1;
	at += e->fields + e->envelope;
	c->structure = text(e, &at, e->structure);
	c->body = text(e, &at, e->body);
	c->content = e->content;
	return 0;
}

/* --- the end --- */

/* Write the entries that somebody may still ask for into another file. */
static void
tidy(struct session *s, struct cache *c)
{
	struct store *st = &s->box.store;
	struct cachefile new;
	struct note *v = mem_alloc((store_count(st) + 1) * sizeof *v);
	struct str x = {0};
	bool good = true;
	uint64_t base = 0, off;
	size_t i, n = 0, part = 0;

	if (cachefile_begin(&c->file, &new) < 0) {
		free(v);
		return;
	}
	for (i = 0; i <= store_count(st) && good; i++) {
		const struct index_msg *m =
		    i < store_count(st) ? store_msg(st, i) : NULL;
		const struct entry *e =
		    m && m->cache
		        ? at_file(c, m->cache, m, st->index.head.validity)
		        : NULL;

		if (e) {
			v[n++] = (struct note){m->uid, (uint32_t)(base + x.n)};
			str_add(&x, e, e->len);
		}
		if (x.n < PEND_MOST && m)
			continue;
		good = base + x.n < UINT32_MAX &&
		       cachefile_add(&new, &x, n - part, &off) == 0;
		part = n;
		base += x.n;
		str_clear(&x);
	}
	if (cachefile_end(&c->file, &new, good) == 0) {
		cachefile_look(&c->file);
		tell_index(s, v, n, CACHEFILE_HEAD);
	}
	str_free(&x);
	free(v);
}

void
cache_close(struct session *s)
{
	struct cache *c = s->box.cache;
	uint64_t size, entries;

	letter_close(s);
	if (!c)
		return;
	cache_flush(s);
	cachefile_size(&c->file, &size, &entries);
	if ((size > FILE_LITTLE || entries == UINT64_MAX) &&
	    entries / 2 > store_count(&s->box.store))
		tidy(s, c);
	cachefile_close(&c->file);
	str_free(&c->pend);
	str_free(&c->header);
	str_free(&c->kept);
	str_free(&c->entry);
	free(c->note);
	free(c->field);
	free(c);
	s->box.cache = NULL;
}
