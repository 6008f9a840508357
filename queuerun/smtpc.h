/* smtpc - bring messages to the hosts of one destination by SMTP.
 * Runs in a process of its own, as the mail account; blocks.  A lost connection
 * is always "later" (RFC 5321 4.5.4.1), never a bounce. */
#ifndef SMTPC_H
#define SMTPC_H

#include "conf.h"
#include "spool.h"

/* One message for one transaction: all its recipients go to the same
 * destination and share the reverse path. */
struct smtp_send {
	struct message *m;  /* m->fd is open: the content is read from it */
	const char *sender; /* the envelope's, or the owner of a list */
	struct smtp_rcpt {
		size_t rcpt;      /* index in m->env.rcpt */
		const char *addr; /* where it goes */
		unsigned notify;  /* what a host is asked to tell: NOTIFY_* */
		size_t tag;       /* the caller's */
		char what;        /* 0 until decided, then 's' 'f' 'd' */
	} * rcpt;
	size_t nrcpt;
	bool aside; /* this host hangs up at it: the others come first */
};

enum {
	VERDICT_TEXT = 1400,
	VERDICT_RELAY = 660 /* host[address]:port, and how it is protected */
};

/* What is decided for a recipient, and why; printable ASCII (INVARIANTS S9). */
struct verdict {
	char
	    what; /* 's' sent, 'f' failed for good, 'd' later, 0: nothing yet */
	char status[12];
	char relay[VERDICT_RELAY]; /* "mx.b.test[192.0.2.1]:25" or "none" */
	char text[VERDICT_TEXT];
};

struct smtp_job {
	const struct conf *conf;
	const char
	    *domain; /* the recipients'; without meaning to a smarthost */
	bool force;  /* try hosts that just failed, too */
	int secrets; /* smarthost_auth, -1: none, -2: one that is not right */
	struct smtp_send *send;
	size_t nsend;
	/* Told once for each recipient of each message.  peer_dsn: the host took over
	 * the duty of delivery notifications. */
	void (*report)(void *arg, const struct smtp_rcpt *to,
	               const struct verdict *v, bool peer_dsn);
	/* A line of the dialogue as sendmail -v shows it, or NULL.  The result
	 * for each recipient ("a@b.test... Sent (ok)") is among them. */
	void (*trace)(void *arg, const char *line);
	void *arg;
};

/* Deliver all; every recipient was reported when it returns.  smarthost HOST is
 * looked up as a domain (MX, else address), [HOST] and an address are not. */
void smtpc_run(struct smtp_job *job);

/* Every step of the decision for a domain, doing nothing: queuerun -n.  say is
 * called with one step each: key ("smarthost", "domain", "mx", "skip",
 * "tls", "address", "dead", "result") and its value. */
void smtpc_explain(const struct conf *c, const char *domain,
                   void (*say)(void *arg, const char *key, const char *value),
                   void *arg);

#endif
