/* syslog - hand a line to syslogd, in the place of syslog(3): that waits for ever where
 * nobody reads, and musl's stamps lines with a time that is not the local one and cuts
 * them at 1024 bytes.  Who takes a line without a stamp gives it his time.
 * Called by log.c alone, with the whole line. */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/* Or stay with what there is. */
void
syslog_reach(struct syslog *to)
{
	static const struct sockaddr_un at = {AF_UNIX, _PATH_LOG};
	static const struct timeval patience = {.tv_sec = 1};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int old = to->fd;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0) {
		to->fd = fd;
		fd = old;
	}
	if (fd >= 0)
		close(fd);
}

/* 0, also when it is given up, or -1. */
static int
put(struct syslog *to, const char *line, size_t n)
{
	bool taken;

	if (to->fd < 0)
		return -1;
	taken = send(to->fd, line, n, to->late ? MSG_DONTWAIT : 0) >= 0;
	to->late = !taken && errno == EAGAIN;
	return taken || to->late ? 0 : -1;
}

/* Who takes the lines may have been started anew meanwhile. */
void
syslog_line(struct syslog *to, int level, const char *tag, const char *text)
{
	char line[LOG_LINE + 80];
	int n = snprintf(line, sizeof line, "<%d>%s[%d]: %s", LOG_MAIL | level,
	                 tag, (int)getpid(), text);

	if (n >= (int)sizeof line)
		n = (int)sizeof line - 1;
	if (put(to, line, (size_t)n) == 0)
		return;
	syslog_reach(to);
	put(to, line, (size_t)n);
}
