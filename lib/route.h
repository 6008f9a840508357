/* route - where does an address go?  The one answer for smtpd at RCPT, queuerun
 * at delivery, sendmail -bv and queuerun -n.
 * local or not, alias, user, program, file, other host; every step can be told
 * to a trace function. */
#ifndef ROUTE_H
#define ROUTE_H

#include "alias.h"
#include "conf.h"
#include "mem.h"
#include "user.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { ROUTE_DEPTH = 50, ROUTE_TARGETS = 100000 };

enum route_kind {
	ROUTE_USER,    /* a mailbox here: dest is the user */
	ROUTE_PROGRAM, /* dest is a command for the shell, run as user */
	ROUTE_FILE,    /* dest is an absolute path, appended as user */
	ROUTE_REMOTE,  /* dest is an address elsewhere */
	ROUTE_FAIL,    /* not deliverable: status and text say why */
	ROUTE_DEFER    /* cannot be decided now */
};

struct target {
	enum route_kind kind;
	char *dest;
	char *name;   /* target_name(), where that is not dest */
	char *addr;   /* the address that led here, last alias step */
	char *detail; /* what stood behind the + ("" none) */
	char *user;   /* ROUTE_PROGRAM, ROUTE_FILE: run as */
	char *sender; /* owner-LIST@... instead of the envelope's, or NULL */
	bool group;   /* one of several behind an alias without an owner */
	size_t rcpt;  /* of the routes when it was added */
	char *status; /* 5.1.1 */
	char *text;
};

struct routes {
	struct target *t;
	size_t n, cap;
	struct arena words; /* of the targets */
	size_t *hash;       /* of the targets, to find doubles */
	size_t nhash;
	struct list expanded; /* names of aliases, each followed once */
	size_t known;         /* of these, by addresses that led to something */
	bool reached;         /* the address at hand did */
	size_t rcpt;          /* the caller's number of it */
	bool closed;          /* what is there stays whose it is */
	size_t read;          /* bytes of lists, and some for each */
};

struct router {
	const struct conf *conf;
	struct alias_table *aliases;
	struct user_names users; /* while an address is expanded */
	long long rested; /* io_now() when lists had used up our patience */
	/* Told each step when set: "alias list: bob, kim (/etc/aliases:12)". */
	void (*trace)(void *arg, const char *step);
	void *arg;
};

void router_open(struct router *r, const struct conf *c);
/* Read the tables again if they changed. */
void router_refresh(struct router *r);
void router_close(struct router *r);

/* Add the final targets of one address to out, each only once.  There is always
 * at least one new target, or the address led only to targets that were there
 * already. */
void route_expand(struct router *r, const char *addr, struct routes *out);
void routes_free(struct routes *rs);

/* Unique printable name of a target in logs and in the journal ("bob",
 * "nobody:|/bin/x", "/file", "kim@b.test"). */
const char *target_name(const struct target *t);
/* The first target with this name, or NULL. */
const struct target *route_named(const struct routes *rs, const char *name);

#endif
