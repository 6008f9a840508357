/* mimehead - see mimehead.h.  Called by mime.c at the end of a part's header.
 * What is wrong is read as RFC 2045 5.2 says: as text, or as bytes. */
#include "mimehead.h"

#include "param.h"

static bool
is_empty(struct cur c)
{
	return c.p == c.e;
}

/* type/subtype; what is missing is made up. */
static void
read_type(struct part *part, struct arena *a, struct cur c, size_t *params)
{
	struct cur type = param_token(a, &c, "/;=( \t\r\n"), sub = {0};

	if (cur_take(&c, '/'))
		sub = param_token(a, &c, "/;=( \t\r\n");
	if (is_empty(type))
		return;
	part->type = type;
	part->subtype = sub;
	if (is_empty(sub) && cur_is(&type, "text")) {
		part->subtype = cur_of("plain");
	} else if (is_empty(sub) && cur_is(&type, "multipart")) {
		part->subtype = cur_of("mixed"); /* RFC 2046 5.1.3 */
	} else if (is_empty(sub)) {
		part->type = cur_of("application");
		part->subtype = cur_of("octet-stream");
	}
	part->params = params_take(a, c, params);
}

static unsigned
kind_of(const struct part *part)
{
	if (cur_is(&part->type, "text"))
		return MIME_TEXT;
	if (cur_is(&part->type, "multipart"))
		return MIME_MULTIPART;
	if (cur_is(&part->type, "message") &&
	    (cur_is(&part->subtype, "rfc822") ||
	     cur_is(&part->subtype, "global")))
		return MIME_MESSAGE;
	return MIME_OTHER;
}

static void
read_disposition(struct part *part, struct arena *a, struct cur c,
                 size_t *params)
{
	struct cur what = param_token(a, &c, ";=( \t\r\n");

	if (is_empty(what))
		return;
	part->disposition = what;
	part->disposition_params = params_take(a, c, params);
}

static void
read_encoding(struct part *part, struct arena *a, struct cur c)
{
	struct cur what = param_token(a, &c, ";( \t\r\n");

	if (!is_empty(what))
		part->encoding = what;
}

/* Those whose value is kept as it is. */
static struct cur *
plain_field(struct part *part, struct cur field, struct cur *body)
{
	if (header_is(field, "Content-ID", body))
		return &part->id;
	if (header_is(field, "Content-Description", body))
		return &part->description;
	if (header_is(field, "Content-MD5", body))
		return &part->md5;
	if (header_is(field, "Content-Language", body))
		return &part->language;
	if (header_is(field, "Content-Location", body))
		return &part->location;
	return NULL;
}

void
mimehead_read(struct part *part, struct arena *a, struct cur fields,
              bool digest, size_t *params)
{
	struct cur type = {0}, disposition = {0}, encoding = {0};
	struct cur field, body, *to;

	while (header_next(&fields, &field)) {
		/* Of several the first counts. */
		if (header_is(field, "Content-Type", &body))
			to = &type;
		else if (header_is(field, "Content-Disposition", &body))
			to = &disposition;
		else if (header_is(field, "Content-Transfer-Encoding", &body))
			to = &encoding;
		else
			to = plain_field(part, field, &body);
		if (to && !to->p)
			*to = header_value(a, body);
	}
	part->type = cur_of(digest && !type.p ? "message" : "text");
	part->subtype = cur_of(digest && !type.p ? "rfc822" : "plain");
	if (type.p)
		read_type(part, a, type, params);
	part->kind = kind_of(part);
	if (disposition.p)
		read_disposition(part, a, disposition, params);
	if (encoding.p)
		read_encoding(part, a, encoding);
}

bool
mimehead_is_encoded(const struct part *part)
{
	return cur_is(&part->encoding, "base64") ||
	       cur_is(&part->encoding, "quoted-printable");
}
