/* wall - what each process that meets the network may still reach in the file system:
 * the one place that knows.  Called when it has become who it stays. */
#ifndef WALL_H
#define WALL_H

#include "alias.h"
#include "user.h"

/* A talker in its jail, which asks others. */
void wall_talker(void);

/* smtpd's session; aliases, which may be NULL, name files of their own. */
void wall_spool(const struct conf *c, const struct alias_table *aliases,
                bool submission);

/* A user's session; folders: imapd's, with a file that may be changed, or NULL. */
void wall_user(const struct conf *c, const struct user *u, bool folders,
               const char *file);

/* The SMTP client, and whom it looks up. */
void wall_client(const struct conf *c);

/* A relay that serves. */
void wall_relay(void);

/* The client's, which reads the certificates of authorities in dir. */
void wall_verifier(const char *dir);

#endif
