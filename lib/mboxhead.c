/* mboxhead - see mboxhead.h.
 * Our fields stand last in the header, in the form that UW imapd, Dovecot, mutt
 * and alpine read.  Blanks behind X-UID or X-Keywords and fields X-Pad fill it
 * up, so that a later change finds room and the rest of the file can stay. */
#include "mboxhead.h"

#include "hdr.h"
#include "mboxscan.h"

enum {
	LINE_MOST =
	    900, /* bytes of padding in one line (RFC 5322 2.1.1: 998) */
	NAMES_MOST = 500, /* bytes of keywords' names in X-IMAPbase */
	NAMES_ROOM = 64   /* ... behind them in X-IMAP, when it grows */
};

static const char *const ours[] = {
    "Status", "X-Status", "X-Keywords", "X-UID", "X-Pad", "X-IMAPbase", NULL};

/* The next line with its LF. */
static struct cur
next_line(struct cur *c)
{
	const char *lf = memchr(c->p, '\n', cur_len(c));
	struct cur line = {c->p, lf ? lf + 1 : c->e};

	c->p = line.e;
	return line;
}

static bool
is_empty(const struct cur *line)
{
	return *line->p == '\n' || (*line->p == '\r' && cur_len(line) == 2);
}

/* The name of the field that the line begins. */
static struct cur
name_of(struct cur line)
{
	struct cur name;

	cur_until(&line, ": \t\r\n", &name);
	return name;
}

/* Does it begin a field of ours?  Most have another first letter. */
static bool
is_ours(struct cur line)
{
	char first = *line.p | ' ';
	struct cur name;

	if (first != 's' && first != 'x')
		return false;
	name = name_of(line);
	return hdr_name_in(&name, ours);
}

struct cur
header_last(struct cur raw)
{
	struct cur found = {0};

	while (cur_len(&raw) > 0) {
		struct cur line = next_line(&raw), name = name_of(line);

		if (is_empty(&line))
			break;
		if (!cur_is(&name, "X-IMAP"))
			continue;
		cur_until(&line, ":", &name);
		cur_get(&line);
		cur_word(&line, &name);
		cur_blanks(&line);
		cur_until(&line, "\r\n", &found);
	}
	return found;
}

static void
blanks(struct str *out, size_t n)
{
	while (n-- > 0)
		str_addc(out, ' ');
}

/* false: there are none, or too many. */
static bool
put_names(struct str *out, struct cur names)
{
	if (cur_len(&names) == 0 || cur_len(&names) > NAMES_MOST)
		return false;
	str_addc(out, ' ');
	str_add(out, names.p, cur_len(&names));
	return true;
}

void
header_write_last(struct cur old, uint32_t last, struct cur names,
                  struct str *out)
{
	size_t at = out->n, n = cur_len(&old), len;
	struct cur word;
	bool named;

	cur_until(&old, " \t", &word);
	str_addf(out, "%0*u", cur_len(&word) > 10 ? (int)cur_len(&word) : 10,
	         last);
	named = put_names(out, names);
	if (!named)
		str_add(out, old.p, cur_len(&old));
	len = out->n - at;
	if (len < n)
		blanks(out, n - len);
	else if (named && len > n)
		blanks(out, NAMES_ROOM);
}

/* Give all of raw but our fields and the empty line to out, or count it; *end is
 * the empty line. */
static size_t
others(struct cur raw, struct str *out, struct cur *end)
{
	bool drop = false, first = true;
	size_t n = 0;

	*end = (struct cur){raw.e, raw.e};
	while (cur_len(&raw) > 0) {
		struct cur line = next_line(&raw);

		if (is_empty(&line) && cur_len(&raw) == 0) {
			*end = line;
			break;
		}
		if (*line.p != ' ' && *line.p != '\t')
			drop = !first && is_ours(line);
		first = false;
		if (drop)
			continue;
		n += cur_len(&line);
		if (out)
			str_add(out, line.p, cur_len(&line));
	}
	return n;
}

static const char *
line_end(struct cur raw)
{
	struct cur line = next_line(&raw);

	return cur_len(&line) > 1 && line.e[-2] == '\r' ? "\r\n" : "\n";
}

static void
letters(struct str *s, unsigned flags, const char *name, const char *set,
        const unsigned *bits, const char *eol)
{
	size_t start = s->n, empty;

	str_addf(s, "%s: ", name);
	for (empty = s->n; *set; set++, bits++)
		if (flags & *bits)
			str_addc(s, *set);
	if (s->n == empty)
		s->n = start;
	else
		str_adds(s, eol);
}

static void
keywords(struct str *out, struct cur words, size_t room, const char *eol)
{
	static const char pad[] = "X-Pad:";

	for (; room > LINE_MOST; room -= LINE_MOST) {
		str_adds(out, pad);
		blanks(out, LINE_MOST - (sizeof pad - 1) - strlen(eol));
		str_adds(out, eol);
	}
	str_adds(out, "X-Keywords:");
	if (cur_len(&words) > 0)
		str_addc(out, ' ');
	str_add(out, words.p, cur_len(&words));
	blanks(out, room);
	str_adds(out, eol);
}

/* Our fields, with so many bytes more than they need. */
static void
block(struct str *out, const struct stamp *st, size_t room, const char *eol)
{
	static const unsigned status[] = {FLAG_SEEN, FLAG_OLD};
	static const unsigned more[] = {FLAG_ANSWERED, FLAG_DELETED,
	                                FLAG_FLAGGED, FLAG_DRAFT};
	const size_t none = strlen("X-Keywords:") + strlen(eol);
	bool words = cur_len(&st->keywords) > 0;

	if (st->validity) {
		str_addf(out, "X-IMAPbase: %010u %010u", st->validity,
		         st->last);
		put_names(out, st->names);
		str_adds(out, eol);
	}
	str_addf(out, "X-UID: %u", st->uid);
	if (!words && room < none)
		blanks(out, room);
	str_adds(out, eol);
	letters(out, st->flags, "Status", "RO", status, eol);
	letters(out, st->flags, "X-Status", "ADFT", more, eol);
	if (words)
		keywords(out, st->keywords, room, eol);
	else if (room >= none)
		keywords(out, st->keywords, room - none, eol);
}

size_t
header_least(struct cur raw, const struct stamp *st)
{
	struct str s = {0};
	struct cur end;
	size_t n;

	n = others(raw, NULL, &end);
	if (cur_len(&end) == 0)
		return 0;
	block(&s, st, 0, line_end(raw));
	n += s.n + cur_len(&end);
	str_free(&s);
	return n;
}

void
header_write(struct cur raw, const struct stamp *st, size_t room,
             struct str *out)
{
	struct cur end;

	others(raw, out, &end);
	block(out, st, room, line_end(raw));
	str_add(out, end.p, cur_len(&end));
}
