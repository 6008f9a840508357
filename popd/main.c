/* main - popd, the POP3 server: one session on standard input and output.
 * Started by inetd(8) and its kin for each connection, as root or not: lib/gate.c then
 * stands before the mailbox.  Started by a user on a terminal or pipe it serves
 * that user's own, and asks for no password. */
#include "log.h"
#include "pop.h"

#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

static struct session session;
static struct conf conf;
static bool finished;

/* Whatever ends us early: the client is told to come again.  There may be no
 * memory left. */
static void
say_goodbye(void)
{
	static const char text[] =
	    "-ERR [SYS/TEMP] cannot go on, try later\r\n";

	if (!finished && io_flush(&session.io) == 0)
		io_writeall(STDOUT_FILENO, text, sizeof text - 1);
}

int
main(int argc, char **argv)
{
	const struct gate gate = {.conf = &conf,
	                          .peer = &session.peer,
	                          .io = &session.io,
	                          .service = "pop3",
	                          .tries = POP_TRIES,
	                          .talk = login_run,
	                          .session = &session};
	const char *file = NULL;
	struct user user = {0};
	int opt, on = 1;
	bool own;

	log_open("popd");
	while ((opt = getopt(argc, argv, "C:V")) != -1)
		switch (opt) {
		case 'C': file = optarg; break;
		case 'V': puts("facteur " VERSION); return 0;
		default:
			fputs("usage: popd [-V] [-C file]\n", stderr);
			return EX_USAGE;
		}
	log_stderr(isatty(STDERR_FILENO));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	io_init(&session.io, STDIN_FILENO, STDOUT_FILENO);
	atexit(say_goodbye);
	conf_use(&conf, file);
	session.conf = &conf;
	finished = peer_find(&session.peer) < 0; /* left before we came? */
	if (finished)
		return 0;
	if (session.peer.socket)
		setsockopt(STDOUT_FILENO, IPPROTO_TCP, TCP_NODELAY, &on,
		           sizeof on);
	own = peer_is_self(&session.peer, false);
	if (own && user_find_self(&conf, &user) <= 0)
		log_die(EX_NOUSER, "no such user here");
	if (own || gate_pass(&gate, file, &user, &session.tls) == 0)
		trans_run(&session, &user, own);
	finished = true;
	gate_close();
	user_free(&user);
	return 0;
}
