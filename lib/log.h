/* log - one line per event, to syslog or to a file.
 * The lines have the shape that Postfix's log readers know (facteur(7)).
 * Control characters become '?', a line is cut at LOG_LINE bytes.  The name of
 * the program is the one mutable global of lib/. */
#ifndef LOG_H
#define LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum { LOG_LINE = 2000 };

/* Name the program ("smtpd") before anything else is logged.  Until log_to()
 * was called lines go to stderr if log_stderr(1) asked for it, else to syslog. */
void log_open(const char *prog);

/* Send lines to dest: "syslog", or the absolute path of a file. */
void log_to(const char *dest);

/* Also say warnings and worse on stderr (programs whose stderr is not the
 * network). */
void log_stderr(int on);

/* Open it, and know the time zone, now: soon that cannot be done any more. */
void log_ready(void);

/* Is all that was printed on stdout?  Then code, else EX_IOERR, and a warning. */
int log_stdout(int code);

__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *fmt, ...);

/* Log as "fatal:" and exit with the sysexits(3) code. */
__attribute__((format(printf, 2, 3), noreturn)) void log_die(int code,
                                                             const char *fmt,
                                                             ...);

/* syslog.c, for log.c alone.  A line that is not taken within a second is lost, and
 * until one is taken none is waited for. */
struct syslog {
	int fd;    /* connected, or -1 */
	bool late; /* the last line was not taken in time */
};

void syslog_reach(struct syslog *to);
void syslog_line(struct syslog *to, int level, const char *tag,
                 const char *text);

#endif
