/* transact - what session.c and transact.c share. */
#ifndef TRANSACT_H
#define TRANSACT_H

#include "session.h"

enum { SESSION_BLOCK = 65536 };

/* Where we are in the dialogue, in its order. */
enum stage_name {
	GREETING,
	EHLO,
	HELO,
	STARTTLS,
	AUTH,
	RSET,
	MAIL,
	RCPT,
	DATA,
	CONTENT,
	DOT,
	QUIT
};

struct stage {
	const char *command, *doing;
	unsigned wait;           /* s */
	const char *temp, *perm; /* status where the reply has none */
};

extern const struct stage stages[];

/* Set the limits for the next wait of this stage. */
void session_patience(struct session *s, enum stage_name st);

/* Set s->why by what io_line() returned; always -1. */
int session_lost(struct session *s, enum stage_name st, ssize_t how);

/* Read a reply.  0, or -1 with s->why: gone, nonsense, or 421. */
int session_reply(struct session *s, enum stage_name st);

/* What the reply means for whom it concerns. */
void session_said(struct session *s, enum stage_name st, struct verdict *v);

/* Show a line to who watches. */
__attribute__((format(printf, 2, 3))) void session_tell(
    const struct smtp_job *job, const char *fmt, ...);

/* EHLO, or HELO.  0, or -1 with s->why. */
int session_greet(struct session *s);

/* starttls.c */
/* Have TLS begin on the bare connection.  0, or -1 with s->why. */
int session_tls(struct session *s);
/* Ask for TLS as s->secure says, and greet anew.  0, or -1 with s->why. */
int session_starttls(struct session *s);
/* Add to s->relay how the connection is protected. */
void session_tls_note(struct session *s);
/* The connection was closed: wait for the relay. */
void session_tls_end(struct session *s);

/* login.c */
/* Log in where we have a password for the host.  0, or -1 with s->why. */
int session_login(struct session *s);

/* Take leave, where that was not done. */
void session_quit(struct session *s);

/* Queue a line that who watches does not see as it is, but as shown. */
void session_put_secret(struct session *s, const char *line, const char *shown);

/* Queue a command line (without its end). */
__attribute__((format(printf, 2, 3))) void session_put(struct session *s,
                                                       const char *fmt, ...);

#endif
