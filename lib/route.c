/* route - see route.h.  Addresses are taken apart here and nowhere else once
 * they are in an envelope; a local part is a name, never again an address, so that
 * no spelling of it (percent, bang, quoted @) leads to another host. */
#include "route.h"

#include "addr.h"
#include "io.h"
#include "log.h"
#include "mem.h"
#include "routelist.h"
#include "sum.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	INCLUDE_MAX = 16 << 20, /* bytes of all lists together */
	INCLUDE_COST = 2048,    /* in such bytes: that there is one more */
	NAME_TEXT = 1000,
	LIST_SHARE = 10 /* one part in so many of the time may go into lists */
};

#define USERS_SILENT "the user database cannot be asked: %s"

/* One expansion on its way down. */
struct walk {
	struct router *r;
	struct routes *out;
	const char *name;   /* of the alias that we come from, or NULL */
	const char *sender; /* owner-LIST@..., or NULL */
	const char *addr;   /* that led here */
	const char *detail;
	uid_t owner; /* of the file that names a program */
	bool loose;  /* ... which everybody may write, or another names */
	bool listed; /* that is a list, not the table */
	bool group;  /* an alias on the way has several, and no owner */
	const struct walk *up;
	int depth;
};

static void walk_addr(struct walk *w, const char *addr, bool no_alias);

__attribute__((format(printf, 2, 3))) static void
trace(const struct walk *w, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;
	char *p;

	if (!w->r->trace)
		return;
	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	for (p = s.s; (p = strpbrk(p, "\r\n")); *p = ' ')
		;
	w->r->trace(w->r->arg, s.s);
	str_free(&s);
}

void
router_open(struct router *r, const struct conf *c)
{
	*r = (struct router){.conf = c,
	                     .aliases = alias_open(c->aliases),
	                     .rested = io_now() - LIST_SHARE * IO_TABLE};
}

void
router_close(struct router *r)
{
	alias_close(r->aliases);
	r->aliases = NULL;
}

void
router_refresh(struct router *r)
{
	struct alias_table *t;

	if (r->aliases && !alias_changed(r->aliases))
		return;
	t = alias_open(r->conf->aliases);
	/* Another file of this name is behind the wall for us: go on with what
	 * this session began with. */
	if (!t && errno == EACCES && r->aliases)
		return;
	alias_close(r->aliases);
	r->aliases = t;
}

const char *
target_name(const struct target *t)
{
	return t->name ? t->name : t->dest;
}

void
routes_free(struct routes *rs)
{
	arena_free(&rs->words);
	list_free(&rs->expanded);
	free(rs->t);
	free(rs->hash);
	*rs = (struct routes){0};
}

static bool
same_target(const struct target *a, enum route_kind kind, const char *name)
{
	return a->kind == kind && strcmp(target_name(a), name) == 0;
}

/* The slot of a target in the hash: its index + 1, or 0 in a free one. */
static size_t *
find_slot(const struct routes *rs, enum route_kind kind, const char *name)
{
	size_t h = ((size_t)hash_of(name, strlen(name)) + (size_t)kind) &
	           (rs->nhash - 1);

	while (rs->hash[h] && !same_target(&rs->t[rs->hash[h] - 1], kind, name))
		h = (h + 1) & (rs->nhash - 1);
	return &rs->hash[h];
}

const struct target *
route_named(const struct routes *rs, const char *name)
{
	size_t first = SIZE_MAX, slot;
	int kind;

	for (kind = ROUTE_USER; rs->nhash > 0 && kind <= ROUTE_DEFER; kind++) {
		slot = *find_slot(rs, (enum route_kind)kind, name);
		if (slot && slot - 1 < first)
			first = slot - 1;
	}
	return first < rs->n ? &rs->t[first] : NULL;
}

static void
rehash(struct routes *rs)
{
	size_t i;

	rs->nhash = rs->nhash ? rs->nhash * 4 : 16;
	free(rs->hash);
	rs->hash = mem_alloc(rs->nhash * sizeof *rs->hash);
	for (i = 0; i < rs->n; i++)
		*find_slot(rs, rs->t[i].kind, target_name(&rs->t[i])) = i + 1;
}

/* A copy for a target; NULL of NULL. */
static char *
keep(const struct walk *w, const char *s)
{
	return s ? arena_dup(&w->out->words, s, strlen(s)) : NULL;
}

/* A target that is there already is reached once more.  Who is also named directly is
 * no longer one of a group. */
static void
again(const struct walk *w, struct target *t)
{
	trace(w, "%s: again, one copy is enough", target_name(t));
	if (!t->group || w->group || w->out->closed)
		return;
	t->group = false;
	t->rcpt = w->out->rcpt;
	t->addr = keep(w, w->addr);
	t->sender = keep(w, w->sender);
}

/* Add a target unless it is there.  Returns it, or NULL for a double. */
static struct target *
add(const struct walk *w, enum route_kind kind, const char *dest)
{
	struct routes *rs = w->out;
	struct target *t;
	size_t *slot;

	rs->reached = true;
	if (rs->n * 2 >= rs->nhash)
		rehash(rs);
	slot = find_slot(rs, kind, dest);
	if (*slot) {
		again(w, &rs->t[*slot - 1]);
		return NULL;
	}
	rs->t = mem_grow(rs->t, &rs->cap, rs->n + 1, sizeof *rs->t);
	t = &rs->t[rs->n++];
	*slot = rs->n;
	t->kind = kind;
	t->dest = keep(w, dest);
	t->addr = keep(w, w->addr);
	t->detail = keep(w, w->detail);
	t->sender = keep(w, w->sender);
	t->group = w->group;
	t->rcpt = rs->rcpt;
	return t;
}

__attribute__((format(printf, 4, 5))) static void
add_problem(const struct walk *w, enum route_kind kind, const char *status,
            const char *fmt, ...)
{
	struct target *t = add(w, kind, w->addr);
	struct str s = {0};
	va_list ap;

	if (!t)
		return;
	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	t->status = keep(w, status);
	t->text = keep(w, s.s);
	str_free(&s);
	trace(w, "%s: %s %s", w->addr, status, t->text);
}

/* As whom do the programs and files of this alias run?  As the owner of the
 * table that names them; in a table of root's as pipe_user says.  NULL with errno when
 * that cannot be told: nobody runs it in his place. */
static char *
run_as(const struct walk *w)
{
	const struct list *l = &w->r->conf->pipe_user;
	const char *user = "nobody";
	struct user u;
	size_t i, n = w->name ? strlen(w->name) : 0;
	int found = 0;

	if (w->owner != 0)
		found = user_find_uid(w->r->conf, w->owner, &u);
	if (found < 0)
		return NULL;
	if (found > 0) {
		char *name = keep(w, u.name);

		user_free(&u);
		return name;
	}
	for (i = 0; i < l->n; i++) {
		const char *eq = strchr(l->v[i], '=');

		if (!eq)
			user = l->v[i];
		else if ((size_t)(eq - l->v[i]) == n &&
		         mem_ieq(l->v[i], w->name, n))
			return keep(w, eq + 1);
	}
	return keep(w, user);
}

/* A command or path as a line of the journal can hold it: what is cut off it, or
 * is no text, is told apart by a sum. */
static void
add_name(struct str *s, const char *dest)
{
	size_t at = s->n, n = strlen(dest);

	str_adds_clean(s, dest, n, NAME_TEXT);
	if (strcmp(s->s + at, dest) != 0)
		str_addf(s, "#%016" PRIx64, hash_of(dest, n));
}

static void
add_as(const struct walk *w, enum route_kind kind, const char *dest)
{
	struct str name = {0};
	struct target *t;
	char *user;

	if (w->loose) {
		add_problem(w, ROUTE_FAIL, "5.3.5",
		            "a program or file in a list that everybody may "
		            "write, or another names");
		return;
	}
	if (!(user = run_as(w))) {
		add_problem(w, ROUTE_DEFER, "4.3.0", USERS_SILENT,
		            strerror(errno));
		return;
	}
	/* One program of two owners is two; a file is one whoever writes it. */
	if (kind == ROUTE_PROGRAM)
		str_addf(&name, "%s:", user);
	add_name(&name, dest);
	t = add(w, kind, name.s);
	str_free(&name);
	if (!t)
		return;
	t->user = user;
	t->name = t->dest;
	t->dest = keep(w, dest);
	trace(w, "%s: %s as %s", dest,
	      kind == ROUTE_PROGRAM ? "program" : "file", t->user);
}

static bool
on_path(const struct walk *w, const char *name)
{
	for (; w; w = w->up)
		if (w->name && str_ieq(w->name, name))
			return true;
	return false;
}

static void walk_items(struct walk *w, struct cur c, const char *where);

static bool
expanded_before(struct routes *rs, const char *name)
{
	struct list *l = &rs->expanded;
	size_t i;

	for (i = 0; i < l->n; i++)
		if (str_ieq(l->v[i], name)) {
			rs->reached |= i < rs->known;
			return true;
		}
	list_add(l, name);
	return false;
}

/* Was this file read before, from the same alias and with the same rights?  Then it
 * leads to nothing new, however its name is spelt. */
static bool
read_before(const struct walk *w, const struct stat *st)
{
	struct str key = {0}; /* no alias has such a name */
	bool before;

	str_addf(&key, "%ju:%ju\n%s\n%d", (uintmax_t)st->st_dev,
	         (uintmax_t)st->st_ino, w->name ? w->name : "", w->loose);
	before = expanded_before(w->out, key.s);
	str_free(&key);
	return before;
}

/* A list may be a file that its owner never finishes writing.  All lists together have
 * a part of the time to wait for that, so that others' mail goes on. */
static int
slurp_list(const struct walk *w, int fd, struct str *s)
{
	struct router *r = w->r;
	long long began = io_now(), left = (began - r->rested) / LIST_SHARE;
	int rc;

	if (left > IO_TABLE)
		left = IO_TABLE;
	rc = io_slurp_table_fd(fd, INCLUDE_MAX - w->out->read, (long)left, s);
	w->out->read += s->n;
	left -= io_now() - began;
	r->rested = io_now() - LIST_SHARE * left;
	return rc;
}

/* Read a list, and whose it is: of the file that is read, whatever has its name
 * a moment later.  0, 1 when that was done before, or -1 with errno. */
static int
read_list(struct walk *w, const char *path, struct str *s, struct stat *st)
{
	struct route_list l;
	int rc;

	if (*path != '/') {
		errno = EINVAL;
		return -1;
	}
	if (route_list_open(&l, path, w->owner, !w->listed) < 0)
		return -1;
	*st = l.st;
	w->loose |= l.lent;
	rc = read_before(w, st) ? 1 : slurp_list(w, l.fd, s);
	return io_close(l.fd, rc);
}

/* :include:/path - the items of a file. */
static void
walk_include(const struct walk *up, const char *path)
{
	struct walk w = *up;
	struct str s = {0};
	struct stat st = {0};
	int rc = 0;

	w.up = up;
	w.depth++;
	if (w.out->read > INCLUDE_MAX - INCLUDE_COST) {
		add_problem(&w, ROUTE_DEFER, "4.5.3",
		            "there is too much in lists, up to %s", path);
		return;
	}
	w.out->read += INCLUDE_COST;
	if (w.depth <= ROUTE_DEPTH) /* else walk_items() says so */
		rc = read_list(&w, path, &s, &st);
	if (rc < 0) {
		log_warn("%s: cannot read it: %s", path, strerror(errno));
		add_problem(&w, ROUTE_DEFER, "4.3.5",
		            "the list %s cannot be read now", path);
	} else if (rc > 0) {
		trace(&w, "%s: include %s: again", w.addr, path);
	} else {
		w.owner = st.st_uid;
		w.listed = true;
		w.loose |= (st.st_mode & S_IWOTH) != 0;
		trace(&w, "%s: include %s", w.addr, path);
		walk_items(&w, str_cur(&s), path);
	}
	str_free(&s);
}

/* "user@host", "<user@host>" or "Name <user@host>". */
static int
item_addr(struct cur c, char addr[ADDR_MAX + 1])
{
	const char *angle;

	if (addr_parse(c, addr) == 0)
		return 0;
	if (!(angle = strrchr(c.p, '<')))
		return -1;
	c.p = angle;
	return addr_path(&c, addr) == 0 && *addr && c.p == c.e ? 0 : -1;
}

/* One member of an alias or list. */
static void
walk_item(struct walk *w, const char *item, const char *where)
{
	char addr[ADDR_MAX + 1];
	struct cur c = cur_of(item);
	bool literal = cur_take(&c, '\\');

	if (*item == '|')
		add_as(w, ROUTE_PROGRAM, item);
	else if (*item == '/')
		add_as(w, ROUTE_FILE, item);
	else if (cur_len(&c) > 9 && mem_ieq(c.p, ":include:", 9))
		walk_include(w, c.p + 9 + strspn(c.p + 9, " \t"));
	else if (cur_len(&c) > 6 && mem_ieq(c.p, ":fail:", 6))
		add_problem(w, ROUTE_FAIL, "5.7.1", "%s",
		            c.p + 6 + strspn(c.p + 6, " \t"));
	else if (item_addr(c, addr) == 0)
		walk_addr(w, addr, literal);
	else
		add_problem(w, ROUTE_FAIL, "5.3.5", "'%s' in %s is no address",
		            item, where);
}

static bool
has_several(struct cur c)
{
	struct str item = {0};
	bool two = alias_item(&c, &item) > 0 && alias_item(&c, &item) > 0;

	str_free(&item);
	return two;
}

static void
walk_items(struct walk *w, struct cur c, const char *where)
{
	struct str item = {0};
	int n = 1;

	w->group |= !w->sender && has_several(c);
	if (w->depth > ROUTE_DEPTH) {
		add_problem(w, ROUTE_FAIL, "5.4.6",
		            "aliases lead too deep, or in a circle");
		return;
	}
	while (w->out->n < ROUTE_TARGETS && (n = alias_item(&c, &item)) > 0)
		walk_item(w, item.s, where);
	if (w->out->n >= ROUTE_TARGETS)
		add_problem(w, ROUTE_DEFER, "4.5.3",
		            "more than %d members in %s", ROUTE_TARGETS, where);
	else if (n < 0)
		add_problem(w, ROUTE_DEFER, "4.3.5", "%s cannot be read",
		            where);
	str_free(&item);
}

/* The sender of what a list distributes: owner-LIST, if that is an alias. */
static const char *
list_owner(const struct walk *w, const char *name)
{
	struct str owner = {0}, value = {0};
	const char *sender = w->sender;
	size_t line;

	str_addf(&owner, "owner-%s", name);
	if (strncmp(name, "owner-", 6) != 0 &&
	    alias_find(w->r->aliases, owner.s, &value, &line)) {
		str_addf(&owner, "@%s", w->r->conf->origin);
		sender = keep(w, owner.s);
	}
	str_free(&value);
	str_free(&owner);
	return sender;
}

/* Follow the alias name, if it is one: 1, else 0. */
static int
walk_alias(const struct walk *up, const char *name)
{
	struct walk w = *up;
	struct str value = {0}, where = {0};
	size_t line;

	if (on_path(up, name) ||
	    !alias_find(up->r->aliases, name, &value, &line)) {
		str_free(&value);
		return 0;
	}
	if (expanded_before(up->out, name)) {
		trace(up, "alias %s: again", name);
		str_free(&value);
		return 1;
	}
	str_addf(&where, "%s:%zu", up->r->conf->aliases, line);
	trace(up, "alias %s: %s (%s)", name, value.s, where.s);
	w.name = name;
	w.sender = list_owner(up, name);
	w.owner = alias_owner(up->r->aliases);
	w.loose = w.listed = false;
	w.up = up;
	w.depth++;
	walk_items(&w, str_cur(&value), where.s);
	str_free(&value);
	str_free(&where);
	return 1;
}

/* A user's mailbox: 1, or 0 when there is no such user. */
static int
walk_user(struct walk *w, const char *name)
{
	int found = user_is(w->r->conf, name, &w->r->users);

	if (found < 0)
		add_problem(w, ROUTE_DEFER, "4.3.0", USERS_SILENT,
		            strerror(errno));
	else if (found && add(w, ROUTE_USER, name))
		trace(w, "%s: mailbox of user %s", w->addr, name);
	return found != 0;
}

/* Mail for postmaster always finds a place (RFC 5321 4.5.1): the alias, the user,
 * root, or a file of our own. */
static void
walk_postmaster(struct walk *w)
{
	struct target *t;
	struct str s = {0};

	if (walk_alias(w, "root") || walk_user(w, "root"))
		return;
	str_addf(&s, "%s/postmaster.mbox", w->r->conf->state);
	t = add(w, ROUTE_FILE, s.s);
	if (t)
		t->user = keep(w, "facteur");
	str_free(&s);
}

/* A name as alias, as user.  Nearly all users' are of small letters, and people write
 * them in any. */
static bool
walk_name(struct walk *w, const char *name, const char *as_written,
          bool no_alias)
{
	return (!no_alias && walk_alias(w, name)) || walk_user(w, name) ||
	       (strcmp(name, as_written) != 0 && walk_user(w, as_written));
}

/* A name of this host; then without its detail. */
static void
walk_local(struct walk *w, const char *local, bool no_alias)
{
	char *name = str_dup(local), *whole = str_dup(local), *p;
	const char *sep = w->r->conf->detail;
	bool found;

	for (p = name; *p; p++)
		*p = str_lower(*p);
	found = walk_name(w, name, whole, no_alias);
	p = *name ? strpbrk(name + 1, sep) : NULL;
	if (!found && p) {
		*p = whole[p - name] = '\0';
		w->detail = local + (p - name) + 1;
		found = walk_name(w, name, whole, no_alias);
	}
	if (!found && strcmp(name, "postmaster") == 0)
		walk_postmaster(w);
	else if (!found && on_path(w, name))
		add_problem(w, ROUTE_FAIL, "5.4.6",
		            "the alias %s leads to itself", name);
	else if (!found)
		add_problem(w, ROUTE_FAIL, "5.1.1", "User unknown");
	free(name);
	free(whole);
}

/* 127.0.0.1 or ::1, bare or as an address literal: this host, whatever name it has. */
static bool
is_loopback(const char *domain)
{
	char ip[INET6_ADDRSTRLEN + 8];
	struct cur c = cur_of(domain), w;

	cur_take(&c, '[');
	if (cur_len(&c) > 5 && mem_ieq(c.p, "IPv6:", 5))
		c.p += 5;
	cur_until(&c, "]", &w);
	return cur_copy(w, ip, sizeof ip) == 0 &&
	       (conf_net_has("127.0.0.0/8", ip) || conf_net_has("::1", ip));
}

static void
walk_addr(struct walk *up, const char *addr, bool no_alias)
{
	const char *domain = addr_domain(addr);
	struct walk w = *up;
	struct str full = {0};
	char *local;

	str_adds(&full, addr);
	local =
	    mem_dup(addr, *domain ? (size_t)(domain - addr) - 1 : strlen(addr));
	if (!*domain)
		str_addf(&full, "@%s", w.r->conf->hostname);
	w.addr = full.s;
	w.detail = "";
	if (*domain && !conf_is_local(w.r->conf, domain) &&
	    !is_loopback(domain)) {
		if (add(&w, ROUTE_REMOTE, addr))
			trace(&w, "%s: not a domain of this host", addr);
	} else if (!w.r->aliases) {
		add_problem(&w, ROUTE_DEFER, "4.3.5", "%s cannot be read now",
		            w.r->conf->aliases);
	} else {
		walk_local(&w, local, no_alias);
	}
	free(local);
	str_free(&full);
}

void
route_expand(struct router *r, const char *addr, struct routes *out)
{
	struct walk w = {.r = r, .out = out, .addr = addr, .detail = ""};

	out->reached = false;
	walk_addr(&w, addr, false);
	user_names_free(&r->users);
	if (!out->reached) { /* what leads nowhere is no delivery */
		while (out->expanded.n > out->known)
			free(out->expanded.v[--out->expanded.n]);
		add_problem(&w, ROUTE_FAIL, "5.2.4", "the list has no members");
	}
	out->known = out->expanded.n;
}
