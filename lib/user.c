/* user - see user.h.  A database that cannot be asked is never "no such user". */
#include "user.h"

#include "io.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { USERS_MAX = 64 << 20, PW_FIELDS = 7 };
enum { FEW = 8 }; /* names that are each looked for in the file */

int
user_find_self(const struct conf *c, struct user *u)
{
	const char *name = getenv("LOGNAME");
	int found = name ? user_find(c, name, u) : 0;

	if (found > 0 && u->uid != getuid()) {
		user_free(u);
		found = 0;
	}
	return found != 0 ? found : user_find_uid(c, getuid(), u);
}

void
user_free(struct user *u)
{
	free(u->name);
	free(u->home);
	free(u->gecos);
	free(u->shell);
	if (u->extra)
		explicit_bzero(u->extra, strlen(u->extra));
	free(u->extra);
	if (u->hash)
		explicit_bzero(u->hash, strlen(u->hash));
	free(u->hash);
	*u = (struct user){0};
}

static char *
dup_cur(const struct cur *c)
{
	return mem_dup(c->p, cur_len(c));
}

static int
number(struct cur c, unsigned *v)
{
	unsigned long long n;

	if (cur_number(&c, UINT_MAX - 1, &n) < 0 || cur_len(&c) > 0)
		return -1;
	*v = (unsigned)n;
	return 0;
}

/* name:hash:uid:gid:gecos:home:shell; fields behind the home may lack. */
int
user_parse(struct cur line, struct user *u)
{
	struct cur f[PW_FIELDS] = {{0}};
	size_t all = cur_len(&line);
	int i;

	for (i = 0; i < PW_FIELDS; i++) {
		cur_until(&line, ":", &f[i]);
		cur_get(&line);
	}
	if (cur_len(&f[0]) == 0 || memchr(f[0].p, '\0', all) ||
	    number(f[2], &u->uid) < 0 || number(f[3], &u->gid) < 0)
		return -1;
	u->name = dup_cur(&f[0]);
	u->hash = dup_cur(&f[1]);
	u->gecos = dup_cur(&f[4]);
	u->home = dup_cur(&f[5]);
	u->shell = dup_cur(&f[6]);
	u->extra = dup_cur(&line);
	return 0;
}

/* With this field, whole. */
static bool
begins(struct cur line, const char *field)
{
	size_t n = strlen(field);

	return cur_len(&line) > n && memcmp(line.p, field, n) == 0 &&
	       line.p[n] == ':';
}

/* The next line that may be a user's. */
static bool
next_line(struct cur *all, struct cur *line)
{
	do {
		if (!cur_line(all, line))
			return false;
	} while (cur_peek(line) == '#');
	return true;
}

static void
forget(struct str *s)
{
	if (s->n > 0)
		explicit_bzero(s->s, s->n);
	str_free(s);
}

static int
from_file(const char *file, const char *name, uid_t uid, struct user *u)
{
	struct str s = {0};
	struct cur all, line;
	int found = 0;

	if (io_slurp_table(file, USERS_MAX, &s) < 0) {
		str_free(&s);
		return -1;
	}
	all = str_cur(&s);
	while (!found && next_line(&all, &line)) {
		if ((name && !begins(line, name)) || user_parse(line, u) < 0)
			continue;
		found = name || u->uid == uid;
		if (!found)
			user_free(u);
	}
	forget(&s);
	return found;
}

/* The table that every system has first; then whatever else it asks. */
static int
find(const struct conf *c, const char *name, uid_t uid, struct user *u)
{
	int found =
	    from_file(*c->users ? c->users : "/etc/passwd", name, uid, u);
	int err = errno, asked;

	if (found > 0 || *c->users)
		return found;
	asked = user_ask(c, name, uid, u);
	if (asked != 0 || found == 0 || err == ENOENT)
		return asked;
	/* The service, too, passes over a table that cannot be read. */
	errno = err;
	return -1;
}

/* Nothing that could be a path or end a field is a user's name. */
static bool
is_name(const char *s)
{
	return *s && *s != '.' && *s != '-' && !strpbrk(s, "/:\n");
}

int
user_find(const struct conf *c, const char *name, struct user *u)
{
	*u = (struct user){0};
	if (!is_name(name))
		return 0;
	return find(c, name, 0, u);
}

/* --- many names --- */

static int
read_names(const char *file, struct user_names *k)
{
	struct str s = {0};
	struct cur all, line;
	struct user u = {0};

	if (io_slurp_table(file, USERS_MAX, &s) < 0) {
		str_free(&s);
		return -1;
	}
	all = str_cur(&s);
	while (next_line(&all, &line)) {
		if (user_parse(line, &u) < 0)
			continue;
		list_add(&k->all, u.name);
		user_free(&u);
	}
	forget(&s);
	list_sort(&k->all);
	return 0;
}

int
user_is(const struct conf *c, const char *name, struct user_names *k)
{
	struct user u;
	int found;

	if (k->asked++ >= FEW && is_name(name)) {
		if (!k->read &&
		    read_names(*c->users ? c->users : "/etc/passwd", k) < 0)
			return -1;
		k->read = true;
		if (list_has(&k->all, name))
			return 1;
		if (*c->users)
			return 0;
	}
	found = user_find(c, name, &u);
	if (found > 0)
		user_free(&u);
	return found;
}

void
user_names_free(struct user_names *k)
{
	list_free(&k->all);
	*k = (struct user_names){0};
}

int
user_find_uid(const struct conf *c, uid_t uid, struct user *u)
{
	*u = (struct user){0};
	return find(c, NULL, uid, u);
}

static bool
is_runner(const struct conf *c, const char *name)
{
	const struct list *l = &c->pipe_user;
	size_t i;

	for (i = 0; i < l->n; i++) {
		const char *eq = strchr(l->v[i], '=');

		if (strcmp(eq ? eq + 1 : l->v[i], name) == 0)
			return true;
	}
	return strcmp(name, "nobody") == 0 || strcmp(name, "facteur") == 0;
}

int
user_find_runner(const struct conf *c, const char *name, struct user *u)
{
	int found = user_find(c, name, u);

	return found == 0 && is_runner(c, name)
	           ? from_file("/etc/passwd", name, 0, u)
	           : found;
}

/* Its brace begins no second one, so that a byte is looked at once. */
bool
user_has_scram(const struct conf *c)
{
	static const char key[] = "{SCRAM-SHA-256}";
	bool ours = *c->users && c->checkpassword.n == 0;
	int fd = ours ? open(c->users, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	size_t n = 0;
	ssize_t got, i;
	char buf[4096];

	while (fd >= 0 && key[n] && (got = io_take(fd, buf, sizeof buf)) > 0)
		for (i = 0; i < got && key[n]; i++)
			n = buf[i] == key[n] ? n + 1 : buf[i] == *key;
	explicit_bzero(buf, sizeof buf);
	if (fd >= 0)
		close(fd);
	return !key[n];
}

/* A path as the configuration has it, for this user. */
static void
expand(struct str *s, const char *p, const struct user *u)
{
	str_adds(s, *p == '~' ? u->home : "");
	for (p += *p == '~'; *p; p++) {
		if (*p == '%' && (p[1] == 'u' || p[1] == 'h'))
			str_adds(s, *++p == 'u' ? u->name : u->home);
		else
			str_addc(s, *p);
	}
}

char *
mailbox_path(const struct conf *c, const struct user *u)
{
	struct str s = {0};

	expand(&s, c->mailbox, u);
	return s.s;
}

char *
folders_path(const struct conf *c, const struct user *u)
{
	struct str s = {0};

	expand(&s, c->folders, u);
	while (s.n > 1 && s.s[s.n - 1] == '/')
		s.s[--s.n] = '\0';
	return s.s;
}
