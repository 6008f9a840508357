/* main - imapd, the IMAP server: one session on standard input and output.
 * Started by inetd(8) and its kin for each connection, as root or not: lib/gate.c then
 * stands before the mailbox.  Started by a user on a terminal or pipe it serves
 * that user's own, and asks for no password. */
#include "ask.h"
#include "front.h"
#include "idn.h"
#include "imap.h"

#include <stdlib.h>

static struct session session;
static struct front front = {
    .name = "imapd",
    .gate = {.io = &session.io,
             .service = "imap",
             .tries = IMAP_TRIES,
             .talk = login_run,
             .session = &session},
    .peer = &session.peer,
    .pair = true,
    .serve = user_run,
};

/* Whatever ends us early: the client is told to come again, where it would not
 * take that for the rest of a message.  There may be no memory left. */
static void
say_goodbye(void)
{
	static const char text[] =
	    "* BYE [UNAVAILABLE] cannot go on, try later\r\n";

	if (front.open && !session.half && !session.io.filter &&
	    io_flush(&session.io) == 0)
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
