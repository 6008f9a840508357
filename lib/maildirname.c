/* maildirname - see maildirname.h. */
#include "maildirname.h"

#include "mboxscan.h"

static const struct {
	char letter;
	unsigned flag;
} table[] = {
    {'D', FLAG_DRAFT   },
    {'F', FLAG_FLAGGED },
    {'R', FLAG_ANSWERED},
    {'S', FLAG_SEEN    },
    {'T', FLAG_DELETED },
};

enum { NTABLE = sizeof table / sizeof table[0] };

/* The letters behind ":2,", and what follows them after a comma. */
static struct cur
info(struct cur name, struct cur *base, struct cur *tail)
{
	struct cur c = name, letters = {0};

	cur_until(&c, ":", base);
	if (cur_take(&c, ':') && cur_take(&c, '2') && cur_take(&c, ','))
		cur_until(&c, ",", &letters);
	else
		c.p = c.e;
	*tail = c;
	return letters;
}

static void
field(struct maildir_name *n, struct cur c)
{
	uint64_t *to = NULL;
	unsigned long long v;

	if (cur_take(&c, 'S'))
		to = &n->size;
	else if (cur_take(&c, 'W'))
		to = &n->wire;
	if (to && cur_take(&c, '=') &&
	    cur_number(&c, UINT64_MAX / 4, &v) == 0 && cur_len(&c) == 0)
		*to = v;
}

void
name_parse(struct maildir_name *n, struct cur name)
{
	struct cur tail, c, f, letters;
	size_t i;
	int b;

	*n = (struct maildir_name){.size = NAME_UNSAID, .wire = NAME_UNSAID};
	letters = info(name, &n->base, &tail);
	c = n->base;
	cur_until(&c, ",", &f);
	while (cur_take(&c, ',')) {
		cur_until(&c, ",", &f);
		field(n, f);
	}
	while ((b = cur_get(&letters)) >= 0) {
		if (b >= 'a' && b <= 'z')
			n->letters |= (uint32_t)1 << (b - 'a');
		for (i = 0; i < NTABLE; i++)
			if (b == table[i].letter)
				n->flags |= table[i].flag;
	}
}

/* Names differ in a few digits only: every byte has to stir all bits. */
uint64_t
name_hash(struct cur base)
{
	uint64_t h = 0xcbf29ce484222325;
	int b;

	while ((b = cur_get(&base)) >= 0)
		h = (h ^ (uint64_t)b) * 0x100000001b3;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93;
	h ^= h >> 32;
	return h ? h : 1;
}

/* Compare the numbers that a and b are at, and pass them. */
static int
number_order(const char **a, const char **b)
{
	size_t n, m;
	int r;

	while (**a == '0')
		(*a)++;
	while (**b == '0')
		(*b)++;
	n = strspn(*a, "0123456789");
	m = strspn(*b, "0123456789");
	r = n != m ? (n < m ? -1 : 1) : memcmp(*a, *b, n);
	*a += n;
	*b += m;
	return r;
}

int
name_order(const char *a, const char *b)
{
	const char *p = a, *q = b;
	int r = 0;

	while (r == 0 && *p && *q) {
		if (str_isdigit(*p) && str_isdigit(*q))
			r = number_order(&p, &q);
		else
			r = (unsigned char)*p++ - (unsigned char)*q++;
	}
	if (r == 0)
		r = (unsigned char)*p - (unsigned char)*q;
	return r ? r : strcmp(a, b);
}

void
name_make(struct str *s, const char *name, unsigned flags, uint32_t letters,
          uint32_t mask)
{
	struct cur base, tail, old = info(cur_of(name), &base, &tail);
	bool has[128] = {0};
	size_t i;
	int b;

	while ((b = cur_get(&old)) >= 0)
		if (b < 128)
			has[b] = true;
	for (i = 0; i < NTABLE; i++)
		has[(unsigned char)table[i].letter] = flags & table[i].flag;
	for (i = 0; i < 26; i++)
		if (mask >> i & 1)
			has['a' + i] = letters >> i & 1;
	str_add(s, base.p, cur_len(&base));
	str_adds(s, ":2,");
	for (i = '!'; i < 127; i++)
		if (has[i])
			str_addc(s, (char)i);
	str_add(s, tail.p, cur_len(&tail));
}

size_t
name_bare(const char *p, size_t n, char *last)
{
	const char *from = p, *e = p + n, *lf;
	size_t bare = 0;

	for (; p < e && (lf = memchr(p, '\n', (size_t)(e - p))); p = lf + 1)
		bare += (lf > from ? lf[-1] : *last) != '\r';
	if (n > 0)
		*last = e[-1];
	return bare;
}
