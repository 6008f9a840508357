/* folder - see folder.h.  Called by whatever takes the name of a mailbox, as the user.
 * RFC 9051 5.1, 6.3.4 to 6.3.6.  No path may come from a name that folder_check() did
 * not see. */
#include "folder.h"

#include "folderkind.h"
#include "imap.h"
#include "utf7.h"

#include <errno.h>
#include <stdlib.h>

enum { LEVELS = 100 /* of directories: each is opened on the way */ };

/* --- names --- */

bool
folder_is_inbox(struct cur name)
{
	return cur_is(&name, "INBOX");
}

static bool
ends(struct cur c, const char *with)
{
	size_t n = strlen(with);

	return cur_len(&c) >= n && memcmp(c.e - n, with, n) == 0;
}

/* A part between separators.  In the tree of mbox files hidden files and those that
 * are locks are no mailboxes. */
static bool
is_part(const struct folders *f, struct cur part)
{
	if (cur_len(&part) == 0)
		return false;
	if (f->maildir)
		return true;
	return *part.p != '.' && !ends(part, ".lock") &&
	       !ends(part, ".lock.tmp");
}

int
folder_check(const struct folders *f, struct cur name)
{
	const char stop[] = {f->separator, '\0'};
	struct cur part;
	bool first = true, good;
	int levels = 0;

	good = cur_len(&name) > 0 && cur_len(&name) <= IMAP_NAME &&
	       utf7_is_name(name) && *name.p != '~' && *name.p != '/' &&
	       !(f->maildir && memchr(name.p, '/', cur_len(&name)));
	while (good) {
		cur_until(&name, stop, &part);
		good = is_part(f, part) && ++levels <= LEVELS;
		/* INBOX is written in one way, and a file has nothing below. */
		if (first && folder_is_inbox(part))
			good = f->maildir && memcmp(part.p, "INBOX", 5) == 0;
		first = false;
		if (cur_get(&name) < 0)
			break;
	}
	if (good)
		return 0;
	errno = EINVAL;
	return -1;
}

/* A new name holds no wildcards: they could not be listed one by one; and no line or
 * paragraph separator, U+2028 and U+2029 (RFC 6855 3). */
static int
check_new(const struct folders *f, struct cur name)
{
	bool good = true;

	if (folder_check(f, name) < 0)
		return -1;
	for (; name.p < name.e && good; name.p++)
		good = *name.p != '*' && *name.p != '%' &&
		       (cur_len(&name) < 3 ||
		        (memcmp(name.p, "\xe2\x80\xa8", 3) != 0 &&
		         memcmp(name.p, "\xe2\x80\xa9", 3) != 0));
	if (good)
		return 0;
	errno = EINVAL;
	return -1;
}

bool
folder_is_below(const struct folders *f, struct cur name, struct cur top)
{
	size_t n = cur_len(&top);

	return cur_len(&name) > n && memcmp(name.p, top.p, n) == 0 &&
	       name.p[n] == f->separator;
}

bool
folder_is_within(const struct folders *f, struct cur name, struct cur top)
{
	return cur_same(name, top) || folder_is_below(f, name, top);
}

/* --- where they are --- */

struct folders *
folders_open(const struct conf *c, const struct user *u)
{
	struct folders *f = mem_alloc(sizeof *f);
	size_t n;

	str_addf(&f->state, "%s/%s", c->state, u->name);
	f->how = (struct store_how){.state = f->state.s,
	                            .owner = u->uid,
	                            .dot_optional = true,
	                            .patience = IMAP_PATIENCE};
	f->inbox = mailbox_path(c, u);
	f->home = mem_dup(u->home, strlen(u->home));
	str_addf(&f->list, "%s/.mailboxlist", f->home);
	n = strlen(f->inbox);
	f->maildir = n > 0 && f->inbox[n - 1] == '/';
	f->separator = f->maildir ? '.' : '/';
	if (!f->maildir) {
		f->root = folders_path(c, u);
		return f;
	}
	while (n > 1 && f->inbox[n - 1] == '/')
		n--;
	f->root = mem_dup(f->inbox, n);
	return f;
}

void
folders_free(struct folders *f)
{
	if (!f)
		return;
	str_free(&f->state);
	free(f->inbox);
	free(f->root);
	free(f->home);
	str_free(&f->list);
	free(f);
}

char
folder_separator(const struct folders *f)
{
	return f->separator;
}

static int
look(const struct folders *f, struct cur name)
{
	return f->maildir ? maildir_look_for(f, name) : tree_look(f, name);
}

char *
folder_path(const struct folders *f, struct cur name)
{
	int is;

	if (folder_is_inbox(name))
		return mem_dup(f->inbox, strlen(f->inbox));
	if (folder_check(f, name) < 0 || (is = look(f, name)) < 0)
		return NULL;
	if (is & FOLDER_NOSELECT) {
		errno = EISDIR;
		return NULL;
	}
	return f->maildir ? maildir_path(f, name) : tree_path(f, name);
}

int
folder_exists(const struct folders *f, struct cur name)
{
	int is;

	if (folder_is_inbox(name))
		return 1;
	if (folder_check(f, name) < 0)
		return -1;
	is = look(f, name);
	if (is <= 0) /* below a file there is nothing */
		return is < 0 && errno == ENOTDIR ? 0 : is;
	if (!(is & FOLDER_NOSELECT))
		return 1;
	errno = ENOTSUP;
	return -1;
}

/* --- CREATE --- */

int
folder_create(struct folders *f, struct cur name, unsigned use)
{
	bool place = false;
	int r;

	/* RFC 9051 6.3.4: the separator is a declaration. */
	if (cur_len(&name) > 1 && name.e[-1] == f->separator) {
		place = !f->maildir;
		name.e--;
	}
	if (folder_is_inbox(name)) {
		errno = EEXIST;
		return -1;
	}
	if (check_new(f, name) < 0 || (r = look(f, name)) < 0)
		return -1;
	if (r != 0 || (place && use)) {
		errno = r ? EEXIST : EINVAL;
		return -1;
	}
	r = f->maildir ? maildir_make(f, name) : tree_make(f, name, place);
	if (r == 0 && use && use_set(f, name, use) < 0) {
		int err = errno;

		folder_delete(f, name);
		errno = err;
		return -1;
	}
	return r;
}

/* --- DELETE --- */

/* Is there a mailbox below? */
static int
has_below(struct folders *f, struct cur name)
{
	struct arena a = {0};
	struct folder *v;
	size_t n, i;
	int r = folder_list(f, &a, &v, &n);

	for (i = 0; r == 0 && i < n; i++)
		if (v[i].is & FOLDER_EXISTS &&
		    folder_is_below(f, v[i].name, name))
			r = 1;
	arena_free(&a);
	return r;
}

static int
delete_store(struct folders *f, struct cur name)
{
	char *path = folder_path(f, name);
	int r = path ? store_remove(path, &f->how) : -1, err = errno;

	free(path);
	errno = err;
	return r;
}

int
folder_delete(struct folders *f, struct cur name)
{
	int is, r;

	if (folder_is_inbox(name)) {
		errno = EPERM;
		return -1;
	}
	if (folder_check(f, name) < 0 || (is = look(f, name)) < 0)
		return -1;
	if (is == 0) {
		/* RFC 9051 6.3.5: a mere level above others cannot go. */
		r = has_below(f, name);
		if (r >= 0)
			errno = r ? ENOTEMPTY : ENOENT;
		return -1;
	}
	if (is & FOLDER_NOSELECT)
		return tree_remove_place(f, name);
	if (delete_store(f, name) < 0)
		return -1;
	/* What is remembered of a mailbox that is gone does no harm. */
	use_set(f, name, 0);
	return 0;
}

/* --- RENAME --- */

/* One mailbox, or directory, on its way. */
struct move {
	struct str to;
	struct cur from;
	bool place;
};

static int
move_store(struct folders *f, struct cur from, struct cur to)
{
	char *a = folder_path(f, from), *b = a ? folder_path(f, to) : NULL;
	int r = a && b ? store_rename(a, b, &f->how) : -1, err = errno;

	free(a);
	free(b);
	errno = err;
	return r;
}

static int
move_one(struct folders *f, const struct move *m, bool back)
{
	struct cur from = m->from, to = str_cur(&m->to);

	if (m->place)
		return back ? tree_remove_place(f, to) : tree_make(f, to, true);
	if (!f->maildir && !back && tree_make_above(f, to) < 0)
		return -1;
	return back ? move_store(f, to, from) : move_store(f, from, to);
}

/* Where everything goes; nothing may be there. */
static int
plan(struct folders *f, struct cur from, struct cur to, struct arena *a,
     struct move **moves, size_t *n)
{
	struct folder *v;
	size_t i, all_of_them;

	*n = 0;
	if (folder_list(f, a, &v, &all_of_them) < 0)
		return -1;
	*moves = arena_alloc(a, all_of_them * sizeof **moves);
	for (i = 0; i < all_of_them; i++) {
		struct move *m = &(*moves)[*n];
		int is;

		if (!(v[i].is & FOLDER_EXISTS) ||
		    !folder_is_within(f, v[i].name, from))
			continue;
		m->from = v[i].name;
		m->place = v[i].is & FOLDER_NOSELECT;
		str_add(&m->to, to.p, cur_len(&to));
		str_add(&m->to, m->from.p + cur_len(&from),
		        cur_len(&m->from) - cur_len(&from));
		++*n;
		if (folder_check(f, str_cur(&m->to)) < 0 ||
		    (is = look(f, str_cur(&m->to))) < 0)
			return -1;
		if (is) {
			errno = EEXIST;
			return -1;
		}
	}
	errno = ENOENT;
	return *n > 0 ? 0 : -1;
}

/* All or, if that can be, nothing. */
static int
carry_out(struct folders *f, const struct move *moves, size_t n)
{
	size_t i, k;
	int err;

	for (i = 0; i < n; i++) {
		if (move_one(f, &moves[i], false) == 0)
			continue;
		err = errno;
		while (i-- > 0)
			move_one(f, &moves[i], true);
		errno = err;
		return -1;
	}
	/* A directory stays where something else is in it. */
	for (k = n; k-- > 0;)
		if (moves[k].place)
			tree_remove_place(f, moves[k].from);
	return 0;
}

static int
rename_all(struct folders *f, struct cur from, struct cur to, bool dry)
{
	struct move *moves = NULL;
	struct arena a = {0};
	size_t i, n = 0;
	int r, err;

	if (cur_len(&to) > 1 && to.e[-1] == f->separator)
		to.e--;
	if (folder_is_inbox(from) || folder_is_inbox(to)) {
		errno = folder_is_inbox(to) ? EEXIST : EPERM;
		return -1;
	}
	if (folder_check(f, from) < 0 || check_new(f, to) < 0)
		return -1;
	if (folder_is_below(f, to, from)) {
		errno = EINVAL;
		return -1;
	}
	r = plan(f, from, to, &a, &moves, &n);
	if (r == 0 && !dry && (r = carry_out(f, moves, n)) == 0)
		use_rename(f, from, to);
	err = errno;
	for (i = 0; i < n; i++)
		str_free(&moves[i].to);
	arena_free(&a);
	errno = err;
	return r;
}

int
folder_may_rename(struct folders *f, struct cur from, struct cur to)
{
	return rename_all(f, from, to, true);
}

int
folder_rename(struct folders *f, struct cur from, struct cur to)
{
	return rename_all(f, from, to, false);
}

/* --- subscriptions --- */

int
folder_subscribe(struct folders *f, struct cur name, bool on)
{
	if (cur_len(&name) > 1 && name.e[-1] == f->separator)
		name.e--;
	if (folder_is_inbox(name))
		name = cur_of("INBOX");
	else if (folder_check(f, name) < 0)
		return -1;
	return subscribe_change(f, name, on);
}
