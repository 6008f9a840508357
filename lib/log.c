/* log - see log.h.  Lines look like Postfix's, tagged facteur/PROG[PID], so that
 * pflogsumm --syslog_name=facteur and fail2ban read them unchanged. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct {
	char tag[40];     /* facteur/smtpd */
	const char *file; /* NULL: syslog */
	int fd;           /* of the file, or -1 */
	int err;          /* warnings on stderr too */
	int open;         /* openlog() was called */
	time_t at;        /* of the stamp */
	char stamp[128];  /* date and host, how a line of the file begins */
} lg = {.tag = "facteur", .fd = -1};

void
log_open(const char *prog)
{
	snprintf(lg.tag, sizeof lg.tag, "facteur/%s", prog);
}

void
log_to(const char *dest)
{
	lg.fd = -1;
	lg.file = strcmp(dest, "syslog") == 0 ? NULL : dest;
}

void
log_stderr(int on)
{
	lg.err = on;
}

void
log_ready(void)
{
	if (!lg.file && !lg.open) {
		openlog(lg.tag, LOG_PID | LOG_NDELAY, LOG_MAIL);
		lg.open = 1;
	}
	if (lg.file && lg.fd < 0)
		lg.fd = open(lg.file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
		             0666);
}

static void
stamp(void)
{
	char host[64] = "";
	time_t now = time(NULL);
	struct tm tm;
	size_t n;

	if (now == lg.at)
		return;
	lg.at = now;
	n = strftime(lg.stamp, sizeof lg.stamp, "%b %e %H:%M:%S ",
	             localtime_r(&now, &tm));
	gethostname(host, sizeof host - 1);
	host[strcspn(host, ".")] = '\0';
	snprintf(lg.stamp + n, sizeof lg.stamp - n, "%s", host);
}

/* Append one line in the form that syslogd writes, in one write; a log that
 * cannot be written must not stop the mail. */
static void
log_file(const char *text)
{
	char line[LOG_LINE + 400];
	int n;

	log_ready();
	if (lg.fd < 0)
		return;
	stamp();
	n = snprintf(line, sizeof line, "%s %s[%ld]: %s\n", lg.stamp, lg.tag,
	             (long)getpid(), text);
	if (write(lg.fd, line, (size_t)n) < 0)
		lg.fd = -1;
}

__attribute__((format(printf, 3, 0))) static void
log_line(int level, const char *prefix, const char *fmt, va_list ap)
{
	char line[LOG_LINE], *p;
	int n = snprintf(line, sizeof line, "%s", prefix), saved = errno;

	vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
	for (p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (lg.err && level <= LOG_WARNING)
		fprintf(stderr, "%s: %s\n",
		        strchr(lg.tag, '/') ? strchr(lg.tag, '/') + 1 : lg.tag,
		        line);
	if (lg.file) {
		log_file(line);
	} else {
		log_ready();
		syslog(level, "%s", line);
	}
	errno = saved;
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_INFO, "", fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_WARNING, "warning: ", fmt, ap);
	va_end(ap);
}

void
log_die(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_CRIT, "fatal: ", fmt, ap);
	va_end(ap);
	exit(code);
}
