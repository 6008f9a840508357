/* log - unit test of lib/log.c: logging leaves errno as it is, also where there is no
 * time zone to be read; it waits for nobody who does not read. */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANY = 10000 };

static void
is_fifo(void)
{
	char dir[] = "/tmp/log.XXXXXX", path[sizeof dir + 5], c;
	int i, fd;

	assert(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/fifo", dir);
	assert(mkfifo(path, 0600) == 0);
	log_to(path);
	alarm(20);
	log_info("nobody reads this");
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert(fd >= 0);
	for (i = 0; i < MANY; i++)
		log_info("a line");
	alarm(0);
	assert(read(fd, &c, 1) == 1);
	close(fd);
	unlink(path);
	rmdir(dir);
}

int
main(void)
{
	setenv("TZ", ":nowhere/at all", 1);
	log_to("/dev/null");
	errno = EACCES;
	log_warn("a line");
	assert(errno == EACCES);
	is_fifo();
	return 0;
}
