/* guard - the one bit of privilege, and how it is kept from the caller.
 * sendmail is setgid to the spool's group: it may add files to new/ and
 * trace/, and read the queue for mailq(8).  Nothing that came by execve(2) may
 * steer that: the environment goes (it holds TZ, LD_*, MALLOC_*, LOCPATH),
 * descriptors 0 to 2 exist, signals are as in a fresh process, a file-size limit
 * is an error of write(2) and not a signal. */
#include "sendmail.h"

#include "io.h"

#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

extern char **environ;

void
guard_enter(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;
	int sig;

	if (io_standard() < 0)
		_exit(EX_OSERR);
	if (getegid() != getgid() && environ)
		*environ = NULL;
	alarm(0);
	for (sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(007); /* queuerun opens, or clears away, by the group */
}
