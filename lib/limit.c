/* limit - see limit.h. */
#include "limit.h"

#include <sys/resource.h>

enum { TALKER_MEMORY = 8 << 20 };

void
limit_memory(size_t bytes)
{
	struct rlimit memory = {bytes, bytes};

#ifndef __SANITIZE_ADDRESS__ /* which maps more than all there is */
	setrlimit(RLIMIT_DATA, &memory);
#endif
	(void)memory;
}

void
limit_talker(void)
{
	struct rlimit none = {0, 0};

	limit_memory(TALKER_MEMORY);
	(void)none;
#ifndef __SANITIZE_ADDRESS__ /* which starts some at the end */
	setrlimit(RLIMIT_NPROC, &none);
#endif
}
