/* search - any bytes as the keys of SEARCH over one message that is any bytes, too.
 * What is found in the raw bytes must be what is found through the structure.
 * Input: a byte for the size of portions, keys, a byte 255, the message.
 * With: imapd/criteria.c imapd/evaluate.c imapd/text.c imapd/form.c imapd/needle.c imapd/fold.c imapd/word.c imapd/decode.c imapd/field.c imapd/mime.c imapd/mimehead.c imapd/param.c imapd/parse.c imapd/headername.c imapd/subject.c imapd/threads.c imapd/set.c */
#include "imapd/criteria.h"
#include "imapd/letter.h"
#include "imapd/subject.h"
#include "imapd/threads.h"
#include "imapd/word.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEPARATOR = 0xff, COMMAND = 4096, MESSAGE = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* --- a mailbox of one message --- */

static struct cur raw;
static struct str wire;
static struct index_msg known;
static struct letter letter;
static struct cached_field field_of[1000];
static struct str fields;
static size_t piece;

const struct index_msg *
box_msg(const struct session *s, size_t i)
{
	(void)s;
	(void)i;
	return &known;
}

int
store_raw(struct store *s, uint32_t uid, struct cur *c)
{
	(void)s;
	(void)uid;
	*c = raw;
	return 1;
}

int
store_header(struct store *s, uint32_t uid, struct str *out)
{
	struct cur c = {wire.s, wire.s + wire.n}, field;

	(void)s;
	(void)uid;
	while (header_next(&c, &field))
		str_add(out, field.p, cur_len(&field));
	return 0;
}

void
store_notes(struct store *s, const struct store_note *v, size_t n)
{
	(void)s;
	if (n != 1 || v->uid != known.uid || !(v->form & FORM_KNOWN))
		abort();
}

ssize_t
store_find(const struct store *s, uint32_t uid)
{
	(void)s;
	(void)uid;
	return 0;
}

const struct index_msg *
store_msg(const struct store *s, size_t i)
{
	(void)s;
	(void)i;
	return &known;
}

int
cache_get(struct session *s, size_t i, struct cached *c)
{
	struct cur h = {wire.s, wire.s + wire.n}, field;
	struct headernames names;

	(void)s;
	(void)i;
	headernames_begin(&names);
	str_clear(&fields);
	*c = (struct cached){.sent = 0, .field = field_of};
	while (header_next(&h, &field) && c->nfields < 1000) {
		int k = headername_find(&names, headername_take(field));

		if (k < 0)
			continue;
		field_of[c->nfields++] = (struct cached_field){
		    (uint32_t)k, (uint32_t)cur_len(&field)};
		str_add(&fields, field.p, cur_len(&field));
	}
	c->fields = str_cur(&fields);
	return 0;
}

int
cache_whole(struct session *s, size_t i, struct cached_whole *c)
{
	(void)s;
	(void)i;
	c->content = 1;
	return 0;
}

void
cache_flush(struct session *s)
{
	(void)s;
}

struct letter *
letter_at(struct session *s, size_t i)
{
	(void)s;
	(void)i;
	return &letter;
}

const struct part *
letter_root(struct session *s, struct letter *l)
{
	struct mime *m;

	(void)s;
	if (!l->root) {
		m = mime_open(&l->arena);
		mime_feed(m, wire.s, wire.n);
		l->root = mime_end(m);
	}
	return l->root;
}

int
letter_range(struct session *s, struct letter *l, uint64_t off, uint64_t len,
             int (*put)(void *to, const char *p, size_t n), void *to)
{
	(void)s;
	(void)l;
	if (off + len > wire.n)
		abort();
	while (len > 0) {
		size_t n = len < piece ? (size_t)len : piece;

		put(to, wire.s + off, n);
		off += n;
		len -= n;
	}
	return 0;
}

int
no(struct session *s, const char *fmt, ...)
{
	(void)s;
	(void)fmt;
	return 0;
}

int
no_store(struct session *s, const struct store *st)
{
	(void)s;
	(void)st;
	abort();
}

int
bad_parse(struct session *s)
{
	(void)s;
	return 0;
}

/* --- what is tried --- */

/* Line ends as on the wire. */
static void
make_wire(void)
{
	const char *p;

	str_clear(&wire);
	str_adds(&wire, "");
	for (p = raw.p; p < raw.e; p++) {
		if (*p == '\n' && (p == raw.p || p[-1] != '\r'))
			str_addc(&wire, '\r');
		str_addc(&wire, *p);
	}
	known.size = wire.n;
}

/* How many messages the keys find: 0, 1; -1 they are wrong.  form: what is
 * known of the message. */
static int
search(struct cur keys, uint16_t form, struct io *io)
{
	struct session s = {0};
	struct seen seen = {.uid = known.uid};
	struct criteria *c;
	uint32_t *at;
	size_t n = 0;
	int r;

	known.form = form;
	s.box.v = &seen;
	s.box.n = 1;
	s.parse = (struct parse){.io = io, .arena = &s.arena, .left = COMMAND};
	s.parse.c.p = arena_dup(&s.arena, keys.p, cur_len(&keys));
	s.parse.c.e = s.parse.c.p + cur_len(&keys);
	c = criteria_begin(&s);
	r = criteria_parse(c, &s.parse);
	if (r == 0 && criteria_find(c, &at, &n) < 0)
		abort();
	criteria_end(c);
	arena_free(&s.arena);
	return r < 0 ? -1 : (int)n;
}

static void
subjects(void)
{
	struct threads_msg m = {.number = 1, .id = raw, .references = raw};
	struct arena a = {0};
	struct threads *t = threads_begin(&a, 1);
	struct fold *f = arena_alloc(&a, sizeof *f);
	struct str x = {0};
	struct cur base;

	word_decode(f, raw, &x);
	base = subject_base(x.s, x.n, &m.reply);
	if (cur_len(&base) > 0 && (*base.p == ' ' || base.e[-1] == ' '))
		abort();
	m.subject = base;
	threads_add(t, &m);
	m.number = 2;
	threads_add(t, &m);
	str_clear(&fields);
	threads_by_references(t, &fields);
	threads_end(t);
	str_free(&x);
	fold_end(f);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct io io;
	static int null = -1;
	struct cur in = {(const char *)p, (const char *)p + n}, keys;
	int a, b;

	if (n == 0)
		return 0;
	if (null < 0)
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
	piece = 1 + (size_t)cur_get(&in);
	keys = in;
	keys.e = memchr(in.p, SEPARATOR, cur_len(&in));
	if (!keys.e)
		keys.e = in.e;
	raw = (struct cur){keys.e < in.e ? keys.e + 1 : in.e, in.e};
	if (cur_len(&keys) > COMMAND || cur_len(&raw) > MESSAGE ||
	    memchr(keys.p, '\0', cur_len(&keys)))
		return 0;
	make_wire();
	known.uid = 7;
	letter = (struct letter){0};
	io_init(&io, null, null);
	a = search(keys, 0, &io);
	b = search(keys, FORM_KNOWN, &io);
	if (a != b)
		abort();
	subjects();
	arena_free(&letter.arena);
	io_free(&io);
	return 0;
}
