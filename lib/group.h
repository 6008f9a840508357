/* group - the group mail, which may make dot-locks in the mail directory; and how one
 * that was lent is given back. */
#ifndef GROUP_H
#define GROUP_H

#include <sys/types.h>

/* Its number, or what to take where there is none. */
gid_t group_mail(gid_t otherwise);

/* Give the effective group up, for the real one, for good.  0 or -1. */
int group_drop(void);

#endif
