/* smtp - one session: the commands, and what receive.c needs of them. */
#ifndef SMTP_H
#define SMTP_H

#include "addr.h"
#include "conf.h"
#include "data.h"
#include "gate.h"
#include "io.h"
#include "peer.h"
#include "route.h"
#include "sender.h"
#include "spool.h"

#include <stdbool.h>

/* The states; each command names those in which it is allowed. */
enum {
	START = 1, /* nobody has said hello */
	HELLO = 2,
	MAIL = 4,      /* the sender is known */
	RCPT = 8,      /* ... and a recipient */
	CHUNK = 16,    /* in the middle of BDAT */
	STRANGER = 32, /* said hello, and has to log in */
	ANY = 63
};

enum {
	SMTP_COMMANDS = 14,
	SMTP_TRIES = 4 /* wrong passwords of a connection */
};

/* A message on its way in. */
struct receipt {
	bool open; /* file is there and must be committed or aborted */
	struct spool_new file;
	struct data data;
	struct head head;
	struct str out;
	size_t held;      /* bytes of it that head knows */
	bool submitted;   /* the header was looked at */
	int code;         /* of the first failure, 0: none */
	const char *text; /* ... with its status */
};

struct session {
	struct io io;
	struct peer peer;
	const struct conf *conf;
	struct judge *judge; /* who stands at the gate, or NULL */
	bool submission;     /* a port for those who log in */
	bool trusted;        /* may relay */

	char login[AUTH_NAME_MAX + 1]; /* who it is, "": nobody knows */
	const char *method;            /* ... by this mechanism */
	unsigned tries;                /* wrong passwords */
	struct sender sender;
	struct sent sent;

	unsigned state;
	bool esmtp; /* said EHLO */
	char helo[256];
	struct envelope env;
	unsigned long long size; /* SIZE=, 0 for not said */
	struct receipt in;

	bool has_spool, has_router;
	struct spool spool;
	struct router router;

	int code;         /* of the last reply */
	unsigned errors;  /* since the last message that was taken */
	bool early;       /* it was logged that the client does not wait */
	const char *last; /* the last command, for the log */
	unsigned unknown; /* commands */
	unsigned count[SMTP_COMMANDS], ok[SMTP_COMMANDS];
};

enum { SMTP_END = 1 }; /* what a command returns to end the session */

/* The whole session.  The caller sets io, peer, conf, judge and submission. */
void smtp_run(struct session *s);

/* One reply line: text begins with the enhanced status. */
__attribute__((format(printf, 3, 4))) void smtp_reply(struct session *s,
                                                      int code,
                                                      const char *text, ...);

/* One line of a reply; sep: '-' when more of them follow. */
void smtp_line(struct session *s, int code, char sep, const char *text);

/* As smtp_reply() with a line in the log; id is a queue id or NULL, rcpt too may be
 * NULL. */
__attribute__((format(printf, 6, 7))) void smtp_reject(
    struct session *s, const char *id, const char *stage, const char *rcpt,
    int code, const char *fmt, ...);

/* Back to the state before MAIL. */
void smtp_reset(struct session *s);

/* The client sent what it should have waited with: log it once.  Returns
 * SMTP_END, the reply being given, if that is refused. */
int smtp_early(struct session *s, const char *after);

/* The client has logged in; or all that it said is forgotten (RFC 3207 4.2). */
void smtp_enter(struct session *s);
void smtp_forget(struct session *s);

/* "SMTP", "ESMTPSA", "UTF8SMTPS" (RFC 3848, RFC 6531 4.3). */
const char *smtp_protocol(const struct session *s);

/* --- hello.c --- */

int smtp_helo(void *session, struct cur *args);
int smtp_ehlo(void *session, struct cur *args);

/* --- rcpt.c --- */

/* May this recipient have it?  0, or -1 after the reply. */
int rcpt_check(struct session *s, const char *addr);

/* The tables, opened when they are needed first. */
struct router *smtp_router(struct session *s);

/* --- secure.c --- */

int smtp_starttls(void *session, struct cur *args);
int smtp_auth(void *session, struct cur *args);

bool smtp_has_tls(const struct session *s);

/* May it log in now? */
bool smtp_has_auth(const struct session *s);

/* --- submit.c --- */

/* May the login send as env.sender; and to one recipient more?  0, or -1 after the
 * reply. */
int submit_sender(struct session *s);
int submit_rcpt(struct session *s, const char *addr);

/* Must more of the letter be there first? */
bool submit_waits(const struct session *s);

/* Judge the header in in.out, and write that to the spool with what is missing.  0, or
 * the code to fail with and why. */
int submit_header(struct session *s, const char **why);

/* --- receive.c --- */

/* Take the message that follows DATA, and answer.  0, SMTP_END or IO_*. */
int receive_data(struct session *s);

/* Take the n bytes of a chunk (RFC 3030), and answer. */
int receive_chunk(struct session *s, unsigned long long n, bool last);

/* Read n bytes that belong to a refused BDAT.  0 or IO_*. */
int receive_skip(struct session *s, unsigned long long n);

void receive_abort(struct session *s);

#endif
