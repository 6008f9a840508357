/* auth - what a stranger may say to be believed: names, passwords, SASL PLAIN.  For
 * popd, imapd and smtpd, whose gate (gate.h) has it checked by checkpass(8). */
#ifndef AUTH_H
#define AUTH_H

#include "str.h"

enum {
	AUTH_NAME_MAX = 255,   /* bytes of a user's name */
	AUTH_SECRET_MAX = 1023 /* bytes of a password */
};

enum { AUTH_OK, AUTH_NO, AUTH_LATER };

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
