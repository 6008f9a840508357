/* conf - facteur.conf(5): one small file of "key value" lines.
 * The keys are one table in conf.c.  Every error of a file is collected with
 * file and line before anything is decided; a program that meets a broken file
 * says "try later". */
#ifndef CONF_H
#define CONF_H

#include "str.h"

#include <stdbool.h>
#include <stdio.h>

#define CONF_DIR  "/etc/facteur"
#define CONF_FILE CONF_DIR "/facteur.conf"

enum { CONF_HOST = 256 }; /* a host's name, with its NUL */

struct conf {
	const char *file;
	/* who we are */
	char *hostname;
	char *origin;        /* domain behind a bare name */
	struct list domains; /* delivered here */
	char *detail;        /* separators in user+detail, "" for none */
	/* tables */
	char *users; /* "" system accounts, or a file like passwd(5) */
	struct list checkpassword; /* program and arguments, or nothing */
	char *aliases;
	struct list pipe_user; /* USER, or ALIAS=USER */
	/* mailboxes */
	char *mailbox; /* path with %u, %h, ~; a / at the end: Maildir */
	char *folders; /* path with %u, %h, ~: other mailboxes, of imapd */
	unsigned long long mailbox_limit; /* bytes, 0: none */
	char *mailbox_full;               /* "defer" or "bounce" */
	/* smtpd */
	struct list relay_from;           /* networks in CIDR form */
	unsigned long long message_limit; /* bytes */
	unsigned long recipient_limit;
	unsigned long hop_limit;
	unsigned long error_limit;
	unsigned long greeting_delay;  /* s */
	char *early_talk;              /* "log" or "refuse" */
	unsigned long idle_timeout;    /* s */
	unsigned long session_timeout; /* s */
	/* logins */
	struct list clear_from; /* networks, where passwords may go in clear */
	char *hide_client;      /* "no", or "yes": not in Received */
	/* popd */
	char *uidl; /* "ours", "uw", "dovecot", "popa3d" or "xuidl" */
	/* spool */
	char *spool;
	char *state;
	unsigned long long spool_free; /* bytes that must stay free */
	/* queuerun */
	char *nameserver;   /* "" or ADDR[:PORT] */
	unsigned long port; /* that other hosts listen on */
	char *smarthost;    /* "" or HOST[:PORT] */
	unsigned long retry_min, retry_max, lifetime, warn_after; /* s */
	unsigned long smtp_timeout;      /* s, upper bound of each wait */
	unsigned long destination_limit; /* connections to one */
	unsigned long process_limit;
	/* all */
	char *log;      /* "syslog" or a file */
	char *programs; /* directory of queuerun, deliver, ... */
};

/* Read file (NULL: CONF_FILE, which may be missing) over the defaults.  0, or -1
 * when any line is wrong; each error is then a line "file:line: text" in
 * errors.  Keys with the same name that are lists add up; else the last counts. */
int conf_load(struct conf *c, const char *file, struct str *errors);

/* Load, then log_to(c->log).  0, or -1 with every error in the log (and on stderr, see
 * log_stderr()). */
int conf_try(struct conf *c, const char *file);

/* The same, or die: 78 (EX_CONFIG). */
void conf_use(struct conf *c, const char *file);

/* Print on stdout each key that the file sets as "key value # file:line"; all: every key,
 * with "# default" behind the others.  0, or -1 when it cannot be read again. */
int conf_print(const struct conf *c, bool all);

/* A time as the file writes it: 5d.  0 or -1. */
int conf_time(const char *s, unsigned long *seconds);

/* The path of one of our programs: conf.programs/NAME, or in a build tree
 * conf.programs/NAME/NAME.  A helper is called by its place there, "lib/checkpass".
 * The caller frees. */
char *conf_program(const struct conf *c, const char *name);

/* The words that run one, ended by NULL: its name, which becomes its path, and
 * arguments. */
void conf_command(const struct conf *c, const char *const words[],
                  struct list *argv);

/* The environment of any: PATH, and TZ where there is one, so that times of one zone
 * stand in mailboxes and logs. */
void conf_environment(struct list *env);

/* Split HOST, HOST:PORT, [HOST] or [HOST]:PORT; a bare IPv6 address is a HOST.
 * *port is left alone when there is none.  0, or -1 when it cannot be read. */
int conf_hostport(const char *text, char host[CONF_HOST], unsigned *port);

/* The path of what stands beside the configuration file: "tls", "senders", ...  The
 * caller frees. */
char *conf_beside(const struct conf *c, const char *name);

/* Is the numeric address (or "local") in the network; in one of the list? */
bool conf_net_has(const char *net, const char *ip);
bool conf_net_match(const struct list *nets, const char *ip);

/* Is domain one that is delivered here?  Any case, any form that
 * addr_domain() takes, or an address literal. */
bool conf_is_local(const struct conf *c, const char *domain);

#endif
