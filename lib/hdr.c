/* hdr - see hdr.h.  RFC 5322 2.2 and 3.6.8; blanks before the colon (4.5) are
 * tolerated. */
#include "hdr.h"

#include "date.h"

bool
hdr_next(struct cur *c, struct field *f)
{
	struct cur at = *c, line;

	f->name.p = at.p;
	while (cur_peek(&at) > ' ' && cur_peek(&at) < 0x7f &&
	       cur_peek(&at) != ':')
		at.p++;
	f->name.e = at.p;
	cur_blanks(&at);
	if (f->name.p == f->name.e || !cur_take(&at, ':'))
		return false;
	f->body.p = at.p;
	do
		cur_line(&at, &line);
	while (cur_peek(&at) == ' ' || cur_peek(&at) == '\t');
	f->body.e = at.p > f->body.p && at.p[-1] == '\n' ? at.p - 1 : at.p;
	f->all = (struct cur){c->p, at.p};
	c->p = at.p;
	return true;
}

bool
hdr_find(struct cur header, const char *name, struct field *f)
{
	while (hdr_next(&header, f))
		if (cur_is(&f->name, name))
			return true;
	return false;
}

const char *
hdr_end(struct cur message)
{
	struct field f;

	while (hdr_next(&message, &f))
		;
	cur_take(&message, '\n');
	return message.p;
}

int
hdr_cfws(struct cur *c)
{
	size_t depth = 0;

	for (; c->p < c->e; c->p++) {
		if (*c->p == '(')
			depth++;
		else if (depth == 0 && !memchr(" \t\r\n", *c->p, 4))
			return 0;
		else if (*c->p == ')')
			depth--;
		else if (*c->p == '\\' && depth > 0 && c->p + 1 < c->e)
			c->p++;
	}
	return depth == 0 ? 0 : -1;
}

bool
hdr_name_in(const struct cur *name, const char *const *list)
{
	for (; *list; list++)
		if (cur_is(name, *list))
			return true;
	return false;
}

void
hdr_complete(struct str *to, struct cur header, time_t t, const char *from,
             const char *id, const char *host)
{
	char date[DATE_SIZE];
	struct field f;

	if (!hdr_find(header, "Date", &f)) {
		date_header(t, date);
		str_addf(to, "Date: %s\n", date);
	}
	if (!hdr_find(header, "From", &f))
		str_addf(to, "From: %s\n", from);
	if (!hdr_find(header, "Message-ID", &f))
		str_addf(to, "Message-ID: <%s@%s>\n", id, host);
}
