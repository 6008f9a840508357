/* code - base64, quoted-printable, xtext, encoded words.  Pure. */
#ifndef CODE_H
#define CODE_H

#include "str.h"

#include <stdbool.h>

/* Base64 without line breaks (RFC 4648 4). */
void code_base64(struct str *s, const void *p, size_t n);
/* Decode strict base64; 0 or -1. */
int code_unbase64(struct str *s, struct cur c);

/* xtext of RFC 3461 4. */
void code_xtext(struct str *s, const char *p, size_t n);
/* 0, or -1 when it is not xtext or holds a control character. */
int code_unxtext(struct str *s, struct cur c);

/* UTF-8 in the form of RFC 6533 3 that is ASCII, "\x{F6}" for U+00F6, and so are
 * the bytes of special. */
void code_unitext(struct str *s, struct cur c, const char *special);

/* A display name as a header field takes it: bare, quoted, or as RFC 2047
 * encoded words in UTF-8 when it holds bytes over 127. */
void code_phrase(struct str *s, const char *name);

/* Only well-formed UTF-8 (RFC 3629), and no control of U+0080 to U+009F? */
bool code_is_utf8(struct cur c);

/* A string of RFC 8259 7, in its quotes; text that is not UTF-8 is taken for
 * Latin-1. */
void code_json(struct str *s, const char *z);

#endif
