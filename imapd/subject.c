/* subject - see subject.h.  The numbers of steps are those of RFC 5256 2.1,
 * the names of functions those of its grammar, section 5.  No byte is looked
 * at more than a few times, however many brackets there are. */
#include "subject.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Step 1, but for the words. */
static struct cur
single_blanks(char *p, size_t n)
{
	char *to = p, *from = p, *e = p + n;

	for (; from < e; from++)
		if (!is_blank(*from))
			*to++ = *from;
		else if (to == p || to[-1] != ' ')
			*to++ = ' ';
	return (struct cur){p, to};
}

static void
blanks(struct cur *c)
{
	while (cur_take(c, ' '))
		;
}

/* subj-trailer: step 2 */
static void
trailer(struct cur *c, bool *reply)
{
	static const char fwd[] = "(fwd)";
	const size_t n = sizeof fwd - 1;

	for (;;) {
		if (c->e > c->p && c->e[-1] == ' ') {
			c->e--;
		} else if (cur_len(c) >= n && mem_ieq(c->e - n, fwd, n)) {
			c->e -= n;
			*reply = true;
		} else {
			return;
		}
	}
}

static bool
blob(struct cur *c)
{
	const char *p = c->p;

	if (p == c->e || *p != '[')
		return false;
	for (p++; p < c->e && *p != '[' && *p != ']'; p++)
		;
	if (p == c->e || *p != ']')
		return false;
	c->p = p + 1;
	blanks(c);
	return true;
}

static bool
refwd(struct cur *c)
{
	struct cur at = *c;

	if (cur_begins(at, "re"))
		at.p += 2;
	else if (cur_begins(at, "fwd"))
		at.p += 3;
	else if (cur_begins(at, "fw"))
		at.p += 2;
	else
		return false;
	blanks(&at);
	blob(&at);
	if (!cur_take(&at, ':'))
		return false;
	*c = at;
	return true;
}

/* Steps 3 to 5: what stands before the base.  When no refwd comes behind a
 * run of blobs, none comes behind the end of that run: they all go at once. */
static void
leader(struct cur *c, bool *reply)
{
	struct cur at, next;

	for (;;) {
		blanks(c);
		at = *c;
		while (blob(&at))
			;
		if (refwd(&at)) {
			*c = at;
			*reply = true;
			continue;
		}
		for (next = *c; blob(&next) && cur_len(&next) > 0;)
			*c = next;
		return;
	}
}

struct cur
subject_base(char *subject, size_t n, bool *reply)
{
	static const char fwd[] = "[fwd:";
	struct cur c = single_blanks(subject, n);

	*reply = false;
	for (;;) {
		trailer(&c, reply);
		leader(&c, reply);
		/* Step 6 */
		if (!cur_begins(c, fwd) || c.e[-1] != ']')
			return c;
		c.p += sizeof fwd - 1;
		c.e--;
		*reply = true;
	}
}
