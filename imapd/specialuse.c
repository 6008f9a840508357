/* specialuse - which mailboxes are for drafts, for what was sent and so on (RFC 6154):
 * those that a client said when it created them, in a file of its own, else those
 * with the usual names.  One mailbox for each use, or none.  Called by folder.c and
 * folderlist.c, as the user. */
#include "folderkind.h"

#include "namefile.h"
#include "utf7.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct use {
	const char *word;
	unsigned is;
} uses[] = {
    {"\\Archive", FOLDER_ARCHIVE},
    {"\\Drafts",  FOLDER_DRAFTS },
    {"\\Junk",    FOLDER_JUNK   },
    {"\\Sent",    FOLDER_SENT   },
    {"\\Trash",   FOLDER_TRASH  },
};

/* Names that say it, in any case, the better ones first. */
static const struct {
	unsigned use;
	const char *name;
} usual[] = {
    {FOLDER_ARCHIVE, "Archive"         },
    {FOLDER_ARCHIVE, "Archives"        },
    {FOLDER_DRAFTS,  "Drafts"          },
    {FOLDER_DRAFTS,  "postponed-msgs"  },
    {FOLDER_DRAFTS,  "postponed"       },
    {FOLDER_JUNK,    "Junk"            },
    {FOLDER_JUNK,    "Spam"            },
    {FOLDER_JUNK,    "Junk E-mail"     },
    {FOLDER_JUNK,    "Junk Email"      },
    {FOLDER_SENT,    "Sent"            },
    {FOLDER_SENT,    "Sent Messages"   },
    {FOLDER_SENT,    "Sent Items"      },
    {FOLDER_SENT,    "Sent Mail"       },
    {FOLDER_SENT,    "sent-mail"       },
    {FOLDER_TRASH,   "Trash"           },
    {FOLDER_TRASH,   "Deleted Messages"},
    {FOLDER_TRASH,   "Deleted Items"   },
};

enum {
	USES = sizeof uses / sizeof *uses,
	USUAL = sizeof usual / sizeof *usual
};

unsigned
folder_use(struct cur word)
{
	size_t u;

	for (u = 0; u < USES; u++)
		if (cur_is(&word, uses[u].word + 1))
			return uses[u].is;
	return 0;
}

/* In a Maildir a name with a dot would be that of a folder. */
static const char *
file_name(const struct folders *f)
{
	return f->maildir ? "special-use" : ".special-use";
}

static int
open_root(const struct folders *f)
{
	return open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A line: name, tab, use.  The use, or NULL. */
static const struct use *
read_line(struct cur line, struct str *name)
{
	struct cur c;
	size_t u;

	str_clear(name);
	cur_until(&line, "\t", &c);
	if (cur_get(&line) < 0 || cur_len(&c) == 0 || utf7_decode(name, c) < 0)
		return NULL;
	for (u = 0; u < USES; u++)
		if (cur_is(&line, uses[u].word))
			return &uses[u];
	return NULL;
}

static void
write_line(struct str *text, struct cur name, const struct use *u)
{
	utf7_encode(text, name);
	str_addc(text, '\t');
	str_adds(text, u->word);
	str_addc(text, '\n');
}

static bool
is_mailbox(const struct folder *x)
{
	return (x->is & (FOLDER_EXISTS | FOLDER_NOSELECT)) == FOLDER_EXISTS;
}

/* Mark what the file says; returns the uses that it knows a mailbox for. */
static unsigned
mark_told(struct cur text, struct folder *v, size_t n)
{
	struct str name = {0};
	struct cur line;
	unsigned told = 0;
	size_t i;

	while (namefile_line(&text, &line)) {
		const struct use *u = read_line(line, &name);

		for (i = 0; u && !(told & u->is) && i < n; i++)
			if (cur_same(str_cur(&name), v[i].name) &&
			    is_mailbox(&v[i])) {
				v[i].is |= u->is;
				told |= u->is;
			}
	}
	str_free(&name);
	return told;
}

/* How good a name is for a use: less is better, USUAL is not at all. */
static size_t
rank(const struct use *u, struct cur name)
{
	size_t k;

	for (k = 0; k < USUAL; k++)
		if (usual[k].use == u->is && cur_is(&name, usual[k].name))
			break;
	return k;
}

static void
mark_usual(const struct use *u, struct folder *v, size_t n)
{
	size_t i, r, best = USUAL, at = 0;

	for (i = 0; i < n; i++)
		if (v[i].up == i && is_mailbox(&v[i]) &&
		    (r = rank(u, v[i].name)) < best) {
			best = r;
			at = i;
		}
	if (best < USUAL)
		v[at].is |= u->is;
}

void
use_mark(const struct folders *f, struct folder *v, size_t n)
{
	struct str text = {0};
	unsigned told = 0;
	int dir = open_root(f);
	size_t u;

	if (dir >= 0 && namefile_read(dir, file_name(f), &text) == 0)
		told = mark_told(str_cur(&text), v, n);
	for (u = 0; u < USES; u++)
		if (!(told & uses[u].is))
			mark_usual(&uses[u], v, n);
	if (dir >= 0)
		close(dir);
	str_free(&text);
}

/* --- changes --- */

/* Rewrite the file: line by line as edit wants it, then more. */
struct edit {
	const struct folders *f;
	struct cur name, to;
	unsigned uses; /* that others lose */
	/* Keep the line of this name, maybe as another (in name)? */
	bool (*keep)(const struct edit *e, const struct use *u,
	             struct str *name);
};

static int
rewrite(const struct edit *e)
{
	int dir = open_root(e->f), r = -1, err;
	struct str text = {0}, name = {0};
	struct namefile file;
	struct cur c, line;
	size_t u;

	if (dir < 0)
		return -1;
	if (e->uses == 0 && faccessat(dir, file_name(e->f), F_OK, 0) < 0) {
		close(dir);
		return 0;
	}
	if (namefile_begin(&file, dir, file_name(e->f), e->f->how.patience) ==
	    0) {
		c = str_cur(&file.text);
		str_adds(&text, "");
		while (namefile_line(&c, &line)) {
			const struct use *is = read_line(line, &name);

			if (is && e->keep(e, is, &name))
				write_line(&text, str_cur(&name), is);
		}
		for (u = 0; u < USES; u++)
			if (e->uses & uses[u].is)
				write_line(&text, e->name, &uses[u]);
		c = str_cur(&file.text);
		r = namefile_end(&file,
		                 cur_same(str_cur(&text), c) ? NULL : &text);
	}
	err = errno;
	close(dir);
	str_free(&text);
	str_free(&name);
	errno = err;
	return r;
}

static bool
keep_others(const struct edit *e, const struct use *u, struct str *name)
{
	return !(e->uses & u->is) && !cur_same(str_cur(name), e->name);
}

int
use_set(const struct folders *f, struct cur name, unsigned of)
{
	return rewrite(&(struct edit){.f = f,
	                              .name = name,
	                              .uses = of & FOLDER_USES,
	                              .keep = keep_others});
}

static bool
keep_renamed(const struct edit *e, const struct use *u, struct str *name)
{
	struct cur c = str_cur(name);
	struct str s = {0};

	(void)u;
	if (!folder_is_within(e->f, c, e->name))
		return true;
	str_add(&s, e->to.p, cur_len(&e->to));
	c.p += cur_len(&e->name);
	str_add(&s, c.p, cur_len(&c));
	str_free(name);
	*name = s;
	return true;
}

int
use_rename(const struct folders *f, struct cur from, struct cur to)
{
	return rewrite(&(struct edit){
	    .f = f, .name = from, .to = to, .keep = keep_renamed});
}
