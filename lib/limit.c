/* limit - see limit.h. */
#include "limit.h"

#include <sys/resource.h>

enum { TALKER_MEMORY = 8 << 20 };

void
limit_memory(size_t bytes)
{
	(void)bytes;
#ifndef __SANITIZE_ADDRESS__ /* which maps more than all there is */
	setrlimit(RLIMIT_DATA, &(struct rlimit){bytes, bytes});
#endif
}

void
limit_talker(void)
{
	limit_memory(TALKER_MEMORY);
#ifndef __SANITIZE_ADDRESS__ /* which starts some at the end */
	setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0});
#endif
}
