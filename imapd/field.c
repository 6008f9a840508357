/* field - see field.h.  Called for ENVELOPE, BODYSTRUCTURE, SEARCH, SORT and
 * THREAD. */
#include "field.h"

static const char *
line_end(const char *p, const char *e)
{
	const char *lf = memchr(p, '\n', (size_t)(e - p));

	return lf ? lf + 1 : e;
}

/* NUL as well, which no answer may hold. */
static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

bool
header_next(struct cur *header, struct cur *field)
{
	const char *p = header->p, *e = header->e;

	if (p == e || *p == '\n' || (*p == '\r' && e - p > 1 && p[1] == '\n'))
		return false;
	do
		p = line_end(p, e);
	while (p < e && (*p == ' ' || *p == '\t'));
	*field = (struct cur){header->p, p};
	header->p = p;
	return true;
}

bool
header_is(struct cur field, const char *name, struct cur *body)
{
	size_t n;

	/* Nearly all are ruled out by their first letter. */
	if (field.p == field.e || (*field.p | 0x20) != (*name | 0x20))
		return false;
	n = strlen(name);
	if (cur_len(&field) <= n || !mem_ieq(field.p, name, n))
		return false;
	*body = (struct cur){field.p + n, field.e};
	cur_blanks(body); /* RFC 5322 4.5 */
	return cur_take(body, ':');
}

struct cur
header_value(struct arena *a, struct cur body)
{
	const char *p = body.p, *e = body.e;
	char *from, *to;

	while (p < e && is_space(*p))
		p++;
	while (e > p && is_space(e[-1]))
		e--;
	if (p == e || !memchr(p, '\n', (size_t)(e - p)))
		return (struct cur){p, e};
	from = to = arena_alloc(a, (size_t)(e - p));
	while (p < e) {
		const char *end = line_end(p, e), *text = end;

		if (end[-1] == '\n')
			text -= end - p > 1 && end[-2] == '\r' ? 2 : 1;
		memcpy(to, p, (size_t)(text - p));
		to += text - p;
		p = end;
	}
	return (struct cur){from, to};
}

const char *
header_comment(const char *p, const char *e)
{
	size_t depth = 0;

	for (; p < e; p++) {
		if (*p == '\\' && e - p > 1)
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return e;
}

const char *
header_quoted(const char *p, const char *e)
{
	for (p++; p < e; p++) {
		if (*p == '\\' && e - p > 1)
			p++;
		else if (*p == '"')
			return p + 1;
	}
	return e;
}

char *
header_unquote(char *to, const char *p, const char *q)
{
	if (q - p > 1 && q[-1] == (*p == '(' ? ')' : '"'))
		q--;
	for (p++; p < q; p++) {
		if (*p == '\\' && q - p > 1)
			p++;
		if (*p != '\r' && *p != '\n' && *p != '\0')
			*to++ = *p;
	}
	return to;
}

void
header_space(struct cur *c)
{
	while (c->p < c->e && (is_space(*c->p) || *c->p == '('))
		c->p = *c->p == '(' ? header_comment(c->p, c->e) : c->p + 1;
}
