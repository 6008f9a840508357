/* imap - the parts of imapd(8): a session from its greeting to its end.  Two processes
 * speak in it, one behind the other: the talker up to the login, the user's from
 * then on; see main.c. */
#ifndef IMAP_H
#define IMAP_H

#include "gate.h"
#include "io.h"
#include "mem.h"
#include "out.h"
#include "parse.h"
#include "store.h"

enum {
	IMAP_TRIES = 4,             /* wrong passwords of a connection */
	IMAP_PATIENCE = 10 * 1000,  /* ms to wait for others' locks */
	IMAP_IDLE = 30 * 60 * 1000, /* ms (RFC 9051 5.4) */
	IMAP_NAME = 1000            /* bytes of a mailbox name */
};

/* Flags that a client may set, beside keywords (RFC 9051 2.3.2). */
enum {
	IMAP_FLAGS =
	    FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED | FLAG_DRAFT
};

/* States (RFC 9051 3), as bits; CLEAR: before the login, where a password would be
 * in the clear. */
enum { STRANGER = 1, USER = 2, SELECTED = 4, CLEAR = 8, ANY = 15 };

/* How a session ends, beside IO_*. */
enum {
	IMAP_BYE = 1, /* LOGOUT, or the client was told why */
	IMAP_LOGIN    /* the password was right; somebody else goes on */
};

/* What ENABLE turned on, and commands that ask for it (RFC 7162 3.1). */
enum { ON_CONDSTORE = 1, ON_QRESYNC = 2, ON_UTF8 = 4, ON_REV2 = 8 };

/* A message as the client knows it; its number is its place, from 0. */
struct seen {
	uint64_t modseq; /* as far as its flags were told */
	uint64_t keywords;
	uint32_t uid;
	uint16_t flags;
	bool recent;
};

/* The selected mailbox. */
struct box {
	struct store store;
	bool open;
	bool readonly;
	char *name; /* UTF-8 */
	char *path;
	uint32_t validity;
	uint64_t generation; /* of the index that v agrees with, but for what
	                        is held back */
	bool held;           /* an expunge */
	uint64_t told;       /* modseq up to which the client knows all */
	struct seen *v;      /* in the order of their UIDs */
	size_t n, cap;
	bool asleep;   /* only told and n are there, and: */
	uint32_t next; /* UIDNEXT, as it was told */
	size_t recent;
	uint64_t keywords; /* those whose names the client was told */
	uint32_t *found;   /* $: UIDs, ascending (RFC 5182) */
	size_t nfound;
	struct cache *cache;   /* of cache.c, opened when it is needed */
	struct letter *letter; /* of letter.c: the message asked for last */
};

struct session {
	struct io io;
	const struct conf *conf;
	const struct user *user; /* after the login */
	bool own;                /* nobody was asked for a password */
	bool half;               /* of a line is sent, maybe of a literal */
	struct str records;      /* directory of the user's records */
	struct peer peer;
	unsigned state, on;
	unsigned long errors; /* commands that are none, in a row */
	struct arena arena;   /* of the command at hand */
	struct parse parse;
	struct cur tag;
	bool uid;          /* it came as UID FETCH and so on */
	bool numbers;      /* and yet speaks in numbers: UID SEARCH 1 */
	const char *word;  /* "OK", "NO", "BAD": what the answer will be */
	struct str answer; /* its text, with response code */
	struct box box;
	struct folders *folders; /* folder.c */
	/* login.c */
	struct judge *judge;
	unsigned tries;
	struct deflate *deflate; /* compress.c */
};

/* --- imap.c: commands, and what is said --- */

/* Read and obey until the end, which is returned: IMAP_* or IO_*. */
int imap_run(struct session *s);

/* The answer to the command at hand, which the loop gives behind the updates that are
 * due: "OK", "NO", "BAD" and a text that may begin with a response code in brackets.
 * All return 0. */
__attribute__((format(printf, 2, 3))) int ok(struct session *s, const char *fmt,
                                             ...);
__attribute__((format(printf, 2, 3))) int no(struct session *s, const char *fmt,
                                             ...);
__attribute__((format(printf, 2, 3))) int bad(struct session *s,
                                              const char *fmt, ...);
/* BAD with what the parser says. */
int bad_parse(struct session *s);
/* NO for errno and s->box.store.why or another store's. */
int no_store(struct session *s, const struct store *st);

/* What x holds goes to the client, and x is empty. */
void say(struct session *s, struct str *x);

/* The capabilities that hold now, with a blank before each. */
void add_capabilities(const struct session *s, struct str *x);

/* --- box.c: the selected mailbox --- */

/* The places in s->box.v that a set names, ascending, each once, in the command's
 * arena.  Numbers, or UIDs when s->uid.  0, or -1: a number that is none (BAD was
 * said). */
int box_set(struct session *s, const struct set *set, uint32_t **at, size_t *n);

/* The first place whose UID is not below. */
size_t box_lower(const struct box *b, uint32_t uid);
/* The places that a range covers: [*from, *to).  0, or -1: a number that is none. */
int box_range(const struct box *b, const struct range *r, bool uid,
              size_t *from, size_t *to);
/* Which places a set (not $) names: in has one for each.  0 or -1. */
int box_mark(struct session *s, const struct set *set, bool uid, bool *in);

/* What the index tells of the message at place i now, or NULL when it is gone.  Good
 * until the store is asked for anything. */
const struct index_msg *box_msg(const struct session *s, size_t i);

/* The place of a UID, or -1. */
ssize_t box_place(const struct session *s, uint32_t uid);

/* All places; the UIDs of some; in the command's arena. */
uint32_t *box_all(struct session *s);
uint32_t *box_uids(struct session *s, const uint32_t *at, size_t n);

/* A mailbox for what one command does: the selected one if it is that and awake, else
 * the other, which is opened.  NULL: the answer was given (TRYCREATE when try). */
struct store *box_visit(struct session *s, struct cur name, bool try,
                        struct store *other);
/* The same for who needs no messages: see store_peek(). */
struct store *box_peek(struct session *s, struct cur name, struct store *other);
void box_leave(struct session *s, struct store *st);

int do_select(struct session *s, struct parse *p);
int do_examine(struct session *s, struct parse *p);
int do_close(struct session *s, struct parse *p);
int do_unselect(struct session *s, struct parse *p);
int do_check(struct session *s, struct parse *p);
/* Leave the selected mailbox; flags go into it. */
void box_close(struct session *s);
/* Remove those of these that have \Deleted: 0, or -1 with the answer given. */
int box_purge(struct session *s, const uint32_t *at, size_t n);
/* OK when messages were removed, with what RFC 7162 3.2.7, 6851 4.4 and 8508 4.5 want. */
int box_purged(struct session *s);

/* --- sync.c: the one voice of unasked updates (RFC 9051 7, 5.5) --- */

/* Begin to know the mailbox: everything that is there, without a word.  It is asleep
 * until it is needed, or changes, where its messages were not read yet. */
void sync_begin(struct session *s);
/* Wake it: the client knows the messages that it was told the number of.  0, -1 as
 * store_open(), or IMAP_BYE: it is not known which these were, and BYE was said. */
int sync_wake(struct session *s);
/* Look at the mailbox and tell the client what it does not know: EXISTS, FETCH,
 * EXPUNGE or VANISHED; numbers stay as they are unless expunge.  0, or -1: it is
 * another mailbox now, and BYE was said. */
int sync_tell(struct session *s, bool expunge);
/* "* n FETCH (FLAGS (...)" of the message at place i as it is now (with UID and
 * MODSEQ where they are due), open for more items; what is told is remembered.
 * false: it is gone, and nothing was added. */
bool sync_flags(struct session *s, size_t i, struct str *x);
/* The same as a line of its own, which is said; x is for that. */
void sync_line(struct session *s, size_t i, struct str *x);
/* Is the UID among what sync_flags() says?  RFC 9051 7.5.2, RFC 7162 3.2.4. */
bool sync_uid(const struct session *s);
/* The client knows by itself what the change does to the message at place i. */
void sync_believe(struct session *s, size_t i, const struct store_change *c);
/* The client asks for modification numbers: it gets them from now on, and is told which
 * one it is at, if a mailbox is selected and it was not told (RFC 7162 3.1). */
void sync_condstore(struct session *s);
/* EXISTS and RECENT; FLAGS and PERMANENTFLAGS. */
void sync_numbers(struct session *s, struct str *x);
void sync_names(struct session *s, struct str *x);
/* RFC 7162 3.2.5: what SELECT owes to a client that was here at modseq, about the
 * UIDs in known (NULL: all). */
void sync_since(struct session *s, uint64_t modseq, const struct set *known);
/* VANISHED (EARLIER) for what went since modseq, of the UIDs in known. */
void sync_vanished(struct session *s, uint64_t modseq, const struct set *known);

/* --- turn.c: one session of a user after the other --- */

enum turn {
	TURN_MOVE,  /* to remove what was copied; comes before the others */
	TURN_ADD,   /* to put messages into a mailbox: any number at once */
	TURN_NAMES, /* to make, rename or remove mailboxes: nobody else adds */
};
/* Wait for those who are in our way.  0, and *fd is for turn_leave(), or -1 with the
 * answer given. */
int turn_take(struct session *s, enum turn what, int *fd);
void turn_leave(int fd);

/* --- the other commands --- */

int do_append(struct session *s, struct parse *p); /* append.c */
int do_replace(struct session *s, struct parse *p);
int do_copy(struct session *s, struct parse *p); /* copy.c */
int do_move(struct session *s, struct parse *p);
/* The bits of a flag list's keywords in that mailbox, of which there may be more with
 * make: 0, or -1 with the answer given. */
int flags_keywords(struct session *s, struct store *st, const struct flags *f,
                   bool make, uint64_t *bits); /* flags.c */
int do_store(struct session *s, struct parse *p);
int do_expunge(struct session *s, struct parse *p);
int do_fetch(struct session *s, struct parse *p);    /* fetch.c */
int do_search(struct session *s, struct parse *p);   /* search.c */
int do_sort(struct session *s, struct parse *p);     /* sort.c */
int do_thread(struct session *s, struct parse *p);   /* thread.c */
int do_idle(struct session *s, struct parse *p);     /* idle.c */
int do_compress(struct session *s, struct parse *p); /* compress.c */
/* The answer to COMPRESS has left: what follows is compressed. */
void compress_begin(struct session *s);
/* Add the LIST of one mailbox that exists, with its attributes. */
void list_one(struct session *s, struct cur name, struct str *x);
int do_list(struct session *s, struct parse *p); /* list.c */
int do_lsub(struct session *s, struct parse *p);
int do_status(struct session *s, struct parse *p);
int do_namespace(struct session *s, struct parse *p);
int do_create(struct session *s, struct parse *p); /* names.c */
int do_delete(struct session *s, struct parse *p);
int do_rename(struct session *s, struct parse *p);
int do_subscribe(struct session *s, struct parse *p);
int do_unsubscribe(struct session *s, struct parse *p);
int do_getquota(struct session *s, struct parse *p); /* quota.c */
int do_getquotaroot(struct session *s, struct parse *p);
int do_setquota(struct session *s, struct parse *p);
/* Would so many bytes more be over the limit of the mailbox? */
int quota_over(const struct session *s, const struct store *st, uint64_t more);

/* --- login.c, user.c --- */

int do_login(struct session *s, struct parse *p);
int do_authenticate(struct session *s, struct parse *p);
int do_starttls(struct session *s, struct parse *p);
/* The answer to a password that would be in the clear. */
int login_in_clear(struct session *s);
/* The two halves of a session, as gate.h and front.h want them. */
void login_run(void *session, struct judge *j);
void user_run(void *session, const struct user *u, bool own, struct judge *j);

#endif
