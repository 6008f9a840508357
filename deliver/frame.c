/* frame - the stream of letters that queuerun(8) sends: for each some lines of
 * text, an empty line, and the content.  deliver(8) describes it. */
#include "deliver.h"

#include <limits.h>

enum { LINE = 2048 };

/* Empty, but never NULL. */
static void
empty(struct str *s)
{
	str_clear(s);
	str_add(s, "", 0);
}

void
letter_clear(struct letter *l)
{
	l->id[0] = '\0';
	l->size = 0;
	l->time = time(NULL);
	empty(&l->sender);
	empty(&l->to);
	empty(&l->orig);
	empty(&l->detail);
}

void
letter_free(struct letter *l)
{
	str_free(&l->sender);
	str_free(&l->to);
	str_free(&l->orig);
	str_free(&l->detail);
}

/* An address or detail: the rest of the line, without controls. */
static int
take_text(struct cur c, struct str *to)
{
	cur_blanks(&c);
	if (cur_has_control(c))
		return -1;
	str_clear(to);
	str_add(to, c.p, cur_len(&c));
	return 0;
}

static int
take_number(struct cur c, unsigned long long max, unsigned long long *n)
{
	cur_blanks(&c);
	return cur_number(&c, max, n) < 0 || cur_len(&c) > 0 ? -1 : 0;
}

/* "ID SIZE" */
static int
take_message(struct cur c, struct letter *l)
{
	struct cur id;
	const char *p;

	if (cur_word(&c, &id) == 0 || cur_copy(id, l->id, LETTER_ID) < 0)
		return -1;
	for (p = id.p; p < id.e; p++)
		if (*p <= ' ' || *p == 0x7f)
			return -1;
	return take_number(c, LLONG_MAX, &l->size);
}

static int
take_line(struct cur c, struct letter *l)
{
	unsigned long long n;
	struct cur key;

	cur_word(&c, &key);
	if (cur_is(&key, "message"))
		return take_message(c, l);
	if (cur_is(&key, "sender"))
		return take_text(c, &l->sender);
	if (cur_is(&key, "to"))
		return take_text(c, &l->to);
	if (cur_is(&key, "for"))
		return take_text(c, &l->orig);
	if (cur_is(&key, "detail"))
		return take_text(c, &l->detail);
	if (!cur_is(&key, "time") || take_number(c, LONG_MAX, &n) < 0)
		return -1;
	l->time = (time_t)n;
	return 0;
}

int
frame_next(struct io *in, struct letter *l)
{
	struct cur line;
	ssize_t n;

	letter_clear(l);
	if (io_fill(in) == IO_EOF)
		return 0;
	while ((n = io_line(in, &line, LINE)) > 0)
		if (take_line(line, l) < 0)
			return -1;
	return n == 0 && l->id[0] ? 1 : -1;
}
