/* text - see text.h.  Three ways: in the raw bytes as they are, where the
 * message is of a form that allows it; through their structure, where line ends
 * are all that distinguishes them from the message; and through the structure of
 * the message as clients have it, which is always right.  The first may say no,
 * and yes where nothing but text can have been hit. */
#include "text.h"

#include "letter.h"
#include "word.h"

#include <errno.h>
#include <stdlib.h>

enum {
	NOBODY = -1,
	HEADER_MOST = 1 << 20 /* bytes of a header that are looked at at once */
};

void
texts_begin(struct text *t, struct session *s, struct fold *fold)
{
	*t = (struct text){.s = s, .fold = fold, .at = (size_t)NOBODY};
	signs_make(&t->signs, &s->arena);
}

size_t
texts_add(struct text *t, struct needle needle, bool header)
{
	struct wanted *w;

	t->v = mem_grow(t->v, &t->cap, t->n + 1, sizeof *t->v);
	w = &t->v[t->n];
	*w = (struct wanted){.needle = needle, .header = header};
	t->headers |= header;
	w->ascii = is_ascii(needle.text);
	w->line = !memchr(needle.text.p, '\n', cur_len(&needle.text)) &&
	          !memchr(needle.text.p, '\r', cur_len(&needle.text));
	t->broken |= !w->line;
	t->quote |= memchr(needle.text.p, '>', cur_len(&needle.text)) != NULL;
	if (cur_len(&needle.text) > t->longest)
		t->longest = cur_len(&needle.text);
	return t->n++;
}

/* A note tells everything anew: where the cache has the message is what the
 * index says by now. */
static void
keep_forms(struct text *t)
{
	struct store *st = &t->s->box.store;
	size_t i;

	for (i = 0; i < t->nnote; i++) {
		ssize_t k = store_find(st, t->note[i].uid);

		if (k >= 0)
			t->note[i].cache = store_msg(st, (size_t)k)->cache;
	}
	if (t->nnote > 0)
		store_notes(st, t->note, t->nnote);
}

void
texts_end(struct text *t)
{
	keep_forms(t);
	free(t->note);
	free(t->v);
	arena_free(&t->arena);
	str_free(&t->header);
	str_free(&t->bytes);
	str_free(&t->utf8);
	str_free(&t->folded);
}

/* Forget the first n bytes. */
static void
drop(struct str *s, size_t n)
{
	if (n == 0)
		return;
	memmove(s->s, s->s + n, s->n - n);
	s->n -= n;
}

/* --- through the structure --- */

/* A stretch of the message. */
struct stretch {
	bool header;    /* not a body */
	bool only_text; /* for TEXT, not for BODY */
	uint64_t from, to;
	struct cur encoding, charset;
};

static bool
all_found(const struct text *t)
{
	size_t k;

	for (k = 0; k < t->n; k++)
		if (!t->v[k].found)
			return false;
	return true;
}

/* Look at what was folded; the end of it stays, as something may begin
 * there. */
static void
look(struct text *t, const struct stretch *x)
{
	size_t k, keep = t->longest > 0 ? t->longest - 1 : 0;

	for (k = 0; k < t->n; k++) {
		struct wanted *w = &t->v[k];

		if (!w->found && (w->header || !x->only_text))
			w->found = needle_find(&w->needle, str_cur(&t->folded));
	}
	if (t->folded.n > keep)
		drop(&t->folded, t->folded.n - keep);
}

/* The header's fields that are here in full. */
static void
look_header(struct text *t, const struct stretch *x)
{
	struct cur c = str_cur(&t->header), field;

	while (header_next(&c, &field)) {
		str_clear(&t->utf8);
		str_clear(&t->folded);
		word_decode(t->fold, field, &t->utf8);
		fold_add(t->fold, &t->folded, str_cur(&t->utf8), false, true);
		look(t, x);
	}
	str_clear(&t->header);
	str_clear(&t->utf8);
}

/* The body's bytes without their transfer encoding. */
static void
look_body(struct text *t, const struct stretch *x, bool last)
{
	struct str *from = &t->bytes;
	size_t bad;

	if (t->charset) {
		drop(&t->bytes, charset_add(t->charset, &t->utf8,
		                            str_cur(&t->bytes), last, &bad));
		from = &t->utf8;
	}
	if (t->folded.n == 0 && is_ascii(str_cur(from))) {
		struct str all = *from; /* which folds to itself */

		*from = t->folded;
		t->folded = all;
	} else {
		drop(from,
		     fold_add(t->fold, &t->folded, str_cur(from), false, last));
	}
	look(t, x);
}

struct passing {
	struct text *t;
	const struct stretch *x;
};

static int
pass(void *to, const char *p, size_t n)
{
	const struct passing *a = to;
	struct text *t = a->t;

	if (!a->x->header) {
		decode_feed(&t->decode, p, n, &t->bytes);
		look_body(t, a->x, false);
		return 0;
	}
	str_add(&t->header, p, n);
	if (t->header.n > HEADER_MOST)
		look_header(t, a->x);
	return 0;
}

/* The raw byte at that place of the structure. */
static const char *
raw_at(const struct text *t, uint64_t off)
{
	return t->body + (off - t->lead);
}

/* 0, or -1 with errno.  Without a letter it is one of the raw bytes. */
static int
pass_stretch(struct text *t, struct letter *l, const struct stretch *x)
{
	struct passing a = {t, x};

	str_clear(&t->header);
	str_clear(&t->bytes);
	str_clear(&t->utf8);
	str_clear(&t->folded);
	t->charset = NULL;
	if (!x->header) {
		decode_begin(&t->decode, decode_kind(x->encoding));
		if (x->charset.p)
			charset_find(t->fold, x->charset, &t->charset);
	}
	if ((l ? letter_range(t->s, l, x->from, x->to - x->from, pass, &a)
	       : pass(&a, raw_at(t, x->from), (size_t)(x->to - x->from))) < 0)
		return -1;
	if (x->header) {
		look_header(t, x);
	} else {
		decode_end(&t->decode, &t->bytes);
		look_body(t, x, true);
	}
	return 0;
}

/* What is said before the part's body.  The header of a message inside is
 * text of the one around it; MIME's fields are not.  There is more in the raw
 * header than clients see. */
static int
pass_header(struct text *t, struct letter *l, const struct part *p)
{
	struct stretch x = {.header = true, .from = p->head, .to = p->body};

	x.only_text = !p->parent || p->parent->kind != MIME_MESSAGE;
	if (x.only_text && (!t->headers || (!l && !p->parent)))
		return 0;
	return pass_stretch(t, l, &x);
}

static bool
has_text(const struct part *p)
{
	return p->kind == MIME_TEXT ||
	       (p->kind == MIME_OTHER && cur_is(&p->type, "message"));
}

static int
pass_part(struct text *t, struct letter *l, const struct part *p)
{
	struct stretch x = {.from = p->body, .to = p->end};

	if (pass_header(t, l, p) < 0)
		return -1;
	if (!has_text(p))
		return 0;
	x.encoding = p->encoding;
	x.charset = param_find(p->params, "charset");
	return pass_stretch(t, l, &x);
}

/* The part behind this one, those inside of it first. */
static const struct part *
next_part(const struct part *p)
{
	if (p->child)
		return p->child;
	while (p && !p->next)
		p = p->parent;
	return p ? p->next : NULL;
}

/* Look for everything in all the parts. */
static int
read_parts(struct text *t, struct letter *l, const struct part *p)
{
	size_t k;

	for (k = 0; k < t->n; k++)
		t->v[k].found = cur_len(&t->v[k].needle.text) == 0;
	for (; p && !all_found(t); p = next_part(p))
		if (pass_part(t, l, p) < 0)
			return -1;
	return 0;
}

static int
read_all(struct text *t, size_t i)
{
	struct letter *l = letter_at(t->s, i);
	const struct part *root = l ? letter_root(t->s, l) : NULL;
	size_t k;

	/* What was found was in another. */
	for (k = 0; k < t->n && !root; k++)
		t->v[k].found = false;
	return root ? read_parts(t, l, root) : -1;
}

/* --- in the raw bytes --- */

enum { PERHAPS = 2 };

/* The same header without folds: they may stand where the needle has a
 * blank. */
static bool
in_unfolded(struct text *t, const struct needle *n, struct cur head)
{
	if (!memchr(n->text.p, ' ', cur_len(&n->text)) &&
	    !memchr(n->text.p, '\t', cur_len(&n->text)))
		return false;
	str_clear(&t->utf8);
	while (head.p < head.e) {
		const char *lf = memchr(head.p, '\n', cur_len(&head)), *to;

		to = lf ? lf + 1 : head.e;
		if (lf && to < head.e && (*to == ' ' || *to == '\t')) {
			lf -= lf > head.p && lf[-1] == '\r';
			str_add(&t->utf8, head.p, (size_t)(lf - head.p));
		} else {
			str_add(&t->utf8, head.p, (size_t)(to - head.p));
		}
		head.p = to;
	}
	return needle_find(n, str_cur(&t->utf8));
}

/* May it be in a header of ASCII without encoded words?  Fields of the mailbox's
 * own are in the raw one, too. */
static bool
in_header(struct text *t, const struct needle *n, struct cur head)
{
	return needle_find(n, head) || in_unfolded(t, n, head);
}

/* 1, 0, or PERHAPS: a message whose form allows to tell at once. */
static int
in_plain(struct text *t, const struct wanted *w, const struct halves *h)
{
	const struct needle *n = &w->needle;

	if (needle_find(n, h->body)) {
		/* The mailbox may have put a > before a line. */
		return t->form & FORM_SIMPLE && !t->quote ? 1 : PERHAPS;
	}
	if (w->header && in_header(t, n, h->head))
		return PERHAPS;
	/* The headers of parts are folded as well. */
	return !(t->form & FORM_SIMPLE) && in_unfolded(t, n, h->body) ? PERHAPS
	                                                              : 0;
}

/* The form of the message at hand, found out the first time. */
static uint16_t
form_of(struct text *t, uint32_t uid, const struct halves *h)
{
	if (t->form)
		return t->form;
	t->form = form_find(&t->signs, h);
	t->note = mem_grow(t->note, &t->capnote, t->nnote + 1, sizeof *t->note);
	t->note[t->nnote++] = (struct store_note){.uid = uid, .form = t->form};
	return t->form;
}

/* --- through the structure of the raw bytes --- */

/* Could it make a difference how lines end, in a charset or where a header is cut,
 * or that the mailbox put a > before "From " at a line's start: where the header
 * of a message begins, or behind a soft line end? */
static bool
is_delicate(const struct text *t, const struct part *p)
{
	struct cur charset = param_find(p->params, "charset");
	struct cur body = {raw_at(t, p->body), raw_at(t, p->end)};
	unsigned kind = decode_kind(p->encoding);

	if (p->body - p->head > MIME_HEADER / 2 ||
	    (p->parent && p->parent->kind == MIME_MESSAGE && p->end > p->head &&
	     *raw_at(t, p->head) == '>'))
		return true;
	if (!has_text(p) || kind == DECODE_BASE64)
		return false;
	return (charset.p && !form_charset(charset)) ||
	       (kind == DECODE_QP && needle_find(&t->signs.quoted, body));
}

/* May something that was not found yet be in the header? */
static bool
header_may_have(struct text *t, struct cur head)
{
	bool may = !is_ascii(head) || needle_find(&t->signs.word, head);
	size_t k;

	for (k = 0; k < t->n && !may; k++)
		may = t->v[k].header && !t->v[k].found &&
		      in_header(t, &t->v[k].needle, head);
	return may;
}

/* 0, or -1: it must be done otherwise.  The structure is that of a message with
 * but those fields in its header that matter. */
static int
read_raw(struct text *t, uint32_t uid, const struct halves *h)
{
	const struct stretch header = {.header = true, .only_text = true};
	const struct part *root, *p;
	struct mime *m;

	if (t->quote && needle_find(&t->signs.quoted, h->body))
		return -1;
	str_clear(&t->header);
	form_content(&t->signs, h->head, &t->header);
	arena_reset(&t->arena);
	m = mime_open(&t->arena);
	mime_feed(m, t->header.s, t->header.n);
	mime_feed(m, h->body.p, cur_len(&h->body));
	root = mime_end(m);
	t->body = h->body.p;
	t->lead = t->header.n;
	for (p = root; p; p = next_part(p))
		if (is_delicate(t, p))
			return -1;
	if (read_parts(t, NULL, root) < 0)
		return -1;
	if (!t->headers || all_found(t) || !header_may_have(t, h->head))
		return 0;
	str_clear(&t->header);
	if (store_header(&t->s->box.store, uid, &t->header) < 0)
		return -1;
	look_header(t, &header);
	return 0;
}

/* 1, 0, or PERHAPS. */
static int
find_raw(struct text *t, const struct wanted *w)
{
	uint32_t uid = t->s->box.v[t->at].uid;
	struct halves h;
	struct cur raw;
	uint16_t form;

	/* Nothing is read of ASCII for what is not. */
	if (t->form & FORM_PLAIN && w->line && !w->ascii)
		return 0;
	if (!w->line || (t->form && !(t->form & (FORM_PLAIN | FORM_RAW))) ||
	    store_raw(&t->s->box.store, uid, &raw) <= 0)
		return PERHAPS;
	form_split(raw, &h);
	form = form_of(t, uid, &h);
	if (form & FORM_PLAIN)
		return w->ascii ? in_plain(t, w, &h) : 0;
	if (!(form & FORM_RAW) || t->broken || read_raw(t, uid, &h) < 0)
		return PERHAPS;
	t->read = true;
	return w->found;
}

/* Turn to the message at place i. */
static void
turn(struct text *t, size_t i)
{
	const struct index_msg *m = box_msg(t->s, i);

	t->at = i;
	t->read = false;
	t->form = m && m->form & FORM_KNOWN ? m->form : 0;
}

bool
texts_find(struct text *t, size_t k, size_t i)
{
	int found = PERHAPS;

	if (t->at != i)
		turn(t, i);
	if (!t->read)
		found = find_raw(t, &t->v[k]);
	if (found != PERHAPS)
		return found;
	if (!t->read && read_all(t, i) < 0 && errno != ESTALE)
		t->error = errno;
	t->read = true;
	return t->v[k].found;
}
