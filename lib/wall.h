/* wall - what each process that meets the network may still reach in the file system:
 * the one place that knows.  Called when it has become who it stays. */
#ifndef WALL_H
#define WALL_H

#include "user.h"

/* A talker in its jail, which asks others. */
void wall_talker(void);

/* smtpd's session. */
void wall_spool(const struct conf *c);

/* A user's session; folders: imapd's. */
void wall_user(const struct conf *c, const struct user *u, bool folders);

/* The SMTP client, and whom it looks up. */
void wall_client(const struct conf *c);

#endif
