/* syslog - openlog(3) and syslog(3) in the place of musl's, which stamps lines with a
 * time that is not the local one and cuts them at 1024 bytes.  Who takes a line
 * without a stamp gives it his time.
 * Called by log.c alone, with the whole line. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

static struct {
	const char *tag;
	int facility;
	int fd; /* connected, or -1 */
} to = {.fd = -1};

static void
reach(void)
{
	static const struct sockaddr_un at = {AF_UNIX, _PATH_LOG};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int old = to.fd;

	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&at, sizeof at) == 0) {
		to.fd = fd;
		fd = old;
	}
	if (fd >= 0)
		close(fd);
}

void
openlog(const char *tag, int options, int facility)
{
	to.tag = tag;
	to.facility = facility;
	if (options & LOG_NDELAY)
		reach();
}

/* Who takes the lines may have been started anew meanwhile. */
void
syslog(int level, const char *fmt, ...)
{
	char line[LOG_LINE + 80];
	va_list ap;
	int n, m;

	n = snprintf(line, sizeof line, "<%d>%s[%d]: ", to.facility | level,
	             to.tag, (int)getpid());
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
	va_end(ap);
	n = m < (int)sizeof line - n ? n + m : (int)sizeof line - 1;
	if (to.fd >= 0 && send(to.fd, line, (size_t)n, 0) >= 0)
		return;
	reach();
	if (to.fd >= 0)
		send(to.fd, line, (size_t)n, 0);
}
