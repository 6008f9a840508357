/* compress - COMPRESS DEFLATE (RFC 4978), by zlib. */
#include "imap.h"

#include <stdlib.h>
#include <zlib.h>

enum {
	WINDOW = -15, /* raw deflate */
	LEVEL = 6,
	MEMORY = 8,
	PORTION = 16384
};

struct deflate {
	struct io_filter filter;
	z_stream in, out;
};

static ssize_t
decode(void *arg, struct cur *c, char *p, size_t n)
{
	struct deflate *d = arg;
	int r;

	d->in.next_in = (Bytef *)(uintptr_t)c->p;
	d->in.avail_in = (uInt)cur_len(c);
	d->in.next_out = (Bytef *)p;
	d->in.avail_out = (uInt)n;
	r = inflate(&d->in, Z_SYNC_FLUSH);
	c->p = (const char *)d->in.next_in;
	n -= d->in.avail_out;
	return n == 0 && r != Z_OK && r != Z_BUF_ERROR ? -1 : (ssize_t)n;
}

static int
encode(void *arg, const char *p, size_t n, struct str *raw)
{
	struct deflate *d = arg;
	char buf[PORTION];

	d->out.next_in = (Bytef *)(uintptr_t)p;
	d->out.avail_in = (uInt)n;
	do {
		d->out.next_out = (Bytef *)buf;
		d->out.avail_out = sizeof buf;
		if (deflate(&d->out, Z_SYNC_FLUSH) == Z_STREAM_ERROR)
			return -1;
		str_add(raw, buf, sizeof buf - d->out.avail_out);
	} while (d->out.avail_out == 0);
	return 0;
}

static int
begin(struct deflate *d)
{
	if (inflateInit2(&d->in, WINDOW) != Z_OK)
		return -1;
	if (deflateInit2(&d->out, LEVEL, Z_DEFLATED, WINDOW, MEMORY,
	                 Z_DEFAULT_STRATEGY) != Z_OK) {
		inflateEnd(&d->in);
		return -1;
	}
	d->filter.arg = d;
	d->filter.decode = decode;
	d->filter.encode = encode;
	return 0;
}

int
do_compress(struct session *s, struct parse *p)
{
	struct cur name;

	if (parse_sp(p) < 0 || parse_atom(p, &name) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	if (!cur_is(&name, "DEFLATE"))
		return no(s, "[CANNOT] no such compression");
	if (s->deflate)
		return no(s, "[COMPRESSIONACTIVE] it is on");
	s->deflate = mem_alloc(sizeof *s->deflate);
	if (begin(s->deflate) == 0)
		return ok(s, "from here on");
	free(s->deflate);
	s->deflate = NULL;
	return no(s, "[UNAVAILABLE] there is no memory for it");
}

void
compress_begin(struct session *s)
{
	io_flush(&s->io);
	io_set_filter(&s->io, &s->deflate->filter);
}
