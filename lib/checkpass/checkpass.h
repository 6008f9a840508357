/* checkpass - the parts of checkpass(8): find as root what is known of somebody
 * (find.c), then as somebody without rights see whether the claim is true
 * (decide.c), and keep the account of failures (failures.c). */
#ifndef CHECKPASS_H
#define CHECKPASS_H

#include "gate.h"

#include <shadow.h>

struct check {
	const struct conf *conf;
	const char *service, *host, *ip;
	int kind;            /* GATE_* */
	uid_t self;          /* who we were at first */
	struct str claim;    /* what was read: name NUL secret NUL */
	char *name, *secret; /* in it */
	int account;         /* file of failures, or -1 */
	int found;           /* 1, 0 no such user, -1 cannot be known */
	struct user user;
	struct spwd shadow; /* days, -1: nothing is said */
	bool lost;          /* nor could be: shadow(5) cannot be read */
	bool checked;       /* by a program; it said: */
	int said;           /* AUTH_* */
	uid_t ran;          /* as whom it ended */
};

/* --- find.c --- */

/* 0, or -1: there is no claim. */
int find(struct check *k);

/* --- decide.c --- */

/* Say it on standard output and in the log; the exit status. */
int decide(struct check *k);

/* --- hash.c --- */

/* Is it the password?  Hashes may say what they are, as in Dovecot's
 * passwd-file. */
bool hash_matches(const char *secret, const char *hash);
/* Take the time that this would have taken. */
void hash_nothing(const char *secret);
/* The password or the key itself, when the hash begins with one of these names in
 * braces; else NULL. */
const char *hash_plain(const char *hash);
const char *hash_scram(const char *hash);

#endif
