/* out - values as the grammar of IMAP writes them (RFC 9051 9). */
#ifndef OUT_H
#define OUT_H

#include "store.h"

/* A string: quoted where it may be, else a literal.  NUL bytes are left out, as
 * no string may hold them.  nstring: NIL when c.p is NULL. */
void out_string(struct str *x, struct cur c);
void out_nstring(struct str *x, struct cur c);

/* A mailbox name (UTF-8): in quotes, in modified UTF-7 unless utf8. */
void out_mailbox(struct str *x, struct cur name, bool utf8);

/* "17-Jul-1996 02:44:25 -0700" in quotes (the process's time zone).  Most of many are of
 * the same day as the one before: what is known of that is kept.
 * Zero-initialised is the start. */
struct out_day {
	int64_t begin; /* midnight */
	bool whole;    /* one zone holds up to the next */
	char date[13], zone[7];
};
void out_date_time(struct str *x, int64_t t, struct out_day *d);

/* Flags and keywords with blanks between, without parentheses. */
void out_flags(struct str *x, const struct store *s, unsigned flags,
               uint64_t keywords, bool recent);

/* Numbers, ascending, as a set: 1:3,7. */
void out_set(struct str *x, const uint32_t *v, size_t n);

#endif
