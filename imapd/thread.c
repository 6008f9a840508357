/* thread - THREAD and UID THREAD (RFC 5256).  Called by imap.c; threads.c
 * knows who answered whom. */
#include "sort.h"
#include "threads.h"

static int
arguments(struct criteria *c, struct parse *p, bool *references)
{
	if (parse_sp(p) < 0)
		return -1;
	*references = parse_word(p, "REFERENCES");
	if (!*references && !parse_word(p, "ORDEREDSUBJECT"))
		return parse_fail(p, "there is no such way to thread");
	if (parse_sp(p) < 0 || criteria_charset(c, p) < 0 || parse_sp(p) < 0)
		return -1;
	return criteria_parse(c, p);
}

static void
add(struct threads *t, struct criteria *c, size_t i)
{
	const struct session *s = c->s;
	struct threads_msg m = {0};
	const struct cached *k;

	m.number = s->uid ? s->box.v[i].uid : (uint32_t)i + 1;
	m.sent = sort_sent(c, i);
	m.subject = sort_subject(c, i, &c->scratch, &m.reply);
	if ((k = criteria_cached(c, i))) {
		m.id = k->message_id;
		m.references = k->references;
		m.in_reply_to = k->in_reply_to;
	}
	threads_add(t, &m);
	arena_reset(&c->scratch);
}

static void
answer(struct session *s, struct threads *t, size_t n, bool references)
{
	struct str x = {0};

	str_adds(&x, n > 0 ? "* THREAD " : "* THREAD");
	if (references)
		threads_by_references(t, &x);
	else
		threads_by_subject(t, &x);
	str_adds(&x, "\r\n");
	say(s, &x);
	ok(s, "these are the threads");
}

static int
thread(struct session *s, struct parse *p, struct criteria *c)
{
	struct threads *t;
	bool references;
	uint32_t *at;
	size_t i, n;

	if (arguments(c, p, &references) < 0)
		return criteria_bad(c);
	if (criteria_find(c, &at, &n) < 0)
		return 0;
	t = threads_begin(&s->arena, n);
	for (i = 0; i < n; i++)
		add(t, c, at[i]);
	if (!criteria_failed(c))
		answer(s, t, n, references);
	threads_end(t);
	return 0;
}

int
do_thread(struct session *s, struct parse *p)
{
	struct criteria *c = criteria_begin(s);

	thread(s, p, c);
	criteria_end(c);
	return 0;
}
