/* body - BODY[...] and its older names (RFC 9051 6.4.5.1, 7.5.2; RFC 3501
 * 6.4.5). Called by fetch.c.  What a literal announces comes, or the connection
 * ends. */
#include "fetch.h"

/* --- what was asked for of a text --- */

uint64_t
section_part(const struct section *c, uint64_t *off, uint64_t n)
{
	if (!c->partial)
		return n;
	if (c->off >= n)
		return 0; /* RFC 9051 6.4.5: an empty string */
	*off += c->off;
	n -= c->off;
	return n < c->len ? n : c->len;
}

void
line_send(struct line *l)
{
	io_put(&l->s->io, l->x.s, l->x.n);
	str_clear(&l->x);
	l->sent = l->s->half = true;
}

static void
announce(struct line *l, const struct section *c, uint64_t n)
{
	str_add(&l->x, c->label.p, cur_len(&c->label));
	str_adds(&l->x, " {");
	str_addu(&l->x, n);
	str_adds(&l->x, "}\r\n");
}

/* No literal holds a NUL (RFC 9051 4.3); as other servers do, 0x80 stands for
 * one. */
static int
put(void *to, const char *p, size_t n)
{
	struct io *io = to;
	const char *e = p + n, *nul;

	while (p < e && (nul = memchr(p, '\0', (size_t)(e - p)))) {
		io_put(io, p, (size_t)(nul - p));
		io_put(io, "\x80", 1);
		p = nul + 1;
	}
	io_put(io, p, (size_t)(e - p));
	return io->err ? -1 : 0;
}

/* "NAME {n}" and the text, or that part of it that was asked for. */
static void
line_text(struct line *l, const struct section *c, struct cur text)
{
	uint64_t off = 0, n = section_part(c, &off, cur_len(&text));

	announce(l, c, n);
	if (memchr(text.p + off, '\0', (size_t)n)) {
		line_send(l);
		put(&l->s->io, text.p + off, (size_t)n);
	} else {
		str_add(&l->x, text.p + off, (size_t)n);
	}
}

/* The same for n octets of the letter. */
static int
line_range(struct line *l, const struct section *c, struct letter *from,
           uint64_t off, uint64_t n)
{
	n = section_part(c, &off, n);
	if (n > 0 && letter_reach(l->s, from, off) < 0)
		return ITEM_FAILED;
	announce(l, c, n);
	line_send(l);
	if (n > 0 && letter_range(l->s, from, off, n, put, &l->s->io) < 0)
		return ITEM_BROKEN;
	return 0;
}

/* --- fields --- */

static void
choose(const struct section *c, struct cur header, struct str *out)
{
	bool not = c->of == SECTION_NOT;
	struct cur field;

	while (header_next(&header, &field))
		if (headerset_has(c->set, headername_take(field)) != not )
			str_add(out, field.p, cur_len(&field));
	str_adds(out, "\r\n");
}

/* As put() does it. */
static void
no_nul(char *p, size_t n)
{
	char *e = p + n;

	for (; (p = memchr(p, '\0', (size_t)(e - p))); p++)
		*p = '\x80';
}

/* Fields that the cache has. */
static int
cached_fields(struct line *l, const struct section *c)
{
	const bool *known = c->set->known;
	struct cached k;
	struct str *to = c->partial ? &l->text : &l->x;
	const char *p;
	size_t i, n = 2;

	if (cache_get(l->s, l->i, &k) < 0)
		return ITEM_FAILED;
	str_clear(&l->text);
	for (i = 0; i < k.nfields; i++)
		n += known[k.field[i].name] ? k.field[i].len : 0;
	if (!c->partial)
		announce(l, c, n);
	for (p = k.fields.p, i = 0; i < k.nfields; i++) {
		if (known[k.field[i].name])
			str_add(to, p, k.field[i].len);
		p += k.field[i].len;
	}
	str_add(to, "\r\n", 2);
	if (!c->partial)
		no_nul(to->s + to->n - n, n);
	else
		line_text(l, c, str_cur(to));
	return 0;
}

static int
take(void *to, const char *p, size_t n)
{
	str_add(to, p, n);
	return 0;
}

/* Fields of the header from off to end of the letter. */
static int
chosen_fields(struct line *l, const struct section *c, struct letter *letter,
              uint64_t off, uint64_t end)
{
	struct str header = {0};
	uint64_t n = end - off;
	int r;

	if (n > STORE_HEADER)
		n = STORE_HEADER;
	r = letter_range(l->s, letter, off, n, take, &header);
	str_clear(&l->text);
	if (r == 0) {
		choose(c, str_cur(&header), &l->text);
		line_text(l, c, str_cur(&l->text));
	}
	str_free(&header);
	return r < 0 ? ITEM_FAILED : 0;
}

/* --- the message's own header, and what is behind it --- */

/* The header into l->text; cut: it is not what the message has: there is more of
 * it than is at hand, or no empty line (RFC 9051 6.4.5.1). */
static int
own_header(struct line *l, bool *cut)
{
	uint32_t uid = l->s->box.v[l->i].uid;
	int r;

	str_clear(&l->text);
	r = store_header(&l->s->box.store, uid, &l->text);
	*cut = r > 0 || l->text.n > STORE_HEADER / 2;
	return r;
}

static int
own_fields(struct line *l, const struct section *c)
{
	struct str header = {0};
	bool cut;

	if (own_header(l, &cut) < 0)
		return ITEM_FAILED;
	header = l->text;
	l->text = (struct str){0};
	choose(c, str_cur(&header), &l->text);
	line_text(l, c, str_cur(&l->text));
	str_free(&header);
	return 0;
}

/* [HEADER] and [TEXT] without looking at what is in the message. */
static int
own_half(struct line *l, const struct section *c, bool *cut)
{
	struct letter *letter;
	uint64_t n;

	if (own_header(l, cut) < 0)
		return ITEM_FAILED;
	if (*cut)
		return 0;
	n = l->text.n;
	if (c->of == SECTION_HEADER) {
		line_text(l, c, (struct cur){l->text.s, l->text.s + n});
		return 0;
	}
	if (!(letter = letter_at(l->s, l->i)))
		return ITEM_FAILED;
	n = n < letter->size ? n : letter->size;
	return line_range(l, c, letter, n, letter->size - n);
}

/* --- parts --- */

/* Where in the letter the section is: 1, or 0 there is none. */
static int
place_of(const struct section *c, const struct part *root, uint64_t *off,
         uint64_t *end)
{
	const struct part *p = mime_find(root, c->number, c->n);

	if (p && c->n > 0 && c->of != SECTION_ALL && c->of != SECTION_MIME)
		p = p->kind == MIME_MESSAGE ? p->child : NULL;
	if (!p)
		return 0;
	if (c->of == SECTION_ALL || c->of == SECTION_TEXT) {
		*off = p->body;
		*end = p->end;
	} else {
		*off = p->head;
		*end = p->body;
	}
	return 1;
}

static int
part_item(struct line *l, const struct section *c)
{
	struct letter *letter = letter_at(l->s, l->i);
	const struct part *root = letter ? letter_root(l->s, letter) : NULL;
	uint64_t off, end;

	if (!root)
		return ITEM_FAILED;
	if (place_of(c, root, &off, &end) == 0) {
		str_add(&l->x, c->label.p, cur_len(&c->label));
		str_adds(&l->x, " NIL");
		return 0;
	}
	if (c->of == SECTION_FIELDS || c->of == SECTION_NOT)
		return chosen_fields(l, c, letter, off, end);
	return line_range(l, c, letter, off, end - off);
}

int
body_item(struct line *l, const struct section *c)
{
	struct letter *letter;
	bool cut = false;
	int r;

	if (c->n > 0)
		return part_item(l, c);
	if (c->cached)
		return cached_fields(l, c);
	if (c->of == SECTION_FIELDS || c->of == SECTION_NOT)
		return own_fields(l, c);
	if (c->of == SECTION_ALL) {
		if (!(letter = letter_at(l->s, l->i)))
			return ITEM_FAILED;
		return line_range(l, c, letter, 0, letter->size);
	}
	r = own_half(l, c, &cut);
	return cut ? part_item(l, c) : r;
}
