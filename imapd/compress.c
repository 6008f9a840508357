/* compress - COMPRESS DEFLATE (RFC 4978): zlib, loaded when it is asked for. */
#include "imap.h"

#include <dlfcn.h>
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
	int (*inflate)(z_stream *, int);
	int (*deflate)(z_stream *, int);
};

static int
symbol(void *lib, const char *name, void *to, size_t n)
{
	void *p = lib ? dlsym(lib, name) : NULL;

	memcpy(to, &p, n);
	return p ? 0 : -1;
}

static ssize_t
decode(void *arg, struct cur *c, char *p, size_t n)
{
	struct deflate *d = arg;
	int r;

	d->in.next_in = (Bytef *)(uintptr_t)c->p;
	d->in.avail_in = (uInt)cur_len(c);
	d->in.next_out = (Bytef *)p;
	d->in.avail_out = (uInt)n;
	r = d->inflate(&d->in, Z_SYNC_FLUSH);
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
		if (d->deflate(&d->out, Z_SYNC_FLUSH) == Z_STREAM_ERROR)
			return -1;
		str_add(raw, buf, sizeof buf - d->out.avail_out);
	} while (d->out.avail_out == 0);
	return 0;
}

/* Load and begin: 0 or -1. */
static int
begin(struct deflate *d)
{
	void *lib = dlopen("libz.so.1", RTLD_NOW | RTLD_NODELETE);
	int (*in)(z_stream *, int, const char *, int);
	int (*out)(z_stream *, int, int, int, int, int, const char *, int);

	if (symbol(lib, "inflate", &d->inflate, sizeof d->inflate) < 0 ||
	    symbol(lib, "deflate", &d->deflate, sizeof d->deflate) < 0 ||
	    symbol(lib, "inflateInit2_", &in, sizeof in) < 0 ||
	    symbol(lib, "deflateInit2_", &out, sizeof out) < 0)
		return -1;
	if (in(&d->in, WINDOW, ZLIB_VERSION, sizeof d->in) != Z_OK ||
	    out(&d->out, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY,
	        ZLIB_VERSION, sizeof d->out) != Z_OK)
		return -1;
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
	return no(s, "[UNAVAILABLE] zlib is missing");
}

void
compress_begin(struct session *s)
{
	io_flush(&s->io);
	io_set_filter(&s->io, &s->deflate->filter);
}
