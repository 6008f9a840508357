/* main - smtpd, the SMTP server: one session on standard input and output.
 * Started by inetd(8) and its kin for each connection, or by a person.  As root
 * it reads its configuration and becomes somebody else for good, before it
 * reads anything of the network.  Where TLS or a login may be asked for, that is a
 * child, and lib/gate.c stays behind to answer it. */
#include "ask.h"
#include "become.h"
#include "idn.h"
#include "limit.h"
#include "log.h"
#include "smtp.h"
#include "wall.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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
		io_writeall(session.io.out, text, sizeof text - 1);
}

/* What lib/addr.c asks for, without the library. */
int
idn_lookup(char name[ADDR_DOMAIN_MAX + 1])
{
	return ask_domain(&conf, name);
}

static void
talk(void *arg, struct judge *j)
{
	struct session *s = arg;

	s->judge = j;
	s->io.lf = s->peer.local && isatty(s->io.in);
	limit_memory(MEMORY);
	/* Its tables name what it has to read besides. */
	wall_spool(s->conf, smtp_router(s)->aliases, s->submission);
	smtp_run(s);
}

/* TLS or not: a program here has nobody to hide from. */
static void
serve(struct gate *g, const char *file)
{
	struct user user = {0};
	struct tls tls;

	if (session.submission || g->secure ||
	    (!session.peer.local && tls_offered(&conf))) {
		gate_pass(g, file, &user, &tls);
		finished = true;
		gate_close();
		return;
	}
	become_talker(file, NULL);
	talk(&session, NULL);
}

int
main(int argc, char **argv)
{
	struct gate gate = {.conf = &conf,
	                    .peer = &session.peer,
	                    .io = &session.io,
	                    .service = "smtp",
	                    .tries = SMTP_TRIES,
	                    .stays = true,
	                    .talk = talk,
	                    .session = &session};
	const char *file = NULL;
	int opt;

	log_open("smtpd");
	while ((opt = getopt(argc, argv, "C:Vas")) != -1)
		switch (opt) {
		case 'C': file = optarg; break;
		case 'V': puts("facteur " VERSION); return 0;
		case 'a': session.submission = true; break;
		case 's': gate.secure = true; break;
		default:
			fputs("usage: smtpd [-Vas] [-C file]\n", stderr);
			return EX_USAGE;
		}
	log_stderr(isatty(STDERR_FILENO));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* or nobody could be waited for */
	umask(007);
	io_init(&session.io, STDIN_FILENO, STDOUT_FILENO);
	atexit(say_goodbye);
	session.peer.uid = getuid();
	conf_use(&conf, file);
	session.conf = &conf;
	if (peer_find(&session.peer) == 0) /* else it left before we came */
		serve(&gate, file);
	finished = true;
	return 0;
}
