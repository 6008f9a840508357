/* date - see date.h.  Names of days and months are not the locale's. */
#include "date.h"

#include <stdio.h>
#include <stdlib.h>

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed",
                                "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* A time that has no date (its year does not fit) is the epoch. */
static struct tm
date_local(time_t t)
{
	struct tm tm;

	if (!localtime_r(&t, &tm)) {
		t = 0;
		gmtime_r(&t, &tm);
	}
	return tm;
}

void
date_header(time_t t, char out[DATE_SIZE])
{
	struct tm tm = date_local(t);
	int zone = (int)(tm.tm_gmtoff / 60);

	snprintf(out, DATE_SIZE, "%s, %d %s %ld %02d:%02d:%02d %c%02d%02d",
	         days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	         1900L + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec,
	         zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60);
}

void
date_ctime(time_t t, char out[DATE_SIZE])
{
	struct tm tm = date_local(t);

	snprintf(out, DATE_SIZE, "%s %s %2d %02d:%02d:%02d %ld",
	         days[tm.tm_wday], months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
	         tm.tm_min, tm.tm_sec, 1900L + tm.tm_year);
}
