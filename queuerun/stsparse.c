/* stsparse - the texts of MTA-STS: the record, the policy, and what it says of a
 * host; see sts.h.  Pure: strangers wrote both. */
#include "sts.h"

enum {
	FIELD_NAME = 32, /* RFC 8461 3.1 */
	LABEL = 63,
	MAX_AGE_DIGITS = 10,
	MAX_AGE = 31557600 /* a year (RFC 8461 3.2) */
};

enum {
	THE_VERSION = 1,
	THE_MODE = 2,
	THE_AGE = 4,
	ALL_THREE = THE_VERSION | THE_MODE | THE_AGE
};

static bool
is_alnum(int c)
{
	return str_isalpha(c) || str_isdigit(c);
}

/* These texts mind case. */
static bool
is(const struct cur *c, const char *z)
{
	return cur_same(*c, cur_of(z));
}

/* The name of a field, and what stands behind it.  0 or -1. */
static int
take_name(struct cur *c, char end, struct cur *name)
{
	name->p = c->p;
	while (is_alnum(cur_peek(c)) ||
	       (c->p > name->p && c->p < c->e && memchr("_-.", *c->p, 3)))
		c->p++;
	name->e = c->p;
	if (cur_len(name) == 0 || cur_len(name) > FIELD_NAME)
		return -1;
	return cur_take(c, end) ? 0 : -1;
}

/* --- the record --- */

static bool
is_version(struct cur *c)
{
	static const char v[] = "v=STSv1";
	struct cur head = {c->p, c->p + sizeof v - 1};

	if (cur_len(c) < sizeof v || !is(&head, v))
		return false;
	c->p = head.e;
	return memchr("; \t", *c->p, 3) != NULL;
}

static int
read_id(struct cur c, char id[STS_ID])
{
	const char *p;

	for (p = c.p; p < c.e; p++)
		if (!is_alnum(*p))
			return -1;
	return cur_copy(c, id, STS_ID);
}

/* The fields behind the version.  0 or -1. */
static int
read_fields(struct cur c, char id[STS_ID])
{
	struct cur name, value;

	for (;;) {
		cur_blanks(&c);
		if (cur_len(&c) == 0)
			return *id ? 0 : -1;
		if (!cur_take(&c, ';'))
			return -1;
		cur_blanks(&c);
		if (cur_len(&c) == 0)
			continue;
		if (take_name(&c, '=', &name) < 0)
			return -1;
		value.p = c.p;
		while (cur_peek(&c) > ' ' && cur_peek(&c) < 0x7f &&
		       *c.p != ';' && *c.p != '=')
			c.p++;
		value.e = c.p;
		if (cur_len(&value) == 0)
			return -1;
		/* RFC 8461 3.2: the first one counts. */
		if (is(&name, "id") && !*id && read_id(value, id) < 0)
			return -1;
	}
}

int
sts_record(const struct records *rs, char id[STS_ID])
{
	struct cur c, the = {NULL, NULL};
	size_t i, n = 0;

	id[0] = '\0';
	for (i = 0; i < rs->n; i++) {
		c = cur_of(rs->r[i].host);
		if (is_version(&c)) {
			the = c;
			n++;
		}
	}
	if (n == 1 && read_fields(the, id) == 0)
		return 0;
	id[0] = '\0';
	return -1;
}

/* --- the policy --- */

static int
read_mode(const struct cur *value, enum sts_mode *mode)
{
	enum sts_mode m;

	for (m = STS_NONE; m <= STS_ENFORCE; m++)
		if (is(value, sts_mode(m))) {
			*mode = m;
			return 0;
		}
	return -1;
}

static int
read_age(struct cur value, unsigned long *age)
{
	unsigned long long v;

	if (cur_len(&value) > MAX_AGE_DIGITS ||
	    cur_number(&value, ~0ull, &v) < 0 || cur_len(&value) > 0)
		return -1;
	*age = v > MAX_AGE ? MAX_AGE : (unsigned long)v;
	return 0;
}

static int
take_label(struct cur *c)
{
	const char *from = c->p;

	while (is_alnum(cur_peek(c)) ||
	       (c->p < c->e && (*c->p == '-' || *c->p == '_')))
		c->p++;
	return c->p == from || c->p - from > LABEL ? -1 : 0;
}

/* A host's name, or "*." and one.  0 or -1. */
static int
read_mx(struct cur value, struct sts *out)
{
	size_t i, n = cur_len(&value);
	struct cur c = value;
	char *to;

	if (n >= DNS_NAME || out->nmx == STS_MX_MAX)
		return -1;
	if (cur_take(&c, '*') && !cur_take(&c, '.'))
		return -1;
	do
		if (take_label(&c) < 0)
			return -1;
	while (cur_take(&c, '.'));
	if (cur_len(&c) > 0)
		return -1;
	to = out->mx[out->nmx++];
	for (i = 0; i < n; i++)
		to[i] = str_lower(value.p[i]);
	to[n] = '\0';
	return 0;
}

/* RFC 8461 3.2: unknown fields are ignored, and those that come a second time but
 * mx.  0 or -1. */
static int
read_field(struct cur line, struct sts *out, unsigned *seen)
{
	struct cur name, value;
	unsigned bit = 0;

	if (take_name(&line, ':', &name) < 0)
		return -1;
	cur_blanks(&line);
	value = line;
	if (cur_len(&value) == 0 || cur_has_control(value))
		return -1;
	if (is(&name, "mx"))
		return read_mx(value, out);
	if (is(&name, "version"))
		bit = THE_VERSION;
	else if (is(&name, "mode"))
		bit = THE_MODE;
	else if (is(&name, "max_age"))
		bit = THE_AGE;
	if (!bit || *seen & bit)
		return 0;
	*seen |= bit;
	if (bit == THE_MODE)
		return read_mode(&value, &out->mode);
	if (bit == THE_AGE)
		return read_age(value, &out->max_age);
	return is(&value, "STSv1") ? 0 : -1;
}

int
sts_parse(const char *p, size_t n, struct sts *out)
{
	struct cur all = {p, p + n}, line;
	unsigned seen = 0;

	out->mode = STS_NONE;
	out->max_age = 0;
	out->nmx = 0;
	while (cur_line(&all, &line)) {
		while (cur_len(&line) > 0 &&
		       (line.e[-1] == ' ' || line.e[-1] == '\t'))
			line.e--;
		/* Empty lines at the end are common. */
		if (cur_len(&line) > 0 && read_field(line, out, &seen) < 0)
			return -1;
	}
	if (seen != ALL_THREE || (out->nmx == 0 && out->mode != STS_NONE))
		return -1;
	return 0;
}

const char *
sts_mode(enum sts_mode m)
{
	return m == STS_ENFORCE   ? "enforce"
	       : m == STS_TESTING ? "testing"
	                          : "none";
}

bool
sts_match(const struct sts *s, const char *host)
{
	const char *dot = strchr(host, '.');
	size_t i;

	/* RFC 8461 4.1: "*" is one label, the first. */
	for (i = 0; i < s->nmx; i++)
		if (s->mx[i][0] == '*'
		        ? dot && dot > host && str_ieq(dot, s->mx[i] + 1)
		        : str_ieq(host, s->mx[i]))
			return true;
	return false;
}
