/* front - see front.h.  Nothing of the network is read here. */
#include "front.h"

#include "log.h"

#include <signal.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

static void
enter(struct front *f, const char *file)
{
	struct gate *g = &f->gate;
	struct judge j = {.gate = g, .fd = -1, .end = -1};
	bool own = !g->secure && peer_is_self(f->peer, f->pair);
	struct user user = {0};
	int found = own ? user_find_self(&f->conf, &user) : 1;

	if (found < 0)
		log_die(EX_TEMPFAIL, "cannot ask for users now");
	if (found == 0)
		log_die(EX_NOUSER, "no such user here");
	if (own || gate_pass(g, file, &user, &j.tls) == 0) {
		f->open = true;
		f->serve(g->session, &user, own, &j);
	}
	f->open = false;
	gate_close();
	user_free(&user);
}

int
front_run(struct front *f, int argc, char **argv)
{
	const char *file = NULL;
	int opt;

	log_open(f->name);
	while ((opt = getopt(argc, argv, "C:Vs")) != -1)
		switch (opt) {
		case 'C': file = optarg; break;
		case 'V': puts("facteur " VERSION); return 0;
		case 's': f->gate.secure = true; break;
		default:
			fprintf(stderr, "usage: %s [-Vs] [-C file]\n", f->name);
			return EX_USAGE;
		}
	log_stderr(isatty(STDERR_FILENO));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* or nobody could be waited for */
	io_init(f->gate.io, STDIN_FILENO, STDOUT_FILENO);
	/* With -s nobody is there yet who would understand it. */
	f->open = !f->gate.secure;
	conf_use(&f->conf, file);
	f->gate.conf = &f->conf;
	f->gate.peer = f->peer;
	if (peer_find(f->peer) < 0) { /* left before we came */
		f->open = false;
		return 0;
	}
	enter(f, file);
	return 0;
}
