/* list - LIST (RFC 9051 6.3.9, 5258, 5819, 6154), LSUB (RFC 3501 6.3.9) and NAMESPACE
 * (RFC 2342).  Time grows with the number of names, whatever the patterns. */
#include "list.h"

#include "folder.h"
#include "out.h"

#include <errno.h>

/* What is asked for. */
struct query {
	const char *word; /* LIST or LSUB */
	bool extended;
	/* which names: those that have all of these bits (one of them) */
	bool subscribed, special, recursive;
	/* what of them */
	bool tell_subscribed;
	unsigned status;
	struct cur reference;
	struct pattern *v;
	size_t n;
	bool empty; /* the last of them */
};

/* What is known of a name, for this query. */
enum {
	MATCH = 1,  /* a pattern */
	LEVEL = 2,  /* one that takes levels too */
	MEETS = 4,  /* the selection */
	BELOW = 8,  /* something below meets it */
	HIDDEN = 16 /* and is not told, as it does not match */
};

/* --- the command --- */

/* "(" [option *(SP option)] ")" */
static int
options(struct session *s, struct parse *p, struct query *q,
        int (*option)(struct session *, struct parse *, struct query *,
                      struct cur))
{
	struct cur word;

	if (parse_byte(p, '(') < 0)
		return -1;
	if (parse_peek(p) == ')')
		return parse_byte(p, ')');
	do
		if (parse_atom(p, &word) < 0 || option(s, p, q, word) < 0)
			return -1;
	while (cur_take(&p->c, ' '));
	return parse_byte(p, ')');
}

static int
selection(struct session *s, struct parse *p, struct query *q, struct cur word)
{
	(void)s;
	if (cur_is(&word, "SUBSCRIBED"))
		q->subscribed = q->tell_subscribed = true;
	else if (cur_is(&word, "RECURSIVEMATCH"))
		q->recursive = true;
	else if (cur_is(&word, "SPECIAL-USE"))
		q->special = true;
	else if (!cur_is(&word, "REMOTE"))
		return parse_fail(p, "no such selection option");
	return 0;
}

/* What CHILDREN and SPECIAL-USE ask for is told always. */
static int
returning(struct session *s, struct parse *p, struct query *q, struct cur word)
{
	(void)s;
	if (cur_is(&word, "SUBSCRIBED"))
		q->tell_subscribed = true;
	else if (cur_is(&word, "STATUS"))
		return parse_sp(p) < 0 ? -1 : status_items(p, &q->status);
	else if (!cur_is(&word, "CHILDREN") && !cur_is(&word, "SPECIAL-USE"))
		return parse_fail(p, "no such return option");
	return 0;
}

static int
add_pattern(struct session *s, struct parse *p, struct query *q)
{
	struct cur c;
	int r = parse_pattern(p, &c);

	if (r != 0) /* RFC 9051 6.3.9: silently ignored */
		return r < 0 ? -1 : 0;
	if (q->n == LIST_PATTERNS)
		return parse_fail(p, "too many patterns");
	if (!q->v)
		q->v = arena_alloc(&s->arena, LIST_PATTERNS * sizeof *q->v);
	q->empty = cur_len(&c) == 0;
	/* Extended, an empty one means nothing (RFC 9051 6.3.9). */
	if (cur_len(&c) > 0 || !q->extended)
		pattern_make(&q->v[q->n++], &s->arena, q->reference, c);
	return 0;
}

static int
patterns(struct session *s, struct parse *p, struct query *q)
{
	if (parse_peek(p) != '(')
		return add_pattern(s, p, q);
	q->extended = true;
	parse_byte(p, '(');
	do
		if (add_pattern(s, p, q) < 0)
			return -1;
	while (cur_take(&p->c, ' '));
	return parse_byte(p, ')');
}

/* list = "LIST" [SP selection] SP reference SP patterns [SP "RETURN" SP options] */
static int
read_list(struct session *s, struct parse *p, struct query *q)
{
	if (parse_sp(p) < 0)
		return -1;
	if (parse_peek(p) == '(') {
		q->extended = true;
		if (options(s, p, q, selection) < 0 || parse_sp(p) < 0)
			return -1;
	}
	if (parse_mailbox(p, &q->reference) < 0 || parse_sp(p) < 0 ||
	    patterns(s, p, q) < 0)
		return -1;
	if (parse_peek(p) == ' ') {
		q->extended = true;
		parse_sp(p);
		if (!parse_word(p, "RETURN"))
			return parse_fail(p, "RETURN is missing");
		if (parse_sp(p) < 0 || options(s, p, q, returning) < 0)
			return -1;
	}
	if (q->recursive && !q->subscribed && !q->special)
		return parse_fail(p, "RECURSIVEMATCH of what?");
	return parse_end(p);
}

/* --- which names --- */

static unsigned
match(const struct session *s, const struct query *q, struct cur name)
{
	char separator = folder_separator(s->folders);
	bool inbox = cur_is(&name, "INBOX");
	unsigned is = 0;
	size_t i;

	for (i = 0; i < q->n && is != (MATCH | LEVEL); i++)
		if (pattern_match(&q->v[i], name, separator, inbox))
			is |= q->v[i].levels ? MATCH | LEVEL : MATCH;
	return is;
}

static bool
meets(const struct query *q, const struct folder *x)
{
	if (!q->subscribed && !q->special)
		return x->is & FOLDER_EXISTS;
	return (!q->subscribed || x->is & FOLDER_SUBSCRIBED) &&
	       (!q->special || x->is & FOLDER_USES);
}

static unsigned *
judge(struct session *s, const struct query *q, const struct folder *v,
      size_t n)
{
	unsigned *is = arena_alloc(&s->arena, (n + 1) * sizeof *is);
	size_t i;

	for (i = n; i-- > 0;) {
		is[i] |= match(s, q, v[i].name) | (meets(q, &v[i]) ? MEETS : 0);
		if (v[i].up == i || !(is[i] & (MEETS | BELOW)))
			continue;
		is[v[i].up] |= BELOW | (is[i] & HIDDEN);
		if ((is[i] & (MEETS | MATCH)) == MEETS)
			is[v[i].up] |= HIDDEN;
	}
	return is;
}

/* Is it told? */
static bool
is_due(const struct query *q, unsigned is)
{
	if (!(is & MATCH))
		return false;
	if (is & MEETS)
		return true;
	if (q->recursive) /* RFC 9051 6.3.9.6 */
		return is & HIDDEN;
	/* Levels above others, where the pattern ends in %. */
	return is & LEVEL && is & BELOW && (!q->extended || !q->subscribed) &&
	       !q->special;
}

/* --- what is told --- */

static const struct {
	unsigned is;
	const char *name;
} attributes[] = {
    {FOLDER_NOINFERIORS, "\\Noinferiors"  },
    {FOLDER_CHILDREN,    "\\HasChildren"  },
    {FOLDER_NOCHILDREN,  "\\HasNoChildren"},
    {FOLDER_SUBSCRIBED,  "\\Subscribed"   },
    {FOLDER_ARCHIVE,     "\\Archive"      },
    {FOLDER_DRAFTS,      "\\Drafts"       },
    {FOLDER_JUNK,        "\\Junk"         },
    {FOLDER_SENT,        "\\Sent"         },
    {FOLDER_TRASH,       "\\Trash"        },
};

static void
put(struct str *x, bool *first, const char *name)
{
	if (!*first)
		str_addc(x, ' ');
	*first = false;
	str_adds(x, name);
}

static void
put_attributes(const struct session *s, const struct query *q,
               const struct folder *v, struct str *x)
{
	bool first = true;
	size_t i;

	/* IMAP4rev1 without LIST-EXTENDED does not know \NonExistent. */
	if (!(v->is & FOLDER_EXISTS))
		put(x, &first,
		    q->extended || s->on & ON_REV2 ? "\\NonExistent"
		                                   : "\\Noselect");
	else if (v->is & FOLDER_NOSELECT)
		put(x, &first, "\\Noselect");
	for (i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (v->is & attributes[i].is &&
		    (attributes[i].is != FOLDER_SUBSCRIBED ||
		     q->tell_subscribed))
			put(x, &first, attributes[i].name);
}

static void
put_name(const struct session *s, struct cur name, struct str *x)
{
	str_adds(x, ") \"");
	str_addc(x, folder_separator(s->folders));
	str_adds(x, "\" ");
	out_mailbox(x, name, s->on & (ON_UTF8 | ON_REV2));
}

static void
put_line(const struct session *s, const struct query *q, const struct folder *v,
         unsigned is, struct str *x)
{
	str_adds(x, "* LIST (");
	put_attributes(s, q, v, x);
	put_name(s, v->name, x);
	if (q->recursive && is & BELOW) {
		bool first = true;

		str_adds(x, " (\"CHILDINFO\" (");
		if (q->subscribed)
			put(x, &first, "\"SUBSCRIBED\"");
		if (q->special)
			put(x, &first, "\"SPECIAL-USE\"");
		str_adds(x, "))");
	}
	str_adds(x, "\r\n");
}

void
list_one(struct session *s, struct cur name, struct str *x)
{
	static const struct query q = {.word = "LIST"};
	struct folder *v, unknown = {.name = name, .is = FOLDER_EXISTS};
	size_t n, i = 0;

	if (folder_list(s->folders, &s->arena, &v, &n) < 0)
		n = 0;
	while (i < n && !cur_same(v[i].name, name))
		i++;
	put_line(s, &q, i < n ? &v[i] : &unknown, 0, x);
}

/* RFC 3501 6.3.9: a level above a subscribed name is \Noselect. */
static void
put_lsub(const struct session *s, const struct folder *v, unsigned is,
         struct str *x)
{
	str_adds(x, "* LSUB (");
	if (!(is & MEETS) || v->is & FOLDER_NOSELECT)
		str_adds(x, "\\Noselect");
	put_name(s, v->name, x);
	str_adds(x, "\r\n");
}

static void
tell(struct session *s, const struct query *q, const struct folder *v,
     unsigned is, struct str *x)
{
	str_clear(x);
	if (*q->word == 'L' && q->word[1] == 'S')
		put_lsub(s, v, is, x);
	else
		put_line(s, q, v, is, x);
	io_put(&s->io, x->s, x->n);
	/* RFC 5819 2: where that cannot be told the rest is. */
	if (q->status &&
	    (v->is & (FOLDER_EXISTS | FOLDER_NOSELECT)) == FOLDER_EXISTS)
		status_tell(s, v->name, q->status);
}

/* --- commands --- */

static int
answer(struct session *s, const struct query *q)
{
	struct str x = {0};
	struct folder *v;
	unsigned *is;
	size_t n, i;

	if (folder_list(s->folders, &s->arena, &v, &n) < 0)
		return no(s, errno == EOVERFLOW
		                 ? "[LIMIT] there are too many mailboxes"
		                 : "[SERVERBUG] cannot read the directory");
	if ((q->subscribed || q->tell_subscribed) &&
	    !folder_knows_subscriptions(s->folders))
		return no(s, "[SERVERBUG] cannot read the subscriptions");
	is = judge(s, q, v, n);
	for (i = 0; i < n; i++)
		if (is_due(q, is[i]))
			tell(s, q, &v[i], is[i], &x);
	str_free(&x);
	return ok(s, "that is all");
}

/* RFC 9051 6.3.9: an empty pattern asks for the separator. */
static int
answer_separator(struct session *s, const struct query *q)
{
	struct str x = {0};

	str_addf(&x, "* %s (\\Noselect", q->word);
	put_name(s, cur_of(""), &x);
	str_adds(&x, "\r\n");
	say(s, &x);
	return ok(s, "that is all");
}

int
do_list(struct session *s, struct parse *p)
{
	struct query q = {.word = "LIST"};

	if (read_list(s, p, &q) < 0)
		return bad_parse(s);
	return q.empty && !q.extended ? answer_separator(s, &q) : answer(s, &q);
}

int
do_lsub(struct session *s, struct parse *p)
{
	struct query q = {.word = "LSUB", .subscribed = true};

	if (parse_sp(p) < 0 || parse_mailbox(p, &q.reference) < 0 ||
	    parse_sp(p) < 0 || add_pattern(s, p, &q) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	return q.empty ? answer_separator(s, &q) : answer(s, &q);
}

int
do_namespace(struct session *s, struct parse *p)
{
	if (parse_end(p) < 0)
		return bad_parse(s);
	io_putf(&s->io, "* NAMESPACE ((\"\" \"%c\")) NIL NIL\r\n",
	        folder_separator(s->folders));
	return ok(s, "one, and it is yours");
}
