/* structure - BODYSTRUCTURE and BODY (RFC 9051 7.5.2, 9).  Called by FETCH.
 * Words are as the message has them, and what it does not say is said as
 * Dovecot does: clients know that form. */
#include "envelope.h"
#include "out.h"
#include "param.h"

struct writer {
	struct str *x;
	struct arena *arena;
	size_t addresses; /* that may still be written */
	bool ext;
};

/* body-fld-param; charset: text has one (RFC 2046 4.1.2). */
static void
put_params(struct str *x, const struct param *p, bool charset)
{
	char before = '(';

	charset &= !param_find(p, "charset").p;
	if (!p && !charset) {
		str_add(x, "NIL", 3);
		return;
	}
	for (; p; p = p->next) {
		str_addc(x, before);
		out_string(x, p->name);
		str_addc(x, ' ');
		out_string(x, p->value);
		before = ' ';
	}
	if (charset) {
		str_addc(x, before);
		str_adds(x, "\"charset\" \"us-ascii\"");
	}
	str_addc(x, ')');
}

static void
put_disposition(struct str *x, const struct part *p)
{
	if (!p->disposition.p) {
		str_add(x, "NIL", 3);
		return;
	}
	str_addc(x, '(');
	out_string(x, p->disposition);
	str_addc(x, ' ');
	put_params(x, p->disposition_params, false);
	str_addc(x, ')');
}

/* Tags with commas between (RFC 3282). */
static void
put_languages(struct writer *w, struct cur c)
{
	struct str *x = w->x;
	bool any = false;

	while (c.p < c.e) {
		struct cur tag = param_token(w->arena, &c, ",( \t\r\n");

		if (tag.p < tag.e) {
			str_addc(x, any ? ' ' : '(');
			out_string(x, tag);
			any = true;
		}
		cur_until(&c, ",", &tag);
		cur_take(&c, ',');
	}
	str_add(x, any ? ")" : "NIL", any ? 1 : 3);
}

static void
put_extension(struct writer *w, const struct part *p)
{
	str_addc(w->x, ' ');
	put_disposition(w->x, p);
	str_addc(w->x, ' ');
	put_languages(w, p->language);
	str_addc(w->x, ' ');
	out_nstring(w->x, p->location);
}

/* body-fields */
static void
put_fields(struct str *x, const struct part *p)
{
	str_addc(x, ' ');
	put_params(x, p->params, p->kind == MIME_TEXT);
	str_addc(x, ' ');
	out_nstring(x, p->id);
	str_addc(x, ' ');
	out_nstring(x, p->description);
	str_addc(x, ' ');
	out_string(x, p->encoding.p ? p->encoding : cur_of("7bit"));
	str_addc(x, ' ');
	str_addu(x, p->end - p->body);
}

static void put_body(struct writer *w, const struct part *p);

/* body-type-mpart; one without parts has an empty one, as the grammar wants. */
static void
put_multipart(struct writer *w, const struct part *p)
{
	const struct part *child;
	struct str *x = w->x;

	for (child = p->child; child; child = child->next)
		put_body(w, child);
	if (!p->child)
		put_body(w, &(struct part){.kind = MIME_TEXT,
		                           .type = cur_of("text"),
		                           .subtype = cur_of("plain")});
	str_addc(x, ' ');
	out_string(x, p->subtype);
	if (w->ext) {
		str_addc(x, ' ');
		put_params(x, p->params, false);
		put_extension(w, p);
	}
}

/* body-type-1part */
static void
put_single(struct writer *w, const struct part *p)
{
	struct str *x = w->x;

	out_string(x, p->type);
	str_addc(x, ' ');
	out_string(x, p->subtype);
	put_fields(x, p);
	if (p->kind == MIME_MESSAGE) {
		str_addc(x, ' ');
		envelope_put(x, p->child->header, &w->addresses);
		str_addc(x, ' ');
		put_body(w, p->child);
	}
	if (p->kind == MIME_MESSAGE || p->kind == MIME_TEXT) {
		str_addc(x, ' ');
		str_addu(x, p->lines);
	}
	if (w->ext) {
		str_addc(x, ' ');
		out_nstring(x, p->md5);
		put_extension(w, p);
	}
}

/* A tree is not deeper than MIME_DEPTH. */
static void
put_body(struct writer *w, const struct part *p)
{
	str_addc(w->x, '(');
	if (p->kind == MIME_MULTIPART)
		put_multipart(w, p);
	else
		put_single(w, p);
	str_addc(w->x, ')');
}

void
structure_write(struct str *x, const struct part *root, bool ext)
{
	struct arena a = {0};
	struct writer w = {x, &a, ENVELOPE_ADDRESSES, ext};

	put_body(&w, root);
	arena_free(&a);
}
