/* needle - see needle.h.  A block of places at a time is looked at for the
 * two bytes of the needle that are rarest in mail, by a loop that compilers
 * turn into vector instructions.  Where that finds too much in vain, as in
 * aaaa for aaab, the classic automaton of Knuth, Morris and Pratt goes on. */
#include "needle.h"

enum {
	BLOCK = 128, /* places that are looked at together, */
	FEW = 16,    /* and these once more where there was something */
	VAIN = 8, /* bytes compared in vain for each byte of text: too many */
	CASE = 0x20, /* what lower case has set */
};

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | CASE : c);
}

/* How common a byte is in mail, 0: rare. */
static size_t
rank(char c)
{
	static const char common[] = "\xe2\xe3\xd1\xc3\xd0zqxj_9876543&;+*"
	                             "()'\":><\r/=210\n-kvb,.ywgfpmucdlhrsni"
	                             "oate ";
	const char *at = c ? strchr(common, c) : NULL;

	return at ? (size_t)(at - common) + 1 : 0;
}

/* The place of the rarest byte that is not the byte but, if there is one. */
static size_t
rarest(struct cur t, char but, bool any)
{
	size_t i, best = 0, least = SIZE_MAX;

	for (i = 0; i < cur_len(&t); i++)
		if ((any || t.p[i] != but) && rank(t.p[i]) < least) {
			best = i;
			least = rank(t.p[i]);
		}
	return best;
}

static void
choose(struct needle *n)
{
	if (cur_len(&n->text) == 0)
		return;
	n->one = rarest(n->text, 0, true);
	n->two = rarest(n->text, n->text.p[n->one], false);
}

/* back[i]: how many bytes before text[i] are also its first ones. */
static void
prepare(struct needle *n)
{
	const char *t = n->text.p;
	size_t i, len = cur_len(&n->text);
	uint32_t k = 0;

	for (i = 1; i < len; i++) {
		n->back[i] = k;
		while (k > 0 && t[i] != t[k])
			k = n->back[k];
		k += t[i] == t[k];
	}
	n->back[len] = k;
}

void
needle_make(struct needle *n, struct arena *a, struct cur text)
{
	size_t i, len = cur_len(&text);
	char *t = arena_dup(a, text.p, len);

	for (i = 0; i < len; i++)
		t[i] = (char)lower(t[i]);
	n->text = (struct cur){t, t + len};
	n->back = arena_alloc(a, (len + 1) * sizeof *n->back);
	choose(n);
	prepare(n);
}

static const char *
find_slowly(const struct needle *n, struct cur hay)
{
	const char *t = n->text.p;
	size_t len = cur_len(&n->text);
	uint32_t k = 0;

	for (; hay.p < hay.e; hay.p++) {
		while (k > 0 && lower(*hay.p) != (unsigned char)t[k])
			k = n->back[k];
		k += lower(*hay.p) == (unsigned char)t[k];
		if (k == len)
			return hay.p + 1 - len;
	}
	return NULL;
}

/* The bytes that are the same from p on. */
static size_t
same(const struct needle *n, const char *p)
{
	size_t i, len = cur_len(&n->text);

	for (i = 0; i < len; i++)
		if (lower(p[i]) != (unsigned char)n->text.p[i])
			break;
	return i;
}

/* What is looked for at a place: a byte, with the bit that does not matter. */
struct probe {
	const unsigned char *p;
	unsigned char byte, any;
};

static struct probe
probe(const struct needle *n, size_t at, const char *p)
{
	unsigned char b = (unsigned char)n->text.p[at];

	return (struct probe){(const unsigned char *)p + at, b,
	                      b >= 'a' && b <= 'z' ? CASE : 0};
}

/* Is there a place from k on, among so many, where both probes are right? */
static inline bool
some_has(const struct probe *x, const struct probe *y, size_t k, size_t many)
{
	const unsigned char *p = x->p + k, *q = y->p + k;
	unsigned char xb = x->byte, xa = x->any, yb = y->byte, ya = y->any;
	unsigned char hit = 0;
	size_t i;

	for (i = 0; i < many; i++)
		hit |=
		    (unsigned char)(((p[i] | xa) == xb) & ((q[i] | ya) == yb));
	return hit;
}

static bool
place_has(const struct probe *x, const struct probe *y, size_t k)
{
	return (x->p[k] | x->any) == x->byte && (y->p[k] | y->any) == y->byte;
}

/* Places [k, end): where the needle is, or NULL.  *vain: bytes that were
 * compared for nothing. */
static const char *
look(const struct needle *n, const struct probe *x, const struct probe *y,
     const char *hay, size_t k, size_t end, size_t *vain)
{
	while (k < end) {
		size_t to = end - k < FEW ? end : k + FEW, most;

		if (to - k == FEW && !some_has(x, y, k, FEW)) {
			k = to;
			continue;
		}
		for (; k < to; k++) {
			if (!place_has(x, y, k))
				continue;
			if ((most = same(n, hay + k)) == cur_len(&n->text))
				return hay + k;
			*vain += most;
		}
	}
	return NULL;
}

const char *
needle_find(const struct needle *n, struct cur hay)
{
	struct probe x, y;
	size_t k, end, places, vain = 0, len = cur_len(&n->text);
	const char *hit;

	if (len == 0)
		return hay.p;
	if (cur_len(&hay) < len)
		return NULL;
	x = probe(n, n->one, hay.p);
	y = probe(n, n->two, hay.p);
	places = cur_len(&hay) - len + 1;
	for (k = 0; k < places; k = end) {
		end = places - k < BLOCK ? places : k + BLOCK;
		if (end - k == BLOCK && !some_has(&x, &y, k, BLOCK))
			continue;
		if ((hit = look(n, &x, &y, hay.p, k, end, &vain)))
			return hit;
		if (vain > VAIN * (end + BLOCK)) {
			hay.p += end;
			return find_slowly(n, hay);
		}
	}
	return NULL;
}
