/* match - the patterns of LIST (RFC 9051 6.3.9).  Called by list.c.  Pure.
 * All places in a pattern that the beginning of a name can lead to are kept side by side,
 * 64 in a word, so that no pattern costs more than its length for each byte. */
#include "list.h"

#include <string.h>

enum {
	BITS = 64,
	BYTES = 256,
	PLACES = 2 * IMAP_NAME + 2, /* a wildcard before every byte */
	WORDS = PLACES / BITS + 1
};

static bool
is_wild(char c)
{
	return c == '*' || c == '%';
}

/* Add a part; of wildcards in a row * is worth all of them, % one. */
static void
add(struct pattern *x, char *to, struct cur c)
{
	for (; c.p < c.e; c.p++) {
		if (is_wild(*c.p) && x->length > 0 &&
		    is_wild(to[x->length - 1])) {
			if (*c.p == '*')
				to[x->length - 1] = '*';
			continue;
		}
		to[x->length++] = *c.p;
		x->least += !is_wild(*c.p);
	}
}

static void
set(uint64_t *word, size_t place)
{
	word[place / BITS] |= (uint64_t)1 << place % BITS;
}

void
pattern_make(struct pattern *x, struct arena *a, struct cur reference,
             struct cur pattern)
{
	char *to = arena_alloc(a, cur_len(&reference) + cur_len(&pattern) + 1);
	size_t k;

	*x = (struct pattern){0};
	add(x, to, reference);
	add(x, to, pattern);
	x->levels = cur_len(&pattern) > 0 && pattern.e[-1] == '%';
	if (x->least > IMAP_NAME)
		return;
	x->words = x->length / BITS + 1;
	x->byte = arena_alloc(a, (BYTES + 2) * x->words * sizeof *x->byte);
	x->star = x->byte + BYTES * x->words;
	x->percent = x->star + x->words;
	for (k = 0; k < x->length; k++) {
		uint64_t *in = x->byte + (unsigned char)to[k] * x->words;

		set(to[k] == '*'   ? x->star
		    : to[k] == '%' ? x->percent
		                   : in,
		    k + 1);
	}
}

/* A wildcard may stand for nothing.  No two are side by side. */
static void
pass_wildcards(const struct pattern *x, uint64_t *at)
{
	uint64_t carry = 0, old;
	size_t w;

	for (w = 0; w < x->words; w++) {
		old = at[w];
		at[w] |= (old << 1 | carry) & (x->star[w] | x->percent[w]);
		carry = old >> (BITS - 1);
	}
}

/* Take one byte of the name, which is a or b. */
static void
step(const struct pattern *x, uint64_t *at, unsigned char a, unsigned char b,
     bool separator)
{
	const uint64_t *in = x->byte + a * x->words;
	const uint64_t *too = x->byte + b * x->words;
	uint64_t carry = 0, old;
	size_t w;

	for (w = 0; w < x->words; w++) {
		old = at[w];
		at[w] = ((old << 1 | carry) & (in[w] | too[w])) |
		        (old & (x->star[w] | (separator ? 0 : x->percent[w])));
		carry = old >> (BITS - 1);
	}
	pass_wildcards(x, at);
}

bool
pattern_match(const struct pattern *x, struct cur name, char separator,
              bool any_case)
{
	uint64_t at[WORDS];
	char lower;

	if (x->least > cur_len(&name) || x->words == 0)
		return false;
	memset(at, 0, x->words * sizeof *at);
	at[0] = 1;
	pass_wildcards(x, at);
	for (; name.p < name.e; name.p++) {
		lower = any_case ? str_lower(*name.p) : *name.p;
		step(x, at, (unsigned char)*name.p, (unsigned char)lower,
		     *name.p == separator);
	}
	return at[x->length / BITS] >> x->length % BITS & 1;
}
