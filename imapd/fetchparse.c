/* fetchparse - the grammar of fetch-att (RFC 9051 9, RFC 3501 9, RFC 3516 7,
 * RFC 7162 7, RFC 8474 7, RFC 8514 5, RFC 8970 6).  Called by fetch.c.  Answers
 * to a question are the same for all messages, so their names are made here. */
#include "fetch.h"

#include <stdlib.h>

/* --- sections --- */

static int
take_names(struct parse *p, struct section *c, struct str *label)
{
	struct cur *v = NULL, *name;
	size_t n = 0, cap = 0, i;
	int r;

	if (parse_sp(p) < 0 || parse_byte(p, '(') < 0)
		return -1;
	do {
		v = mem_grow(v, &cap, n + 1, sizeof *v);
		r = parse_astring(p, &v[n++]);
	} while (r == 0 && cur_take(&p->c, ' '));
	name = arena_alloc(p->arena, n * sizeof *name);
	memcpy(name, v, n * sizeof *name);
	free(v);
	if (r < 0 || parse_byte(p, ')') < 0)
		return -1;
	for (i = 0; i < n; i++) {
		struct cur word = name[i], rest = word;
		struct parse q = {.c = word};

		str_adds(label, i > 0 ? " " : " (");
		if (parse_atom(&q, &rest) == 0 && rest.e == word.e)
			str_add(label, word.p, cur_len(&word));
		else
			out_string(label, word);
	}
	str_addc(label, ')');
	c->set = arena_alloc(p->arena, sizeof *c->set);
	headerset_make(c->set, name, n);
	c->cached = c->of == SECTION_FIELDS && c->n == 0 && c->set->n == 0;
	return 0;
}

/* section-part, and the "." behind it if more follows. */
static int
take_numbers(struct parse *p, struct section *c, struct str *label, bool *more)
{
	uint32_t *v = arena_alloc(p->arena, FETCH_NUMBERS * sizeof *v);

	c->number = v;
	*more = true;
	while (str_isdigit(parse_peek(p))) {
		if (c->n == FETCH_NUMBERS)
			return parse_fail(p, "no part is so deep");
		if (parse_nz_number(p, &v[c->n]) < 0)
			return -1;
		str_addu(label, v[c->n++]);
		*more = cur_take(&p->c, '.');
		if (!*more)
			break;
		str_addc(label, '.');
	}
	return 0;
}

static const struct {
	const char *name;
	enum section_of of;
} section_names[] = {
    {"HEADER.FIELDS.NOT", SECTION_NOT   },
    {"HEADER.FIELDS",     SECTION_FIELDS},
    {"HEADER",            SECTION_HEADER},
    {"TEXT",              SECTION_TEXT  },
    {"MIME",              SECTION_MIME  },
};

static int
take_text(struct parse *p, struct section *c, struct str *label)
{
	size_t i, all = sizeof section_names / sizeof *section_names;

	for (i = 0; i < all; i++)
		if (parse_word(p, section_names[i].name))
			break;
	if (i == all || c->as != AS_BODY ||
	    (section_names[i].of == SECTION_MIME && c->n == 0))
		return parse_fail(p, "there is no such section");
	c->of = section_names[i].of;
	str_adds(label, section_names[i].name);
	return c->of == SECTION_FIELDS || c->of == SECTION_NOT
	           ? take_names(p, c, label)
	           : 0;
}

/* "<" number "." nz-number ">" */
static int
take_partial(struct parse *p, struct section *c, struct str *label)
{
	if (c->as == AS_BINARY_SIZE || !cur_take(&p->c, '<'))
		return 0;
	c->partial = true;
	if (parse_number64(p, &c->off) < 0 || parse_byte(p, '.') < 0 ||
	    parse_number64(p, &c->len) < 0 || parse_byte(p, '>') < 0)
		return -1;
	if (c->len == 0)
		return parse_fail(p, "a number must not be 0");
	str_addc(label, '<');
	str_addu(label, c->off);
	str_addc(label, '>');
	return 0;
}

static int
take_section(struct parse *p, struct section *c, struct str *label)
{
	bool more;

	if (parse_byte(p, '[') < 0 || take_numbers(p, c, label, &more) < 0)
		return -1;
	if (more && (c->n > 0 || parse_peek(p) != ']') &&
	    take_text(p, c, label) < 0)
		return -1;
	if (parse_byte(p, ']') < 0)
		return -1;
	str_addc(label, ']');
	return take_partial(p, c, label);
}

/* --- items --- */

static const struct {
	const char *name;
	enum section_as as;
	bool peek;
} sections[] = {
    {"BODY.PEEK",   AS_BODY,        true },
    {"BODY",        AS_BODY,        false},
    {"BINARY.SIZE", AS_BINARY_SIZE, true },
    {"BINARY.PEEK", AS_BINARY,      true },
    {"BINARY",      AS_BINARY,      false},
};

/* RFC 3501: sections by other names. */
static const struct {
	const char *name;
	enum section_of of;
	bool peek;
} old_sections[] = {
    {"RFC822.HEADER", SECTION_HEADER, true },
    {"RFC822.TEXT",   SECTION_TEXT,   false},
    {"RFC822",        SECTION_ALL,    false},
};

static const struct {
	const char *name;
	unsigned what;
} items[] = {
    {"UID",           FETCH_UID      },
    {"FLAGS",         FETCH_FLAGS    },
    {"INTERNALDATE",  FETCH_DATE     },
    {"RFC822.SIZE",   FETCH_SIZE     },
    {"MODSEQ",        FETCH_MODSEQ   },
    {"ENVELOPE",      FETCH_ENVELOPE },
    {"BODYSTRUCTURE", FETCH_STRUCTURE},
    {"SAVEDATE",      FETCH_SAVED    },
    {"EMAILID",       FETCH_EMAILID  },
    {"THREADID",      FETCH_THREADID },
};

static const struct {
	const char *name;
	unsigned what;
} macros[] = {
    {"ALL",  FETCH_FLAGS | FETCH_DATE | FETCH_SIZE | FETCH_ENVELOPE     },
    {"FULL",
     FETCH_FLAGS | FETCH_DATE | FETCH_SIZE | FETCH_ENVELOPE | FETCH_BODY},
    {"FAST", FETCH_FLAGS | FETCH_DATE | FETCH_SIZE                      },
};

/* Room for the next section, or NULL. */
static struct section *
new_section(struct parse *p, struct fetch *f)
{
	if (f->n == FETCH_SECTIONS) {
		parse_fail(p, "that is too much at once");
		return NULL;
	}
	if (f->n == f->room) {
		struct section *v;

		f->room = f->room ? 2 * f->room : 4;
		v = arena_alloc(p->arena, f->room * sizeof *v);
		if (f->n > 0)
			memcpy(v, f->section, f->n * sizeof *v);
		f->section = v;
	}
	return &f->section[f->n++];
}

/* A section: 1 taken, 0 it is none, -1. */
static int
take_any_section(struct parse *p, struct fetch *f)
{
	struct str label = {0};
	struct section *c;
	size_t i;
	int r;

	for (i = 0; i < sizeof sections / sizeof *sections; i++) {
		if (!parse_word(p, sections[i].name))
			continue;
		if (sections[i].as == AS_BODY && !sections[i].peek &&
		    parse_peek(p) != '[') {
			f->what |= FETCH_BODY;
			return 1;
		}
		if (!(c = new_section(p, f)))
			return -1;
		c->as = sections[i].as;
		c->peek = sections[i].peek;
		str_adds(&label, c->as == AS_BODY     ? "BODY["
		                 : c->as == AS_BINARY ? "BINARY["
		                                      : "BINARY.SIZE[");
		r = take_section(p, c, &label);
		c->label.p = arena_dup(p->arena, label.s, label.n);
		c->label.e = c->label.p + label.n;
		str_free(&label);
		return r < 0 ? -1 : 1;
	}
	return 0;
}

static int
take_old_section(struct parse *p, struct fetch *f)
{
	struct section *c;
	size_t i;

	for (i = 0; i < sizeof old_sections / sizeof *old_sections; i++) {
		if (!parse_word(p, old_sections[i].name))
			continue;
		if (!(c = new_section(p, f)))
			return -1;
		c->of = old_sections[i].of;
		c->peek = old_sections[i].peek;
		c->label = cur_of(old_sections[i].name);
		return 1;
	}
	return 0;
}

/* PREVIEW [SP "(" "LAZY" ")"]; other parentheses are the command's modifiers. */
static int
take_preview(struct parse *p, struct fetch *f)
{
	struct parse q = *p;

	f->what |= FETCH_PREVIEW;
	if (!cur_take(&q.c, ' ') || !cur_take(&q.c, '(') ||
	    !parse_word(&q, "LAZY"))
		return 0;
	p->c = q.c;
	f->what |= FETCH_LAZY;
	return parse_byte(p, ')');
}

static int
take_item(struct parse *p, struct fetch *f)
{
	size_t i;
	int r;

	for (i = 0; i < sizeof items / sizeof *items; i++)
		if (parse_word(p, items[i].name)) {
			f->what |= items[i].what;
			return 0;
		}
	if (parse_word(p, "PREVIEW"))
		return take_preview(p, f);
	if ((r = take_any_section(p, f)) == 0)
		r = take_old_section(p, f);
	if (r == 0)
		return parse_fail(p, "there is no such data item");
	if (r > 0 && f->n > 0 && !f->section[f->n - 1].peek)
		f->see = true;
	return r < 0 ? -1 : 0;
}

static int
take_items(struct parse *p, struct fetch *f)
{
	size_t i;

	for (i = 0; i < sizeof macros / sizeof *macros; i++)
		if (parse_word(p, macros[i].name)) {
			f->what |= macros[i].what;
			return 0;
		}
	if (!cur_take(&p->c, '('))
		return take_item(p, f);
	do
		if (take_item(p, f) < 0)
			return -1;
	while (cur_take(&p->c, ' '));
	return parse_byte(p, ')');
}

/* RFC 7162 3.1.4.1, 3.2.6 */
static int
take_modifiers(struct parse *p, struct fetch *f)
{
	if (parse_peek(p) != ' ')
		return 0;
	if (parse_sp(p) < 0 || parse_byte(p, '(') < 0)
		return -1;
	do {
		if (parse_word(p, "VANISHED")) {
			f->vanished = true;
		} else if (parse_word(p, "CHANGEDSINCE")) {
			f->since = true;
			if (parse_sp(p) < 0 ||
			    parse_number64(p, &f->modseq) < 0)
				return -1;
		} else {
			return parse_fail(p, "there is no such modifier");
		}
	} while (cur_take(&p->c, ' '));
	if (f->vanished && !f->since)
		return parse_fail(p, "VANISHED wants CHANGEDSINCE");
	return parse_byte(p, ')');
}

int
fetch_parse(struct parse *p, struct fetch *f)
{
	*f = (struct fetch){0};
	if (parse_sp(p) < 0 || take_items(p, f) < 0 || take_modifiers(p, f) < 0)
		return -1;
	return parse_end(p);
}
