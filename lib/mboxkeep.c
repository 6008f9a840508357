/* mboxkeep - UIDs and flags from the index into the mbox.
 * Where a header has room for them a few bytes change in place; where it has
 * none it grows once, with room for the next time.  Either way by mboxedit, so that
 * a crash leaves the one or the other. */
#include "storembox.h"

#include "io.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	HEADER_MOST = 1 << 20, /* bytes; a longer header is left alone */
	ROOM = 64, /* bytes that a header grows by beyond its need */
	/* Bytes of memory for changes that are made at a time; for each time all that
	 * follows them may have to move. */
	EDITS_MOST = 1 << 23
};

/* Changes to be made, in the order of the file. */
struct change {
	struct index_msg *m; /* or NULL: in folder data */
	uint64_t off, len;   /* in the file */
	size_t at, n;        /* what comes there, in text */
};

struct keep {
	struct store *s;
	struct index_msg **order;
	struct change *v;
	size_t n, cap;
	struct str text;
	struct pen pen;
	struct index_span wrote; /* records that are not what they were */
	int err;                 /* errno of a header that could not be read */
};

/* Does the first message have to say which UIDs were given out? */
static bool
base_is_due(const struct index_head *h)
{
	return h->skip == 0 && h->count > 0 && h->kept_next < h->next;
}

/* Or folder data, which comes before it?  names: it has to name keywords. */
static bool
folder_is_due(const struct index_head *h, bool names)
{
	return h->skip > 0 && h->kept_next > 0 &&
	       (names || h->kept_next < h->next);
}

static bool
is_due(const struct index_msg *m)
{
	return m->kept_uid != KEPT_NEVER &&
	       (!m->kept_uid || m->flags != m->kept ||
	        m->keywords != m->kept_keywords);
}

/* The names of all keywords. */
static struct cur
all_names(const struct index_head *h)
{
	struct cur c = {h->names, h->names + strnlen(h->names, INDEX_NAMES)};

	while (cur_len(&c) > 0 && c.e[-1] == ' ')
		c.e--;
	return c;
}

void
stamp_of(struct store *s, const struct index_msg *m, bool first,
         struct stamp *st, struct str *words)
{
	const struct index_head *h = &s->index.head;
	int i;

	*st = (struct stamp){.uid = m->uid, .flags = m->flags};
	str_clear(words);
	str_adds(words, "");
	for (i = 0; i < INDEX_KEYWORDS; i++)
		if (m->keywords >> i & 1) {
			struct cur name = index_keyword_name(&s->index, i);

			if (words->n > 0)
				str_addc(words, ' ');
			str_add(words, name.p, cur_len(&name));
		}
	st->keywords = str_cur(words);
	if (first && h->skip == 0) {
		st->validity = h->validity;
		st->last = h->next - 1;
		st->names = all_names(h);
	}
}

/* --- headers --- */

static ssize_t
read_raw(void *arg, uint64_t off, void *p, size_t n)
{
	const struct str *raw = arg;
	size_t left = off < raw->n ? raw->n - (size_t)off : 0;

	n = n < left ? n : left;
	memcpy(p, raw->s + off, n);
	return (ssize_t)n;
}

/* What stands there need not be what was seen last: a file that grew was looked at
 * behind that only.  Then all of it is looked at the next time. */
static int
compare(struct pen *p, struct index_msg *m)
{
	struct index *x = &p->s->index;
	uint64_t words = m->kept_keywords, modseq = index_modseq(x);
	unsigned flags = m->kept;
	struct box *b = p->s->box;
	struct scan_msg now;

	if (!p->scan)
		p->scan = scan_open(read_raw, &p->raw, 0);
	scan_again(p->scan, 0);
	if (scan_next(p->scan, &now) <= 0 || now.hash != m->hash) {
		b->surprised = true;
		errno = EAGAIN;
		return -1;
	}
	if (merge(x, m, &now, modseq))
		x->head.modseq = modseq;
	if (m->kept != flags || m->kept_keywords != words ||
	    (m->kept_uid == KEPT_YES && m->uid != now.uid))
		b->surprised = true;
	return 0;
}

int
pen_read(struct pen *p, struct index_msg *m)
{
	struct str *raw = &p->raw;

	str_clear(raw);
	errno = EFBIG;
	if (m->body > HEADER_MOST)
		return -1;
	raw->s = mem_grow(raw->s, &raw->cap, (size_t)m->body + 1, 1);
	if (io_preadall(p->fd, raw->s, m->body, (off_t)m->off) !=
	    (ssize_t)m->body)
		return -1;
	raw->n = m->body;
	return compare(p, m);
}

int
pen_stamp(struct pen *p, struct index_msg *m, bool first)
{
	if (pen_read(p, m) < 0)
		return -1;
	stamp_of(p->s, m, first, &p->stamp, &p->words);
	p->least = header_least(str_cur(&p->raw), &p->stamp);
	errno = EFBIG;
	return p->least > 0 ? 0 : -1;
}

void
pen_write(const struct pen *p, size_t size, struct str *out)
{
	header_write(str_cur(&p->raw), &p->stamp, size - p->least, out);
}

void
pen_end(struct pen *p)
{
	scan_close(p->scan);
	str_free(&p->raw);
	str_free(&p->words);
}

/* --- flags into them --- */

static void
widen(struct keep *k, const struct index_msg *m)
{
	size_t i = (size_t)(m - k->s->index.msg);

	if (i < k->wrote.first)
		k->wrote.first = i;
	if (i >= k->wrote.end)
		k->wrote.end = i + 1;
}

/* Note what has to change, without what both forms begin and end with. */
static void
note(struct keep *k, struct index_msg *m, const char *new, size_t n)
{
	const char *old = k->pen.raw.s;
	size_t len = k->pen.raw.n, head = 0, tail = 0;
	struct change *c;

	while (head < n && head < len && old[head] == new[head])
		head++;
	while (tail < n - head && tail < len - head &&
	       old[len - 1 - tail] == new[n - 1 - tail])
		tail++;
	k->v = mem_grow(k->v, &k->cap, k->n + 1, sizeof *k->v);
	c = &k->v[k->n++];
	*c = (struct change){.m = m,
	                     .off = m->off + head,
	                     .len = len - head - tail,
	                     .at = k->text.n,
	                     .n = n - head - tail};
	str_add(&k->text, new + head, c->n);
}

/* Find out what has to change in the header of m. */
static void
plan_stamp(struct keep *k, struct index_msg *m, bool first)
{
	struct pen *p = &k->pen;
	struct str new = {0};

	widen(k, m);
	if (pen_stamp(p, m, first) < 0) {
		/* What cannot be read now is tried again. */
		if (errno == EFBIG || errno == EAGAIN)
			m->kept_uid = KEPT_NEVER;
		else
			k->err = errno;
		return;
	}
	pen_write(p, p->least <= p->raw.n ? p->raw.n : p->least + ROOM, &new);
	note(k, m, new.s, new.n);
	str_free(&new);
}

/* The last UID that folder data names, if it is the one that we know of. */
static void
plan_folder(struct keep *k, bool names)
{
	const struct index_head *h = &k->s->index.head;
	size_t n = h->skip < HEADER_MOST ? (size_t)h->skip : HEADER_MOST;
	char *raw = mem_alloc(n);
	struct cur old = {0}, c, none = {0};
	unsigned long long last;

	if (io_preadall(k->pen.fd, raw, n, 0) == (ssize_t)n)
		old = header_last((struct cur){raw, raw + n});
	c = old;
	if (cur_number(&c, UINT32_MAX, &last) == 0 &&
	    (cur_len(&c) == 0 || *c.p == ' ' || *c.p == '\t') &&
	    last == h->kept_next - 1) {
		k->v = mem_grow(k->v, &k->cap, 1, sizeof *k->v);
		header_write_last(old, h->next - 1, names ? all_names(h) : none,
		                  &k->text);
		k->v[k->n++] = (struct change){.off = (uint64_t)(old.p - raw),
		                               .len = cur_len(&old),
		                               .n = k->text.n};
	}
	free(raw);
}

/* The records follow what was done. */
static void
follow(struct keep *k)
{
	struct index_head *h = &k->s->index.head;
	size_t i, c = 0, n = (size_t)h->count;
	uint64_t shift = 0;

	if (k->n > 0 && !k->v[0].m) {
		shift = k->v[0].n - k->v[0].len;
		h->skip += shift;
		h->kept_next = h->next;
		c = 1;
	}
	for (i = 0; i < n; i++) {
		struct index_msg *m = k->order[i];
		uint64_t more;

		m->off += shift;
		if (shift > 0)
			widen(k, m);
		if (c == k->n || k->v[c].m != m)
			continue;
		more = k->v[c].n - k->v[c].len;
		m->body += (uint32_t)more;
		m->end += more;
		m->len += more;
		m->kept = m->flags;
		m->kept_keywords = m->keywords;
		m->kept_uid = KEPT_YES;
		if (i == 0 && h->skip == 0)
			h->kept_next = h->next;
		shift += more;
		c++;
	}
}

/* Make the changes that were noted. */
static int
make(struct keep *k, const struct mbox *m)
{
	const struct edit_file f = edit_file(k->s, m);
	struct edit *e = mem_alloc((k->n + 1) * sizeof *e);
	bool pending;
	size_t i, n = 0;
	int r = 0;

	for (i = 0; i < k->n; i++)
		if (k->v[i].len > 0 || k->v[i].n > 0)
			e[n++] =
			    (struct edit){k->v[i].off, k->v[i].len,
			                  k->text.s + k->v[i].at, k->v[i].n};
	if (n > 0)
		r = mbox_edit(&f, e, n, &pending);
	free(e);
	if (r < 0)
		return -1;
	follow(k);
	k->n = 0;
	str_clear(&k->text);
	return 0;
}

/* Will a message get a keyword?  Its name has to stand in the first one, or in folder
 * data, too, or Dovecot drops all keywords of the message, and others pass that one
 * over. */
static bool
names_are_due(const struct keep *k)
{
	size_t i;

	for (i = 0; i < k->s->index.head.count; i++)
		if (is_due(k->order[i]) &&
		    k->order[i]->keywords & ~k->order[i]->kept_keywords)
			return true;
	return false;
}

static int
keep_all(struct keep *k, const struct mbox *m)
{
	struct index_head *h = &k->s->index.head;
	size_t i, n = (size_t)h->count;
	bool names = names_are_due(k);
	bool base = base_is_due(h) || (names && h->skip == 0);
	int r = 0;

	if (folder_is_due(h, names))
		plan_folder(k, names);
	for (i = 0; i < n && r == 0; i++) {
		bool first = i == 0 && base;

		if (!is_due(k->order[i]) &&
		    !(first && k->order[i]->kept_uid != KEPT_NEVER))
			continue;
		plan_stamp(k, k->order[i], i == 0);
		if (k->text.n + k->n * sizeof *k->v > EDITS_MOST)
			r = make(k, m);
	}
	return r < 0 ? -1 : make(k, m);
}

/* Is there anything to do, as far as we know? */
static bool
any_due(const struct store *s)
{
	size_t i, n = store_count(s);

	if (folder_is_due(&s->index.head, false))
		return true;
	if (base_is_due(&s->index.head) &&
	    store_msg(s, 0)->kept_uid != KEPT_NEVER)
		return true;
	for (i = 0; i < n; i++)
		if (is_due(store_msg(s, i)))
			return true;
	return false;
}

int
mbox_keep(struct store *s)
{
	enum turn_use use = TURN_READ;
	struct keep k = {.s = s, .wrote.first = SIZE_MAX};
	struct turn t;
	int r, err;

	if (index_load(&s->index) < 0)
		return -1;
	if (!any_due(s))
		return 0;
	if (turn_begin(s, &t) < 0)
		return errno == ENOENT ? 0 : -1;
	k.order = file_order(&s->index);
	k.pen = (struct pen){.s = s, .fd = t.mbox.fd};
	/* The file may have the same length: where the index cannot be saved, it
	 * must not be believed. */
	r = index_doubt(&s->index, s->path);
	if (r == 0) {
		r = keep_all(&k, &t.mbox);
		use = r < 0 ? TURN_FAILED : TURN_WROTE;
		t.wrote = &k.wrote;
	}
	if (r == 0 && k.err) {
		errno = k.err;
		r = -1;
	}
	err = errno;
	if (r < 0)
		snprintf(s->why, STORE_WHY, "cannot write to mailbox: %s",
		         strerror(err));
	free(k.order);
	free(k.v);
	str_free(&k.text);
	pen_end(&k.pen);
	turn_end(s, &t, use);
	errno = err;
	return r;
}
