/* relay - bytes on their way, one buffer in each direction: who cannot write does
 * not read.  Called by main.c; the session's business is none of ours. */
#include "relay.h"

#include "io.h"
#include "mem.h"
#include "tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BUFFER = 65536,
	GONE_TIME = 300000, /* ms to say what a session that has ended left */
	FINISH_TIME = 2000  /* ms that a peer is heard out then */
};

struct flow {
	unsigned char buf[BUFFER];
	size_t pos, len;
	short from, to; /* what is waited for, POLLIN or POLLOUT; 0: nothing */
	bool eof;       /* no more comes */
	bool done;      /* and all of it went, which the other end was told */
};

struct relay {
	SSL *ssl;
	struct flow in, out; /* from the network, to the network */
	bool gone;           /* nobody listens at the plain end any more */
	long long end;       /* io_now() when patience is over, 0: never */
};

/* What OpenSSL waits for, or 0 when it is over. */
static short
blocked(SSL *ssl, int r)
{
	switch (SSL_get_error(ssl, r)) {
	case SSL_ERROR_WANT_READ: return POLLIN;
	case SSL_ERROR_WANT_WRITE: return POLLOUT;
	default: return 0;
	}
}

/* Fill the buffer from the network.  The peer's close_notify and its end are one to
 * us: what it said ends where its protocol says. */
static void
read_network(struct relay *r)
{
	struct flow *f = &r->in;
	size_t n;
	int ok;

	while (f->len < sizeof f->buf && !f->from && !f->eof) {
		ERR_clear_error();
		ok = SSL_read_ex(r->ssl, f->buf + f->len,
		                 sizeof f->buf - f->len, &n);
		if (ok == 1) {
			f->len += n;
			if (!SSL_has_pending(r->ssl))
				f->from = POLLIN;
		} else if ((f->from = blocked(r->ssl, ok)) == 0) {
			f->eof = true;
		}
	}
}

static void
lose_plain(struct relay *r)
{
	r->gone = true;
	if (!r->end)
		r->end = io_now() + GONE_TIME;
}

static void
write_plain(struct relay *r)
{
	struct flow *f = &r->in;
	ssize_t n;

	while (f->pos < f->len && !f->to && !r->gone) {
		n = io_some(TLS_PLAIN_FD, f->buf + f->pos, f->len - f->pos);
		if (n > 0)
			f->pos += (size_t)n;
		else if (n == 0)
			f->to = POLLOUT;
		else
			lose_plain(r);
	}
	if (f->pos == f->len || r->gone)
		f->pos = f->len = 0;
	if (f->eof && f->len == 0 && !f->done) {
		shutdown(TLS_PLAIN_FD, SHUT_WR);
		f->done = true;
	}
}

static void
read_plain(struct relay *r)
{
	struct flow *f = &r->out;
	ssize_t n;

	if (f->len > 0 || f->from || f->eof)
		return;
	n = io_take(TLS_PLAIN_FD, f->buf, sizeof f->buf);
	if (n > 0)
		f->len = (size_t)n;
	else if (n < 0 && errno == EAGAIN)
		f->from = POLLIN;
	else
		f->eof = true;
}

/* The network takes no more: say so to the session, as the kernel would. */
static void
lose_network(struct relay *r)
{
	struct flow *f = &r->out;

	shutdown(TLS_PLAIN_FD, SHUT_RD);
	f->pos = f->len = 0;
	f->eof = f->done = true;
}

/* Records that leave together make fewer packets, of which each costs both ends. */
static void
hold_packets(int on)
{
#ifdef TCP_CORK
	setsockopt(STDOUT_FILENO, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
#else
	(void)on;
#endif
}

static void
write_network(struct relay *r)
{
	struct flow *f = &r->out;
	bool many = !f->to && f->len - f->pos > SSL3_RT_MAX_PLAIN_LENGTH;
	size_t n;
	int ok;

	if (many)
		hold_packets(1);
	while (f->pos < f->len && !f->to) {
		ERR_clear_error();
		ok = SSL_write_ex(r->ssl, f->buf + f->pos, f->len - f->pos, &n);
		if (ok == 1)
			f->pos += n;
		else if ((f->to = blocked(r->ssl, ok)) == 0)
			lose_network(r);
	}
	if (many)
		hold_packets(0);
	if (f->pos < f->len)
		return;
	f->pos = f->len = 0;
	if (!f->eof || f->done || f->to)
		return;
	ERR_clear_error();
	ok = SSL_shutdown(r->ssl);
	if (ok < 0 && (f->to = blocked(r->ssl, ok)) != 0)
		return;
	shutdown(STDOUT_FILENO, SHUT_WR);
	f->done = true;
}

/* Can anything be tried without waiting? */
static bool
is_busy(const struct relay *r)
{
	const struct flow *in = &r->in, *out = &r->out;

	return (!in->from && !in->eof && in->len < sizeof in->buf) ||
	       (!out->from && !out->eof && out->len == 0);
}

/* Ask the kernel for as long as nothing else can be done.  Descriptors that nobody
 * waits for are left out: their end would wake us for ever. */
static void
await(struct relay *r)
{
	struct flow *in = &r->in, *out = &r->out;
	bool room = in->len < sizeof in->buf;
	short want = (short)((room ? in->from : in->from & POLLOUT) | out->to);
	short plain = (short)(in->to | (out->len == 0 ? out->from : 0));
	struct pollfd p[3] = {
	    {want & POLLIN ? STDIN_FILENO : -1,     POLLIN,  0},
	    {want & POLLOUT ? STDOUT_FILENO : -1,   POLLOUT, 0},
	    {r->gone && !plain ? -1 : TLS_PLAIN_FD, plain,   0}
        };
	long long left = r->end ? r->end - io_now() : -1;

	/* To poll(2) less than nothing is for ever. */
	if (is_busy(r) || (r->end && left < 0))
		left = 0;
	if (poll(p, 3, (int)left) <= 0)
		return;
	want =
	    (short)((p[0].revents ? POLLIN : 0) | (p[1].revents ? POLLOUT : 0));
	in->from &= (short)~want;
	out->to &= (short)~want;
	if (p[2].revents) {
		in->to = out->from = 0;
		if (p[2].revents & (POLLHUP | POLLERR | POLLNVAL))
			lose_plain(r);
	}
}

static bool
is_over(const struct relay *r)
{
	return (r->in.done && r->out.done) || (r->end && io_now() >= r->end);
}

void
relay(SSL *ssl)
{
	struct relay *r = mem_alloc(sizeof *r);
	bool heard = false;

	r->ssl = ssl;
	for (;;) {
		read_network(r);
		write_plain(r);
		read_plain(r);
		write_network(r);
		if (r->gone && r->out.done && !heard) {
			r->end = io_now() + FINISH_TIME;
			heard = true;
		}
		if (is_over(r))
			break;
		await(r);
	}
	free(r);
}
