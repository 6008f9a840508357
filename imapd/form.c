/* form - see form.h.  Nothing is parsed here: a message counts as plain when
 * not even the words stand in it that an encoding would need.  text.c looks
 * at all others properly. */
#include "form.h"

#include "field.h"
#include "fold.h"

/* --- halves --- */

static const char *
line_behind(const char *p, const char *e)
{
	const char *lf = memchr(p, '\n', (size_t)(e - p));

	return lf ? lf + 1 : e;
}

static bool
is_line_end(const char *p, const char *e)
{
	return p < e &&
	       (*p == '\n' || (*p == '\r' && e - p > 1 && p[1] == '\n'));
}

void
form_split(struct cur raw, struct halves *h)
{
	const char *p = raw.p, *e = raw.e;

	if (e - p >= 5 && memcmp(p, "From ", 5) == 0)
		p = line_behind(p, e);
	while (p < e && !is_line_end(p, e))
		p = line_behind(p, e);
	p = line_behind(p, e);
	h->head = (struct cur){raw.p, p};
	h->body = (struct cur){p, e};
}

/* What a header is made of. */
struct makeup {
	struct cur content; /* from its first Content- field to its last */
	struct cur type;    /* of Content-Type */
	unsigned types;     /* how many of these */
};

/* A field's name at p: behind it, at the colon; NULL when it is no field, or may
 * be none. */
static const char *
name_end(const char *p, const char *e)
{
	enum { MOST = 200 }; /* for a mailbox a very long one is none */
	const char *from = p;

	while (p<e && * p> ' ' && *p < 0x7f && *p != ':')
		p++;
	return p > from && p - from < MOST && p < e && *p == ':' ? p : NULL;
}

static void
content_field(struct makeup *x, struct cur name, struct cur line)
{
	if (!x->content.p)
		x->content.p = name.p;
	x->content.e = line.e;
	if (!cur_is(&name, "content-type"))
		return;
	x->types++;
	x->type = (struct cur){name.e + 1, line.e};
}

/* False when not every line of it is a field, or one's continuation: then
 * the text begins before the first empty line, and the halves are not what
 * they seem. */
static bool
make_up(struct makeup *x, struct cur head)
{
	static const char content[] = "content-";
	const char *p = head.p, *e = head.e, *colon = NULL, *end;
	bool in = false; /* a Content- field */

	*x = (struct makeup){0};
	if (e - p >= 5 && memcmp(p, "From ", 5) == 0)
		p = line_behind(p, e);
	for (; p < e && !is_line_end(p, e); p = end) {
		end = line_behind(p, e);
		if (*p == ' ' || *p == '\t') {
			if (!colon)
				return false;
			if (in)
				x->content.e = end;
			continue;
		}
		if (!(colon = name_end(p, e)))
			return false;
		in = (size_t)(colon - p) >= sizeof content &&
		     mem_ieq(p, content, sizeof content - 1);
		if (in)
			content_field(x, (struct cur){p, colon},
			              (struct cur){p, end});
	}
	return true;
}

/* --- signs --- */

void
signs_make(struct signs *x, struct arena *a)
{
	static const char *const encodings[FORM_SIGNS] = {"base64",
	                                                  "quoted-printable"};
	size_t i;

	needle_make(&x->charset, a, cur_of("charset"));
	needle_make(&x->word, a, cur_of("=?"));
	needle_make(&x->content, a, cur_of("\ncontent-"));
	needle_make(&x->quoted, a, cur_of(">From "));
	for (i = 0; i < FORM_SIGNS; i++)
		needle_make(&x->encoding[i], a, cur_of(encodings[i]));
}

bool
form_charset(struct cur c)
{
	static const char *const families[] = {"iso-8859-", "windows-125",
	                                       "koi8-"};
	size_t i;

	for (i = 0; i < sizeof families / sizeof *families; i++)
		if (cur_len(&c) > strlen(families[i]) &&
		    mem_ieq(c.p, families[i], strlen(families[i])))
			return true;
	return cur_is(&c, "us-ascii") || cur_is(&c, "utf-8") ||
	       cur_is(&c, "ascii") || cur_is(&c, "utf8");
}

/* Is every charset that is named a good one?  Where the word stands and no name
 * behind it that can be read at once, who knows. */
static bool
charsets_are_good(const struct signs *x, struct cur c)
{
	const char *hit;

	while ((hit = needle_find(&x->charset, c))) {
		struct cur name;

		c.p = hit + cur_len(&x->charset.text);
		if (!cur_take(&c, '='))
			return false;
		cur_take(&c, '"');
		cur_until(&c, "\" ;\t\r\n", &name);
		if (!form_charset(name))
			return false;
	}
	return true;
}

static bool
has_signs(const struct signs *x, struct cur c)
{
	size_t i;

	for (i = 0; i < FORM_SIGNS; i++)
		if (needle_find(&x->encoding[i], c))
			return true;
	return !charsets_are_good(x, c);
}

/* Is the body one text, as far as the header tells? */
static bool
is_one_text(const struct makeup *m)
{
	struct cur c = m->type, word;

	if (m->types == 0)
		return true;
	cur_blanks(&c);
	cur_until(&c, "/", &word);
	/* Of several the first counts; that is not for us to know. */
	return m->types == 1 && cur_is(&word, "text");
}

/* FORM_PLAIN, and FORM_SIMPLE; or 0.  What rules most out comes first. */
static unsigned
plain(const struct signs *x, const struct makeup *m, const struct halves *h)
{
	bool simple = is_one_text(m);

	/* The parts have headers of their own. */
	if ((m->content.p && has_signs(x, m->content)) ||
	    (!simple && has_signs(x, h->body)) || !is_ascii(h->head) ||
	    !is_ascii(h->body) || needle_find(&x->word, h->head) ||
	    (!simple && needle_find(&x->word, h->body)))
		return 0;
	return simple ? FORM_PLAIN | FORM_SIMPLE : FORM_PLAIN;
}

uint16_t
form_find(const struct signs *x, const struct halves *h)
{
	struct makeup m;
	unsigned form;

	if (!make_up(&m, h->head))
		return FORM_KNOWN;
	form = plain(x, &m, h);
	return (uint16_t)(FORM_KNOWN | (form ? form : FORM_RAW));
}

void
form_content(const struct signs *x, struct cur head, struct str *out)
{
	struct cur name = x->content.text, field;
	const char *lf;

	name.p++;
	while (cur_len(&head) > cur_len(&name)) {
		if (mem_ieq(head.p, name.p, cur_len(&name))) {
			header_next(&head, &field);
			str_add(out, field.p, cur_len(&field));
		} else {
			lf = needle_find(&x->content, head);
			head.p = lf ? lf + 1 : head.e;
		}
	}
	str_addc(out, '\n');
}
