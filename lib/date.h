/* date - dates as mail writes them.  The time zone is the process's. */
#ifndef DATE_H
#define DATE_H

#include <time.h>

enum { DATE_SIZE = 40 };

/* "Sat, 21 Nov 2026 19:54:01 +0100" (RFC 5322 3.3). */
void date_header(time_t t, char out[DATE_SIZE]);

/* "Sat Nov 21 19:54:01 2026", as asctime(3) without the newline (From_ line). */
void date_ctime(time_t t, char out[DATE_SIZE]);

#endif
