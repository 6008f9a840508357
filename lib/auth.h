/* auth - is this the user's password?  One answer for popd, imapd and smtpd, from
 * conf.users (a file like passwd(5) with hashes), the system's accounts, or a
 * checkpassword program.  The only user of crypt(3) and shadow(5). */
#ifndef AUTH_H
#define AUTH_H

#include "conf.h"
#include "user.h"

enum {
	AUTH_NAME_MAX = 255,   /* bytes of a user's name */
	AUTH_SECRET_MAX = 1023 /* bytes of a password */
};

enum { AUTH_OK, AUTH_NO, AUTH_LATER };

/* Check; AUTH_OK fills u (user_free() it).  The same time for a user that does not
 * exist.  Root, uid 0, and accounts that are locked or expired or have no
 * password are AUTH_NO.  AUTH_LATER: could not be found out. */
int auth_check(const struct conf *c, const char *name, const char *secret,
               struct user *u);

/* How long to wait, in ms, before the n-th failure (from 1) of a connection is
 * told. */
long auth_delay(unsigned n);

/* SASL PLAIN (RFC 4616) and LOGIN: the decoded response of PLAIN into name and
 * secret (each with its NUL, sizes AUTH_*_MAX + 1).  An authorization identity
 * must be empty or the name.  0 or -1. */
int auth_plain(struct cur response, char *name, char *secret);

/* A name or a password as a string: UTF-8 without control characters, not empty and at
 * most max bytes.  0 or -1. */
int auth_word(struct cur c, char *to, size_t max);

#endif
