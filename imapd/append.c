/* append - APPEND (RFC 9051 6.3.12) of one or many (RFC 3502), and REPLACE
 * (RFC 8508).  What is too large is refused before it is read; what is cut short
 * leaves nothing behind. */
#include "stage.h"

#include <errno.h>
#include <time.h>

/* Where to, and what is in the way of it. */
struct append {
	struct stage stage;
	struct store other, *store; /* NULL: it could not be opened */
	bool refused;  /* the answer was given: only the input has to go on */
	uint64_t goes; /* bytes that REPLACE takes out of there again */
};

/* The literal's bytes go to the stage; or, when they were refused, away. */
static int
take(struct session *s, struct parse *p, struct literal *l, struct append *a)
{
	struct cur c;
	ssize_t n;

	(void)s;
	while ((n = parse_literal_get(p, l, &c)) > 0)
		if (!a->refused)
			stage_write(&a->stage, c.p, cur_len(&c));
	return n < 0 ? -1 : 0;
}

static void
refuse(struct session *s, struct append *a, const char *text)
{
	if (!a->refused)
		no(s, "%s", text);
	a->refused = true;
}

/* Will that many bytes more be too many? */
static bool
is_over(const struct session *s, const struct append *a, uint64_t more)
{
	return more > a->goes && quota_over(s, a->store, more - a->goes);
}

/* append-data: literal, literal8, or "UTF8 (" literal8 ")" (RFC 6855 4).  0, or -1:
 * wrong, at an end, or a literal that nobody has to send now. */
static int
data(struct session *s, struct parse *p, struct append *a)
{
	unsigned long long limit = s->conf->message_limit;
	struct literal l;
	bool utf8 = parse_word(p, "UTF8");

	if (utf8 &&
	    (!(s->on & ON_UTF8) || parse_sp(p) < 0 || parse_byte(p, '(') < 0))
		return parse_fail(p, "ENABLE UTF8=ACCEPT first");
	if (parse_literal(p, &l) < 0)
		return -1;
	if (limit > 0 && l.size > limit)
		refuse(s, a, "[TOOBIG] that message is too large");
	else if (a->store && !a->refused &&
	         is_over(s, a, a->stage.len + l.size))
		refuse(s, a, "[OVERQUOTA] the mailbox would be too large");
	if (a->refused && l.plus && l.size > PARSE_SKIP)
		p->end = IO_LONG;
	if (a->refused && (!l.plus || p->end))
		return -1;
	parse_literal_go(p, &l);
	if (take(s, p, &l, a) < 0 || parse_line_more(p) < 0)
		return -1;
	if (l.size == 0 && !a->refused) /* RFC 3502 6.3.11 */
		refuse(s, a, "nothing was appended");
	return utf8 ? parse_byte(p, ')') : 0;
}

/* [SP flag-list] [SP date-time] SP append-data */
static int
message(struct session *s, struct parse *p, struct append *a)
{
	struct store_new *m = stage_begin(&a->stage);
	struct flags f = {0};

	m->date = time(NULL);
	if (parse_sp(p) < 0)
		return -1;
	if (parse_peek(p) == '(' && (parse_flags(p, &f) < 0 || parse_sp(p) < 0))
		return -1;
	if (parse_peek(p) == '"' &&
	    (parse_date_time(p, &m->date) < 0 || parse_sp(p) < 0))
		return -1;
	m->flags = f.bits;
	if (a->store && !a->refused &&
	    flags_keywords(s, a->store, &f, true, &m->keywords) < 0)
		a->refused = true;
	return data(s, p, a);
}

/* All messages of the command.  0: they are staged, or refused with an answer. */
static int
messages(struct session *s, struct parse *p, struct append *a, bool many)
{
	do
		if (message(s, p, a) < 0)
			return a->refused ? 0 : -1;
	while (many && parse_peek(p) == ' ');
	return a->refused ? 0 : parse_end(p);
}

/* Open where they go; when it cannot be, the answer is given, and what comes without
 * being asked for is thrown away. */
static void
open_target(struct session *s, struct cur name, struct append *a)
{
	a->stage.fd = -1;
	a->store = box_visit(s, name, true, &a->other);
	if (!a->store) {
		a->refused = true;
		return;
	}
	if (stage_open(&a->stage, s->records.s) < 0) {
		no_store(s, a->store);
		a->refused = true;
	}
}

static void
close_target(struct session *s, struct append *a)
{
	stage_close(&a->stage);
	if (a->store)
		box_leave(s, a->store);
}

/* The response code of RFC 4315 3, which may be left out. */
static void
appenduid(struct str *x, const struct append *a, const uint32_t *uid)
{
	str_adds(x, "");
	if (!uid)
		return;
	str_addf(x, "[APPENDUID %u ", a->store->index.head.validity);
	out_set(x, uid, a->stage.n);
	str_adds(x, "] ");
}

int
do_append(struct session *s, struct parse *p)
{
	struct append a = {0};
	struct str x = {0};
	struct cur name;
	uint32_t *uid;

	if (parse_sp(p) < 0 || parse_mailbox(p, &name) < 0)
		return bad_parse(s);
	open_target(s, name, &a);
	if (messages(s, p, &a, true) < 0)
		bad_parse(s);
	else if (!a.refused && stage_put(s, &a.stage, a.store, &uid) == 0) {
		appenduid(&x, &a, uid);
		ok(s, "%sdone", x.s);
	}
	str_free(&x);
	close_target(s, &a);
	return 0;
}

/* --- REPLACE --- */

/* The message that goes: 0, or -1 with the answer given. */
static int
victim(struct session *s, struct parse *p, uint32_t **at)
{
	struct set set;
	size_t n;

	if (parse_sp(p) < 0 || parse_set(p, &set) < 0)
		return bad_parse(s) - 1;
	if (set.n != 1 || set.v->lo != set.v->hi)
		return bad(s, "one message can be replaced") - 1;
	if (box_set(s, &set, at, &n) < 0)
		return -1;
	if (n == 0)
		return no(s, "[NONEXISTENT] there is no such message") - 1;
	if (s->box.readonly)
		return no(s,
		          "[NOPERM] the mailbox was opened to be read only") -
		       1;
	return 0;
}

/* RFC 8508 3.3: the new one is there before the old one goes. */
static int
replace(struct session *s, struct append *a, uint32_t old)
{
	struct str x = {0};
	uint32_t *uid;
	size_t gone;
	int r;

	if (store_sync(&s->box.store) < 0)
		return no_store(s, &s->box.store);
	if (store_find(&s->box.store, old) < 0)
		return no(s, "[EXPUNGEISSUED] that message is gone");
	a->store->how.limit += a->goes;
	r = stage_put(s, &a->stage, a->store, &uid);
	a->store->how.limit -= a->goes;
	if (r < 0)
		return 0;
	appenduid(&x, a, uid);
	io_putf(&s->io, "* OK %sthe new one is there\r\n", x.s);
	str_free(&x);
	if (store_expunge(&s->box.store, &old, 1, &gone) < 0)
		return no_store(s, &s->box.store);
	return box_purged(s);
}

/* Only what the mailbox grows by counts (RFC 8508 3.4). */
static uint64_t
what_goes(const struct session *s, const struct append *a, uint32_t at)
{
	const struct index_msg *m = box_msg(s, at);

	return m && s->conf->mailbox_limit > 0 && a->store == &s->box.store
	           ? m->size
	           : 0;
}

int
do_replace(struct session *s, struct parse *p)
{
	struct append a = {0};
	struct cur name;
	uint32_t *at;
	int turn;

	if (victim(s, p, &at) < 0)
		return 0;
	if (parse_sp(p) < 0 || parse_mailbox(p, &name) < 0)
		return bad_parse(s);
	open_target(s, name, &a);
	a.goes = what_goes(s, &a, *at);
	if (messages(s, p, &a, false) < 0)
		bad_parse(s);
	else if (!a.refused && turn_take(s, TURN_MOVE, &turn) == 0) {
		replace(s, &a, s->box.v[*at].uid);
		turn_leave(turn);
	}
	close_target(s, &a);
	return 0;
}
