/* gate - the way from a stranger to a user, for smtpd, popd and imapd: a child without
 * rights talks with him, and asks us whether what he claims is true and for
 * TLS. */
#ifndef GATE_H
#define GATE_H

#include "auth.h"
#include "io.h"
#include "peer.h"
#include "tls.h"
#include "user.h"

/* What the talker asks, about somebody who says who they are.  secret: */
enum gate_kind {
	GATE_PASSWORD, /* the password */
	GATE_SCRAM,    /* nothing: which salt?  (RFC 5802 3) */
	GATE_PROOF,    /* the proof in base64, a blank, the AuthMessage */
	GATE_TLS       /* about nobody: gate_start_tls() asks for a relay */
};

struct claim {
	unsigned char kind;
	char name[AUTH_NAME_MAX + 1];
	char secret[AUTH_SECRET_MAX + 1];
};

enum { GRANT_TEXT = 511 };

/* The answer.  text: the name of the user as the table has it; for GATE_SCRAM
 * "ITERATIONS SALT"; for GATE_PROOF the server's signature, a blank, and the
 * name; salt and signature in base64. */
struct grant {
	signed char verdict; /* AUTH_* */
	char text[GRANT_TEXT + 1];
};

struct judge;

struct gate {
	const struct conf *conf;
	const struct peer *peer;
	struct io *io;
	const char *service; /* "smtp", "pop3", "imap": for tables and logs */
	unsigned tries;      /* wrong passwords of a connection */
	bool secure;         /* TLS from the first byte on */
	bool stays;          /* serve the talker to its end, become nobody */
	/* The talker, in its own process. */
	void (*talk)(void *session, struct judge *j);
	void *session;
};

/* The talker's side of it. */
struct judge {
	const struct gate *gate;
	int fd;     /* where questions go */
	int end;    /* of TLS, when it should come; -1: it cannot any more */
	bool scram; /* some users have keys for it */
	struct tls tls; /* version "" as long as all is in the clear */
};

/* Have a talker find out who it is, and become that user, unless stays.  file: as
 * become_talker() wants it.  What is known of TLS then is in *tls.  0, or -1:
 * the session is over.  The talker itself returns -1, too, at its end. */
int gate_pass(const struct gate *g, const char *file, struct user *u,
              struct tls *tls);

/* Wait for the relay, if there is one, when all was said: it may have
 * some of that still to send.  The descriptors 0 and 1 are closed. */
void gate_close(void);

/* The parts of gate_pass() that have no rights any more: the child's; the
 * user's. */
void gate_talk(const struct gate *g, struct judge *j, struct tls *tls);
/* 0, or -1: the talker did not leave. */
int gate_follow(const struct gate *g, int judge, int end, struct tls *tls);

/* Is the claim, which is forgotten, true?  0, or -1: nobody is there to ask. */
int gate_ask(const struct judge *j, struct claim *k, struct grant *g);

/* Leave to the user's process what was read from the client and not obeyed. */
void gate_leave(const struct judge *j, const struct io *io);

/* May TLS begin? */
bool gate_has_tls(const struct judge *j);

/* May a password be asked for: is there TLS, or does clear_from allow it? */
bool gate_is_safe(const struct judge *j);

/* Begin TLS.  Input that came before is thrown away, and logged.  ready, a
 * whole line, is the last thing said in the clear.  0; 1: it cannot be, nothing was said and
 * the session may go on; -1: it failed, and the connection is lost. */
int gate_start_tls(struct judge *j, struct io *io, const char *ready);

#endif
