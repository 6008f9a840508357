/* fetch - fuzz target: the attributes of FETCH.  What is taken has names that
 * the grammar allows, and says the same when it is asked for again.
 * With: imapd/fetchparse.c imapd/headername.c imapd/parse.c imapd/out.c
 */
#include "imapd/fetch.h"
#include "tests/fuzz/fuzz.h"

static void
check_section(const struct section *c)
{
	const char *p = c->label.p, *e = c->label.e;

	must(e > p && c->n <= FETCH_NUMBERS);
	must(c->of != SECTION_MIME || c->n > 0);
	must(!c->partial || c->len > 0);
	must((c->set != NULL) ==
	     (c->of == SECTION_FIELDS || c->of == SECTION_NOT));
	must(c->as == AS_BODY || c->of == SECTION_ALL);
	if (c->partial)
		must(e[-1] == '>');
	else
		must(e[-1] == ']' || memcmp(p, "RFC822", 6) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {0};
	struct io *io = mem_alloc(sizeof *io);
	struct parse p = {.io = io, .arena = &arena, .left = PARSE_LINE};
	char *copy = mem_dup(data, n);
	struct fetch f;
	size_t i;

	/* Input ends where the line does: a literal never comes. */
	io_init(io, -1, -1);
	io->deadline = 1;
	p.c = (struct cur){copy, copy + n};
	if (fetch_parse(&p, &f) == 0) {
		must(!p.why && f.n <= FETCH_SECTIONS);
		must(f.what || f.n > 0);
		for (i = 0; i < f.n; i++)
			check_section(&f.section[i]);
	} else {
		must(p.why || p.end);
	}
	io_free(io);
	free(io);
	free(copy);
	arena_free(&arena);
	return 0;
}
