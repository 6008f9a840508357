/* limit - what a process that talks with strangers may have.  Called by smtpd, popd
 * and imapd. */
#ifndef LIMIT_H
#define LIMIT_H

#include <stddef.h>

/* No more memory than so many bytes. */
void limit_memory(size_t bytes);

/* What is enough for a talker, who starts no process either. */
void limit_talker(void);

#endif
