/* main - smtpd, the SMTP server: one session on standard input and output.
 * Started by inetd(8) and its kin for each connection, or by a person.  As root
 * it reads its configuration and becomes somebody else for good, before it
 * knows or reads anything of the network. */
#include "become.h"
#include "idn.h"
#include "limit.h"
#include "log.h"
#include "smtp.h"

#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* More than a session can need. */
enum { MEMORY = 64 << 20 };

static struct session session;
static struct conf conf;
static bool finished;

/* Whatever ends us early: the client is told to come again.  There may be no
 * memory left. */
static void
say_goodbye(void)
{
	static const char text[] = "421 4.3.0 cannot go on, try later\r\n";

	if (!finished && io_flush(&session.io) == 0)
		io_writeall(STDOUT_FILENO, text, sizeof text - 1);
}

/* What lib/addr.c asks for; see ask.c. */
int
idn_lookup(char name[ADDR_DOMAIN_MAX + 1])
{
	return ask_domain(&conf, name);
}

int
main(int argc, char **argv)
{
	const char *file = NULL;
	int opt, on = 1;

	log_open("smtpd");
	while ((opt = getopt(argc, argv, "C:V")) != -1)
		switch (opt) {
		case 'C': file = optarg; break;
		case 'V': puts("facteur " VERSION); return 0;
		default:
			fputs("usage: smtpd [-V] [-C file]\n", stderr);
			return EX_USAGE;
		}
	log_stderr(isatty(STDERR_FILENO));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	umask(007);
	io_init(&session.io, STDIN_FILENO, STDOUT_FILENO);
	atexit(say_goodbye);
	session.peer.uid = getuid();
	conf_use(&conf, file);
	session.conf = &conf;
	become_talker(file, NULL);
	limit_memory(MEMORY);
	if (peer_find(&session.peer) == 0) { /* else it left before we came */
		if (session.peer.socket)
			setsockopt(STDOUT_FILENO, IPPROTO_TCP, TCP_NODELAY, &on,
			           sizeof on);
		session.io.lf = session.peer.local && isatty(STDIN_FILENO);
		smtp_run(&session);
	}
	finished = true;
	return 0;
}
