/* address - the addresses of a header field (RFC 5322 3.4, 4.4; RFC 6532).
 * Called for ENVELOPE and by SORT, THREAD, SEARCH.  Whatever stands there, it
 * never fails, and nothing is looked at more than a fixed number of times.
 * What is missing has the names that Dovecot gives it. */
#include "mime.h"

/* A stretch of text up to a byte that ends it. */
struct item {
	struct cur c;
	const char *at; /* its first @, or NULL */
	int stop;       /* the byte behind it, or -1 */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Is it certainly no more than part of a word?  Most bytes are. */
static bool
is_text(char c)
{
	unsigned char b = (unsigned char)c;

	return (b >= '-' && b <= '9') || (b > '@' && (b < '[' || b > ']'));
}

/* Behind the [literal] at p; where it is none, behind its bracket. */
static const char *
literal_end(const char *p, const char *e)
{
	const char *q = p + 1;

	while (q < e && !memchr("[],;<>(\" \t\r\n", *q, 12))
		q++;
	return q < e && *q == ']' ? q + 1 : p + 1;
}

/* Up to one of the bytes in stops that is neither in a comment nor quoted. */
static void
item_scan(struct item *it, const char *p, const char *e, const char *stops)
{
	size_t n = strlen(stops);
	bool at = false; /* right behind it */

	*it = (struct item){
	    {p, e},
            NULL, -1
        };
	while (p < e) {
		if (is_text(*p)) {
			at = false;
			p++;
			continue;
		}
		if (memchr(stops, *p, n)) {
			it->c.e = p;
			it->stop = *p;
			return;
		}
		if (*p == '(') {
			p = header_comment(p, e);
		} else if (*p == '"') {
			p = header_quoted(p, e);
			at = false;
		} else if (*p == '[' && at) {
			p = literal_end(p, e);
			at = false;
		} else {
			at = *p == '@' || (at && is_blank(*p));
			if (*p == '@' && !it->at)
				it->at = p;
			p++;
		}
	}
}

/* Words, put together with a blank between them. */
struct words {
	struct cur all, last;
	struct cur comment; /* the last one, raw; p is NULL: none */
};

/* Take a blank or a comment. */
static bool
words_gap(struct words *w, struct cur *c)
{
	const char *p = c->p;

	if (*p == '(') {
		c->p = header_comment(p, c->e);
		w->comment = (struct cur){p, c->p};
		return true;
	}
	if (!is_blank(*p))
		return false;
	c->p++;
	return true;
}

/* The words of a display name, or (spec) of a local part, where dots bind them
 * (RFC 5322 4.4, obs-local-part). */
static void
words_take(struct words *w, char **put, struct cur c, bool spec)
{
	char *from = *put, *to = from, *last = from;
	bool gap = false;

	while (c.p < c.e) {
		if (words_gap(w, &c)) {
			gap = true;
			continue;
		}
		if (*c.p == '>') {
			c.p++;
			continue;
		}
		gap |= *c.p == '"';
		if (gap && to > from &&
		    !(spec && (*c.p == '.' || to[-1] == '.'))) {
			*to++ = ' ';
			last = to;
		}
		gap = *c.p == '"';
		if (gap) {
			const char *q = header_quoted(c.p, c.e);

			to = header_unquote(to, c.p, q);
			c.p = q;
		} else {
			*to++ = *c.p++;
		}
	}
	w->all = (struct cur){from, to};
	w->last = (struct cur){last, to};
	*put = to;
}

/* A domain, and comments behind it. */
static struct cur
host_take(struct words *w, char **put, struct cur c)
{
	char *from = *put, *to = from;
	bool gap = false, end = false;

	while (c.p < c.e) {
		if (words_gap(w, &c)) {
			gap = true;
			continue;
		}
		if (gap && to > from && *c.p != '.' && to[-1] != '.')
			end = true;
		if (*c.p == '[' && to == from && !end) {
			const char *q = literal_end(c.p, c.e);

			memcpy(to, c.p, (size_t)(q - c.p));
			to += q - c.p;
			c.p = q;
			end = to[-1] == ']';
			continue;
		}
		end |= !is_text(*c.p) && memchr("<>@\"\\", *c.p, 5);
		if (*c.p == '"') {
			c.p = header_quoted(c.p, c.e);
			continue;
		}
		if (!end)
			*to++ = *c.p;
		gap = false;
		c.p++;
	}
	*put = to;
	return (struct cur){from, to};
}

static struct cur
or_else(struct cur c, const char *missing)
{
	return c.p && c.p < c.e ? c : cur_of(missing);
}

static void
set_name(struct address *a, struct cur name)
{
	if (name.p && name.p < name.e)
		a->name = name;
}

/* An address without <>: false when there are only blanks and comments. */
static bool
take_spec(struct address_list *l, const struct item *it, struct address *a)
{
	struct cur local = {it->c.p, it->at ? it->at : it->c.e};
	struct cur host = {NULL, NULL}, mailbox;
	struct words w = {0};
	char *name;

	words_take(&w, &l->to, local, it->at != NULL);
	mailbox = w.last;
	if (it->at) {
		host = host_take(&w, &l->to, (struct cur){it->at + 1, it->c.e});
		if (w.last.p > w.all.p)
			set_name(a, (struct cur){w.all.p, w.last.p - 1});
	} else if (w.all.p == w.all.e) {
		return false;
	} else if (w.last.p > w.all.p ||
	           memchr(local.p, '"', cur_len(&local))) {
		set_name(a, w.all);
		mailbox.p = mailbox.e;
	}
	if (!a->name.p && w.comment.p) {
		name = l->to;
		l->to = header_unquote(name, w.comment.p, w.comment.e);
		set_name(a, header_value(l->arena, (struct cur){name, l->to}));
	}
	a->mailbox = or_else(mailbox, "MISSING_MAILBOX");
	a->host = or_else(host, "MISSING_DOMAIN");
	return true;
}

/* A route (RFC 5322 4.4, obs-route), without its colon. */
static void
take_route(struct address_list *l, struct cur *c, struct address *a)
{
	const char *p = c->p;
	char *to = l->to;

	while (p < c->e && !memchr(":<>;(\"", *p, 6))
		p++;
	if (p == c->e || *p != ':')
		return;
	for (; c->p < p; c->p++)
		if (!is_blank(*c->p))
			*to++ = *c->p;
	c->p++;
	a->route = (struct cur){l->to, to};
	l->to = to;
}

/* What stands from < on, up to and with the comma behind it. */
static void
take_angle(struct address_list *l, struct address *a)
{
	struct cur c = {l->c.p + 1, l->c.e}, local, host = {NULL, NULL};
	struct words w = {0};
	struct item it;

	do
		header_space(&c);
	while (cur_take(&c, '<'));
	if (cur_peek(&c) == '@')
		take_route(l, &c, a);
	item_scan(&it, c.p, c.e, "<>,;");
	local = (struct cur){it.c.p, it.at ? it.at : it.c.e};
	words_take(&w, &l->to, local, true);
	if (it.at)
		host = host_take(&w, &l->to, (struct cur){it.at + 1, it.c.e});
	a->mailbox = or_else(it.at ? w.last : w.all, "MISSING_MAILBOX");
	a->host = or_else(host, "MISSING_DOMAIN");
	item_scan(&it, it.c.e, c.e, ",;");
	l->c.p = it.c.e;
	if (it.stop == ',' || (it.stop == ';' && !l->in_group))
		l->c.p++;
}

/* The next one that is no empty place between commas. */
static bool
take_item(struct address_list *l, struct address *a)
{
	struct words w = {0};
	struct item it;

	item_scan(&it, l->c.p, l->c.e, "<,;:");
	l->c.p = it.c.e;
	if (it.stop == '<') {
		words_take(&w, &l->to, it.c, false);
		set_name(a, w.all);
		take_angle(l, a);
		return true;
	}
	if (it.stop == ':' && !l->in_group) {
		words_take(&w, &l->to, it.c, false);
		a->mailbox = w.all;
		a->group_begin = l->in_group = true;
		l->c.p++;
		return true;
	}
	if (take_spec(l, &it, a)) {
		/* The end of a group is told by the next call. */
		if (it.stop >= 0 && !(it.stop == ';' && l->in_group))
			l->c.p++;
		return true;
	}
	if (it.stop >= 0)
		l->c.p++;
	if (it.stop != ';' || !l->in_group)
		return false;
	l->in_group = false;
	a->group_end = true;
	return true;
}

bool
address_next(struct address_list *l, struct address *a)
{
	*a = (struct address){0};
	if (!l->to)
		l->to = arena_alloc(l->arena, cur_len(&l->c) + 1);
	while (l->c.p < l->c.e)
		if (take_item(l, a))
			return true;
	a->group_end = l->in_group;
	l->in_group = false;
	return a->group_end;
}
