/* main - smtpd, the SMTP server: one session on standard input and output.
 * Started by inetd(8) and its kin for each connection, or by a person.  As root
 * it reads its configuration and becomes somebody else for good, before it
 * knows or reads anything of the network. */
#include "idn.h"
#include "log.h"
#include "smtp.h"
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define SESSION_USER "facteurd"

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

/* A private instance belongs to who owns its configuration, the system's to the
 * account that talks, whose group is the spool's. */
static void
find_identity(const char *file, uid_t *uid, gid_t *gid)
{
	static char none[] = "";
	const struct conf system = {.users = none};
	struct stat st;
	struct user u;

	if (file && stat(file, &st) == 0 && st.st_uid != 0) {
		*uid = st.st_uid;
		*gid = st.st_gid;
		return;
	}
	if (user_find(&system, SESSION_USER, &u) <= 0 || u.uid == 0)
		log_die(EX_CONFIG, "no user %s", SESSION_USER);
	*uid = u.uid;
	*gid = u.gid;
}

/* What lib/addr.c asks for; see ask.c. */
int
idn_lookup(char name[ADDR_DOMAIN_MAX + 1])
{
	return ask_domain(&conf, name);
}

static void
drop_privilege(const char *file)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return;
	find_identity(file, &uid, &gid);
	if (setgroups(1, &gid) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
		log_die(EX_OSERR, "cannot become user %lu: %s",
		        (unsigned long)uid, strerror(errno));
	if (setuid(0) == 0 || setgid(0) == 0 || getuid() != uid ||
	    geteuid() != uid || getgid() != gid)
		log_die(EX_OSERR, "could become root again");
}

/* No more memory than a session can need. */
static void
set_limits(void)
{
	struct rlimit memory = {MEMORY, MEMORY};

#ifndef __SANITIZE_ADDRESS__ /* which maps more than all there is */
	setrlimit(RLIMIT_DATA, &memory);
#endif
	(void)memory;
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
	drop_privilege(file);
	set_limits();
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
