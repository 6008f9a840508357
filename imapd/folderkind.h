/* folderkind - the parts of folder.h: what mbox files and Maildir++ folders differ in,
 * subscriptions, special uses.  Included by folder.c and the files named here. */
#ifndef FOLDERKIND_H
#define FOLDERKIND_H

#include "folder.h"

enum { FOLDER_MOST = 100000 /* names in a list */ };

struct folders {
	struct store_how how;
	struct str state; /* how.state */
	char *inbox;      /* as store_open() takes it */
	char *root;       /* directory of the others, without / at its end */
	char *home;
	struct str list; /* of subscriptions, UW's */
	bool unread;     /* ... could not be read last time */
	bool maildir;
	char separator;
};

/* A list that grows; the names lie in the arena. */
struct names {
	struct arena *arena;
	struct folder *v;
	size_t n, cap;
};
/* 0, or -1 with EOVERFLOW: it is full. */
int names_add(struct names *l, struct cur name, unsigned is);

/* --- folder.c --- */

/* Can it be the name of a mailbox?  0, or -1 with EINVAL. */
int folder_check(const struct folders *f, struct cur name);
bool folder_is_inbox(struct cur name);
/* Is name below the other? */
bool folder_is_below(const struct folders *f, struct cur name, struct cur top);

/* --- foldertree.c: mbox; foldermaildir.c: Maildir++ ---
 * Names are checked, and none is INBOX. */

/* As folder_path(), but directories are paths too. */
char *tree_path(const struct folders *f, struct cur name);
char *maildir_path(const struct folders *f, struct cur name);
/* FOLDER_EXISTS and so on, 0: nothing is there, -1 with errno. */
int tree_look(const struct folders *f, struct cur name);
int maildir_look_for(const struct folders *f, struct cur name);
/* Make a mailbox, or with place a directory for some, and what is above. */
int tree_make(const struct folders *f, struct cur name, bool place);
int maildir_make(const struct folders *f, struct cur name);
/* Make INBOX, which the others lie in. */
int maildir_make_top(const struct folders *f);
/* Make what must be above a name. */
int tree_make_above(const struct folders *f, struct cur name);
int tree_remove_place(const struct folders *f, struct cur name);
/* Add all names but INBOX.  Where nothing is, nothing is added. */
int tree_list(const struct folders *f, struct names *l);
int maildir_list(const struct folders *f, struct names *l);

/* --- subscribe.c --- */

/* Add the names of the list, as FOLDER_SUBSCRIBED. */
int subscribe_list(const struct folders *f, struct names *l);
int subscribe_change(const struct folders *f, struct cur name, bool on);

/* --- specialuse.c --- */

/* Mark the mailboxes with a special use in a sorted list. */
void use_mark(const struct folders *f, struct folder *v, size_t n);
/* Remember the uses of a mailbox, which others then lose; 0: it has none. */
int use_set(const struct folders *f, struct cur name, unsigned uses);
/* It and what is below has another name. */
int use_rename(const struct folders *f, struct cur from, struct cur to);

#endif
