/* log - unit test of lib/log.c: logging leaves errno as it is, also where there is no
 * time zone to be read. */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int
main(void)
{
	setenv("TZ", ":nowhere/at all", 1);
	log_to("/dev/null");
	errno = EACCES;
	log_warn("a line");
	assert(errno == EACCES);
	return 0;
}
