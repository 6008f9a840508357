/* date - unit test of lib/date.c. */
#include "date.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void
date_is(const char *zone, time_t t, const char *header, const char *ctime)
{
	char out[DATE_SIZE];

	setenv("TZ", zone, 1);
	tzset();
	date_header(t, out);
	assert(strcmp(out, header) == 0);
	date_ctime(t, out);
	assert(strcmp(out, ctime) == 0);
}

int
main(void)
{
	char out[DATE_SIZE];

	date_is("CET-1", 1795287241, "Sat, 21 Nov 2026 19:54:01 +0100",
	        "Sat Nov 21 19:54:01 2026");
	date_is("UTC0", 0, "Thu, 1 Jan 1970 00:00:00 +0000",
	        "Thu Jan  1 00:00:00 1970");
	date_is("NST3:30", 0, "Wed, 31 Dec 1969 20:30:00 -0330",
	        "Wed Dec 31 20:30:00 1969");
	date_is("XXX0:30", 0, "Wed, 31 Dec 1969 23:30:00 -0030",
	        "Wed Dec 31 23:30:00 1969");
	date_is("IST-5:30", 4102444800, "Fri, 1 Jan 2100 05:30:00 +0530",
	        "Fri Jan  1 05:30:00 2100");
	date_header(LONG_MAX, out);
	assert(strncmp(out, "Thu, 1 Jan 1970", 15) == 0);
	date_ctime(LONG_MIN, out);
	assert(strlen(out) < DATE_SIZE);
	return 0;
}
