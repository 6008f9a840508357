/* mboxline - see mboxline.h. */
#include "mboxline.h"

#include "mbox.h"

enum field
line_field(const struct cur *name)
{
	static const struct {
		const char *name;
		size_t n;
		enum field field;
	} fields[] = {
	    {"Status",         6,  FIELD_STATUS    },
	    {"X-Status",       8,  FIELD_X_STATUS  },
	    {"X-Keywords",     10, FIELD_X_KEYWORDS},
	    {"X-UID",          5,  FIELD_X_UID     },
	    {"X-IMAPbase",     10, FIELD_X_IMAPBASE},
	    {"X-IMAP",         6,  FIELD_X_IMAP    },
	    {"X-Pad",          5,  FIELD_X_PAD     },
	    {"Content-Length", 14, FIELD_LENGTH    },
	    {"Lines",          5,  FIELD_LINES     },
	    {"Subject",        7,  FIELD_SUBJECT   },
	    {"From",           4,  FIELD_FROM      },
	};
	size_t n = cur_len(name), i;
	char first = n > 0 ? *name->p | ' ' : 0;

	/* Most have another first letter. */
	if (first != 's' && first != 'x' && first != 'c' && first != 'l' &&
	    first != 'f')
		return FIELD_ANY;
	for (i = 0; i < sizeof fields / sizeof *fields; i++)
		if (fields[i].n == n && mem_ieq(name->p, fields[i].name, n))
			return fields[i].field;
	return FIELD_ANY;
}

bool
line_is_private(enum field f)
{
	return f >= FIELD_STATUS && f <= FIELD_LINES;
}

static bool
is_name(char c)
{
	return c > ' ' && c < 0x7f && c != ':';
}

/* Is it "Name:"?  RFC 5322 4.5 has blanks before the colon. */
static bool
is_field(const char *p, const char *e, struct cur *name)
{
	const char *q = p;

	while (q < e && is_name(*q))
		q++;
	*name = (struct cur){p, q};
	while (q > p && q < e && (*q == ' ' || *q == '\t'))
		q++;
	return q > p && q < e && *q == ':';
}

/* "From : jo" was quoted on its way in, as every line that begins so. */
static bool
is_quoted_field(const char *p, const char *e, struct cur *name)
{
	const char *q = p;

	while (q < e && *q == '>')
		q++;
	return q > p && e - q > 5 && memcmp(q, "From ", 5) == 0 &&
	       is_field(p + 1, e, name);
}

enum line
line_judge(const char *p, size_t n, struct cur *name)
{
	const char *e = p + (n < LINE_HEAD ? n : LINE_HEAD);

	if (p == e)
		return LINE_OTHER;
	if (*p == '\n' || (e - p > 1 && memcmp(p, "\r\n", 2) == 0))
		return LINE_EMPTY;
	if (*p == ' ' || *p == '\t')
		return LINE_FOLD;
	if (*p == '>' && is_quoted_field(p, e, name))
		return LINE_FIELD;
	if (e - p >= 6 && memcmp(p, ">From ", 6) == 0)
		return LINE_QUOTED;
	return is_field(p, e, name) ? LINE_FIELD : LINE_OTHER;
}

/* --- From_ lines --- */

size_t
line_from(const char *p, size_t n, struct cur *line)
{
	size_t most = n < LINE_FROM ? n : LINE_FROM;
	const char *lf = most ? memchr(p, '\n', most) : NULL;

	if (!lf && n >= LINE_FROM)
		return 0;
	*line = (struct cur){p, lf ? lf : p + n};
	if (line->e > p && line->e[-1] == '\r')
		line->e--;
	return mbox_is_from(*line) ? (size_t)((lf ? lf + 1 : p + n) - p) : 0;
}

static int
month_of(struct cur w)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int i;

	for (i = 0; i < 12; i++)
		if (cur_len(&w) == 3 && memcmp(w.p, names + 3 * i, 3) == 0)
			return i;
	return -1;
}

static bool
digits(struct cur *c, int *v)
{
	unsigned long long n;

	cur_blanks(c);
	if (cur_number(c, 9999, &n) < 0)
		return false;
	*v = (int)n;
	return true;
}

/* As mktime(), which looks at the file of the time zone each time. */
static time_t
local_time(struct tm *tm)
{
	time_t utc = timegm(tm), t = utc;
	struct tm at;
	int i;

	for (i = 0; i < 2 && localtime_r(&t, &at) && t != utc - at.tm_gmtoff;
	     i++)
		t = utc - at.tm_gmtoff;
	return t > 0 ? t : 0;
}

/* The time behind a month's name in a From_ line; 0 when it is none. */
static time_t
date_behind(int month, struct cur c)
{
	struct tm tm = {.tm_mon = month};
	struct cur w;
	int year;

	if (!digits(&c, &tm.tm_mday) || !digits(&c, &tm.tm_hour) ||
	    !cur_take(&c, ':') || !digits(&c, &tm.tm_min) ||
	    (cur_take(&c, ':') && !digits(&c, &tm.tm_sec)))
		return 0;
	while (cur_word(&c, &w) > 0)
		if (digits(&w, &year) && year >= 1900 && cur_len(&w) == 0) {
			tm.tm_year = year - 1900;
			return local_time(&tm);
		}
	return 0;
}

time_t
line_date(struct cur line)
{
	struct cur w;
	time_t t = 0;
	int month;

	while (t == 0 && cur_word(&line, &w) > 0)
		if ((month = month_of(w)) >= 0)
			t = date_behind(month, line);
	return t;
}
