/* subscribe - the lists of subscriptions that IMAP servers keep in a user's files, so
 * that a mailbox which was another's keeps them: .mailboxlist of UW imapd, subscriptions of
 * Dovecot in its two versions, courierimapsubscribed.  The one that is there is
 * read and written.  Called by folder.c and folderlist.c, as the user.  A line that
 * nobody understands stays as it is. */
#include "folderkind.h"

#include "namefile.h"
#include "utf7.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char courier[] = "INBOX.", head2[] = "V\t2\n\n";

enum form { UW, DOVECOT, COURIER };

/* A list, and how it is written. */
struct paper {
	const struct folders *f;
	const char *name;
	int dir;
	enum form form;
	bool tabs; /* version 2 of Dovecot's: between levels */
	/* UW: names are relative to the home, "mail/" of a folder's is this
	 * much of the root; empty: the root is not below it. */
	struct cur prefix;
};

static int
open_dir(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Does errno say that there is none for us? */
static bool
is_none(void)
{
	return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
}

/* 1, 0, or -1 when that cannot be told. */
static int
has(int dir, const char *name)
{
	if (dir == -1)
		return 0;
	if (faccessat(dir, name, F_OK, 0) == 0)
		return 1;
	return is_none() ? 0 : -1;
}

/* What of the root lies below the home. */
static struct cur
below_home(const struct folders *f)
{
	size_t n = strlen(f->home);
	const char *p = f->root + n;

	if (n == 0 || strncmp(f->root, f->home, n) != 0 || *p++ != '/')
		return (struct cur){0};
	return cur_of(p);
}

static void
put_away(struct paper *l)
{
	if (l->dir >= 0)
		close(l->dir);
}

/* Which list it is: one is another's where it is there and the other is not.
 * 0, or -1 when that cannot be told now. */
static int
choose_among(struct paper *l)
{
	const struct folders *f = l->f;
	const char *one =
	    f->maildir ? "courierimapsubscribed" : ".subscriptions";
	int first = has(l->dir, one), other = 0;

	if (first > 0)
		other = f->maildir ? has(l->dir, "subscriptions")
		                   : has(AT_FDCWD, f->list.s);
	if (first < 0 || other < 0)
		return -1;
	l->form = f->maildir ? COURIER : DOVECOT;
	l->name = one;
	if (first && !other)
		return 0;
	l->form = f->maildir ? DOVECOT : UW;
	l->name = f->maildir ? "subscriptions" : f->list.s;
	return 0;
}

/* The directory may be missing: dir is -1 then.
 * UW's is known by its path, as the walls hide the home that it is in. */
static int
choose(struct paper *l, const struct folders *f)
{
	*l = (struct paper){.f = f, .dir = open_dir(f->root)};
	if ((l->dir < 0 && !is_none()) || choose_among(l) < 0) {
		put_away(l);
		l->dir = -1;
		return -1;
	}
	if (l->form != UW)
		return 0;
	put_away(l);
	l->dir = AT_FDCWD;
	l->prefix = below_home(f);
	return 0;
}

const char *
folders_prepare(const struct folders *f)
{
	const int how = O_RDONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC;
	struct paper l;
	int fd;

	if (!f->maildir)
		mkdir(f->root, 0700);
	if (choose(&l, f) < 0)
		return NULL;
	put_away(&l);
	if (l.form != UW)
		return NULL;
	if ((fd = open(l.name, how, 0600)) >= 0)
		close(fd);
	return l.name;
}

/* Lock the list and read it. */
static int
take(const struct paper *l, struct namefile *file)
{
	return (l->form == UW ? namefile_stay : namefile_begin)(
	    file, l->dir, l->name, l->f->how.patience);
}

/* Take the head of version 2 off. */
static void
take_head(struct paper *l, struct cur *text)
{
	l->tabs = l->form == DOVECOT && cur_len(text) >= strlen(head2) &&
	          memcmp(text->p, head2, strlen(head2)) == 0;
	if (l->tabs)
		text->p += strlen(head2);
}

/* A prefix and a / at the beginning. */
static bool
skip(struct cur *c, struct cur prefix)
{
	size_t n = cur_len(&prefix);

	if (n == 0 || cur_len(c) <= n + 1 || memcmp(c->p, prefix.p, n) != 0 ||
	    c->p[n] != '/')
		return false;
	c->p += n + 1;
	return true;
}

static void
replace(struct str *s, char what, char with)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->s[i] == what)
			s->s[i] = with;
}

/* The name that a line stands for.  -1: none for us. */
static int
read_name(const struct paper *l, struct cur line, struct str *name)
{
	struct str s = {0};
	struct cur c;
	int r;

	if (cur_is(&line, "INBOX")) {
		str_clear(name);
		str_adds(name, "INBOX");
		return 0;
	}
	if (l->form == UW)
		skip(&line, l->prefix);
	if (l->form == COURIER) {
		size_t n = strlen(courier);

		if (cur_len(&line) <= n || !mem_ieq(line.p, courier, n))
			return -1;
		line.p += n;
	}
	str_add(&s, line.p, cur_len(&line));
	if (l->tabs)
		replace(&s, '\t', l->f->separator);
	str_clear(name);
	r = utf7_decode(name, str_cur(&s));
	str_free(&s);
	c = str_cur(name);
	return r == 0 && name->n > 0 && folder_check(l->f, c) == 0 ? 0 : -1;
}

static void
write_name(const struct paper *l, struct cur name, struct str *text)
{
	struct str s = {0};
	struct cur c = name;

	if (l->form == COURIER && !folder_is_inbox(name))
		str_adds(text, courier);
	/* What begins like the prefix would lose it. */
	if (l->form == UW && skip(&c, l->prefix)) {
		str_add(text, l->prefix.p, cur_len(&l->prefix));
		str_addc(text, '/');
	}
	utf7_encode(&s, name);
	if (l->tabs)
		replace(&s, l->f->separator, '\t');
	str_add(text, s.s, s.n);
	str_addc(text, '\n');
	str_free(&s);
}

int
subscribe_list(const struct folders *f, struct names *names)
{
	struct str text = {0}, name = {0};
	struct cur c, line;
	struct paper l;
	int r = 0;

	if (choose(&l, f) < 0)
		return -1;
	if (l.dir != -1)
		r = namefile_read(l.dir, l.name, &text);
	c = str_cur(&text);
	take_head(&l, &c);
	while (r == 0 && namefile_line(&c, &line))
		if (read_name(&l, line, &name) == 0)
			r = names_add(names, str_cur(&name), FOLDER_SUBSCRIBED);
	str_free(&name);
	str_free(&text);
	put_away(&l);
	return r;
}

/* The text with the name in it, or without.  Was anything changed? */
static bool
change(struct paper *l, struct cur text, struct cur name, bool on,
       struct str *out)
{
	struct str one = {0};
	struct cur line;
	bool had = false, fresh = cur_len(&text) == 0;

	if (fresh && l->form == DOVECOT)
		text = cur_of(head2);
	take_head(l, &text);
	if (l->tabs)
		str_adds(out, head2);
	while (namefile_line(&text, &line)) {
		bool is = read_name(l, line, &one) == 0 &&
		          cur_same(str_cur(&one), name);

		had = had || is;
		if (is && !on)
			continue;
		str_add(out, line.p, cur_len(&line));
		str_addc(out, '\n');
	}
	if (on && !had)
		write_name(l, name, out);
	str_free(&one);
	return had != on;
}

int
subscribe_change(const struct folders *f, struct cur name, bool on)
{
	struct namefile file;
	struct str text = {0};
	struct paper l;
	int r, err;

	/* Whoever subscribes to something has a Maildir from then on. */
	if (on && f->maildir && maildir_make_top(f) < 0)
		return -1;
	r = choose(&l, f) < 0 || l.dir == -1 ? -1 : take(&l, &file);
	if (r == 0) {
		struct cur old = str_cur(&file.text);
		bool changed = change(&l, old, name, on, &text);

		r = namefile_end(&file, changed ? &text : NULL);
	}
	err = errno;
	str_free(&text);
	put_away(&l);
	errno = err;
	return r;
}
