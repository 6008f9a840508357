/* out - see out.h. */
#include "out.h"

#include "date.h"
#include "utf7.h"

#include <stdlib.h>
#include <time.h>

enum { QUOTED_MOST = 1000 /* bytes in quotes; longer ones are literals */ };

/* Can it stand in quotes?  7-bit without controls; * lengths are for who must
 * escape. */
static bool
is_plain(const struct cur *c, bool *escape)
{
	const char *p;

	*escape = false;
	for (p = c->p; p < c->e; p++) {
		unsigned char b = (unsigned char)*p;

		if (b < ' ' || b >= 0x7f)
			return false;
		if (b == '"' || b == '\\')
			*escape = true;
	}
	return true;
}

static void
add_quoted(struct str *x, struct cur c, bool escape)
{
	str_addc(x, '"');
	for (; escape && c.p < c.e; c.p++) {
		if (*c.p == '"' || *c.p == '\\')
			str_addc(x, '\\');
		str_addc(x, *c.p);
	}
	str_add(x, c.p, cur_len(&c));
	str_addc(x, '"');
}

static void
add_literal(struct str *x, struct cur c)
{
	size_t nuls = 0;
	const char *p;

	for (p = c.p; p < c.e; p++)
		nuls += *p == '\0';
	str_addc(x, '{');
	str_addu(x, cur_len(&c) - nuls);
	str_adds(x, "}\r\n");
	if (nuls == 0) {
		str_add(x, c.p, cur_len(&c));
		return;
	}
	for (p = c.p; p < c.e; p++)
		if (*p)
			str_addc(x, *p);
}

void
out_string(struct str *x, struct cur c)
{
	bool escape;

	if (cur_len(&c) <= QUOTED_MOST && is_plain(&c, &escape))
		add_quoted(x, c, escape);
	else
		add_literal(x, c);
}

void
out_nstring(struct str *x, struct cur c)
{
	if (c.p)
		out_string(x, c);
	else
		str_adds(x, "NIL");
}

void
out_mailbox(struct str *x, struct cur name, bool utf8)
{
	struct str s = {0};

	if (utf8)
		str_add(&s, name.p, cur_len(&name));
	else
		utf7_encode(&s, name);
	add_quoted(x, str_cur(&s), true);
	str_free(&s);
}

/* --- dates --- */

enum { DAY = 86400 };

static char *
two(char *p, int n)
{
	*p++ = (char)('0' + n / 10 % 10);
	*p++ = (char)('0' + n % 10);
	return p;
}

/* A time that has no date (its year does not fit) is the epoch. */
static struct tm
local(int64_t *t)
{
	time_t at = (time_t)*t;
	struct tm tm;

	if (!localtime_r(&at, &tm) || tm.tm_year < -1900 ||
	    tm.tm_year > 9999 - 1900) {
		*t = at = 0;
		gmtime_r(&at, &tm);
	}
	return tm;
}

static void
day_begin(struct out_day *d, int64_t *t)
{
	struct tm tm = local(t);
	int zone = (int)(tm.tm_gmtoff / 60), off = abs(zone);
	char *p = d->date;
	int64_t last;

	*p++ = '"';
	*p++ = (char)(tm.tm_mday < 10 ? ' ' : '0' + tm.tm_mday / 10);
	*p++ = (char)('0' + tm.tm_mday % 10);
	*p++ = '-';
	memcpy(p, date_months[tm.tm_mon], 3);
	p[3] = '-';
	p = two(p + 4, (tm.tm_year + 1900) / 100);
	p = two(p, (tm.tm_year + 1900) % 100);
	*p = ' ';
	p = d->zone;
	*p++ = ' ';
	*p++ = zone < 0 ? '-' : '+';
	p = two(p, off / 60);
	p = two(p, off % 60);
	*p = '"';
	d->begin = *t - (tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
	/* Where the zone changes in it nothing is known of the rest. */
	last = d->begin + DAY - 1;
	d->whole = local(&d->begin).tm_gmtoff == tm.tm_gmtoff &&
	           local(&last).tm_gmtoff == tm.tm_gmtoff;
}

void
out_date_time(struct str *x, int64_t t, struct out_day *d)
{
	char text[sizeof d->date + 8 + sizeof d->zone];
	int in;
	char *p;

	if (!d->whole || t < d->begin || t - d->begin >= DAY)
		day_begin(d, &t);
	in = (int)(t - d->begin);
	memcpy(text, d->date, sizeof d->date);
	p = two(text + sizeof d->date, in / 3600);
	*p++ = ':';
	p = two(p, in / 60 % 60);
	*p++ = ':';
	p = two(p, in % 60);
	memcpy(p, d->zone, sizeof d->zone);
	str_add(x, text, sizeof text);
}

/* --- flags and sets --- */

static void
add_word(struct str *x, bool *first, const char *p, size_t n)
{
	if (!*first)
		str_addc(x, ' ');
	*first = false;
	str_add(x, p, n);
}

void
out_flags(struct str *x, const struct store *s, unsigned flags,
          uint64_t keywords, bool recent)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
	    {FLAG_SEEN,     "\\Seen"    },
            {FLAG_ANSWERED, "\\Answered"},
	    {FLAG_FLAGGED,  "\\Flagged" },
            {FLAG_DELETED,  "\\Deleted" },
	    {FLAG_DRAFT,    "\\Draft"   },
	};
	bool first = true;
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (flags & names[i].bit)
			add_word(x, &first, names[i].name,
			         strlen(names[i].name));
	if (recent)
		add_word(x, &first, "\\Recent", strlen("\\Recent"));
	for (i = 0; keywords >> i; i++) {
		struct cur name;

		if (!(keywords >> i & 1))
			continue;
		name = index_keyword_name(&s->index, (int)i);
		if (cur_len(&name) > 0)
			add_word(x, &first, name.p, cur_len(&name));
		if (i == INDEX_KEYWORDS - 1)
			break;
	}
}

void
out_set(struct str *x, const uint32_t *v, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && v[k] == v[k - 1] + 1; k++)
			;
		if (i > 0)
			str_addc(x, ',');
		str_addu(x, v[i]);
		if (k - i > 1) {
			str_addc(x, ':');
			str_addu(x, v[k - 1]);
		}
	}
}
