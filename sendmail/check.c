/* check - what can be said of addresses and aliases without sending: -bv, -bt,
 * -bi, and whether a submission has any hope. */
#include "sendmail.h"

#include "alias.h"
#include "route.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { CHECK_LINE = 4096 }; /* an address on stdin, with names and comments */

/* Does this recipient lead only to failures?  Leaves them in out. */
static bool
only_failures(struct router *r, const char *addr, struct routes *out)
{
	size_t i;

	route_expand(r, addr, out);
	for (i = 0; i < out->n; i++)
		if (out->t[i].kind != ROUTE_FAIL)
			return false;
	return out->n > 0;
}

bool
check_hopeless(const struct conf *c, const struct envelope *e)
{
	struct router r;
	struct routes out = {0};
	bool hopeless = true;
	size_t i;

	router_open(&r, c);
	for (i = 0; i < e->nrcpt && hopeless; i++)
		hopeless = only_failures(&r, e->rcpt[i].addr, &out);
	if (hopeless)
		for (i = 0; i < out.n; i++)
			complain(0, "%s... %s", out.t[i].addr, out.t[i].text);
	routes_free(&out);
	router_close(&r);
	return hopeless;
}

/* --- -bv and -bt --- */

struct verify {
	const struct conf *conf;
	struct router router;
	int code;
};

static void
print_clean(const char *before, const char *text)
{
	struct str s = {0};

	str_adds(&s, before);
	str_adds_clean(&s, text, strlen(text), strlen(text));
	puts(s.s);
	str_free(&s);
}

static void
print_step(void *arg, const char *step)
{
	(void)arg;
	print_clean("  ", step);
}

static void
print_target(struct verify *v, const char *addr, const struct target *t)
{
	static const char *const what[] = {
	    [ROUTE_USER] = "mailbox of user",
	    [ROUTE_PROGRAM] = "program",
	    [ROUTE_FILE] = "file",
	    [ROUTE_REMOTE] = "other host,",
	};
	struct str s = {0};

	if (t->kind == ROUTE_FAIL || t->kind == ROUTE_DEFER) {
		str_addf(&s, "%s... %s (%s)", t->addr, t->text, t->status);
		if (v->code == 0 || t->kind == ROUTE_FAIL)
			v->code =
			    t->kind == ROUTE_FAIL ? EX_NOUSER : EX_TEMPFAIL;
	} else {
		str_addf(&s, "%s... deliverable: %s %s", addr, what[t->kind],
		         t->dest);
		if (t->user)
			str_addf(&s, " as %s", t->user);
	}
	print_clean("", s.s);
	str_free(&s);
}

static int
verify_one(void *arg, const char *addr)
{
	struct verify *v = arg;
	struct routes out = {0};
	char full[ADDR_MAX + 1];
	size_t i;

	if (qualify(v->conf, addr, full) < 0)
		return -1;
	route_expand(&v->router, full, &out);
	for (i = 0; i < out.n; i++)
		print_target(v, full, &out.t[i]);
	routes_free(&out);
	return 0;
}

static void
verify_text(struct verify *v, struct cur text)
{
	if (addr_list(text, verify_one, v) < 0)
		v->code = complain(EX_DATAERR, "cannot read the address '%.*s'",
		                   (int)cur_len(&text), text.p);
}

static void
verify_stdin(struct verify *v)
{
	struct cur line;
	struct io io;
	ssize_t n;

	io_init(&io, 0, 1);
	io.lf = true;
	while ((n = io_line(&io, &line, CHECK_LINE)) >= 0 || n == IO_LONG) {
		if (n == IO_LONG)
			v->code = complain(EX_DATAERR, "the line is too long");
		else
			verify_text(v, line);
		fflush(stdout);
	}
	line = (struct cur){io.buf + io.pos, io.buf + io.len};
	if (n == IO_ERROR)
		v->code = complain(EX_IOERR, "cannot read the addresses: %s",
		                   strerror(io.err));
	else if (cur_len(&line) > 0) /* the last line is a line too */
		verify_text(v, line);
	io_free(&io);
}

int
check_addresses(const struct conf *c, const struct options *o,
                char *const *addrs)
{
	struct verify v = {.conf = c};

	router_open(&v.router, c);
	v.router.trace = print_step;
	if (o->mode == 't')
		verify_stdin(&v);
	else if (!*addrs)
		v.code = complain(EX_USAGE, "no addresses");
	for (; o->mode == 'v' && *addrs; addrs++)
		verify_text(&v, cur_of(*addrs));
	router_close(&v.router);
	return v.code;
}

/* --- -bi --- */

static void
print_error(void *arg, const char *text)
{
	complain(0, "%s:%s", (const char *)arg, text);
}

int
check_aliases(const struct conf *c)
{
	size_t count = 0;

	if (alias_check(c->aliases, print_error, c->aliases, &count) > 0)
		return EX_DATAERR;
	printf("%s: %zu aliases\n", c->aliases, count);
	return 0;
}
