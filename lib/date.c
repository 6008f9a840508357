/* date - see date.h.  Names of days and months are not the locale's. */
#include "date.h"

#include "hdr.h"

#include <stdlib.h>

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed",
                                "Thu", "Fri", "Sat"};
const char date_months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

int
date_month(struct cur c)
{
	int m;

	for (m = 0; m < 12 && cur_len(&c) >= 3; m++)
		if (mem_ieq(c.p, date_months[m], 3))
			return m;
	return -1;
}

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

/* Number n with at least so many digits. */
static char *
put_number(char *p, long n, int least)
{
	char digits[20];
	unsigned long u = n < 0 ? -(unsigned long)n : (unsigned long)n;
	int k = 0;

	for (; u > 0 || k < least; u /= 10)
		digits[k++] = (char)('0' + u % 10);
	if (n < 0)
		*p++ = '-';
	while (k > 0)
		*p++ = digits[--k];
	return p;
}

static char *
put_text(char *p, const char *z)
{
	while (*z)
		*p++ = *z++;
	return p;
}

static char *
put_time(char *p, const struct tm *tm)
{
	p = put_number(p, tm->tm_hour, 2);
	*p++ = ':';
	p = put_number(p, tm->tm_min, 2);
	*p++ = ':';
	return put_number(p, tm->tm_sec, 2);
}

/* printf() would take longer than all the rest of writing a header. */
void
date_header(time_t t, char out[DATE_SIZE])
{
	struct tm tm = date_local(t);
	int zone = (int)(tm.tm_gmtoff / 60);
	char *p = put_text(put_text(out, days[tm.tm_wday]), ", ");

	p = put_text(put_number(p, tm.tm_mday, 1), " ");
	p = put_text(put_text(p, date_months[tm.tm_mon]), " ");
	p = put_text(put_number(p, 1900L + tm.tm_year, 1), " ");
	p = put_text(put_time(p, &tm), zone < 0 ? " -" : " +");
	p = put_number(p, abs(zone) / 60, 2);
	*put_number(p, abs(zone) % 60, 2) = '\0';
}

void
date_ctime(time_t t, char out[DATE_SIZE])
{
	struct tm tm = date_local(t);
	char *p = put_text(put_text(out, days[tm.tm_wday]), " ");

	p = put_text(put_text(p, date_months[tm.tm_mon]), " ");
	p = put_number(put_text(p, tm.tm_mday < 10 ? " " : ""), tm.tm_mday, 1);
	p = put_text(put_time(put_text(p, " "), &tm), " ");
	*put_number(p, 1900L + tm.tm_year, 1) = '\0';
}

/* --- reading --- */

/* What was found so far; -1: not yet. */
struct found {
	int day, month, year, time, zone;
};

/* Up to most digits: their value, and how many there were. */
static int
digits(struct cur *c, int most, int *n)
{
	int v = 0;

	for (*n = 0; *n < most && str_isdigit(cur_peek(c)); ++*n)
		v = v * 10 + (cur_get(c) - '0');
	return v;
}

/* RFC 5322 4.3: the letters of the military are nobody knows what. */
static int
zone_of(struct cur w)
{
	static const struct {
		char name[4];
		int hours;
	} zones[] = {
	    {"UT",  0 },
            {"GMT", 0 },
            {"EST", -5},
            {"EDT", -4},
	    {"CST", -6},
            {"CDT", -5},
            {"MST", -7},
            {"MDT", -6},
	    {"PST", -8},
            {"PDT", -7},
            {"CET", 1 },
            {"BST", 1 }
        };
	size_t i;

	for (i = 0; i < sizeof zones / sizeof *zones; i++)
		if (cur_is(&w, zones[i].name))
			return zones[i].hours * 3600;
	return 0;
}

static void
take_word(struct cur *c, struct found *f)
{
	struct cur w = {c->p, c->p};

	while (str_isalpha(cur_peek(c)))
		cur_get(c);
	w.e = c->p;
	if (f->month < 0 && (f->month = date_month(w)) >= 0)
		return;
	if (f->time >= 0 && f->zone == -1)
		f->zone = zone_of(w);
}

/* ":" minute [":" second], behind the hour.  A time that cannot be is midnight (RFC 5256
 * 2.2). */
static void
take_time(struct cur *c, int hour, struct found *f)
{
	int n, minute, second = 0;

	cur_get(c);
	minute = digits(c, 2, &n);
	if (n > 0 && cur_take(c, ':'))
		second = digits(c, 2, &n);
	if (n == 0 || hour > 24 || minute > 59 || second > 60)
		hour = minute = second = 0;
	if (f->time < 0)
		f->time = hour * 3600 + minute * 60 + second;
}

static void
take_number(struct cur *c, struct found *f)
{
	int n, v = digits(c, 9, &n);

	if (n <= 2 && cur_peek(c) == ':') {
		take_time(c, v, f);
	} else if (f->day < 0 && n <= 2) {
		f->day = v;
	} else if (f->year < 0) {
		if (n <= 2)
			v += v < 50 ? 2000 : 1900;
		else if (n == 3)
			v += 1900;
		f->year = v;
	}
}

/* "+" or "-" hhmm; before the time it only stands between day, month and
 * year. */
static void
take_sign(struct cur *c, struct found *f)
{
	int sign = cur_get(c) == '-' ? -1 : 1, n, v;

	if (f->time < 0 || f->zone != -1 || !str_isdigit(cur_peek(c)))
		return;
	v = digits(c, 4, &n);
	if (n == 4 && v % 100 < 60)
		f->zone = sign * (v / 100 * 3600 + v % 100 * 60);
}

/* Days from the epoch to a date (Gregorian, as always was). */
static int64_t
days_to(int year, int month, int day)
{
	static const int before[12] = {0,   31,  59,  90,  120, 151,
	                               181, 212, 243, 273, 304, 334};
	int64_t y = year - (month < 2); /* leap days up to this month */

	return 365 * (int64_t)(year - 1970) + y / 4 - y / 100 + y / 400 -
	       (1969 / 4 - 1969 / 100 + 1969 / 400) + before[month] + day - 1;
}

int
date_parse(struct cur c, int64_t *t, int *zone)
{
	struct found f = {-1, -1, -1, -1, -1};
	int b;

	while ((b = cur_peek(&c)) >= 0) {
		if (b == '(')
			hdr_cfws(&c);
		else if (str_isalpha(b))
			take_word(&c, &f);
		else if (b == '+' || b == '-')
			take_sign(&c, &f);
		else if (str_isdigit(b))
			take_number(&c, &f);
		else
			cur_get(&c);
	}
	if (f.day < 1 || f.day > 31 || f.month < 0 || f.year < 1 ||
	    f.year > 9999)
		return -1;
	*zone = f.zone == -1 ? 0 : f.zone;
	*t = days_to(f.year, f.month, f.day) * 86400 +
	     (f.time < 0 ? 0 : f.time) - *zone;
	return 0;
}
