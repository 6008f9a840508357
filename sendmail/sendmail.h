/* sendmail - what the files of this program share. */
#ifndef SENDMAIL_H
#define SENDMAIL_H

#include "addr.h"
#include "conf.h"
#include "io.h"
#include "spool.h"

#include <stdbool.h>

/* The command line, as far as it means something here. */
struct options {
	const char *conf;   /* -C */
	char mode;          /* -b: m p s v t i d, and q */
	bool headers;       /* -t: recipients from the header too */
	bool dots;          /* -i: a line with only a dot is text */
	bool verbose;       /* -v */
	bool eightbit;      /* -B 8BITMIME */
	const char *sender; /* -f */
	const char *name;   /* -F */
	const char *queue;  /* what stood behind -q */
	const char *envid;  /* -V */
	enum ret ret;       /* -R */
	unsigned notify;    /* -N */
};

/* Say why on stderr as "sendmail: ...", controls replaced; returns code. */
__attribute__((format(printf, 2, 3))) int complain(int code, const char *fmt,
                                                   ...);

/* --- guard.c --- */

/* Make the process safe to run with the spool's group, whoever called it. */
void guard_enter(void);

/* --- letter.c: the message on stdin --- */

struct letter {
	struct io io;
	bool dots;         /* a lone dot is text */
	bool start;        /* at the start of a line */
	bool dot;          /* behind a dot at the start of a line */
	bool eof;          /* all was read */
	struct str buf;    /* clean lines that were read and not yet taken */
	struct cur header; /* in buf: the fields */
	struct cur body;   /* in buf: what was read of the body */
};

void letter_init(struct letter *l, bool dots);
/* Read the header, and enough of the body to judge it.  0 or an exit code. */
int letter_front(struct letter *l);
/* Throw away what is in buf, read more.  0 or an exit code. */
int letter_more(struct letter *l);
/* Is every byte known to be ASCII? */
bool letter_is_ascii(const struct letter *l);
void letter_free(struct letter *l);

/* --- sender.c: who is it from? --- */

struct sender {
	long uid;
	char addr[ADDR_MAX + 1]; /* of the envelope */
	char from[ADDR_MAX + 1]; /* for a From: field */
	char *name;              /* for a From: field, or NULL */
	char *user; /* who set another sender than himself, or NULL */
};

int sender_find(struct sender *s, const struct conf *c,
                const struct options *o);
void sender_free(struct sender *s);

/* Complete a bare address with conf.origin, a domain beside an ASCII local part
 * becomes A-labels.  0, or -1 when it grows too long. */
int qualify(const struct conf *c, const char *addr, char out[ADDR_MAX + 1]);

/* --- the modes; they return an exit code --- */

int submit(const struct conf *c, const struct options *o, char *const *rcpts);
int check_addresses(const struct conf *c, const struct options *o,
                    char *const *addrs);
int check_aliases(const struct conf *c);

/* --- check.c --- */

/* Is it certain that no recipient can be reached?  Then says why. */
bool check_hopeless(const struct conf *c, const struct envelope *e);

/* --- watch.c: sendmail -v --- */

struct watch {
	const struct conf *conf;
	const struct spool *sp;
	int fd; /* of the FIFO, or -1 */
	char path[SPOOL_ID_MAX + 8];
};

/* Does a queuerun linger that would tell us? */
bool watch_lingers(const struct spool *sp);
/* Make the FIFO for the message id. */
void watch_begin(struct watch *w, const char *id);
/* Show the delivery until it is over. */
void watch_show(struct watch *w, const char *id);

#endif
