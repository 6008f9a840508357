/* hdr - the header fields of a message whose lines end in LF.  Pure. */
#ifndef HDR_H
#define HDR_H

#include "str.h"

#include <stdbool.h>
#include <time.h>

/* One field: name without colon, body with its folds, all with its line ends. */
struct field {
	struct cur name, body, all;
};

/* Take the next field at the cursor; false at the end of the header (the empty line, which is left, or a line that is no field). */
bool hdr_next(struct cur *c, struct field *f);

/* Find the first field of this name in a header.  */
bool hdr_find(struct cur header, const char *name, struct field *f);

/* Where the body of a message starts (behind the empty line), or the end. */
const char *hdr_end(struct cur message);

/* Skip blanks, folds and comments, nested as they may be (RFC 5322 3.2.2).  0, or
 * -1: a comment has no end. */
int hdr_cfws(struct cur *c);

/* Is name, a field name, one of the NULL-terminated list?  Any case. */
bool hdr_name_in(const struct cur *name, const char *const *list);

/* Add to to the fields Date, From and Message-ID, where the header lacks them
 * (RFC 5322 3.6, RFC 6409 8): of the time t, with the body from, and <id@host>. */
void hdr_complete(struct str *to, struct cur header, time_t t, const char *from,
                  const char *id, const char *host);

#endif
