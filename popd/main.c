/* main - popd, the POP3 server: one session on standard input and output.
 * Started by inetd(8) and its kin for each connection, as root or not: lib/gate.c then
 * stands before the mailbox.  Started by a user on a terminal or pipe it serves
 * that user's own, and asks for no password. */
#include "ask.h"
#include "front.h"
#include "idn.h"
#include "pop.h"

#include <stdlib.h>

static struct session session;
static struct front front = {
    .name = "popd",
    .gate = {.io = &session.io,
             .service = "pop3",
             .tries = POP_TRIES,
             .talk = login_run,
             .session = &session},
    .peer = &session.peer,
    .serve = trans_run,
};

/* Whatever ends us early: the client is told to come again.  There may be no
 * memory left. */
static void
say_goodbye(void)
{
	static const char text[] =
	    "-ERR [SYS/TEMP] cannot go on, try later\r\n";

	if (front.open && io_flush(&session.io) == 0)
		io_writeall(session.io.out, text, sizeof text - 1);
}

/* What lib/addr.c asks for, without the library. */
int
idn_lookup(char name[ADDR_DOMAIN_MAX + 1])
{
	return ask_domain(&front.conf, name);
}

int
main(int argc, char **argv)
{
	atexit(say_goodbye);
	session.conf = &front.conf;
	return front_run(&front, argc, argv);
}
