/* binary - BINARY[...] and BINARY.SIZE[...] (RFC 3516; RFC 9051 6.4.5): a part
 * without its transfer encoding.  Called by fetch.c.  A long part is decoded
 * twice, as its length comes before it. */
#include "decode.h"
#include "fetch.h"

/* A part on its way through its decoder. */
struct passing {
	struct decode decode;
	struct str text; /* decoded and not yet looked at */
	uint64_t size;   /* so much was decoded before that */
	bool nul;
	/* What is to be sent of it, or NULL. */
	struct io *io;
	uint64_t off, end;
};

static int
passed(struct passing *b)
{
	uint64_t from = b->size, to = from + b->text.n;

	if (!b->nul && b->text.n > 0)
		b->nul = memchr(b->text.s, '\0', b->text.n);
	if (b->io && from < b->end && to > b->off) {
		uint64_t first = from > b->off ? from : b->off;
		uint64_t last = to < b->end ? to : b->end;

		io_put(b->io, b->text.s + (first - from),
		       (size_t)(last - first));
	}
	b->size = to;
	str_clear(&b->text);
	return b->io && b->io->err ? -1 : 0;
}

/* Decoding makes nothing longer, but for what was held back of a line. */
static int
pass(void *to, const char *p, size_t n)
{
	enum { PIECE = 1 << 16 };
	struct passing *b = to;
	size_t k;

	for (; n > 0; p += k, n -= k) {
		k = n < PIECE ? n : PIECE;
		decode_feed(&b->decode, p, k, &b->text);
		if (passed(b) < 0)
			return -1;
	}
	return 0;
}

static int
pass_all(struct line *l, struct letter *letter, struct passing *b,
         unsigned kind, const uint64_t range[2])
{
	int r;

	b->size = 0;
	decode_begin(&b->decode, kind);
	r = letter_range(l->s, letter, range[0], range[1] - range[0], pass, b);
	if (r < 0)
		return -1;
	decode_end(&b->decode, &b->text);
	return passed(b);
}

/* Send it, of which all is known by now. */
static int
give(struct line *l, const struct section *c, struct letter *letter,
     struct passing *b, unsigned kind, const uint64_t range[2])
{
	uint64_t off = 0, n = section_part(c, &off, b->size);

	if (n > 0 && letter_reach(l->s, letter, range[0]) < 0)
		return ITEM_FAILED;
	str_adds(&l->x, b->nul ? " ~{" : " {");
	str_addu(&l->x, n);
	str_adds(&l->x, "}\r\n");
	line_send(l);
	b->io = &l->s->io;
	b->off = off;
	b->end = off + n;
	if (n > 0 && pass_all(l, letter, b, kind, range) < 0)
		return ITEM_BROKEN;
	return 0;
}

/* Where the part is, and its encoding: 1, 0 there is no such part, -1.
 * Multiparts and messages are as they are, as no encoding of their own is
 * allowed. */
static int
find(struct line *l, const struct section *c, struct letter *letter,
     unsigned *kind, uint64_t range[2])
{
	const struct part *p;

	*kind = DECODE_NONE;
	range[0] = 0;
	range[1] = letter->size;
	if (c->n == 0)
		return 1;
	if (!(p = letter_root(l->s, letter)))
		return -1;
	if (!(p = mime_find(p, c->number, c->n)))
		return 0;
	range[0] = p->body;
	range[1] = p->end;
	if (p->kind == MIME_TEXT || p->kind == MIME_OTHER)
		*kind = decode_kind(p->encoding);
	return 1;
}

int
binary_item(struct line *l, const struct section *c)
{
	struct letter *letter = letter_at(l->s, l->i);
	struct passing b = {0};
	uint64_t range[2];
	unsigned kind;
	int r;

	if (!letter || (r = find(l, c, letter, &kind, range)) < 0)
		return ITEM_FAILED;
	if (kind == DECODE_UNKNOWN)
		return ITEM_UNKNOWN;
	if (r == 1 && pass_all(l, letter, &b, kind, range) < 0) {
		str_free(&b.text);
		return ITEM_FAILED;
	}
	str_add(&l->x, c->label.p, cur_len(&c->label));
	if (c->as == AS_BINARY_SIZE) {
		str_addc(&l->x, ' ');
		str_addu(&l->x, b.size);
		r = 0;
	} else if (r == 0) {
		str_adds(&l->x, " NIL");
	} else {
		r = give(l, c, letter, &b, kind, range);
	}
	str_free(&b.text);
	return r;
}
