/* mime - see mime.h.  Called by FETCH and SEARCH.  A line is all that it looks
 * at; of a line in a body no more than a boundary could fill.  A line that is
 * no field ends a header, as everywhere in this house. */
#include "mimehead.h"

enum {
	LOOK = MIME_BOUNDARY + 4, /* bytes behind "--" in a line */
	BLOCK = 128               /* bytes that are looked at together */
};

/* A multipart that is open, by its boundary. */
struct bound {
	struct part *of;
	size_t depth;
	struct cur text;
};

struct mime {
	struct arena *arena;
	struct part *root, *at;        /* at: the innermost that is open */
	struct part *last[MIME_DEPTH]; /* child of at and of those around it */
	size_t depth;                  /* of at; the root's is 0 */
	size_t left;                   /* parts that may still come */
	struct bound bound[MIME_DEPTH];
	size_t nbound;

	bool in_header;  /* of at */
	bool is_message; /* and that is a message's */
	bool deep;       /* at stays closed: what is in it may look like ours */
	size_t keep, params; /* what may still be kept */
	struct str header;   /* so far, for a message */
	struct str fields;   /* its Content-* */
	bool in_field;       /* the last one belongs there */

	uint64_t off, lines; /* before the line at hand */
	size_t eol;          /* bytes of the line end before it */
	struct str line;     /* its start, when it came in pieces */
	uint64_t len;        /* so much of it came */
	bool cr;             /* the last of them */
};

/* --- parts --- */

/* Begin a part inside the innermost one, with its header at off. */
static void
part_begin(struct mime *m, uint64_t off)
{
	struct part *p = arena_alloc(m->arena, sizeof *p);

	p->parent = m->at;
	if (m->at) {
		m->is_message = m->at->kind == MIME_MESSAGE;
		if (m->last[m->depth])
			m->last[m->depth]->next = p;
		else
			m->at->child = p;
		m->last[m->depth++] = p;
	} else {
		m->is_message = true;
		m->root = p;
	}
	m->at = p;
	p->head = off;
	m->in_header = true;
	m->in_field = m->deep = false;
	str_clear(&m->header);
	str_clear(&m->fields);
	/* The last one that may be takes all that follows. */
	if (--m->left == 0)
		m->nbound = 0;
}

static bool
part_may_open(const struct mime *m)
{
	return m->left > 0 && m->depth + 1 < MIME_DEPTH;
}

/* Bytes without meaning. */
static void
part_is_opaque(struct part *p)
{
	p->kind = MIME_OTHER;
	p->type = cur_of("application");
	p->subtype = cur_of("octet-stream");
}

static struct cur
keep(struct mime *m, const struct str *s)
{
	const char *p = arena_dup(m->arena, s->s, s->n);

	m->keep -= s->n < m->keep ? s->n : m->keep;
	return (struct cur){p, p + s->n};
}

static void
bound_add(struct mime *m)
{
	struct cur b = param_find(m->at->params, "boundary");

	/* Blanks at its end are not part of it (RFC 2046 5.1.1). */
	while (b.p && b.e > b.p && (b.e[-1] == ' ' || b.e[-1] == '\t'))
		b.e--;
	if (cur_len(&b) > 0 && cur_len(&b) <= MIME_BOUNDARY)
		m->bound[m->nbound++] = (struct bound){m->at, m->depth, b};
}

/* The header ends and the body begins at off. */
static void
part_body(struct mime *m, uint64_t off)
{
	struct part *p = m->at;
	bool digest = p->parent && p->parent->kind == MIME_MULTIPART &&
	              cur_is(&p->parent->subtype, "digest");

	if (m->is_message)
		p->header = keep(m, &m->header);
	mimehead_read(p, m->arena, keep(m, &m->fields), digest, &m->params);
	p->body = off;
	p->lines = m->lines + (off > m->off);
	m->in_header = false;
	m->last[m->depth] = NULL;
	if (p->kind != MIME_MULTIPART && p->kind != MIME_MESSAGE)
		return;
	if (!part_may_open(m) ||
	    (p->kind == MIME_MESSAGE && mimehead_is_encoded(p))) {
		/* RFC 2046 5.2.1 allows no such encoding. */
		part_is_opaque(p);
		m->deep = true;
	} else if (p->kind == MIME_MULTIPART) {
		bound_add(m);
	}
}

/* A message's body is a message, which begins with the next line. */
static bool
part_awaits(const struct mime *m)
{
	return !m->in_header && m->at->kind == MIME_MESSAGE && !m->at->child;
}

static void
part_message(struct mime *m, uint64_t off)
{
	if (part_awaits(m))
		part_begin(m, off);
}

/* The innermost parts end, up to the one around them, at end; but none before
 * it began, nor before what is in it ended.  lines: before that place. */
static void
parts_end(struct mime *m, const struct part *around, uint64_t end,
          uint64_t lines)
{
	while (m->at != around) {
		struct part *p = m->at;
		uint64_t least = m->in_header ? p->head : p->body;

		if (end < least) {
			end = least;
			lines = m->lines;
		}
		if (m->in_header) {
			part_body(m, end);
			part_message(m, end);
			continue;
		}
		p->end = end;
		p->lines = lines > p->lines ? lines - p->lines : 0;
		if (p->kind == MIME_MULTIPART && !p->child &&
		    mimehead_is_encoded(p))
			part_is_opaque(p);
		m->at = p->parent;
		m->depth -= m->depth > 0;
	}
}

/* --- lines --- */

/* Is this line a boundary of the part that is open at i: 0 no, 1 it begins so,
 * 2 it is that and nothing else.  closing: of the last part. */
static int
bound_is(const struct bound *b, struct cur line, bool *closing)
{
	size_t n = cur_len(&b->text);

	if (cur_len(&line) < n || *line.p != *b->text.p ||
	    memcmp(line.p, b->text.p, n) != 0)
		return 0;
	line.p += n;
	*closing = cur_len(&line) >= 2 && memcmp(line.p, "--", 2) == 0;
	if (*closing)
		line.p += 2;
	while (line.p < line.e && memchr(" \t\r\n", *line.p, 4))
		line.p++;
	return line.p == line.e ? 2 : 1;
}

/* RFC 2046 5.1.1: a line that begins with the boundary will do.  One that is
 * exactly one of ours comes first, then the longest, then the innermost. */
static const struct bound *
bound_find(const struct mime *m, struct cur line, bool *closing)
{
	const struct bound *best = NULL;
	int grade = 0;
	size_t i;

	line.p += 2;
	if (cur_len(&line) > LOOK)
		line.e = line.p + LOOK;
	for (i = m->nbound; i-- > 0;) {
		const struct bound *b = &m->bound[i];
		bool c = false;
		int is = bound_is(b, line, &c);

		if (is == 0 || (is == 1 && m->deep) || is < grade ||
		    (is == grade && cur_len(&b->text) <= cur_len(&best->text)))
			continue;
		best = b;
		grade = is;
		*closing = c;
	}
	return best;
}

/* A boundary: what is inside of its multipart ends.  The line end before it
 * belongs to the boundary. */
static void
bound_hit(struct mime *m, const struct bound *b, bool closing, uint64_t len)
{
	parts_end(m, b->of, m->off - m->eol, m->lines - (m->eol > 0));
	m->deep = false;
	/* A header that ended just now may have told of another. */
	m->nbound = m->left > 0 ? (size_t)(b - m->bound) + !closing : 0;
	if (!closing && m->left > 0)
		part_begin(m, m->off + len);
}

/* Is it "Name:"?  RFC 5322 2.2, 4.5. */
static bool
is_field(struct cur c)
{
	const char *from = c.p;

	while (c.p<c.e && * c.p> ' ' && *c.p < 0x7f && *c.p != ':')
		c.p++;
	if (c.p == from)
		return false;
	cur_blanks(&c);
	return cur_peek(&c) == ':';
}

static void
limited_add(struct str *s, struct cur c, size_t keep)
{
	size_t most = keep < MIME_HEADER ? keep : MIME_HEADER;
	size_t room = s->n < most ? most - s->n : 0;

	str_add(s, c.p, cur_len(&c) < room ? cur_len(&c) : room);
}

static bool
is_from(struct cur c)
{
	cur_take(&c, '>');
	return cur_len(&c) >= 5 && memcmp(c.p, "From ", 5) == 0;
}

/* A line in a header: false when it does not belong there. */
static bool
header_line(struct mime *m, struct cur c, uint64_t len)
{
	static const char content[] = "content-";
	bool first = m->off == m->at->head;

	if (*c.p == '\n' ||
	    (*c.p == '\r' && cur_len(&c) == 2 && c.p[1] == '\n')) {
		part_body(m, m->off + len);
		return true;
	}
	if (first && m->is_message && is_from(c))
		return true; /* a mailbox's line, taken along */
	if (*c.p != ' ' && *c.p != '\t') {
		if (!is_field(c))
			return false;
		m->in_field = cur_len(&c) >= sizeof content &&
		              mem_ieq(c.p, content, sizeof content - 1);
	} else if (first) {
		return false;
	}
	if (m->is_message)
		limited_add(&m->header, c, m->keep);
	if (m->in_field)
		limited_add(&m->fields, c, m->keep);
	return true;
}

/* A whole line, or the start of a long one; len is all of it. */
static void
take_line(struct mime *m, struct cur c, uint64_t len)
{
	if (cur_len(&c) > MIME_HEADER)
		c.e = c.p + MIME_HEADER;
	for (;;) {
		const struct bound *b = NULL;
		bool closing = false;

		part_message(m, m->off);
		if (m->nbound > 0 && cur_len(&c) > 2 &&
		    memcmp(c.p, "--", 2) == 0)
			b = bound_find(m, c, &closing);
		if (b) {
			bound_hit(m, b, closing, len);
			return;
		}
		if (!m->in_header || header_line(m, c, len))
			return;
		/* The body begins with this line. */
		part_body(m, m->off);
	}
}

static void
next_line(struct mime *m, size_t eol)
{
	m->off += m->len;
	m->lines += eol > 0;
	m->eol = eol;
	m->len = 0;
}

/* A line's piece, or the whole line. */
static void
take_piece(struct mime *m, struct cur c)
{
	size_t n = cur_len(&c);
	bool whole = c.e[-1] == '\n', cr = n > 1 ? c.e[-2] == '\r' : m->cr;

	m->cr = c.e[-1] == '\r';
	if (!whole || m->len > 0) {
		size_t room = MIME_HEADER - m->line.n;

		str_add(&m->line, c.p, n < room ? n : room);
		c = str_cur(&m->line);
	}
	m->len += n;
	if (!whole)
		return;
	/* Most lines of a body are of no interest. */
	if (*c.p == '-' || m->in_header || part_awaits(m))
		take_line(m, c, m->len);
	next_line(m, cr && m->len > 1 ? 2 : 1);
	if (m->line.n > 0)
		str_clear(&m->line);
}

/* --- the message --- */

struct mime *
mime_open(struct arena *a)
{
	struct mime *m = arena_alloc(a, sizeof *m);

	m->arena = a;
	m->left = MIME_PARTS;
	m->keep = MIME_KEEP;
	m->params = MIME_PARAMS;
	part_begin(m, 0);
	return m;
}

/* Pass the lines at p that cannot be boundaries, of a body, as long as there are
 * blocks without a '-' at a line's start: a loop that compilers turn into vector
 * instructions.  Where the first line begins that was not passed, which is not a
 * boundary either: m->eol need not follow. */
static const char *
pass_lines(struct mime *m, const char *p, const char *e)
{
	const char *from = p, *q;
	uint64_t lines = m->lines;
	int i;

	for (q = p; *p != '-' && e - q > BLOCK; q += BLOCK) {
		unsigned char dash = 0, ends = 0;

		for (i = 0; i < BLOCK; i++) {
			ends = (unsigned char)(ends + (q[i] == '\n'));
			dash |=
			    (unsigned char)((q[i] == '\n') & (q[i + 1] == '-'));
		}
		if (dash)
			break;
		lines += ends;
	}
	if (lines == m->lines)
		return p;
	while (q[-1] != '\n')
		q--;
	m->off += (uint64_t)(q - from);
	m->lines = lines;
	return q;
}

void
mime_feed(struct mime *m, const char *p, size_t n)
{
	const char *e = p + n, *lf;

	while (p < e) {
		if (m->len == 0 && !m->in_header && !part_awaits(m))
			p = pass_lines(m, p, e);
		lf = memchr(p, '\n', (size_t)(e - p));
		take_piece(m, (struct cur){p, lf ? lf + 1 : e});
		p = lf ? lf + 1 : e;
	}
}

struct part *
mime_end(struct mime *m)
{
	if (m->len > 0) {
		take_line(m, str_cur(&m->line), m->len);
		next_line(m, 0);
	}
	part_message(m, m->off);
	parts_end(m, NULL, m->off, m->lines);
	str_free(&m->header);
	str_free(&m->fields);
	str_free(&m->line);
	return m->root;
}

const struct part *
mime_find(const struct part *root, const uint32_t *number, size_t n)
{
	const struct part *at = root;
	bool message = true; /* all of one, not yet a part of it */
	uint32_t k;
	size_t i;

	for (i = 0; i < n && at; i++) {
		k = number[i];
		if (!message && at->kind == MIME_MESSAGE) {
			at = at->child;
			message = true;
		}
		if (at->kind == MIME_MULTIPART) {
			for (at = at->child; at && k > 1; k--)
				at = at->next;
			message = false;
		} else if (!message || k != 1) {
			return NULL;
		} else {
			message = false;
		}
	}
	return at;
}
