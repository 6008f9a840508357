/* evaluate - the messages that criteria ask for; see criteria.h.  Keys were
 * put in the order of what they cost: most messages are ruled out by flags
 * and dates before anything is read of them. */
#include "criteria.h"

#include "field.h"
#include "word.h"

#include <errno.h>
#include <stdio.h>

/* --- what is known of a message --- */

static void
turn(struct criteria *c, size_t i)
{
	if (c->at == i)
		return;
	c->at = i;
	c->known = c->header_known = false;
}

/* Why it cannot be read, unless it is only gone. */
static void
fail(struct criteria *c)
{
	if (errno != ESTALE)
		c->error = errno;
}

const struct cached *
criteria_cached(struct criteria *c, size_t i)
{
	turn(c, i);
	if (!c->known && cache_get(c->s, i, &c->cached) < 0) {
		fail(c);
		return NULL;
	}
	c->known = true;
	return &c->cached;
}

static struct cur
header(struct criteria *c, size_t i)
{
	turn(c, i);
	if (!c->header_known) {
		str_clear(&c->header);
		if (store_header(&c->s->box.store, c->s->box.v[i].uid,
		                 &c->header) < 0) {
			fail(c);
			str_clear(&c->header);
		}
	}
	c->header_known = true;
	return str_cur(&c->header);
}

/* --- fields --- */

static bool
body_has(struct criteria *c, const struct key *k, struct cur body)
{
	while (body.e > body.p && (body.e[-1] == '\n' || body.e[-1] == '\r'))
		body.e--;
	if (word_is_plain(body))
		return needle_find(&k->needle, body);
	str_clear(&c->value);
	str_clear(&c->folded);
	word_decode(&c->fold, body, &c->value);
	fold_add(&c->fold, &c->folded, str_cur(&c->value), false, true);
	return needle_find(&k->needle, str_cur(&c->folded));
}

static bool
known_field(struct criteria *c, const struct key *k, size_t i)
{
	const struct cached *m = criteria_cached(c, i);
	struct cur field, body;
	size_t f;

	if (!m)
		return false;
	field.e = m->fields.p;
	for (f = 0; f < m->nfields; f++) {
		field.p = field.e;
		field.e += m->field[f].len;
		if (m->field[f].name == (uint32_t)k->known &&
		    header_is(field, k->name, &body) && body_has(c, k, body))
			return true;
	}
	return false;
}

static bool
any_field(struct criteria *c, const struct key *k, size_t i)
{
	struct cur head = header(c, i), field, body;

	while (header_next(&head, &field))
		if (header_is(field, k->name, &body) && body_has(c, k, body))
			return true;
	return false;
}

/* --- keys --- */

static bool
is_between(const struct key *k, int64_t n)
{
	return n >= k->from && n < k->to;
}

/* RFC 9051 6.4.4: the date as it stands there, without its time zone. */
static bool
was_sent(struct criteria *c, const struct key *k, size_t i)
{
	const struct cached *m = criteria_cached(c, i);

	return m && m->sent != INT64_MIN && is_between(k, m->sent + m->zone);
}

/* RFC 8474 4.1: it is compared as FETCH gives it. */
static bool
has_id(struct criteria *c, const struct key *k, size_t i)
{
	enum { ID_SUM = 17, ID_SIZE = 40 }; /* M and 16 digits; all of it */
	const struct index_msg *m = box_msg(c->s, i);
	struct cached_whole whole;
	char id[ID_SIZE];
	size_t n;

	if (!m || cur_len(&k->text) < ID_SUM)
		return false;
	/* The size is known, the sum costs reading the message. */
	n = (size_t)snprintf(id, sizeof id, "%012llx",
	                     (unsigned long long)m->size);
	if (cur_len(&k->text) != ID_SUM + n ||
	    memcmp(k->text.p + ID_SUM, id, n) != 0)
		return false;
	c->known = false; /* it was good until now (cache.h) */
	if (cache_whole(c->s, i, &whole) < 0) {
		fail(c);
		return false;
	}
	snprintf(id, sizeof id, "M%016llx", (unsigned long long)whole.content);
	return memcmp(k->text.p, id, ID_SUM) == 0;
}

static bool
record_matches(const struct key *k, const struct index_msg *m)
{
	switch (k->kind) {
	case KEY_FLAG: return m->flags & k->n;
	case KEY_KEYWORD: return m->keywords & k->n;
	case KEY_SIZE: return is_between(k, (int64_t)m->size);
	case KEY_DATE: return is_between(k, m->date);
	case KEY_SAVED: return is_between(k, m->saved ? m->saved : m->date);
	default: return m->modseq >= k->n; /* KEY_MODSEQ */
	}
}

static bool matches(struct criteria *c, const struct key *k, size_t i);

static bool
children_match(struct criteria *c, const struct key *k, size_t i)
{
	const struct key *child;

	/* All, or one. */
	for (child = k->child; child; child = child->next)
		if (matches(c, child, i) == (k->kind == KEY_OR))
			return k->kind == KEY_OR;
	return k->kind == KEY_AND;
}

static bool
matches(struct criteria *c, const struct key *k, size_t i)
{
	const struct index_msg *m;

	switch (k->kind) {
	case KEY_ALL: return true;
	case KEY_AND:
	case KEY_OR: return children_match(c, k, i);
	case KEY_NOT: return !matches(c, k->child, i);
	case KEY_SET: return k->in[i / 8] >> i % 8 & 1;
	case KEY_RECENT: return c->s->box.v[i].recent;
	case KEY_SENT: return was_sent(c, k, i);
	case KEY_FIELD:
		return k->known >= 0 ? known_field(c, k, i)
		                     : any_field(c, k, i);
	case KEY_EMAILID: return has_id(c, k, i);
	case KEY_TEXT: return texts_find(&c->text, (size_t)k->n, i);
	default: break;
	}
	m = box_msg(c->s, i);
	return m && record_matches(k, m);
}

int
criteria_find(struct criteria *c, uint32_t **at, size_t *n)
{
	const struct box *b = &c->s->box;
	size_t i;

	*at = arena_alloc(&c->s->arena, (b->n + 1) * sizeof **at);
	for (*n = i = 0; i < b->n; i++)
		if (box_msg(c->s, i) && matches(c, c->root, i))
			(*at)[(*n)++] = (uint32_t)i;
	if (c->text.error)
		c->error = c->text.error;
	return criteria_failed(c) ? -1 : 0;
}

bool
criteria_failed(const struct criteria *c)
{
	if (c->error == 0)
		return false;
	errno = c->error;
	no_store(c->s, &c->s->box.store);
	return true;
}

uint64_t
criteria_modseq(const struct criteria *c, const uint32_t *at, size_t n)
{
	uint64_t most = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct index_msg *m = box_msg(c->s, at[i]);

		if (m && m->modseq > most)
			most = m->modseq;
	}
	return most;
}
