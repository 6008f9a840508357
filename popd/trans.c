/* trans - the TRANSACTION state (RFC 1939 5) and QUIT.  Runs as the user. */
#include "pop.h"

#include "limit.h"
#include "log.h"
#include "serv.h"
#include "wall.h"

#include <errno.h>
#include <limits.h>

enum { MEMORY = 512 << 20 };

/* A message's number and nothing behind it but what tail will read (NULL:
 * nothing): the message, or NULL when the client was told that there is none. */
static struct item *
number(struct session *s, struct cur *c, unsigned long long *tail)
{
	struct drop *d = &s->drop;
	unsigned long long n;

	cur_blanks(c);
	if (cur_number(c, d->n, &n) < 0 || n == 0) {
		reply_err(s, "no such message");
		return NULL;
	}
	if (tail) {
		cur_blanks(c);
		if (cur_number(c, ULLONG_MAX, tail) < 0) {
			reply_err(s, "how many lines?");
			return NULL;
		}
	}
	if (!line_ends(c)) {
		reply_err(s, "there is too much behind the number");
		return NULL;
	}
	if (d->item[n - 1].deleted) {
		reply_err(s, "that message is deleted");
		return NULL;
	}
	return &d->item[n - 1];
}

int
do_stat(void *session, struct cur *c)
{
	struct session *s = session;

	if (!line_ends(c))
		return reply_wrong(s, "STAT has no argument");
	return reply_ok(s, "%zu %llu", s->drop.left,
	                (unsigned long long)s->drop.size);
}

/* A line for the message, or for each that is not deleted. */
static int
list(struct session *s, struct cur *c,
     void (*show)(struct str *x, const struct session *s,
                  const struct item *it))
{
	struct drop *d = &s->drop;
	struct str x = {0};
	struct item *it;
	size_t i;

	if (line_ends(c)) {
		reply_ok(s, "%zu messages", d->left);
		for (i = 0; i < d->n; i++) {
			if (d->item[i].deleted)
				continue;
			str_clear(&x);
			str_addu(&x, i + 1);
			str_addc(&x, ' ');
			show(&x, s, &d->item[i]);
			str_adds(&x, "\r\n");
			io_put(&s->io, x.s, x.n);
		}
		io_puts(&s->io, ".\r\n");
	} else if ((it = number(s, c, NULL))) {
		str_addf(&x, "+OK %zu ", (size_t)(it - d->item) + 1);
		show(&x, s, it);
		str_adds(&x, "\r\n");
		io_put(&s->io, x.s, x.n);
	}
	str_free(&x);
	return 0;
}

static void
show_size(struct str *x, const struct session *s, const struct item *it)
{
	(void)s;
	str_addu(x, it->size);
}

int
do_list(void *session, struct cur *c)
{
	return list(session, c, show_size);
}

static void
show_name(struct str *x, const struct session *s, const struct item *it)
{
	uidl_show(x, &s->drop, s->conf->uidl, it);
}

int
do_uidl(void *session, struct cur *c)
{
	struct session *s = session;

	if (uidl_make(&s->drop, s->conf->uidl) < 0)
		return reply_err(s, "[SYS/TEMP] the mailbox cannot be read");
	return list(s, c, show_name);
}

/* --- messages --- */

/* On its way out: a dot before a dot, and only so many lines of the body. */
struct sent {
	struct io *io;
	size_t col;  /* bytes of the line at hand that were sent */
	bool header; /* not yet in the body */
	unsigned long long lines;
	unsigned long long bytes;
};

/* Send what is to be sent of it; -1 when that was the last line. */
static int
send_some(struct sent *x, struct cur c)
{
	while (cur_len(&c) > 0) {
		const char *nl = memchr(c.p, '\n', cur_len(&c));
		size_t n = nl ? (size_t)(nl - c.p) + 1 : cur_len(&c);

		if (x->col == 0 && !x->header && x->lines == 0)
			return -1;
		if (x->col == 0 && *c.p == '.')
			io_put(x->io, ".", 1);
		io_put(x->io, c.p, n);
		x->bytes += n;
		x->col += n;
		c.p += n;
		if (!nl)
			break;
		if (!x->header)
			x->lines--;
		else if (x->col <= 2)
			x->header = false;
		x->col = 0;
	}
	return 0;
}

/* The message and the final dot.  0, or the end of the session: what the client has
 * got then does not look whole. */
static int
send_message(struct session *s, struct item *it, struct sent *x)
{
	struct store *st = &s->drop.store;
	struct store_reader r;
	struct str out = {0};
	ssize_t n = -1;
	int more = 0;

	if (store_read(st, it->uid, &r) == 0) {
		n = store_get(st, &r, &out);
		if (n >= 0)
			reply_ok(s, "%llu octets",
			         (unsigned long long)it->size);
		while (n > 0 && more == 0 && !s->io.err) {
			more = send_some(x, str_cur(&out));
			str_clear(&out);
			n = store_get(st, &r, &out);
		}
		store_read_end(st, &r);
	}
	str_free(&out);
	if (n >= 0 || more < 0) {
		io_puts(&s->io, x->col > 0 ? "\r\n.\r\n" : ".\r\n");
		return 0;
	}
	if (x->bytes > 0)
		return POP_BROKEN;
	return errno == ESTALE
	           ? reply_err(s, "another program removed that message")
	           : reply_err(s, "[SYS/TEMP] the mailbox cannot be read");
}

int
do_retr(void *session, struct cur *c)
{
	struct session *s = session;
	struct item *it = number(s, c, NULL);
	struct sent x = {.io = &s->io, .header = true, .lines = ULLONG_MAX};
	int end;

	if (!it)
		return 0;
	end = send_message(s, it, &x);
	s->retrs++;
	s->retr_bytes += x.bytes;
	if (end == 0 && !s->io.err)
		it->seen = true;
	return end;
}

int
do_top(void *session, struct cur *c)
{
	struct session *s = session;
	struct sent x = {.io = &s->io, .header = true};
	struct item *it = number(s, c, &x.lines);
	int end;

	if (!it)
		return 0;
	end = send_message(s, it, &x);
	s->tops++;
	s->top_bytes += x.bytes;
	return end;
}

int
do_dele(void *session, struct cur *c)
{
	struct session *s = session;
	struct item *it = number(s, c, NULL);

	if (!it)
		return 0;
	drop_mark(&s->drop, it, true);
	return reply_ok(s, "it goes when you QUIT");
}

int
do_noop(void *session, struct cur *c)
{
	struct session *s = session;

	return line_ends(c) ? reply_ok(s, "here I am")
	                    : reply_wrong(s, "NOOP has no argument");
}

int
do_rset(void *session, struct cur *c)
{
	struct session *s = session;
	size_t i;

	if (!line_ends(c))
		return reply_wrong(s, "RSET has no argument");
	for (i = 0; i < s->drop.n; i++)
		drop_mark(&s->drop, &s->drop.item[i], false);
	return reply_ok(s, "%zu messages", s->drop.left);
}

/* The UPDATE state (RFC 1939 6), after a login. */
int
do_quit(void *session, struct cur *c)
{
	struct session *s = session;

	if (!line_ends(c))
		return reply_wrong(s, "QUIT has no argument");
	if (drop_update(&s->drop, true) < 0)
		reply_err(s, "[SYS/TEMP] some messages were not deleted");
	else
		reply_ok(s, "goodbye");
	return POP_QUIT;
}

/* --- the session of a user --- */

static void
refuse(struct session *s, int e)
{
	const char *code = "SYS/TEMP";

	if (e == EAGAIN)
		code = "IN-USE";
	else if (e == EPERM || e == EACCES || e == ELOOP || e == EILSEQ)
		code = "SYS/PERM";
	reply_err(s, "[%s] the mailbox cannot be opened", code);
	log_warn("%s: %s", s->drop.path, s->drop.store.why);
}

static void
log_end(const struct session *s, const struct user *u, int end)
{
	const struct drop *d = &s->drop;
	const struct tls *tls = &s->judge->tls;
	const char *why = "error";

	if (end == POP_QUIT)
		why = "quit";
	else if (end == SERV_EOF)
		why = "lost";
	else if (end == SERV_TIMEOUT)
		why = "timeout";
	log_info("Logout user=%s host=%s [%s] top=%lu/%llu retr=%lu/%llu "
	         "del=%zu/%zu size=%llu end=%s%s%s",
	         u->name, s->peer.host, s->peer.ip, s->tops, s->top_bytes,
	         s->retrs, s->retr_bytes, end == POP_QUIT ? d->n - d->left : 0,
	         d->n, (unsigned long long)d->all, why,
	         *tls->version ? " tls=" : "", tls->version);
}

/* A client may be silent twice as long as a stranger: ten minutes, where nothing
 * else is said (RFC 1939 3). */
void
trans_run(void *session, const struct user *u, bool own, struct judge *j)
{
	struct session *s = session;
	const struct conf *c = s->conf;
	struct io *io = &s->io;
	int end;

	limit_memory(MEMORY);
	wall_user(c, u, false, NULL);
	s->judge = j;
	io->lf = own;
	if (!own) {
		io->idle = (long)c->idle_timeout * 2000;
		io->deadline = io_now() + (long long)c->session_timeout * 1000;
	}
	s->state = USER;
	if (drop_open(&s->drop, c, u, own) < 0) {
		refuse(s, errno);
		io_flush(io);
		log_end(s, u, POP_CLOSED);
		return;
	}
	reply_ok(s, "%s has %zu messages (%llu octets)", u->name, s->drop.n,
	         (unsigned long long)s->drop.all);
	end = pop_run(s);
	if (end != POP_QUIT)
		drop_update(&s->drop, false);
	io_finish(io);
	log_end(s, u, end);
	drop_close(&s->drop);
}
