/* folder - unit test of imapd/folder.c and what it is made of: names that lead nowhere,
 * patterns, subscriptions in every form, special uses, the list.
 * With: imapd/folder.c imapd/folderlist.c imapd/foldertree.c imapd/foldermaildir.c
 * With: imapd/subscribe.c imapd/specialuse.c imapd/namefile.c imapd/match.c */
#include "imapd/folder.h"

#include "imapd/list.h"
#include "io.h"
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	struct str dir;
	struct conf conf;
	struct user user;
	struct str mailbox, state, home;
} t;

/* --- help --- */

static struct cur
all(const struct str *s)
{
	return str_cur(s);
}

static char *
path(const char *name)
{
	struct str s = {0};

	str_addf(&s, "%s/%s", t.home.s, name);
	return s.s;
}

static void
put_file(const char *name, const char *text)
{
	char *p = path(name);
	int fd = open(p, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert(fd >= 0 && io_writeall(fd, text, strlen(text)) == 0);
	close(fd);
	free(p);
}

static void
file_is(const char *name, const char *want)
{
	struct str s = {0};
	char *p = path(name);

	str_adds(&s, "");
	assert(io_slurp(AT_FDCWD, p, 1 << 20, &s) == 0);
	assert(strcmp(s.s, want) == 0);
	free(p);
	str_free(&s);
}

static bool
is_there(const char *name)
{
	char *p = path(name);
	struct stat st;
	bool there = lstat(p, &st) == 0;

	free(p);
	return there;
}

static void
make_dir(const char *name)
{
	char *p = path(name);

	assert(mkdir(p, 0700) == 0);
	free(p);
}

static void
remove_file(const char *name)
{
	char *p = path(name);

	assert(unlink(p) == 0);
	free(p);
}

/* A home of its own for each test. */
static struct folders *
begin(const char *home, const char *mailbox)
{
	char *p;

	str_clear(&t.home);
	str_addf(&t.home, "%s/%s", t.dir.s, home);
	str_clear(&t.mailbox);
	str_addf(&t.mailbox, "~/%s", mailbox);
	str_clear(&t.state);
	str_addf(&t.state, "%s/%s.state", t.dir.s, home);
	assert(mkdir(t.home.s, 0700) == 0 && mkdir(t.state.s, 0700) == 0);
	t.conf.mailbox = t.mailbox.s;
	t.conf.state = t.state.s;
	t.conf.folders = p = mem_dup("~/mail", 6);
	t.user.home = t.home.s;
	t.user.name = t.state.s + strlen(t.dir.s) + 1;
	t.user.uid = getuid();
	struct folders *f = folders_open(&t.conf, &t.user);

	free(p);
	return f;
}

static int
create(struct folders *f, const char *name)
{
	return folder_create(f, cur_of(name), 0);
}

/* The list as "name:XY name:..": E exists, N noselect, I noinferiors, + children,
 * s subscribed, and the uses. */
static void
list_is(struct folders *f, const char *want)
{
	static const struct {
		unsigned is;
		char c;
	} letter[] = {
	    {FOLDER_EXISTS,      'E'},
            {FOLDER_NOSELECT,    'N'},
	    {FOLDER_NOINFERIORS, 'I'},
            {FOLDER_CHILDREN,    '+'},
	    {FOLDER_SUBSCRIBED,  's'},
            {FOLDER_ARCHIVE,     'a'},
	    {FOLDER_DRAFTS,      'd'},
            {FOLDER_JUNK,        'j'},
	    {FOLDER_SENT,        'o'},
            {FOLDER_TRASH,       't'},
	};
	struct arena a = {0};
	struct folder *v;
	struct str x = {0};
	size_t n, i, k;

	assert(folder_list(f, &a, &v, &n) == 0);
	for (i = 0; i < n; i++) {
		str_add(&x, v[i].name.p, cur_len(&v[i].name));
		str_addc(&x, ':');
		for (k = 0; k < sizeof letter / sizeof *letter; k++)
			if (v[i].is & letter[k].is)
				str_addc(&x, letter[k].c);
		assert(!(v[i].is & FOLDER_CHILDREN) !=
		       !(v[i].is & FOLDER_NOCHILDREN));
		if (i + 1 < n)
			str_addc(&x, ' ');
	}
	if (strcmp(x.s, want) != 0)
		fprintf(stderr, "is:   %s\nwant: %s\n", x.s, want);
	assert(strcmp(x.s, want) == 0);
	str_free(&x);
	arena_free(&a);
}

static void
path_is(struct folders *f, const char *name, const char *want)
{
	char *p = folder_path(f, cur_of(name)), *q = path(want);

	assert(p && strcmp(p, q) == 0);
	free(p);
	free(q);
}

/* --- names --- */

/* clang-format off */
static const char *const hostile[] = {
	"", "/", "//", ".", "..", "../", "./", "../x", "../..", "a/..",
	"../../etc/passwd", "a/../b", "a/../../b", "./a", "a/.", "a/./b",
	"/etc/passwd", "/a", "//etc/passwd", "~", "~/", "~/a", "~root",
	"~root/mail", "~kim/mail/x", "~a/b", "a//b", "a//", "a/b//c",
	".hidden", "a/.hidden", ".subscriptions", ".special-use",
	".mailboxlist", "a/.imap/b", "...", "a/...", "..a", "a/..b", ". /x",
	"x.lock", "a/x.lock", "x.lock/a", "x.lock.tmp", ".lock",
	"a\nb", "a\rb", "a\tb", "a\x1b[2J", "\x01", "a\x7f", "\x1f/x",
	"\x80", "a\xff", "\xc0\xaf", "\xc0\xae\xc0\xae/x", "\xe0\x80\xae",
	"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc2\x85", "\xc3",
	"a/\xfe/b", "INBOX/a", "inbox/a", "InBoX/a/b", "INBOX/",
};
/* clang-format on */

static void
refused(struct folders *f, struct cur name)
{
	char *p = folder_path(f, name);

	assert(!p && errno == EINVAL);
	assert(folder_exists(f, name) < 0 && errno == EINVAL);
	assert(folder_rename(f, cur_of("there"), name) < 0);
	assert(folder_delete(f, name) < 0);
}

static void
test_hostile(void)
{
	struct folders *f = begin("hostile", "inbox");
	struct str s = {0};
	size_t i, n = sizeof hostile / sizeof *hostile;

	assert(n >= 60);
	assert(create(f, "there") == 0);
	for (i = 0; i < n; i++) {
		refused(f, cur_of(hostile[i]));
		assert(create(f, hostile[i]) < 0);
		assert(strcmp(hostile[i], "INBOX/") == 0 ||
		       folder_subscribe(f, cur_of(hostile[i]), true) < 0);
	}
	/* A separator at the end is a declaration, in a new name only. */
	assert(!folder_path(f, cur_of("there/")) && errno == EINVAL);
	refused(f, (struct cur){"a\0b", (const char *)"a\0b" + 3});
	refused(f, (struct cur){"INBOX\0", (const char *)"INBOX\0" + 6});
	/* One byte too much, in a part and in all. */
	for (i = 0; i < 255; i++)
		str_addc(&s, 'x');
	assert(folder_exists(f, all(&s)) == 0);
	str_addc(&s, 'x');
	refused(f, all(&s));
	str_clear(&s);
	for (i = 0; i < 1000; i++)
		str_adds(&s, i % 250 == 249 ? "/" : "a");
	s.n--;
	assert(folder_exists(f, all(&s)) == 0);
	str_adds(&s, "aa");
	refused(f, all(&s));
	/* One level too much. */
	str_clear(&s);
	for (i = 0; i < 100; i++)
		str_adds(&s, "a/");
	s.n--;
	assert(folder_exists(f, all(&s)) == 0);
	str_adds(&s, "/a");
	refused(f, all(&s));
	/* What is long on disk only. */
	str_clear(&s);
	for (i = 0; i < 100; i++)
		str_adds(&s, "\xc3\xbc");
	refused(f, all(&s));
	str_free(&s);
	assert(create(f, "a*") < 0 && errno == EINVAL);
	assert(create(f, "%/a") < 0 && errno == EINVAL);
	list_is(f, "INBOX:EI there:EI");
	folders_free(f);
}

static void
test_hostile_maildir(void)
{
	static const char *const bad[] = {
	    "",        ".",       "..",  "a..b", ".a",   "a/b",
	    "/a",      "../x",    "~",   "~a",   "a\nb", "\xff",
	    "inbox.a", "Inbox.b", "...", "a..",  "/..",  "cur/../x"};
	struct folders *f = begin("hostilemd", "Maildir/");
	struct str s = {0};
	size_t i;

	assert(create(f, "there") == 0);
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		refused(f, cur_of(bad[i]));
		assert(create(f, bad[i]) < 0);
	}
	for (i = 0; i < 255; i++)
		str_addc(&s, 'x');
	assert(!folder_path(f, all(&s)) && errno == EINVAL);
	str_free(&s);
	path_is(f, "inbox", "Maildir/");
	path_is(f, "a.b \\c", "Maildir/.a.b \\c/");
	path_is(f, "INBOX.a", "Maildir/.INBOX.a/");
	path_is(f, "\xc3\xbc & co", "Maildir/.&APw- &- co/");
	folders_free(f);
}

static void
test_links(void)
{
	struct folders *f = begin("links", "inbox");
	char *a;

	make_dir("outside");
	put_file("outside/secret", "From x Thu Jan  1 00:00:00 1970\n\n");
	make_dir("mail");
	a = path("mail/link");
	assert(symlink("../outside", a) == 0);
	free(a);
	a = path("mail/file");
	assert(symlink("../outside/secret", a) == 0);
	free(a);
	a = path("mail/pipe");
	assert(mkfifo(a, 0600) == 0);
	free(a);
	assert(!folder_path(f, cur_of("link/secret")));
	assert(!folder_path(f, cur_of("link")) && errno == ELOOP);
	assert(!folder_path(f, cur_of("file")) && errno == ELOOP);
	assert(!folder_path(f, cur_of("pipe")));
	assert(create(f, "link/new") < 0 && create(f, "file") < 0);
	assert(folder_delete(f, cur_of("file")) < 0);
	assert(folder_delete(f, cur_of("link/secret")) < 0);
	assert(folder_rename(f, cur_of("link"), cur_of("x")) < 0);
	assert(create(f, "a") == 0);
	assert(folder_rename(f, cur_of("a"), cur_of("link/a")) < 0);
	assert(is_there("outside/secret") && !is_there("outside/a"));
	list_is(f, "INBOX:EI a:EI");
	folders_free(f);
}

/* --- mbox --- */

static void
test_tree(void)
{
	struct folders *f = begin("tree", "mail/mbox");

	assert(folder_separator(f) == '/');
	list_is(f, "INBOX:EI");
	assert(folder_exists(f, cur_of("inBox")) == 1);
	path_is(f, "Inbox", "mail/mbox");
	/* INBOX by another name it has not. */
	assert(!folder_path(f, cur_of("mbox")) && errno == EINVAL);
	assert(create(f, "x/y/z") == 0 && create(f, "x/y/z") < 0 &&
	       errno == EEXIST);
	put_file("mail/mbox", "");
	assert(create(f, "INBOX") < 0 && errno == EEXIST);
	assert(create(f, "x/y") < 0 && errno == EEXIST);
	assert(create(f, "x/y/z/a") < 0 && errno == ENOTDIR);
	assert(create(f, "place/") == 0 && create(f, "place/") < 0);
	assert(folder_exists(f, cur_of("place")) < 0 && errno == ENOTSUP);
	assert(!folder_path(f, cur_of("place")) && errno == EISDIR);
	assert(create(f, "B\xc3\xbc"
	                 "cher & co") == 0);
	assert(is_there("mail/B&APw-cher &- co"));
	/* What mutt writes. */
	put_file("mail/\xc3\xa9t\xc3\xa9", "");
	put_file("mail/R&D", "");
	put_file("mail/a.lock", "");
	put_file("mail/.hid", "");
	put_file("mail/bad\xff", "");
	path_is(f, "R&D", "mail/R&D");
	list_is(f, "INBOX:EI B\xc3\xbc"
	           "cher & co:EI R&D:EI place:EN x:EN+ x/y:EN+ x/y/z:EI "
	           "\xc3\xa9t\xc3\xa9:EI");
	/* The proper form, where both are there. */
	put_file("mail/R&-D", "");
	path_is(f, "R&D", "mail/R&-D");
	path_is(f, "R&-D", "mail/R&--D");
	assert(folder_delete(f, cur_of("x/y")) < 0 && errno == ENOTEMPTY);
	assert(folder_delete(f, cur_of("nothing")) < 0 && errno == ENOENT);
	assert(folder_delete(f, cur_of("inbox")) < 0 && errno == EPERM);
	assert(folder_delete(f, cur_of("x/y/z")) == 0 &&
	       !is_there("mail/x/y/z"));
	assert(folder_delete(f, cur_of("x/y")) == 0 &&
	       folder_delete(f, cur_of("x")) == 0 && !is_there("mail/x"));
	folders_free(f);
}

static void
test_tree_rename(void)
{
	struct folders *f = begin("treerename", "inbox");

	assert(create(f, "a/b/c") == 0 && create(f, "a/d") == 0 &&
	       create(f, "e") == 0 && create(f, "ab") == 0);
	assert(folder_rename(f, cur_of("e"), cur_of("x/y/e")) == 0);
	list_is(f, "INBOX:EI a:EN+ a/b:EN+ a/b/c:EI a/d:EI ab:EI x:EN+ "
	           "x/y:EN+ x/y/e:EI");
	assert(folder_rename(f, cur_of("a"), cur_of("x/z")) == 0);
	list_is(f, "INBOX:EI ab:EI x:EN+ x/y:EN+ x/y/e:EI x/z:EN+ x/z/b:EN+ "
	           "x/z/b/c:EI x/z/d:EI");
	assert(folder_rename(f, cur_of("x"), cur_of("x/x")) < 0 &&
	       errno == EINVAL);
	assert(folder_rename(f, cur_of("x"), cur_of("ab")) < 0 &&
	       errno == EEXIST);
	assert(folder_rename(f, cur_of("x"), cur_of("ab/c")) < 0);
	assert(folder_rename(f, cur_of("n"), cur_of("m")) < 0 &&
	       errno == ENOENT);
	assert(folder_rename(f, cur_of("ab"), cur_of("inbox")) < 0 &&
	       errno == EEXIST);
	assert(folder_rename(f, cur_of("ab"), cur_of("a*")) < 0 &&
	       errno == EINVAL);
	list_is(f, "INBOX:EI ab:EI x:EN+ x/y:EN+ x/y/e:EI x/z:EN+ x/z/b:EN+ "
	           "x/z/b/c:EI x/z/d:EI");
	/* A file that is no mailbox stops it, and nothing has moved. */
	put_file("mail/x/z/picture", "\x89PNG\r\n\x1a\n");
	assert(folder_rename(f, cur_of("x"), cur_of("new")) < 0);
	assert(is_there("mail/x/z/b/c") && is_there("mail/x/y/e") &&
	       !is_there("mail/new"));
	folders_free(f);
}

/* --- Maildir --- */

static void
test_maildir(void)
{
	struct folders *f = begin("maildir", "Maildir/");

	assert(folder_separator(f) == '.');
	list_is(f, "INBOX:E");
	assert(create(f, "A.B") == 0 && create(f, "A.B") < 0 &&
	       errno == EEXIST);
	assert(is_there("Maildir/.A.B/cur") && is_there("Maildir/cur") &&
	       is_there("Maildir/.A.B/maildirfolder"));
	assert(create(f, "A.C") == 0 && create(f, "D.") == 0 &&
	       create(f, "INBOX.x") == 0);
	list_is(f, "INBOX:E+ INBOX.x:E A:N+ A.B:E A.C:E D:E");
	/* What is no folder is not shown. */
	make_dir("Maildir/.nothing");
	make_dir("Maildir/.bad&name");
	put_file("Maildir/.file", "");
	make_dir("Maildir/.inbox.y");
	make_dir("Maildir/.inbox.y/cur");
	make_dir("Maildir/.INBOX");
	make_dir("Maildir/.INBOX/cur");
	make_dir("Maildir/..x");
	make_dir("Maildir/..x/cur");
	list_is(f, "INBOX:E+ INBOX.x:E A:N+ A.B:E A.C:E D:E");
	assert(folder_exists(f, cur_of("A")) == 0);
	assert(folder_delete(f, cur_of("A")) < 0 && errno == ENOTEMPTY);
	assert(create(f, "A") == 0 && folder_delete(f, cur_of("A")) == 0);
	list_is(f, "INBOX:E+ INBOX.x:E A:N+ A.B:E A.C:E D:E");
	assert(folder_rename(f, cur_of("A"), cur_of("D.E")) == 0);
	list_is(f, "INBOX:E+ INBOX.x:E D:E+ D.E:N+ D.E.B:E D.E.C:E");
	assert(folder_rename(f, cur_of("D"), cur_of("F")) == 0);
	list_is(f, "INBOX:E+ INBOX.x:E F:E+ F.E:N+ F.E.B:E F.E.C:E");
	/* Something is in the way of what is below. */
	assert(create(f, "G.E.C") == 0);
	assert(folder_rename(f, cur_of("F"), cur_of("G")) < 0 &&
	       errno == EEXIST);
	list_is(f, "INBOX:E+ INBOX.x:E F:E+ F.E:N+ F.E.B:E F.E.C:E G:N+ "
	           "G.E:N+ G.E.C:E");
	folders_free(f);
}

/* --- subscriptions --- */

static void
sub(struct folders *f, const char *name, bool on)
{
	assert(folder_subscribe(f, cur_of(name), on) == 0);
}

static void
test_subscribe_uw(void)
{
	struct folders *f = begin("uw", "inbox");

	sub(f, "gone/&", true);
	sub(f, "inbox", true);
	sub(f, "mail/x", true);
	sub(f, "INBOX", true);
	file_is(".mailboxlist", "gone/&-\nINBOX\nmail/mail/x\n");
	list_is(f, "INBOX:EIs gone:N gone/&:s mail:N mail/x:s");
	/* As UW imapd has them, and what we do not understand. */
	put_file(".mailboxlist", "mail/a/b\nINBOX\n#news.x\n\n&bad\nmail/\n"
	                         "/abs\nc");
	list_is(f, "INBOX:EIs #news.x:s a:N a/b:s c:s");
	sub(f, "a/b", false);
	sub(f, "no such", false);
	sub(f, "d", true);
	file_is(".mailboxlist", "INBOX\n#news.x\n\n&bad\nmail/\n/abs\nc\nd\n");
	assert(!is_there(".mailboxlist.lock"));
	folders_free(f);
}

static void
test_subscribe_dovecot(void)
{
	struct folders *f = begin("dovecot", "inbox");

	make_dir("mail");
	put_file("mail/.subscriptions", "V\t2\n\nBrouillons\t&AOk- &- co\n");
	list_is(f, "INBOX:EI Brouillons:N Brouillons/\xc3\xa9 & co:s");
	sub(f, "a/b", true);
	file_is("mail/.subscriptions",
	        "V\t2\n\nBrouillons\t&AOk- &- co\na\tb\n");
	put_file("mail/.subscriptions", "a/b\nc\n");
	list_is(f, "INBOX:EI a:N a/b:s c:s");
	sub(f, "a/b", false);
	sub(f, "d/e", true);
	file_is("mail/.subscriptions", "c\nd/e\n");
	/* UW's is asked where it is. */
	put_file(".mailboxlist", "x\n");
	list_is(f, "INBOX:EI x:s");
	folders_free(f);

	f = begin("dovecotmd", "Maildir/");
	sub(f, "A.B", true);
	sub(f, "INBOX", true);
	file_is("Maildir/subscriptions", "V\t2\n\nA\tB\nINBOX\n");
	list_is(f, "INBOX:Es A:N A.B:s");
	put_file("Maildir/subscriptions", "A.B\nSent\n");
	sub(f, "A.B", false);
	sub(f, "C.D", true);
	file_is("Maildir/subscriptions", "Sent\nC.D\n");
	folders_free(f);
}

static void
test_subscribe_courier(void)
{
	struct folders *f = begin("courier", "Maildir/");

	make_dir("Maildir");
	put_file("Maildir/courierimapsubscribed", "INBOX\nINBOX.Sent\n"
	                                          "INBOX.A.&APw-\nshared.x\n");
	list_is(f, "INBOX:Es A:N A.\xc3\xbc:s Sent:s");
	sub(f, "Sent", false);
	sub(f, "INBOX", false);
	sub(f, "B", true);
	file_is("Maildir/courierimapsubscribed",
	        "INBOX.A.&APw-\nshared.x\nINBOX.B\n");
	folders_free(f);
}

/* A lock that somebody left is broken when it is old, and honoured before. */
static void
test_subscribe_lock(void)
{
	struct folders *f = begin("lock", "inbox");
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char *p = path(".mailboxlist.lock");

	put_file(".mailboxlist.lock", "torn");
	assert(utimensat(AT_FDCWD, p, old, 0) == 0);
	free(p);
	log_to("/dev/null");
	sub(f, "a", true);
	file_is(".mailboxlist", "a\n");
	folders_free(f);
}

/* --- special uses --- */

static void
test_special(void)
{
	struct folders *f = begin("special", "inbox");

	assert(create(f, "sent-mail") == 0 && create(f, "Spam") == 0 &&
	       create(f, "drafts") == 0 && create(f, "Trash/") == 0 &&
	       create(f, "sub/Archive") == 0);
	list_is(f, "INBOX:EI Spam:EIj Trash:EN drafts:EId sent-mail:EIo "
	           "sub:EN+ sub/Archive:EI");
	assert(create(f, "Sent") == 0);
	list_is(f, "INBOX:EI Sent:EIo Spam:EIj Trash:EN drafts:EId "
	           "sent-mail:EI sub:EN+ sub/Archive:EI");
	/* Said is said. */
	assert(folder_create(f, cur_of("sub/\xc3\xbc"),
	                     FOLDER_SENT | FOLDER_TRASH) == 0);
	file_is("mail/.special-use", "sub/&APw-\t\\Sent\nsub/&APw-\t\\Trash\n");
	assert(folder_rename(f, cur_of("sub"), cur_of("new")) == 0);
	list_is(f, "INBOX:EI Sent:EI Spam:EIj Trash:EN drafts:EId new:EN+ "
	           "new/Archive:EI new/\xc3\xbc:EIot sent-mail:EI");
	assert(folder_create(f, cur_of("mine"), FOLDER_SENT) == 0);
	file_is("mail/.special-use", "new/&APw-\t\\Trash\nmine\t\\Sent\n");
	assert(folder_delete(f, cur_of("mine")) == 0);
	file_is("mail/.special-use", "new/&APw-\t\\Trash\n");
	list_is(f, "INBOX:EI Sent:EIo Spam:EIj Trash:EN drafts:EId new:EN+ "
	           "new/Archive:EI new/\xc3\xbc:EIt sent-mail:EI");
	remove_file("mail/.special-use");
	/* Where it cannot be remembered there is no mailbox either. */
	make_dir("mail/.special-use");
	assert(folder_create(f, cur_of("x"), FOLDER_JUNK) < 0);
	assert(folder_exists(f, cur_of("x")) == 0);
	folders_free(f);

	f = begin("specialmd", "Maildir/");
	assert(folder_create(f, cur_of("special-use"), FOLDER_JUNK) == 0);
	list_is(f, "INBOX:E special-use:Ej");
	file_is("Maildir/special-use", "special-use\t\\Junk\n");
	folders_free(f);
}

/* --- patterns --- */

static void
matches(const char *reference, const char *pattern, const char *name, bool yes)
{
	struct arena a = {0};
	struct pattern x;

	pattern_make(&x, &a, cur_of(reference), cur_of(pattern));
	if (pattern_match(&x, cur_of(name), '/', strcmp(name, "INBOX") == 0) !=
	    yes) {
		fprintf(stderr, "%s %s: %s\n", reference, pattern, name);
		abort();
	}
	arena_free(&a);
}

static void
test_patterns(void)
{
	struct arena a = {0};
	struct str many = {0}, name = {0};
	struct pattern x;
	int i;

	matches("", "*", "INBOX", true);
	matches("", "*", "a/b/c", true);
	matches("", "%", "a", true);
	matches("", "%", "a/b", false);
	matches("", "%/%", "a/b", true);
	matches("", "%/%", "a", false);
	matches("", "%/%", "a/b/c", false);
	matches("", "a/*", "a", false);
	matches("", "a/*", "a/", true);
	matches("", "*/c", "a/b/c", true);
	matches("", "%/c", "a/b/c", false);
	matches("", "*%", "a/b/c", true);
	matches("", "%*", "a/b/c", true);
	matches("", "a%c", "abbc", true);
	matches("", "a%c", "ab/c", false);
	matches("", "a*c%e", "a/b/c/c-d/e", false);
	matches("", "a*c%e", "a/b/c/c-d-e", true);
	matches("", "", "", true);
	matches("", "a", "A", false);
	matches("", "inbox", "INBOX", true);
	matches("", "In%", "INBOX", true);
	matches("", "*2", "foo2/bar2", true);
	matches("", "*2", "foo2/bar1", false);
	/* RFC 9051 6.3.9, Table 1 */
	matches("~smith/Mail/", "foo.*", "~smith/Mail/foo.bar", true);
	matches("archive/", "%", "archive/x", true);
	matches("archive/", "%", "archive/x/y", false);
	matches("#news.", "comp.mail.*", "#news.comp.mail.misc", true);
	matches("~smith/Mail/", "/usr/doc/foo", "/usr/doc/foo", false);
	matches("sent", "", "sent", true);
	/* Not one step more than need be, for any number of them. */
	for (i = 0; i < 300000; i++)
		str_adds(&many, "*%");
	pattern_make(&x, &a, cur_of(""), all(&many));
	assert(x.length == 1);
	for (i = 0; i < 1000; i++)
		str_addc(&name, 'a');
	assert(pattern_match(&x, all(&name), '/', false));
	str_clear(&many);
	for (i = 0; i < 999; i++)
		str_adds(&many, i % 2 ? "*a" : "%a");
	str_adds(&many, "*b");
	pattern_make(&x, &a, cur_of(""), all(&many));
	for (i = 0; i < 20; i++)
		assert(!pattern_match(&x, all(&name), '/', false));
	str_adds(&many, "*a*a");
	pattern_make(&x, &a, cur_of(""), all(&many));
	assert(!pattern_match(&x, all(&name), '/', false));
	/* Every length, over the bounds of words. */
	for (i = 1; i < 300; i++) {
		char *p = mem_alloc((size_t)i + 1);

		memset(p, 'a', (size_t)i);
		pattern_make(&x, &a, cur_of(p), cur_of(i % 2 ? "%" : ""));
		assert(pattern_match(&x, cur_of(p), '/', false));
		p[i - 1] = 'b';
		assert(!pattern_match(&x, cur_of(p), '/', false));
		pattern_make(&x, &a, cur_of("%a*"), cur_of(p + i / 2));
		assert(pattern_match(&x, cur_of(p), '/', false) == (i / 2 > 0));
		free(p);
	}
	str_free(&many);
	str_free(&name);
	arena_free(&a);
}

/* As RFC 9051 says it, at any price. */
static bool
slow_match(const char *pattern, const char *name)
{
	if (*pattern == '\0')
		return *name == '\0';
	if (*pattern != '*' && *pattern != '%')
		return *pattern == *name && slow_match(pattern + 1, name + 1);
	if (slow_match(pattern + 1, name))
		return true;
	return *name && (*pattern == '*' || *name != '/') &&
	       slow_match(pattern, name + 1);
}

/* The next text over these letters, shorter ones first; false: it was the last of five
 * letters. */
static bool
next_text(char text[6], const char *letters)
{
	size_t i;

	for (i = 0; i < 5; i++) {
		const char *at = text[i] ? strchr(letters, text[i]) : NULL;

		if (!at || at[1]) {
			text[i] = at ? at[1] : letters[0];
			return true;
		}
		text[i] = letters[0];
	}
	return false;
}

/* All patterns and names of up to five letters. */
static void
test_all_patterns(void)
{
	char pattern[6] = "";
	struct arena a = {0};
	struct pattern x;

	do {
		char name[6] = "";

		pattern_make(&x, &a, cur_of(""), cur_of(pattern));
		do
			assert(pattern_match(&x, cur_of(name), '/', false) ==
			       slow_match(pattern, name));
		while (next_text(name, "ab/"));
		arena_reset(&a);
	} while (next_text(pattern, "a/*%"));
	arena_free(&a);
}

int
main(void)
{
	char tmp[] = "/tmp/folder.XXXXXX", *const rm[] = {mem_dup("rm", 2),
	                                                  mem_dup("-rf", 3),
	                                                  tmp, NULL};

	umask(077);
	assert(mkdtemp(tmp));
	str_adds(&t.dir, tmp);
	test_patterns();
	test_all_patterns();
	test_hostile();
	test_hostile_maildir();
	test_links();
	test_tree();
	test_tree_rename();
	test_maildir();
	test_subscribe_uw();
	test_subscribe_dovecot();
	test_subscribe_courier();
	test_subscribe_lock();
	test_special();
	execvp(rm[0], rm);
	return 1;
}
