/* str - see str.h.  Pure; used by every program. */
#include "str.h"

#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

void
str_add(struct str *s, const void *p, size_t n)
{
	if (s->cap - s->n <= n)
		s->s = mem_grow(s->s, &s->cap, s->n + n + 1, 1);
	if (n)
		memcpy(s->s + s->n, p, n);
	s->n += n;
	s->s[s->n] = '\0';
}

void
str_addc(struct str *s, char c)
{
	if (s->cap - s->n <= 1)
		s->s = mem_grow(s->s, &s->cap, s->n + 2, 1);
	s->s[s->n++] = c;
	s->s[s->n] = '\0';
}

void
str_adds(struct str *s, const char *z)
{
	str_add(s, z, strlen(z));
}

void
str_addu(struct str *s, unsigned long long n)
{
	char digits[20], *p = digits + sizeof digits;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	str_add(s, p, (size_t)(digits + sizeof digits - p));
}

/* Mostly it fits into the room that there is. */
void
str_addv(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	size_t room = s->cap - s->n;
	int n;

	va_copy(again, ap);
	n = vsnprintf(s->s ? s->s + s->n : NULL, room, fmt, ap);
	if (n >= 0 && (size_t)n >= room) {
		s->s = mem_grow(s->s, &s->cap, s->n + (size_t)n + 1, 1);
		vsnprintf(s->s + s->n, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	s->n += n > 0 ? (size_t)n : 0;
}

void
str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_addv(s, fmt, ap);
	va_end(ap);
}

void
str_clear(struct str *s)
{
	s->n = 0;
	if (s->s)
		s->s[0] = '\0';
}

void
str_free(struct str *s)
{
	free(s->s);
	*s = (struct str){0};
}

void
mem_clean(char *p, size_t n)
{
	for (; n > 0; n--, p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

void
str_adds_clean(struct str *s, const char *p, size_t n, size_t max)
{
	if (n > max)
		n = max;
	str_add(s, p, n);
	mem_clean(s->s + s->n - n, n);
}

char *
str_dup(const char *z)
{
	return mem_dup(z, strlen(z));
}

void
list_add_cur(struct list *l, struct cur c)
{
	l->v = mem_grow(l->v, &l->cap, l->n + 2, sizeof *l->v);
	l->v[l->n++] = mem_dup(c.p, cur_len(&c));
	l->v[l->n] = NULL;
}

void
list_add(struct list *l, const char *z)
{
	list_add_cur(l, cur_of(z));
}

void
list_free(struct list *l)
{
	while (l->n > 0)
		free(l->v[--l->n]);
	free(l->v);
	*l = (struct list){0};
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
list_sort(struct list *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof *l->v, by_text);
}

bool
list_has(const struct list *l, const char *z)
{
	return l->n > 0 && bsearch(&z, l->v, l->n, sizeof *l->v, by_text);
}

struct cur
cur_of(const char *z)
{
	return (struct cur){z, z + strlen(z)};
}

struct cur
str_cur(const struct str *s)
{
	return s->s ? (struct cur){s->s, s->s + s->n} : cur_of("");
}

int
cur_peek(const struct cur *c)
{
	return c->p < c->e ? (unsigned char)*c->p : -1;
}

int
cur_get(struct cur *c)
{
	return c->p < c->e ? (unsigned char)*c->p++ : -1;
}

bool
cur_take(struct cur *c, char b)
{
	if (c->p == c->e || *c->p != b)
		return false;
	c->p++;
	return true;
}

void
cur_blanks(struct cur *c)
{
	while (c->p < c->e && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

size_t
cur_until(struct cur *c, const char *stop, struct cur *word)
{
	size_t n = strlen(stop);

	word->p = c->p;
	if (n == 1 && c->p < c->e) {
		const char *hit = memchr(c->p, *stop, cur_len(c));

		c->p = hit ? hit : c->e;
	} else {
		while (c->p < c->e && !memchr(stop, *c->p, n))
			c->p++;
	}
	word->e = c->p;
	return cur_len(word);
}

size_t
cur_word(struct cur *c, struct cur *word)
{
	cur_blanks(c);
	word->p = c->p;
	while (c->p < c->e && *c->p != ' ' && *c->p != '\t')
		c->p++;
	word->e = c->p;
	return cur_len(word);
}

bool
cur_line(struct cur *c, struct cur *line)
{
	bool there = cur_len(c) > 0;

	cur_until(c, "\n", line);
	cur_get(c);
	if (line->p < line->e && line->e[-1] == '\r')
		line->e--;
	return there;
}

size_t
cur_len(const struct cur *c)
{
	return (size_t)(c->e - c->p);
}

bool
cur_has_control(struct cur c)
{
	for (; c.p < c.e; c.p++)
		if ((unsigned char)*c.p < ' ' || *c.p == 0x7f)
			return true;
	return false;
}

bool
cur_has_8bit(struct cur c)
{
	for (; c.p < c.e; c.p++)
		if ((unsigned char)*c.p > 127)
			return true;
	return false;
}

int
cur_copy(struct cur c, char *to, size_t size)
{
	size_t n = cur_len(&c);

	if (n >= size)
		return -1;
	if (n > 0)
		memmove(to, c.p, n);
	to[n] = '\0';
	return 0;
}

bool
cur_is(const struct cur *c, const char *z)
{
	return cur_len(c) == strlen(z) && mem_ieq(c->p, z, cur_len(c));
}

bool
cur_same(struct cur a, struct cur b)
{
	return cur_len(&a) == cur_len(&b) && memcmp(a.p, b.p, cur_len(&a)) == 0;
}

bool
cur_alike(struct cur a, struct cur b)
{
	return cur_len(&a) == cur_len(&b) && mem_ieq(a.p, b.p, cur_len(&a));
}

bool
cur_begins(struct cur c, const char *z)
{
	size_t n = strlen(z);

	return cur_len(&c) >= n && mem_ieq(c.p, z, n);
}

int
cur_number(struct cur *c, unsigned long long max, unsigned long long *v)
{
	unsigned long long x = 0;
	const char *from = c->p;

	for (; str_isdigit(cur_peek(c)); c->p++) {
		unsigned d = (unsigned)(*c->p - '0');

		if (x > (max - d) / 10 || d > max)
			return -1;
		x = x * 10 + d;
	}
	*v = x;
	return c->p > from ? 0 : -1;
}

char
str_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
mem_ieq(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++)
		if (*a != *b && str_lower(*a) != str_lower(*b))
			return false;
	return true;
}

bool
str_ieq(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == strlen(b) && mem_ieq(a, b, n);
}

bool
str_isalpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
str_isdigit(int c)
{
	return c >= '0' && c <= '9';
}
