/* alias - see alias.h and aliases(5).  The file is read and scanned; from the
 * SCANS-th look-up on an index of its logical lines is made. */
#include "alias.h"

#include "io.h"
#include "mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCANS = 4, NAME_MAX_LEN = 256 };

struct alias_table {
	char *path;
	struct str text;
	struct stat st;
	unsigned scans;
	/* index: open addressing over the starts of the logical lines */
	struct slot {
		const char *at;
		size_t line;
	} * slot;
	size_t nslot;
};

/* Read, not mapped: an editor may cut the file short under our eyes. */
static int
read_table(struct alias_table *t, int fd)
{
	if (fstat(fd, &t->st) < 0)
		return -1;
	if (!S_ISREG(t->st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return io_slurp_table_fd(fd, SIZE_MAX, IO_TABLE, &t->text);
}

struct alias_table *
alias_open(const char *path)
{
	int fd = *path ? io_open_table(path, 0) : -1, err;
	struct alias_table *t;

	if (*path && fd < 0 && errno != ENOENT)
		return NULL;
	t = mem_alloc(sizeof *t);
	t->path = str_dup(path);
	if (fd < 0 || io_close(fd, read_table(t, fd)) == 0)
		return t;
	err = errno;
	alias_close(t);
	errno = err;
	return NULL;
}

void
alias_close(struct alias_table *t)
{
	if (!t)
		return;
	str_free(&t->text);
	free(t->path);
	free(t->slot);
	free(t);
}

bool
alias_changed(const struct alias_table *t)
{
	struct stat st = {0};

	if (stat(t->path, &st) < 0)
		st.st_ino = 0;
	return st.st_ino != t->st.st_ino || st.st_size != t->st.st_size ||
	       st.st_mtim.tv_sec != t->st.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != t->st.st_mtim.tv_nsec;
}

void
alias_includes(const struct alias_table *t,
               void (*found)(void *arg, struct cur path), void *arg)
{
	struct cur c = str_cur(&t->text), path;

	while (cur_len(&c) > 9) {
		if (*c.p != ':' || !mem_ieq(c.p, ":include:", 9)) {
			const char *p = memchr(c.p + 1, ':', cur_len(&c) - 1);

			c.p = p ? p : c.e;
			continue;
		}
		c.p += 9;
		cur_blanks(&c);
		cur_until(&c, " \t\r\n,\"", &path);
		found(arg, path);
	}
}

unsigned
alias_owner(const struct alias_table *t)
{
	return t->st.st_uid;
}

/* Take one logical line: a line and those behind it that begin with a blank, whatever
 * comments and empty lines there are.  lines counts the physical ones. */
static void
logical_line(struct cur *c, struct cur *out, size_t *lines)
{
	struct cur line;

	out->p = c->p;
	do {
		cur_line(c, &line);
		++*lines;
		if (line.p == out->p || *line.p == ' ' || *line.p == '\t')
			out->e = c->p;
	} while (cur_len(c) > 0 && memchr(" \t#\r\n", *c->p, 5));
}

/* Split "name : value"; quoted names lose their quotes.  0, or -1 for an empty
 * line, a comment or nonsense (*bad says which). */
static int
split(struct cur line, struct cur *name, struct cur *value, bool *bad)
{
	cur_blanks(&line);
	*bad = cur_len(&line) > 0 && !memchr("#\r\n", *line.p, 3);
	if (!*bad)
		return -1;
	if (cur_take(&line, '"')) {
		cur_until(&line, "\"\n", name);
		if (!cur_take(&line, '"'))
			return -1;
	} else {
		cur_until(&line, ": \t\n", name);
	}
	cur_blanks(&line);
	if (cur_len(name) == 0 || !cur_take(&line, ':'))
		return -1;
	*value = line;
	*bad = false;
	return 0;
}

static size_t
hash_name(const char *p, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (; n > 0; n--, p++)
		h = (h ^ (unsigned char)str_lower(*p)) * 1099511628211u;
	return (size_t)h;
}

static void
build_index(struct alias_table *t)
{
	struct cur c = str_cur(&t->text), line, name, value;
	size_t lines = 0, n = 0;
	bool bad;

	while (cur_line(&c, &line))
		n++;
	c = str_cur(&t->text);
	for (t->nslot = 64; t->nslot < n * 2; t->nslot *= 2)
		;
	t->slot = mem_alloc(t->nslot * sizeof *t->slot);
	while (cur_len(&c) > 0) {
		size_t first = lines + 1, h;

		logical_line(&c, &line, &lines);
		if (split(line, &name, &value, &bad) < 0)
			continue;
		h = hash_name(name.p, cur_len(&name)) & (t->nslot - 1);
		while (t->slot[h].at)
			h = (h + 1) & (t->nslot - 1);
		t->slot[h] = (struct slot){line.p, first};
	}
}

static bool
name_is(const struct cur *name, const char *want, size_t n)
{
	return cur_len(name) == n && mem_ieq(name->p, want, n);
}

/* The right side with its continued lines, still separate lines. */
static void
take_value(struct cur value, struct str *out)
{
	while (cur_len(&value) > 0 && strchr(" \t\r\n", value.e[-1]))
		value.e--;
	cur_blanks(&value);
	str_add(out, value.p, cur_len(&value));
}

static int
scan(struct alias_table *t, const char *want, size_t n, struct cur *value,
     size_t *where)
{
	struct cur c = str_cur(&t->text), line, name;
	size_t lines = 0;
	bool bad;

	while (cur_len(&c) > 0) {
		size_t first = lines + 1;

		logical_line(&c, &line, &lines);
		if (split(line, &name, value, &bad) == 0 &&
		    name_is(&name, want, n)) {
			*where = first;
			return 1;
		}
	}
	return 0;
}

static int
probe(struct alias_table *t, const char *want, size_t n, struct cur *value,
      size_t *where)
{
	size_t h = hash_name(want, n) & (t->nslot - 1), lines = 0;
	struct cur name, line, c;
	bool bad;

	for (; t->slot[h].at; h = (h + 1) & (t->nslot - 1)) {
		c = (struct cur){t->slot[h].at, t->text.s + t->text.n};
		logical_line(&c, &line, &lines);
		if (split(line, &name, value, &bad) == 0 &&
		    name_is(&name, want, n)) {
			*where = t->slot[h].line;
			return 1;
		}
	}
	return 0;
}

int
alias_find(struct alias_table *t, const char *name, struct str *value,
           size_t *line)
{
	size_t n = strlen(name);
	struct cur v;

	if (n > 2 && *name == '"') { /* split() takes them off, too */
		name++;
		n -= 2;
	}
	if (t->text.n == 0 || n == 0 || n > NAME_MAX_LEN)
		return 0;
	if (!t->slot && ++t->scans > SCANS)
		build_index(t);
	if (!(t->slot ? probe(t, name, n, &v, line)
	              : scan(t, name, n, &v, line)))
		return 0;
	str_clear(value);
	take_value(v, value);
	return 1;
}

/* Blanks, commas, line ends and lines of comment between items. */
static void
skip_between(struct cur *c)
{
	int b, last = '\n';

	while ((b = cur_peek(c)) >= 0) {
		if (b == '#' && (last == '\n' || last == ' ' || last == '\t' ||
		                 last == ',')) {
			while (cur_peek(c) >= 0 && cur_peek(c) != '\n')
				cur_get(c);
			last = '\n';
			continue;
		}
		if (b != ' ' && b != '\t' && b != '\r' && b != '\n' && b != ',')
			return;
		last = cur_get(c);
	}
}

/* A quoted item: "|/bin/x -a", "/a file", "bob"@host.  Backslash takes the next
 * byte as it is. */
static int
quoted(struct cur *c, struct str *item)
{
	int b;

	cur_get(c);
	while ((b = cur_get(c)) >= 0 && b != '"') {
		if (b == '\\' && (b = cur_get(c)) < 0)
			break;
		str_addc(item, b == '\n' ? ' ' : (char)b);
	}
	return b == '"' ? 0 : -1;
}

/* A comment in parentheses, which nest. */
static int
comment(struct cur *c)
{
	size_t depth = 0;
	int b;

	do {
		b = cur_get(c);
		if (b == '\\')
			cur_get(c);
		else if (b == '(')
			depth++;
		else if (b == ')')
			depth--;
	} while (depth > 0 && b >= 0);
	return depth ? -1 : 0;
}

int
alias_item(struct cur *c, struct str *item)
{
	bool program;
	int b;

	str_clear(item);
	skip_between(c);
	while (cur_peek(c) == '(') {
		if (comment(c) < 0)
			return -1;
		skip_between(c);
	}
	if (cur_peek(c) < 0)
		return 0;
	program = cur_peek(c) == '|';
	while ((b = cur_peek(c)) >= 0 && b != ',' && b != '\n') {
		if (b == '"' && !program) {
			if (quoted(c, item) < 0)
				return -1;
		} else if (b == '(' && !program) {
			if (comment(c) < 0)
				return -1;
		} else {
			str_addc(item, (char)cur_get(c));
			if (b == '\\' && cur_peek(c) >= 0 && program)
				str_addc(item, (char)cur_get(c));
		}
	}
	while (item->n > 0 && strchr(" \t\r", item->s[item->n - 1]))
		item->s[--item->n] = '\0';
	if (item->n == 0 || memchr(item->s, '\0', item->n))
		return -1;
	return 1;
}

static size_t
check_line(struct cur line, size_t number, void (*fn)(void *, const char *),
           void *arg, size_t *count)
{
	struct str text = {0}, value = {0}, item = {0};
	struct cur name, v, c;
	bool bad;
	int n = 0;

	if (split(line, &name, &v, &bad) == 0) {
		++*count;
		take_value(v, &value);
		c = str_cur(&value);
		while ((n = alias_item(&c, &item)) > 0)
			;
		if (n < 0)
			str_addf(&text, "%zu: cannot read the right side",
			         number);
	} else if (bad) {
		str_addf(&text, "%zu: no \"name: value\"", number);
	}
	n = text.n > 0;
	if (n)
		fn(arg, text.s);
	str_free(&text);
	str_free(&value);
	str_free(&item);
	return (size_t)n;
}

size_t
alias_check(const char *path, void (*fn)(void *arg, const char *text),
            void *arg, size_t *count)
{
	struct alias_table *t = alias_open(path);
	size_t lines = 0, errors = 0;
	struct cur c, line;
	char why[100];

	*count = 0;
	if (!t) {
		snprintf(why, sizeof why, " %s", strerror(errno));
		fn(arg, why);
		return 1;
	}
	c = str_cur(&t->text);
	while (cur_len(&c) > 0) {
		size_t first = lines + 1;

		logical_line(&c, &line, &lines);
		errors += check_line(line, first, fn, arg, count);
	}
	alias_close(t);
	return errors;
}
