/* criteria - see criteria.h.  Recursion is bounded: a run of ORs is one key
 * of many, NOTs in a row are counted, and only parentheses and NOT go
 * deeper. */
#include "criteria.h"

#include "mem.h"

#include <stdlib.h>
#include <time.h>

enum {
	DAY = 86400, /* s */
	/* Costs, in the order of keys that are asked. */
	CHEAP = 1,
	CACHED = 10,
	HEADER = 100,
	BODY = 1000
};

struct criteria *
criteria_begin(struct session *s)
{
	struct criteria *c = arena_alloc(&s->arena, sizeof *c);

	c->s = s;
	c->now = time(NULL);
	c->at = SIZE_MAX;
	headernames_begin(&c->names);
	texts_begin(&c->text, s, &c->fold);
	return c;
}

void
criteria_end(struct criteria *c)
{
	cache_flush(c->s);
	texts_end(&c->text);
	fold_end(&c->fold);
	str_free(&c->header);
	str_free(&c->value);
	str_free(&c->folded);
	arena_free(&c->scratch);
}

int
criteria_bad(struct criteria *c)
{
	return c->refused ? 0 : bad_parse(c->s);
}

/* --- strings --- */

/* RFC 9051 6.4.4: NO for a charset that we do not have. */
int
criteria_charset(struct criteria *c, struct parse *p)
{
	struct cur name;

	if (parse_astring(p, &name) < 0)
		return -1;
	if (charset_find(&c->fold, name, &c->charset) == 0)
		return 0;
	c->refused = true;
	no(c->s,
	   "[BADCHARSET (UTF-8 US-ASCII)] that charset is not known here");
	return -1;
}

/* An astring, folded: what to look for. */
static int
needle(struct criteria *c, struct parse *p, struct needle *n)
{
	struct str utf8 = {0}, folded = {0};
	struct cur text;
	size_t none = 0;

	if (parse_astring(p, &text) < 0)
		return -1;
	if (c->charset)
		charset_add(c->charset, &utf8, text, true, &none);
	else
		str_add(&utf8, text.p, cur_len(&text));
	fold_add(&c->fold, &folded, str_cur(&utf8), false, true);
	needle_make(n, &c->s->arena, str_cur(&folded));
	str_free(&utf8);
	str_free(&folded);
	return none == 0 ? 0
	                 : parse_fail(p, "that string is not of that charset");
}

/* --- keys --- */

static struct key *
add(struct criteria *c, struct parse *p, enum key_kind kind, unsigned cost)
{
	struct key *k = arena_alloc(&c->s->arena, sizeof *k);

	k->kind = kind;
	k->cost = cost;
	if (++c->nkeys == CRITERIA_KEYS)
		parse_fail(p, "that is too much to look for");
	return k;
}

static struct key *
negate(struct criteria *c, struct parse *p, struct key *of)
{
	struct key *k = add(c, p, KEY_NOT, of->cost);

	k->child = of;
	return k;
}

/* Put a key in before those that cost more. */
static void
put(struct key *into, struct key *k)
{
	struct key **at = &into->child;

	while (*at && (*at)->cost <= k->cost)
		at = &(*at)->next;
	k->next = *at;
	*at = k;
	if (k->cost > into->cost)
		into->cost = k->cost;
}

/* How to read what is behind a key's name. */
enum takes {
	NOTHING,
	FLAG, /* the flag is set, or (UN) not */
	RECENT,
	NEW,     /* RFC 3501 6.4.4: RECENT UNSEEN */
	KEYWORD, /* from here on something stands behind the name */
	LARGER,
	SMALLER,
	BEFORE, /* kind says which date, as those below */
	ON,
	SINCE,
	OLDER,
	YOUNGER,
	MODSEQ,
	UIDS,
	EMAILID,
	THREADID,
	FIELD, /* name says which */
	NAMED_FIELD,
	IN_BODY,
	IN_ALL
};

static const struct word {
	const char *name;
	enum takes takes;
	enum key_kind kind;
	unsigned flag;
	bool not ;
} words[] = {
    {"ALL",               NOTHING,     KEY_ALL,     0,             false},
    {"ANSWERED",          FLAG,        KEY_FLAG,    FLAG_ANSWERED, false},
    {"DELETED",           FLAG,        KEY_FLAG,    FLAG_DELETED,  false},
    {"DRAFT",             FLAG,        KEY_FLAG,    FLAG_DRAFT,    false},
    {"FLAGGED",           FLAG,        KEY_FLAG,    FLAG_FLAGGED,  false},
    {"SEEN",              FLAG,        KEY_FLAG,    FLAG_SEEN,     false},
    {"UNANSWERED",        FLAG,        KEY_FLAG,    FLAG_ANSWERED, true },
    {"UNDELETED",         FLAG,        KEY_FLAG,    FLAG_DELETED,  true },
    {"UNDRAFT",           FLAG,        KEY_FLAG,    FLAG_DRAFT,    true },
    {"UNFLAGGED",         FLAG,        KEY_FLAG,    FLAG_FLAGGED,  true },
    {"UNSEEN",            FLAG,        KEY_FLAG,    FLAG_SEEN,     true },
    {"RECENT",            RECENT,      KEY_RECENT,  0,             false},
    {"OLD",               RECENT,      KEY_RECENT,  0,             true },
    {"NEW",               NEW,         KEY_AND,     0,             false},
    {"KEYWORD",           KEYWORD,     KEY_KEYWORD, 0,             false},
    {"UNKEYWORD",         KEYWORD,     KEY_KEYWORD, 0,             true },
    {"LARGER",            LARGER,      KEY_SIZE,    0,             false},
    {"SMALLER",           SMALLER,     KEY_SIZE,    0,             false},
    {"BEFORE",            BEFORE,      KEY_DATE,    0,             false},
    {"ON",                ON,          KEY_DATE,    0,             false},
    {"SINCE",             SINCE,       KEY_DATE,    0,             false},
    {"SENTBEFORE",        BEFORE,      KEY_SENT,    0,             false},
    {"SENTON",            ON,          KEY_SENT,    0,             false},
    {"SENTSINCE",         SINCE,       KEY_SENT,    0,             false},
    {"SAVEDBEFORE",       BEFORE,      KEY_SAVED,   0,             false},
    {"SAVEDON",           ON,          KEY_SAVED,   0,             false},
    {"SAVEDSINCE",        SINCE,       KEY_SAVED,   0,             false},
    {"SAVEDATESUPPORTED", NOTHING,     KEY_ALL,     0,             false},
    {"OLDER",             OLDER,       KEY_DATE,    0,             false},
    {"YOUNGER",           YOUNGER,     KEY_DATE,    0,             false},
    {"MODSEQ",            MODSEQ,      KEY_MODSEQ,  0,             false},
    {"UID",               UIDS,        KEY_SET,     0,             false},
    {"EMAILID",           EMAILID,     KEY_EMAILID, 0,             false},
    {"THREADID",          THREADID,    KEY_ALL,     0,             true },
    {"BCC",               FIELD,       KEY_FIELD,   0,             false},
    {"CC",                FIELD,       KEY_FIELD,   0,             false},
    {"FROM",              FIELD,       KEY_FIELD,   0,             false},
    {"SUBJECT",           FIELD,       KEY_FIELD,   0,             false},
    {"TO",                FIELD,       KEY_FIELD,   0,             false},
    {"HEADER",            NAMED_FIELD, KEY_FIELD,   0,             false},
    {"BODY",              IN_BODY,     KEY_TEXT,    0,             false},
    {"TEXT",              IN_ALL,      KEY_TEXT,    0,             false},
};

/* --- sets --- */

/* "$" */
static void
mark_found(const struct box *b, bool *in)
{
	size_t i, f = 0;

	for (i = 0; i < b->n; i++) {
		while (f < b->nfound && b->found[f] < b->v[i].uid)
			f++;
		in[i] = f < b->nfound && b->found[f] == b->v[i].uid;
	}
}

/* There may be many of them: of a message a bit is kept. */
static struct key *
set_key(struct criteria *c, struct parse *p, bool uid)
{
	const struct box *b = &c->s->box;
	struct key *k = add(c, p, KEY_SET, CHEAP);
	struct set set;
	bool *in;
	size_t i;

	if (parse_set(p, &set) < 0)
		return NULL;
	in = mem_alloc(b->n + 1);
	if (!uid && !set.saved) /* RFC 7162 3.2.10.2 */
		c->s->numbers = true;
	if (set.saved)
		mark_found(b, in);
	else if (box_mark(c->s, &set, uid, in) < 0)
		parse_fail(p, "there is no message of that number");
	k->in = arena_alloc(&c->s->arena, b->n / 8 + 1);
	for (i = 0; i < b->n; i++)
		k->in[i / 8] |= (unsigned char)(in[i] << i % 8);
	free(in);
	return p->why ? NULL : k;
}

/* --- dates --- */

/* When that day begins here. */
static int64_t
day_begins(int64_t day)
{
	time_t t = (time_t)(day * DAY);
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return t;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

static int
date(struct parse *p, struct key *k, enum takes takes)
{
	int64_t day, begin, end;

	if (parse_date(p, &day) < 0)
		return -1;
	begin = day * DAY;
	end = begin + DAY;
	if (k->kind == KEY_SENT) {
		k->cost = CACHED;
	} else {
		begin = day_begins(day);
		end = day_begins(day + 1);
	}
	k->from = takes == BEFORE ? INT64_MIN : begin;
	k->to = takes == BEFORE ? begin : takes == ON ? end : INT64_MAX;
	return 0;
}

/* RFC 5032 */
static int
within(const struct criteria *c, struct parse *p, struct key *k, bool older)
{
	uint32_t s;

	if (parse_nz_number(p, &s) < 0)
		return -1;
	k->from = older ? INT64_MIN : c->now - s;
	k->to = older ? c->now - s + 1 : INT64_MAX;
	return 0;
}

/* --- what stands behind a word --- */

static int
size(struct parse *p, struct key *k, bool larger)
{
	uint64_t n;

	if (parse_number64(p, &n) < 0)
		return -1;
	k->from = larger ? (int64_t)(n < INT64_MAX ? n + 1 : n) : 0;
	k->to = larger ? INT64_MAX : (int64_t)n;
	return 0;
}

static int
keyword(const struct criteria *c, struct parse *p, struct key *k)
{
	const struct index *x = &c->s->box.store.index;
	struct cur word, name;
	int i;

	if (parse_atom(p, &word) < 0)
		return -1;
	for (i = 0; i < INDEX_KEYWORDS; i++) {
		name = index_keyword_name(x, i);
		if (cur_alike(name, word))
			k->n |= UINT64_C(1) << i;
	}
	return 0;
}

/* RFC 7162 3.1.5: the entry is read and not used, as there is one number for
 * all. */
static int
modseq(struct criteria *c, struct parse *p, struct key *k)
{
	struct cur entry;

	if (parse_peek(p) == '"' &&
	    (parse_string(p, &entry) < 0 || parse_sp(p) < 0 ||
	     (!parse_word(p, "priv") && !parse_word(p, "shared") &&
	      !parse_word(p, "all")) ||
	     parse_sp(p) < 0))
		return parse_fail(p,
		                  "that is no entry with modification numbers");
	c->modseq = true;
	return parse_number64(p, &k->n);
}

static int
field(struct criteria *c, struct parse *p, struct key *k, const char *name)
{
	struct cur of;

	if (name)
		of = cur_of(name);
	else if (parse_astring(p, &of) < 0 || parse_sp(p) < 0)
		return -1;
	k->name = arena_dup(&c->s->arena, of.p, cur_len(&of));
	k->known = headername_find(&c->names, of);
	k->cost = k->known >= 0 ? CACHED : HEADER;
	return needle(c, p, &k->needle);
}

static int
text(struct criteria *c, struct parse *p, struct key *k, bool header)
{
	struct needle n;

	if (needle(c, p, &n) < 0)
		return -1;
	k->cost = BODY;
	k->n = texts_add(&c->text, n, header);
	return 0;
}

static struct key *
new_key(struct criteria *c, struct parse *p)
{
	struct key *both = add(c, p, KEY_AND, CHEAP);
	struct key *seen = add(c, p, KEY_FLAG, CHEAP);

	seen->n = FLAG_SEEN;
	put(both, add(c, p, KEY_RECENT, CHEAP));
	put(both, negate(c, p, seen));
	return both;
}

/* Read what a key of that name takes.  0 or -1. */
static int
take(struct criteria *c, struct parse *p, const struct word *w, struct key *k)
{
	if (w->takes >= KEYWORD && parse_sp(p) < 0)
		return -1;
	switch (w->takes) {
	case FLAG: k->n = w->flag; return 0;
	case KEYWORD: return keyword(c, p, k);
	case LARGER: return size(p, k, true);
	case SMALLER: return size(p, k, false);
	case BEFORE:
	case ON:
	case SINCE: return date(p, k, w->takes);
	case OLDER: return within(c, p, k, true);
	case YOUNGER: return within(c, p, k, false);
	case MODSEQ: return modseq(c, p, k);
	case EMAILID: k->cost = BODY; return parse_atom(p, &k->text);
	/* RFC 8474 5.3: no message has one here. */
	case THREADID: return parse_atom(p, &k->text);
	case FIELD: return field(c, p, k, w->name);
	case NAMED_FIELD: return field(c, p, k, NULL);
	case IN_BODY: return text(c, p, k, false);
	case IN_ALL: return text(c, p, k, true);
	default: return 0;
	}
}

static struct key *
word_key(struct criteria *c, struct parse *p)
{
	struct key *k = NULL;
	struct cur name;
	size_t i;

	if (parse_atom(p, &name) < 0)
		return NULL;
	for (i = 0; i < sizeof words / sizeof *words; i++)
		if (cur_is(&name, words[i].name))
			break;
	if (i == sizeof words / sizeof *words) {
		parse_fail(p, "there is no such search key");
		return NULL;
	}
	if (words[i].takes == NEW)
		return new_key(c, p);
	if (words[i].takes == UIDS)
		return parse_sp(p) < 0 ? NULL : set_key(c, p, true);
	k = add(c, p, words[i].kind, CHEAP);
	if (take(c, p, &words[i], k) < 0)
		return NULL;
	return words[i].not ? negate(c, p, k) : k;
}

/* --- the grammar --- */

static struct key *key(struct criteria *c, struct parse *p, int depth);

/* Keys up to the parenthesis, or the end of the command. */
static struct key *
keys(struct criteria *c, struct parse *p, int depth)
{
	struct key *all = add(c, p, KEY_AND, CHEAP), *k;

	do {
		if (!(k = key(c, p, depth)))
			return NULL;
		put(all, k);
	} while (cur_take(&p->c, ' '));
	return all;
}

/* "OR" SP key SP key: where another OR stands for one of them, there is but
 * one more to be had. */
static struct key *
or_key(struct criteria *c, struct parse *p, int depth)
{
	struct key *any = add(c, p, KEY_OR, CHEAP), *k;
	size_t due;

	for (due = 2; due > 0;) {
		if (parse_sp(p) < 0)
			return NULL;
		if (parse_word(p, "OR")) {
			due++;
			continue;
		}
		if (!(k = key(c, p, depth)))
			return NULL;
		put(any, k);
		due--;
	}
	return any;
}

static struct key *
key(struct criteria *c, struct parse *p, int depth)
{
	struct key *k;
	int b;
	bool not = false;

	while (parse_word(p, "NOT")) {
		not = !not ;
		if (parse_sp(p) < 0)
			return NULL;
	}
	if (p->why)
		return NULL;
	b = parse_peek(p);
	if (depth == PARSE_DEPTH) {
		parse_fail(p, "that is too deep");
		k = NULL;
	} else if (b == '(') {
		parse_byte(p, '(');
		k = keys(c, p, depth + 1);
		if (k && parse_byte(p, ')') < 0)
			k = NULL;
	} else if (str_isdigit(b) || b == '*' || b == '$') {
		k = set_key(c, p, false);
	} else if (parse_word(p, "OR")) {
		k = or_key(c, p, depth + 1);
	} else {
		k = word_key(c, p);
	}
	return k && not ? negate(c, p, k) : k;
}

int
criteria_parse(struct criteria *c, struct parse *p)
{
	c->root = keys(c, p, 0);
	return !c->root || p->why ? -1 : parse_end(p);
}
