/* field - the fields of a header (RFC 5322 2.2), with CRLF or LF line ends, and
 * the two lexical forms that they all share.  Pure, and linear in what comes:
 * SORT does this for every message. */
#ifndef FIELD_H
#define FIELD_H

#include "mem.h"
#include "str.h"

/* Take the next field with its folds and line ends; false at the empty line or
 * the end.  A line that is no field comes as one. */
bool header_next(struct cur *header, struct cur *field);

/* Is it of that name?  Then body is what stands behind the colon. */
bool header_is(struct cur field, const char *name, struct cur *body);

/* A body unfolded and without blanks at its ends; in the arena only when it was
 * folded. */
struct cur header_value(struct arena *a, struct cur body);

/* Behind the comment whose parenthesis is at p, nested ones and all; e when it
 * does not end (RFC 5322 3.2.2). */
const char *header_comment(const char *p, const char *e);

/* Behind the quoted string whose quote is at p; e when it does not end. */
const char *header_quoted(const char *p, const char *e);

/* What the comment or quoted string from p up to q says, without its ends,
 * backslashes, line ends and NUL, is put at to, where q - p bytes must have
 * room.  Returns the end of what was put. */
char *header_unquote(char *to, const char *p, const char *q);

/* Skip blanks, folds, NUL and comments. */
void header_space(struct cur *c);

#endif
