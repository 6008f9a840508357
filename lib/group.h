/* group - the group mail, which may make dot-locks in the mail directory. */
#ifndef GROUP_H
#define GROUP_H

#include <sys/types.h>

/* Its number, or what to take where there is none. */
gid_t group_mail(gid_t otherwise);

#endif
