/* log - see log.h.  Lines look like Postfix's, tagged facteur/PROG[PID], so that
 * pflogsumm --syslog_name=facteur and fail2ban read them unchanged. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { STAMP = 160 };

static struct {
	char tag[40]; /* facteur/smtpd */
	struct syslog to;
	const char *file; /* NULL: syslog */
	int fd;           /* of the file, or -1 */
	int err;          /* warnings on stderr too */
	int open;         /* that was tried */
	time_t at;        /* of the stamp */
	pid_t pid;        /* likewise */
	char stamp
	    [STAMP]; /* date, host and tag: how a line of the file begins */
} lg = {.tag = "facteur", .to = {.fd = -1}, .fd = -1};

void
log_open(const char *prog)
{
	snprintf(lg.tag, sizeof lg.tag, "facteur/%s", prog);
	lg.at = 0;
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
	tzset();
	if (!lg.file && !lg.open) {
		syslog_reach(&lg.to);
		lg.open = 1;
	}
	/* It may be a FIFO that nobody reads. */
	if (lg.file && lg.fd < 0)
		lg.fd =
		    open(lg.file,
		         O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC,
		         0666);
}

static const char *
stamp(void)
{
	char host[64] = "";
	time_t now = time(NULL);
	pid_t pid = getpid();
	struct tm tm;
	size_t n;

	if (now == lg.at && pid == lg.pid)
		return lg.stamp;
	lg.at = now;
	lg.pid = pid;
	n = strftime(lg.stamp, sizeof lg.stamp, "%b %e %H:%M:%S ",
	             localtime_r(&now, &tm));
	gethostname(host, sizeof host - 1);
	host[strcspn(host, ".")] = '\0';
	snprintf(lg.stamp + n, sizeof lg.stamp - n, "%s %s[%ld]: ", host,
	         lg.tag, (long)pid);
	return lg.stamp;
}

/* Append a line in the form that syslogd writes, in one write; a log that cannot be
 * written must not stop the mail. */
static void
log_file(const char *line, size_t n)
{
	log_ready();
	/* On a full disk it is kept: another one would come to it each time. */
	if (lg.fd >= 0 && write(lg.fd, line, n) < 0 && errno == EBADF)
		lg.fd = -1;
}

__attribute__((format(printf, 3, 0))) static void
log_line(int level, const char *prefix, const char *fmt, va_list ap)
{
	int saved = errno;
	const char *head = lg.file ? stamp() : "";
	size_t begin = strlen(head), n = strlen(prefix);
	char line[STAMP + LOG_LINE + 1], *text = line + begin, *p;

	memcpy(line, head, begin);
	memcpy(text, prefix, n);
	vsnprintf(text + n, LOG_LINE - n, fmt, ap);
	for (p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (lg.err && level <= LOG_WARNING)
		fprintf(stderr, "%s: %s\n",
		        strchr(lg.tag, '/') ? strchr(lg.tag, '/') + 1 : lg.tag,
		        text);
	if (lg.file) {
		*p++ = '\n';
		log_file(line, (size_t)(p - line));
	} else {
		log_ready();
		syslog_line(&lg.to, level, lg.tag, text);
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

int
log_stdout(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	log_warn("cannot write: %s", strerror(errno));
	return EX_IOERR;
}
