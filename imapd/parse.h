/* parse - the grammar of IMAP (RFC 9051 9, RFC 3501 9), one function a rule.
 * A command is read as it is parsed: where a literal comes the client is told to go
 * on and the literal is read.  Words lie in the command's arena and stay good until
 * its end.  Every function returns 0, or -1 with why; input that ended, or is not
 * worth to be read on, is p->end. */
#ifndef PARSE_H
#define PARSE_H

#include "io.h"
#include "mem.h"

#include <stdint.h>

enum {
	PARSE_LINE = 1 << 20,    /* bytes of a command, literals and all */
	PARSE_LOGIN_LINE = 8192, /* before the login */
	PARSE_SKIP = 1 << 27, /* bytes of a literal that are read for nothing */
	PARSE_SETS = 100000,  /* ranges in a set */
	PARSE_DEPTH = 50      /* parentheses in one another */
};

struct parse {
	struct io *io;
	struct arena *arena;
	struct cur c;    /* what is left of the line at hand, without CRLF */
	size_t left;     /* bytes that may still come */
	bool utf8;       /* quoted strings may hold UTF-8, names are UTF-8 */
	const char *why; /* what is wrong */
	int end;         /* IO_* when input ended; else 0 */
};

/* Begin a command: read a line.  0, -1 with end or why (too long; what could be a
 * tag is in c). */
int parse_line(struct parse *p);

/* The rest of a command that nobody read is thrown away: literals that the client
 * sends without waiting to be asked.  One over PARSE_SKIP is not worth to be read:
 * end is IO_LONG. */
void parse_skip(struct parse *p);

int parse_fail(struct parse *p, const char *why); /* -1 */

/* The next byte is b, and is taken; peek tells without taking (-1 at the end). */
int parse_byte(struct parse *p, char b);
int parse_sp(struct parse *p);
int parse_end(struct parse *p);
int parse_peek(const struct parse *p);
/* Take the word if it comes next (any case, and what follows cannot belong to an
 * atom). */
bool parse_word(struct parse *p, const char *word);

int parse_atom(struct parse *p, struct cur *atom);
int parse_string(struct parse *p, struct cur *s);
int parse_astring(struct parse *p, struct cur *s);
int parse_nstring(struct parse *p, struct cur *s); /* NIL: s->p is NULL */
int parse_number(struct parse *p, uint32_t *n);    /* 0 to 2^32-1 */
int parse_nz_number(struct parse *p, uint32_t *n);
int parse_number64(struct parse *p, uint64_t *n); /* 0 to 2^63-1 */

/* A mailbox name: UTF-8, INBOX in capitals, without NUL or control characters.  A
 * list pattern may hold % and *; 1: one that no such name can match. */
int parse_mailbox(struct parse *p, struct cur *name);
int parse_pattern(struct parse *p, struct cur *pattern);

/* A set of numbers or UIDs.  UINT32_MAX stands for *; lo may be above hi. */
struct range {
	uint32_t lo, hi;
};
struct set {
	struct range *v;
	size_t n;
	bool saved; /* $ (RFC 5182): the result of the last search */
};
int parse_set(struct parse *p, struct set *s);

/* A flag list in parentheses or not.  Flags by their bits (FLAG_*), the rest as words.
 * \Recent is passed over. */
struct flags {
	unsigned bits;
	struct cur *word;
	size_t n;
};
int parse_flags(struct parse *p, struct flags *f);

/* date: "1-Feb-1994", quoted or not: days since the epoch.  date-time: in quotes,
 * seconds since the epoch. */
int parse_date(struct parse *p, int64_t *days);
int parse_date_time(struct parse *p, int64_t *t);

/* A literal's announcement, {n}, {n+}, ~{n}, ~{n+}; its bytes are still to be read:
 * parse_literal_get() gives them in portions (0 at the end, IO_* when input ended), and
 * parse_line_more() then the line that goes on. */
struct literal {
	uint64_t size, left;
	bool binary; /* ~ */
	bool plus;   /* comes without being asked for */
};
int parse_literal(struct parse *p, struct literal *l);
void parse_literal_go(struct parse *p, struct literal *l); /* "+ ..." */
ssize_t parse_literal_get(struct parse *p, struct literal *l, struct cur *c);
int parse_line_more(struct parse *p);

#endif
