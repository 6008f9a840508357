/* date - dates as mail writes them.  The time zone is the process's. */
#ifndef DATE_H
#define DATE_H

#include "str.h"

#include <stdint.h>
#include <time.h>

enum { DATE_SIZE = 40 };

/* "Jan" to "Dec". */
extern const char date_months[12][4];
/* Which of them c begins with, in any case; or -1. */
int date_month(struct cur c);

/* "Sat, 21 Nov 2026 19:54:01 +0100" (RFC 5322 3.3). */
void date_header(time_t t, char out[DATE_SIZE]);

/* "Sat Nov 21 19:54:01 2026", as asctime(3) without the newline (From_ line). */
void date_ctime(time_t t, char out[DATE_SIZE]);

/* A date as mail has it (RFC 5322 3.3, 4.3), or nearly: s since the epoch and
 * the zone, s east of UTC.  Obsolete zones and years, asctime's order,
 * comments; the time may be missing.  0, or -1: it is none. */
int date_parse(struct cur c, int64_t *t, int *zone);

#endif
