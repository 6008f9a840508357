/* user - a session from the login to its end.  Runs as the user. */
#include "imap.h"

#include "folder.h"
#include "limit.h"
#include "log.h"
#include "wall.h"

enum { MEMORY = 512 << 20 };

static void
log_end(const struct session *s, int end)
{
	const struct tls *tls = &s->judge->tls;
	const char *why = "error";

	if (end == IMAP_BYE)
		why = "logout";
	else if (end == IO_EOF)
		why = "lost";
	else if (end == IO_TIMEOUT)
		why = "timeout";
	log_info("Logout user=%s host=%s [%s] end=%s%s%s", s->user->name,
	         s->peer.host, s->peer.ip, why, *tls->version ? " tls=" : "",
	         tls->version);
}

void
user_run(void *session, const struct user *u, bool own, struct judge *j)
{
	struct session *s = session;
	struct io *io = &s->io;
	struct str x = {0};
	int end;

	s->folders = folders_open(s->conf, u);
	limit_memory(MEMORY);
	wall_user(s->conf, u, true, folders_prepare(s->folders));
	s->judge = j;
	s->user = u;
	s->own = own;
	str_addf(&s->records, "%s/%s", s->conf->state, u->name);
	s->state = USER;
	io->lf = own;
	io->deadline = 0;
	io->idle = own ? 0 : IMAP_IDLE;
	if (own) {
		add_capabilities(s, &x);
		io_putf(io, "* PREAUTH [CAPABILITY%s] %s, this is %s\r\n", x.s,
		        u->name, s->conf->hostname);
		str_free(&x);
	}
	end = imap_run(s);
	box_close(s);
	io_finish(io);
	log_end(s, end);
	folders_free(s->folders);
	str_free(&s->records);
	arena_free(&s->arena);
}
