/* fetch - FETCH and UID FETCH (RFC 9051 6.4.5, 7.5.2; RFC 3501 6.4.5; RFC 7162
 * 3.1.4, 3.2.6).  A line goes out as it is made; no message is in memory as a
 * whole if it is long.  What the index tells costs no look into the mailbox. */
#include "fetch.h"

#include <errno.h>

enum { SEND = 1 << 15 /* bytes of lines that are sent together */ };

/* A FETCH command. */
struct fetching {
	struct fetch f;
	uint32_t *at; /* the messages' places */
	size_t n;
	bool *seen; /* \Seen came with this command */
	struct line line;
	struct out_day day;
	size_t begin; /* of the line at hand in line.x */
	/* What the client knew of its message, and of keywords, before it. */
	struct seen was;
	uint64_t keywords;
	bool first; /* no item of it is there yet */
	/* what the answer has to tell */
	bool gone, unknown;
	int error; /* errno of a message that could not be read */
};

/* --- items that the index has --- */

static void
name(struct fetching *g, const char *word, size_t n)
{
	if (!g->first)
		str_addc(&g->line.x, ' ');
	g->first = false;
	str_add(&g->line.x, word, n);
}
#define NAME(g, word) name(g, word " ", sizeof word)

static void
from_index(struct fetching *g, const struct index_msg *m, unsigned what)
{
	struct str *x = &g->line.x;

	if (what & FETCH_UID) {
		NAME(g, "UID");
		str_addu(x, m->uid);
	}
	if (what & FETCH_DATE) {
		NAME(g, "INTERNALDATE");
		out_date_time(x, m->date, &g->day);
	}
	if (what & FETCH_SIZE) {
		NAME(g, "RFC822.SIZE");
		str_addu(x, m->size);
	}
	if (what & FETCH_MODSEQ) {
		NAME(g, "MODSEQ");
		str_addc(x, '(');
		str_addu(x, m->modseq);
		str_addc(x, ')');
	}
	if (what & FETCH_SAVED) {
		NAME(g, "SAVEDATE");
		out_date_time(x, m->saved ? m->saved : m->date, &g->day);
	}
	if (what & FETCH_THREADID) {
		NAME(g, "THREADID");
		str_adds(x, "NIL");
	}
}

/* --- items for which somebody looked into the message --- */

static void
hex(struct str *x, uint64_t n, int digits)
{
	while (digits-- > 0)
		str_addc(x, "0123456789abcdef"[n >> 4 * digits & 15]);
}

/* RFC 8474 5.1: it stays what it is in another mailbox. */
static void
email_id(struct fetching *g, uint64_t content, uint64_t size)
{
	struct str *x = &g->line.x;

	NAME(g, "EMAILID");
	str_adds(x, "(M");
	hex(x, content, 16);
	hex(x, size, 12);
	str_addc(x, ')');
}

static int
from_whole(struct fetching *g, const struct index_msg *m, unsigned what)
{
	struct cached_whole c;
	struct str *x = &g->line.x;

	if (cache_whole(g->line.s, g->line.i, &c) < 0)
		return ITEM_FAILED;
	if (what & FETCH_EMAILID)
		email_id(g, c.content, m->size);
	if (what & FETCH_STRUCTURE) {
		NAME(g, "BODYSTRUCTURE");
		str_add(x, c.structure.p, cur_len(&c.structure));
	}
	if (what & FETCH_BODY) {
		NAME(g, "BODY");
		str_add(x, c.body.p, cur_len(&c.body));
	}
	return 0;
}

static int
from_cache(struct fetching *g, const struct index_msg *m, unsigned what)
{
	struct str *x = &g->line.x;
	struct cached c;

	if (what & FETCH_ENVELOPE) {
		if (cache_get(g->line.s, g->line.i, &c) < 0)
			return ITEM_FAILED;
		NAME(g, "ENVELOPE");
		str_add(x, c.envelope.p, cur_len(&c.envelope));
	}
	if (what & (FETCH_STRUCTURE | FETCH_BODY | FETCH_EMAILID) &&
	    from_whole(g, m, what) < 0)
		return ITEM_FAILED;
	if (!(what & FETCH_PREVIEW))
		return 0;
	NAME(g, "PREVIEW");
	return preview_item(&g->line, what & FETCH_LAZY);
}

static int
sections(struct fetching *g)
{
	struct line *l = &g->line;
	int r = 0;
	size_t i;

	for (i = 0; i < g->f.n && r != ITEM_BROKEN; i++) {
		const struct section *c = &g->f.section[i];
		bool first = g->first;

		name(g, "", 0);
		r = c->as == AS_BODY ? body_item(l, c) : binary_item(l, c);
		if (r == 0 || r == ITEM_BROKEN)
			continue;
		/* The blank stands for nothing. */
		if (!first)
			l->x.n--;
		g->first = first;
		if (r != ITEM_UNKNOWN)
			return r;
		g->unknown = true;
	}
	return r == ITEM_BROKEN ? r : 0;
}

/* --- lines --- */

/* "* n FETCH (" and flags, which are then known to be told. */
static bool
begin(struct fetching *g, unsigned *what)
{
	struct line *l = &g->line;

	g->begin = l->x.n;
	g->was = l->s->box.v[l->i];
	g->keywords = l->s->box.keywords;
	l->sent = false;
	if (*what & FETCH_FLAGS) {
		struct session *s = l->s;

		if (!sync_flags(s, l->i, &l->x))
			return false;
		if (sync_uid(s))
			*what &= ~(unsigned)FETCH_UID;
		if (s->on & ON_CONDSTORE)
			*what &= ~(unsigned)FETCH_MODSEQ;
		g->first = false;
		return true;
	}
	str_add(&l->x, "* ", 2);
	str_addu(&l->x, l->i + 1);
	str_add(&l->x, " FETCH (", 8);
	g->first = true;
	return true;
}

/* A message that could not be read: 0 when nothing of its line was sent. */
static int
drop(struct fetching *g)
{
	if (g->line.sent)
		return IO_ERROR;
	g->line.x.n = g->begin;
	g->line.s->box.v[g->line.i] = g->was;
	g->line.s->box.keywords = g->keywords;
	if (errno == ESTALE)
		g->gone = true;
	else
		g->error = errno;
	return 0;
}

/* What is there ends a line. */
static void
send_lines(struct line *l)
{
	line_send(l);
	l->s->half = false;
}

static int
one(struct fetching *g, const struct index_msg *now, bool seen)
{
	const struct index_msg m = *now; /* looking into it may move it */
	struct line *l = &g->line;
	unsigned what = g->f.what;
	int r;

	if (seen)
		what |= FETCH_FLAGS;
	errno = ESTALE;
	if (!begin(g, &what))
		return drop(g);
	from_index(g, &m, what);
	r = what & ~(unsigned)(FETCH_SAVED * 2 - 1) ? from_cache(g, &m, what)
	                                            : 0;
	if (r == 0 && g->f.n > 0)
		r = sections(g);
	if (r == ITEM_BROKEN)
		return IO_ERROR;
	if (r < 0)
		return drop(g);
	/* A line that has nothing to say is none. */
	if (g->first && !l->sent) {
		l->x.n = g->begin;
		return 0;
	}
	str_add(&l->x, ")\r\n", 3);
	if (l->x.n >= SEND)
		send_lines(l);
	return 0;
}

/* --- the command --- */

/* Does CHANGEDSINCE leave it out? */
static bool
is_old(const struct fetching *g, const struct index_msg *m)
{
	return g->f.since && m->modseq <= g->f.modseq;
}

/* Messages whose text is asked for have been seen (RFC 9051 6.4.5); and that is
 * said with it. */
static void
see(struct session *s, struct fetching *g)
{
	struct store_change c = {.set = FLAG_SEEN};
	uint32_t *uid = arena_alloc(&s->arena, (g->n + 1) * sizeof *uid);
	size_t i, n = 0;

	g->seen = arena_alloc(&s->arena, g->n + 1);
	for (i = 0; i < g->n; i++) {
		const struct index_msg *m = box_msg(s, g->at[i]);

		if (!m || m->flags & FLAG_SEEN || is_old(g, m))
			continue;
		g->seen[i] = true;
		uid[n++] = m->uid;
	}
	if (n > 0 && store_flag(&s->box.store, uid, n, &c) < 0)
		memset(g->seen, 0, g->n);
}

static int
all(struct session *s, struct fetching *g)
{
	struct line *l = &g->line;
	size_t i;
	int r = 0;

	l->s = s;
	for (i = 0; i < g->n && r == 0 && !s->io.err; i++) {
		const struct index_msg *m;
		bool seen = g->seen && g->seen[i];

		l->i = g->at[i];
		if (!(m = box_msg(s, l->i)))
			g->gone = true;
		else if (seen || !is_old(g, m))
			r = one(g, m, seen);
	}
	if (r == 0)
		send_lines(l);
	str_free(&l->x);
	str_free(&l->text);
	cache_flush(s);
	return r;
}

static int
answer(struct session *s, const struct fetching *g)
{
	errno = g->error;
	if (g->error)
		return no_store(s, &s->box.store);
	if (g->unknown)
		return no(s, "[UNKNOWN-CTE] a part's encoding is not known");
	/* RFC 9051 6.4.9: UID FETCH passes over UIDs that are not there. */
	if (g->gone && !s->uid)
		return ok(s, "[EXPUNGEISSUED] some messages are gone");
	return ok(s, "that is all");
}

int
do_fetch(struct session *s, struct parse *p)
{
	struct fetching g = {0};
	struct set set;
	int r;

	if (parse_sp(p) < 0 || parse_set(p, &set) < 0 ||
	    fetch_parse(p, &g.f) < 0)
		return bad_parse(s);
	if (g.f.vanished && (!s->uid || !(s->on & ON_QRESYNC)))
		return bad(s, "VANISHED is for UID FETCH and QRESYNC");
	if (box_set(s, &set, &g.at, &g.n) < 0)
		return 0;
	if (g.f.since || g.f.what & FETCH_MODSEQ) {
		sync_condstore(s);
		g.f.what |= FETCH_MODSEQ;
	}
	if (s->uid)
		g.f.what |= FETCH_UID;
	if (g.f.vanished)
		sync_vanished(s, g.f.modseq, &set);
	if (g.f.see && !s->box.readonly)
		see(s, &g);
	r = all(s, &g);
	return r < 0 ? r : answer(s, &g);
}
