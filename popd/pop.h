/* pop - the parts of popd(8): a session from its greeting to its end.  Two processes
 * speak in it, one behind the other: the talker up to the login, the user's from
 * then on; see main.c. */
#ifndef POP_H
#define POP_H

#include "gate.h"
#include "io.h"
#include "store.h"

enum {
	POP_LINE = 253,          /* of a command (RFC 2449 4) */
	POP_LOGIN_LINE = 2100,   /* before the login: an answer to SASL fits */
	POP_TRIES = 4,           /* wrong passwords of a connection */
	POP_PATIENCE = 10 * 1000 /* ms to wait for others' locks */
};

/* States (RFC 1939 3), as bits: before the login, with a name given, after it; before it
 * where a password would be in the clear. */
enum { STRANGER = 1, NAMED = 2, USER = 4, CLEAR = 8, ANY = 15 };

/* How a session ends, beside SERV_*. */
enum {
	POP_QUIT = 1,
	POP_LOGIN,  /* the password was right; somebody else goes on */
	POP_CLOSED, /* the client got its last -ERR */
	POP_BROKEN  /* in the middle of something */
};

/* A message as this session knows it.  Its number is for ever. */
struct item {
	uint32_t uid;
	bool deleted;
	bool seen; /* it was sent as a whole */
	uint64_t size;
	char *name; /* for UIDL, where its header says it, or NULL */
};

/* --- drop.c: the maildrop --- */

struct drop {
	struct store store;
	struct str state; /* directory of the user's records */
	char *path;
	bool open;
	struct item *item;
	size_t n;           /* of them all */
	size_t left;        /* not deleted */
	uint64_t size, all; /* octets of these, and of them all */
	bool named;         /* headers were asked for names */
};

/* Open the mailbox of the user that we are, by hand or not.  0, or -1 with errno
 * and d->store.why. */
int drop_open(struct drop *d, const struct conf *c, const struct user *u,
              bool by_hand);

/* Delete or undelete. */
void drop_mark(struct drop *d, struct item *it, bool deleted);

/* What was sent is marked as read, and what was deleted goes.  0, or -1 when some
 * of it is still there. */
int drop_update(struct drop *d, bool purge);

/* What we know goes into the mailbox. */
void drop_close(struct drop *d);

/* --- uidl.c --- */

/* Read what the form (of conf.uidl) wants to know of every message.  0 or -1. */
int uidl_make(struct drop *d, const char *form);
/* The name of one. */
void uidl_show(struct str *x, const struct drop *d, const char *form,
               const struct item *it);

/* --- pop.c: commands and replies --- */

struct session {
	struct io io;
	const struct conf *conf;
	struct peer peer;
	unsigned state;
	unsigned long errors; /* commands that are none */
	struct claim claim;
	unsigned tries;
	struct judge *judge;
	struct drop drop;
	unsigned long tops, retrs;
	unsigned long long top_bytes, retr_bytes;
};

/* The two halves of a session: before the login, as gate.h wants it, and behind it, as
 * front.h. */
void login_run(void *session, struct judge *j);
void trans_run(void *session, const struct user *u, bool own, struct judge *j);

/* Read and obey until the end, which is returned: POP_* or SERV_*. */
int pop_run(struct session *s);

/* One line of reply: "+OK text", "-ERR text". */
__attribute__((format(printf, 2, 3))) int reply_ok(struct session *s,
                                                   const char *fmt, ...);
__attribute__((format(printf, 2, 3))) int reply_err(struct session *s,
                                                    const char *fmt, ...);
/* The same for what is no command or cannot be read: too many end it. */
int reply_wrong(struct session *s, const char *text);

/* Is nothing left of the line but blanks? */
bool line_ends(struct cur *c);

/* --- login.c, trans.c: what the commands do; 0 or the end --- */

int do_user(void *session, struct cur *c);
int do_pass(void *session, struct cur *c);
int do_auth(void *session, struct cur *c);
int do_stls(void *session, struct cur *c);
/* What is said to a password that would be in the clear. */
int login_in_clear(struct session *s);

int do_stat(void *session, struct cur *c);
int do_list(void *session, struct cur *c);
int do_uidl(void *session, struct cur *c);
int do_retr(void *session, struct cur *c);
int do_top(void *session, struct cur *c);
int do_dele(void *session, struct cur *c);
int do_noop(void *session, struct cur *c);
int do_rset(void *session, struct cur *c);
int do_quit(void *session, struct cur *c);

#endif
