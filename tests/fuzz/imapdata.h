/* imapdata - is this what the grammar of IMAP wants (RFC 9051 9)?  For fuzz
 * targets; what is wrong aborts. */
#ifndef IMAPDATA_H
#define IMAPDATA_H

#include "str.h"

#include <stdlib.h>

static inline void
must(bool ok)
{
	if (!ok)
		abort();
}

static inline void
data_byte(struct cur *c, char b)
{
	must(cur_take(c, b));
}

static inline unsigned long long
data_number(struct cur *c)
{
	unsigned long long n = 0;

	must(cur_number(c, 1ull << 62, &n) == 0);
	return n;
}

/* quoted or literal; what it says (escapes and all) is *s. */
static inline void
data_string(struct cur *c, struct cur *s)
{
	if (cur_take(c, '{')) {
		unsigned long long n = data_number(c);

		data_byte(c, '}');
		data_byte(c, '\r');
		data_byte(c, '\n');
		must(n <= cur_len(c));
		*s = (struct cur){c->p, c->p + n};
		must(n == 0 || !memchr(s->p, '\0', cur_len(s)));
		c->p += n;
		return;
	}
	data_byte(c, '"');
	for (s->p = c->p; cur_peek(c) != '"'; c->p++) {
		if (cur_take(c, '\\'))
			must(cur_peek(c) == '"' || cur_peek(c) == '\\');
		must(cur_peek(c) > 0 && cur_peek(c) < 0x80);
		must(*c->p != '\r' && *c->p != '\n');
	}
	s->e = c->p++;
}

static inline bool
data_nil(struct cur *c)
{
	if (cur_len(c) < 3 || memcmp(c->p, "NIL", 3) != 0)
		return false;
	c->p += 3;
	return true;
}

static inline void
data_nstring(struct cur *c)
{
	struct cur s;

	if (!data_nil(c))
		data_string(c, &s);
}

/* n of them with blanks between. */
static inline void
data_nstrings(struct cur *c, int n)
{
	for (; n > 0; n--) {
		data_nstring(c);
		if (n > 1)
			data_byte(c, ' ');
	}
}

/* (string string ...), pairs where even is asked for */
static inline void
data_list(struct cur *c, bool even)
{
	struct cur s;
	size_t n = 0;

	if (data_nil(c))
		return;
	data_byte(c, '(');
	do {
		data_string(c, &s);
		n++;
	} while (cur_take(c, ' '));
	data_byte(c, ')');
	must(!even || n % 2 == 0);
}

static inline void
data_addresses(struct cur *c)
{
	if (data_nil(c))
		return;
	data_byte(c, '(');
	do {
		data_byte(c, '(');
		data_nstrings(c, 4);
		data_byte(c, ')');
	} while (cur_peek(c) == '(');
	data_byte(c, ')');
}

static inline void
data_envelope(struct cur *c)
{
	int i;

	data_byte(c, '(');
	data_nstrings(c, 2);
	for (i = 0; i < 6; i++) {
		data_byte(c, ' ');
		data_addresses(c);
	}
	data_byte(c, ' ');
	data_nstrings(c, 2);
	data_byte(c, ')');
}

static inline void
data_disposition(struct cur *c)
{
	struct cur s;

	if (data_nil(c))
		return;
	data_byte(c, '(');
	data_string(c, &s);
	data_byte(c, ' ');
	data_list(c, true);
	data_byte(c, ')');
}

static inline void
data_extension(struct cur *c)
{
	data_byte(c, ' ');
	data_disposition(c);
	data_byte(c, ' ');
	data_list(c, false);
	data_byte(c, ' ');
	data_nstring(c);
}

static inline void data_body(struct cur *c, bool ext);

/* body-type-1part without its parentheses */
static inline void
data_single(struct cur *c, bool ext)
{
	struct cur type, sub, s;

	data_string(c, &type);
	data_byte(c, ' ');
	data_string(c, &sub);
	data_byte(c, ' ');
	data_list(c, true);
	data_byte(c, ' ');
	data_nstrings(c, 2);
	data_byte(c, ' ');
	data_string(c, &s);
	data_byte(c, ' ');
	data_number(c);
	if (cur_is(&type, "message") &&
	    (cur_is(&sub, "rfc822") || cur_is(&sub, "global"))) {
		data_byte(c, ' ');
		data_envelope(c);
		data_byte(c, ' ');
		data_body(c, ext);
		data_byte(c, ' ');
		data_number(c);
	} else if (cur_is(&type, "text")) {
		data_byte(c, ' ');
		data_number(c);
	}
	if (ext) {
		data_byte(c, ' ');
		data_nstring(c);
	}
}

static inline void
data_body(struct cur *c, bool ext)
{
	struct cur s;

	data_byte(c, '(');
	if (cur_peek(c) == '(') {
		while (cur_peek(c) == '(')
			data_body(c, ext);
		data_byte(c, ' ');
		data_string(c, &s);
		if (ext) {
			data_byte(c, ' ');
			data_list(c, true);
		}
	} else {
		data_single(c, ext);
	}
	if (ext)
		data_extension(c);
	data_byte(c, ')');
}

#endif
