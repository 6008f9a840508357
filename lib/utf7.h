/* utf7 - modified UTF-7 (RFC 3501 5.1.3): the names of mailboxes in IMAP4rev1, and on
 * disk as every other IMAP server writes them.  Pure. */
#ifndef UTF7_H
#define UTF7_H

#include "str.h"

/* From and to UTF-8, added to out.  0, or -1 and nothing is added: what comes in is
 * not UTF-8, or not the one form that utf7_encode() gives; or it holds a control
 * character. */
int utf7_encode(struct str *out, struct cur utf8);
int utf7_decode(struct str *out, struct cur utf7);

/* Can it be such a name: UTF-8 without control characters? */
bool utf7_is_name(struct cur utf8);

#endif
