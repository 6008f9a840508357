/* subject - the base subject of a message (RFC 5256 2.1).  Pure.  Called by
 * sort.c and thread.c. */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "str.h"

/* Of a decoded subject, in place: blanks in it become single, and what is
 * returned lies in it.  *reply: it was that of a reply or forward (RFC 5256
 * 3). */
struct cur subject_base(char *subject, size_t n, bool *reply);

#endif
