/* str - counted strings, lists of strings, and a cursor that cannot run past its end. */
#ifndef STR_H
#define STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A growing string.  s is NUL-terminated once anything was added (or NULL
 * before); the NUL is not counted in n.  Zero-initialised means empty. */
struct str {
	char *s;
	size_t n, cap;
};

/* Strings; behind the last that was added there is a NULL. */
struct list {
	char **v;
	size_t n, cap;
};

/* Bytes from p up to, but not including, e. */
struct cur {
	const char *p, *e;
};

void str_add(struct str *s, const void *p, size_t n);
void str_addc(struct str *s, char c);
void str_adds(struct str *s, const char *z);
void str_addu(struct str *s, unsigned long long n); /* in decimal */
__attribute__((format(printf, 2, 3))) void str_addf(struct str *s,
                                                    const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void str_addv(struct str *s,
                                                    const char *fmt,
                                                    va_list ap);

/* Empty the string and keep its memory. */
void str_clear(struct str *s);
void str_free(struct str *s);

/* Printable form of text from outside: controls become '?'; of what is added at most
 * max bytes are taken. */
void mem_clean(char *p, size_t n);
void str_adds_clean(struct str *s, const char *p, size_t n, size_t max);

/* A copy of a NUL-terminated string; the caller frees. */
char *str_dup(const char *z);

/* Add a copy of z, or of the bytes of a cursor. */
void list_add(struct list *l, const char *z);
void list_add_cur(struct list *l, struct cur c);
void list_free(struct list *l);
void list_sort(struct list *l);
/* Is it in the list, which was sorted? */
bool list_has(const struct list *l, const char *z);

/* The whole of a NUL-terminated string, or of a growing one, which may be empty, as a
 * cursor that is never NULL. */
struct cur cur_of(const char *z);
struct cur str_cur(const struct str *s);

/* The next byte without taking it, or -1 at the end. */
int cur_peek(const struct cur *c);

/* Take the next byte, or -1 at the end. */
int cur_get(struct cur *c);

/* Take the byte b if it comes next. */
bool cur_take(struct cur *c, char b);

/* Skip blanks (space and tab). */
void cur_blanks(struct cur *c);

/* Take bytes up to one of the set stop (or the end) as *word; returns its
 * length. */
size_t cur_until(struct cur *c, const char *stop, struct cur *word);

/* Take the next blank-separated word; returns its length, 0 at the end. */
size_t cur_word(struct cur *c, struct cur *word);

/* Take the next line, without the LF or CRLF that ends it; false at the end. */
bool cur_line(struct cur *c, struct cur *line);

size_t cur_len(const struct cur *c);

/* Copy what there is, as a string, into size bytes.  0, or -1: it does not fit. */
int cur_copy(struct cur c, char *to, size_t size);

/* Is there a control character, as tabs are, among it?  A byte over 127? */
bool cur_has_control(struct cur c);
bool cur_has_8bit(struct cur c);

/* Does the cursor hold exactly z, ignoring ASCII case? */
bool cur_is(const struct cur *c, const char *z);

/* Do both hold the same; or the same but for ASCII case?  Does c begin with z, ignoring
 * that case, too? */
bool cur_same(struct cur a, struct cur b);
bool cur_alike(struct cur a, struct cur b);
bool cur_begins(struct cur c, const char *z);

/* Take a decimal number of digits only, up to max.  -1 when there is none or
 * when it is greater than max. */
int cur_number(struct cur *c, unsigned long long max, unsigned long long *v);

/* ASCII only, whatever the locale says. */
char str_lower(char c);
bool str_ieq(const char *a, const char *b);
bool mem_ieq(const char *a, const char *b, size_t n);
bool str_isalpha(int c);
bool str_isdigit(int c);

#endif
