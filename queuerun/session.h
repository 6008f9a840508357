/* session - one connection to one host, RFC 5321 and its extensions.
 * Called by smtpc.c, which knows the hosts; every wait has an end. */
#ifndef SESSION_H
#define SESSION_H

#include "dns.h"
#include "encode.h"
#include "io.h"
#include "login.h"
#include "reply.h"
#include "secure.h"
#include "smtpc.h"
#include "tls.h"

#include <sys/types.h>

enum { SESSION_RCPTS = 100 /* in a transaction (RFC 5321 4.5.3.1.8) */ };

/* Fill a verdict; relay: NULL for "none". */
__attribute__((format(printf, 5, 6))) void verdict_set(struct verdict *v,
                                                       char what,
                                                       const char *status,
                                                       const char *relay,
                                                       const char *fmt, ...);

/* Report recipient i of send. */
void decide(const struct smtp_job *job, struct smtp_send *send, size_t i,
            const struct verdict *v, bool peer_dsn);

/* A recipient that is still undecided, in *send and *i; aside: or of a message that
 * was put aside.  false: none is. */
bool undecided(const struct smtp_job *job, bool aside, struct smtp_send **send,
               size_t *i);

struct session {
	const struct smtp_job *job;
	const char *host; /* name, or address */
	const struct address *addr;
	long long end;  /* io_now() when no transaction starts any more */
	long long due;  /* ... when the greeting, or the content, is late */
	bool mind_self; /* our own name in its greeting is a loop */
	const struct secure *secure; /* how it must be talked to */
	bool implicit;               /* TLS is there from the first byte on */
	const struct login *login;   /* who we are there, or NULL */

	struct verdict why; /* why the session is no use any more */
	bool slow;          /* ... it was not reached, or did not answer */
	bool self;          /* ... it is this host */
	bool answered;      /* ... it said 421 */
	bool late;          /* ... it was waited for too long */
	struct smtp_send *at_end; /* what was under way then, or NULL */
	bool clear;               /* ... but may be in the clear */
	struct tls tls;           /* version "": all is in the clear */
	pid_t relay_pid;          /* the relay, or 0 */
	char relay[VERDICT_RELAY];
	struct io io;
	struct reply reply;
	struct offer offer;
	unsigned long long mails; /* transactions so far */
	bool reset;               /* a transaction is open that nobody wants */
	bool quit;                /* QUIT was sent */
	bool again;               /* recipients wait for another transaction */
	size_t at, at_rcpt;       /* next recipient to look at */
	char *block;
	struct str buf, text;
	struct encode enc;
	struct wire wire;
};

/* Connect.  0, or -1 with s->why. */
int session_dial(struct session *s);

/* Wait for the host's first word, for as long as nearly all need.  false: it is silent
 * yet. */
bool session_speaks(struct session *s);

/* Be greeted, greet.  0, or -1 with s->why. */
int session_open(struct session *s);

/* Send what is undecided.  0 when that is done as far as this host lets us, -1
 * with s->why when the connection was lost on the way. */
int session_run(struct session *s);

/* Always after session_dial(); s must be zeroed to be opened again. */
void session_close(struct session *s);

#endif
