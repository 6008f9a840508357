/* alias - unit test of lib/alias.c. */
#include "alias.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/alias.XXXXXX";

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert(f);
	fputs(text, f);
	fclose(f);
}

/* All items of the right side of name, joined by '/'; "-" when there is none. */
static void
gives(struct alias_table *t, const char *name, const char *want, size_t at)
{
	struct str value = {0}, item = {0}, got = {0};
	size_t line = 0;
	struct cur c;

	str_adds(&got, "");
	if (alias_find(t, name, &value, &line)) {
		c = str_cur(&value);
		while (alias_item(&c, &item) > 0)
			str_addf(&got, "%s;", item.s);
	} else {
		str_adds(&got, "-");
	}
	if (strcmp(got.s, want) != 0 || line != at) {
		fprintf(stderr, "%s: '%s' at %zu, not '%s' at %zu\n", name,
		        got.s, line, want, at);
		abort();
	}
	str_free(&value);
	str_free(&item);
	str_free(&got);
}

static const char table[] = "# comment\n"
                            "root: alice\n"
                            "  # an indented comment ends nothing\n"
                            "List : a, b,\n"
                            "\tc (the third), \"d\"@x,\n"
                            "# a comment of its own line\n"
                            "prog: \"|/bin/x -a, b\", |/bin/y z\n"
                            "file: /var/file, \"/a b/c\"\n"
                            "\"quoted name\": \\bob\n"
                            "inc: :include:/etc/list\n"
                            "dup: one\n"
                            "dup: two\n"
                            "crlf: a,\r\n b\r\n"
                            "empty:\n"
                            "lines: a\n b\n"
                            "noted: (one) a, (two)\n (three (3)), b\n"
                            "named: \"B, b\" <b@x>, C c <c@x>\n"
                            "last: end";

static void
check_all(struct alias_table *t)
{
	gives(t, "ROOT", "alice;", 2);
	gives(t, "list", "a;b;c;d@x;", 4);
	gives(t, "prog", "|/bin/x -a, b;|/bin/y z;", 7);
	gives(t, "file", "/var/file;/a b/c;", 8);
	gives(t, "quoted name", "\\bob;", 9);
	gives(t, "inc", ":include:/etc/list;", 10);
	gives(t, "dup", "one;", 11);
	gives(t, "crlf", "a;b;", 13);
	gives(t, "empty", "", 15);
	gives(t, "lines", "a;b;", 16);
	gives(t, "noted", "a;b;", 18);
	gives(t, "named", "B, b <b@x>;C c <c@x>;", 20);
	gives(t, "last", "end;", 21);
	gives(t, "nobody", "-", 0);
	gives(t, "", "-", 0);
	gives(t, "# comment", "-", 0);
}

static void
count_error(void *arg, const char *text)
{
	assert(*text >= '1' && *text <= '9');
	++*(int *)arg;
}

static void
test_find(void)
{
	struct alias_table *t;
	int i, errors = 0;
	size_t count;

	write_file(table);
	t = alias_open(path);
	assert(t);
	/* The first look-ups scan, the later ones use the index. */
	check_all(t);
	check_all(t);
	assert(!alias_changed(t));
	write_file("a: b\n");
	assert(alias_changed(t));
	alias_close(t);
	/* Comments and empty lines are passed over within an entry, too. */
	write_file(" \r\n"
	           "list: a,\n# one\n\tb\n\n# two: x\r\n\r\n c, # d\n e\n"
	           "# three\n\n"
	           "next: f\n");
	t = alias_open(path);
	for (i = 0; i < 10; i++) {
		gives(t, "list", "a;b;c;e;", 2);
		gives(t, "next", "f;", 12);
		gives(t, "# two", "-", 0);
	}
	alias_close(t);
	assert(alias_check(path, count_error, &errors, &count) == 0);
	assert(count == 2);
	/* A right side that cannot be read is told. */
	write_file("bad: \"unclosed\n");
	t = alias_open(path);
	gives(t, "bad", "", 1);
	alias_close(t);
}

static void
test_check(void)
{
	size_t count;
	int errors = 0;

	write_file("a: b\nnonsense\nc: \"open\n d: e\n");
	assert(alias_check(path, count_error, &errors, &count) == 2);
	assert(errors == 2 && count == 2);
}

static void
test_many(void)
{
	struct alias_table *t;
	char name[32], want[32];
	FILE *f = fopen(path, "w");
	int i;

	assert(f);
	for (i = 0; i < 100000; i++)
		fprintf(f, "name%d: user%d\n", i, i);
	fclose(f);
	t = alias_open(path);
	for (i = 0; i < 100000; i += 7) {
		snprintf(name, sizeof name, "Name%d", i);
		snprintf(want, sizeof want, "user%d;", i);
		gives(t, name, want, (size_t)i + 1);
	}
	alias_close(t);
}

int
main(void)
{
	int fd = mkstemp(path);

	assert(fd >= 0);
	close(fd);
	test_find();
	test_check();
	test_many();
	unlink(path);
	/* No file is an empty table; a directory is an error. */
	assert(alias_open(path));
	assert(!alias_open("/") && errno == EINVAL);
	return 0;
}
