/* date - unit test of lib/date.c: dates as mail writes them, and as it should
 * not. */
#include "date.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
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

enum { BASE = 1795255200 /* Sat, 21 Nov 2026 10:00:00 UTC */ };

static void
is(const char *text, int64_t t, int zone)
{
	int64_t got = -1;
	int z = -1;

	if (date_parse(cur_of(text), &got, &z) < 0 || got != t || z != zone) {
		fprintf(stderr, "%s: %lld %d\n", text, (long long)got, z);
		assert(0);
	}
}

static void
is_none(const char *text)
{
	int64_t t;
	int z;

	assert(date_parse(cur_of(text), &t, &z) < 0);
}

static void
test_reading(void)
{
	char text[80];
	time_t t;
	struct tm tm;

	is("Sat, 21 Nov 2026 10:00:00 +0000", BASE, 0);
	is(" Sat, 21 Nov 2026 11:00:00 +0100\r\n", BASE, 3600);
	is("21 Nov 2026 04:30 -0530", BASE, -19800);
	is("Sat, 21 Nov 26 10:00:00 GMT", BASE, 0);
	is("Sat, 21 Nov 126 10:00:00 UT", BASE, 0);
	is("21-Nov-2026 10:00:00 +0000", BASE, 0);
	is("Sat Nov 21 10:00:00 2026", BASE, 0);
	is("Sat Nov 21 05:00:00 EST 2026", BASE, -18000);
	is("Sat (a \\) b (c)),\r\n\t21 Nov(x)2026 10:00:00 (y) +0000 (UTC)",
	   BASE, 0);
	is("sat, 21 nov 2026 10:00:00 z", BASE, 0);
	is("Sat, 21 Nov 2026 10:00:00", BASE, 0);
	is("21 Nov 2026", BASE - 10 * 3600, 0);
	is("Sat, 21 November 2026 10:00:00 PDT", BASE + 7 * 3600, -25200);
	is("Sat, 21 Nov 2026 10:00:00 +9999", BASE, 0);
	is("1 Jan 1970 00:00:00 +0000", 0, 0);
	is("31 Dec 69 23:59:59 +0000", -1, 0);
	is_none("");
	is_none("yesterday");
	is_none("32 Nov 2026 10:00:00 +0000");
	is("21 Nov 2026 10:61:00 +0000", BASE - 10 * 3600, 0);
	is("21 Nov 2026 10:61:00 -0100", BASE - 9 * 3600, -3600);
	is("21 Nov 2026 99999999999:00", BASE - 10 * 3600, 0);
	is_none("Nov 2026");
	is_none("(((");

	for (t = -3000000000; t < 9000000000; t += 86400 * 17 + 3607) {
		gmtime_r(&t, &tm);
		strftime(text, sizeof text, "%d %b %Y %H:%M:%S +0000", &tm);
		is(text, t, 0);
	}
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
	date_header(INT64_MAX, out);
	assert(strncmp(out, "Thu, 1 Jan 1970", 15) == 0);
	date_ctime(INT64_MIN, out);
	assert(strlen(out) < DATE_SIZE);
	test_reading();
	return 0;
}
