/* out - date-time as strftime(3) has it, in zones of all kinds, and whatever
 * day was asked for before. With: imapd/out.c */
#include "imapd/out.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void
check(int64_t t, struct out_day *d)
{
	struct str x = {0};
	char want[80];
	time_t at = (time_t)t;
	struct tm tm;

	localtime_r(&at, &tm);
	strftime(want, sizeof want, "\"%e-%b-%Y %H:%M:%S %z\"", &tm);
	out_date_time(&x, t, d);
	if (strcmp(x.s, want) != 0) {
		fprintf(stderr, "%lld: %s, not %s\n", (long long)t, x.s, want);
		assert(0);
	}
	str_free(&x);
}

int
main(void)
{
	static const char *const zones[] = {"UTC",
	                                    "Europe/Berlin",
	                                    "America/St_Johns",
	                                    "Asia/Kolkata",
	                                    "Australia/Lord_Howe",
	                                    "CET-1CEST,M3.5.0,M10.5.0/3"};
	struct str x = {0};
	size_t i;
	int64_t t;

	for (i = 0; i < sizeof zones / sizeof *zones; i++) {
		struct out_day d = {0};

		setenv("TZ", zones[i], 1);
		tzset();
		for (t = 1700000000; t < 1735000000; t += 1237)
			check(t, &d);
		for (t = 1735000000; t > 1700000000; t -= 12343)
			check(t, &d);
		check(0, &d);
		check(-1, &d);
		check(4000000000, &d);
	}
	setenv("TZ", "UTC", 1);
	tzset();
	out_date_time(&x, INT64_MAX, &(struct out_day){0});
	assert(strcmp(x.s, "\" 1-Jan-1970 00:00:00 +0000\"") == 0);
	str_free(&x);
	return 0;
}
