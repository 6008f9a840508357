/* become - give up the rights of root, wholly and for good.  Called by smtpd,
 * popd, deliver and the root half of queuerun before anything of a user, of a
 * message or of the network is touched. */
#ifndef BECOME_H
#define BECOME_H

#include "user.h"

/* Started by root: become the user, in the group mail (of that number) for the
 * dot-lock, with a umask of 077.  Makes conf.state when it is missing.  0, or -1
 * when we are not, and cannot become, the user. */
int become_user(const struct conf *c, const struct user *u, gid_t mail);

/* As root: become somebody who is not, with this group alone.  0 or -1. */
int become_account(uid_t uid, gid_t gid);

/* Started by root: become the account that talks with strangers, or where file
 * (NULL: the system's) is a configuration of somebody else, its owner.  Dies if
 * it cannot.  jail: an empty directory, made when it is missing, that is all of
 * the file system from now on, if it can be; NULL: none. */
void become_talker(const char *file, const char *jail);

#endif
