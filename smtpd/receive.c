/* receive - the content of a message, from the wire into the spool.
 * Called by smtp.c for DATA and BDAT.  Whatever goes wrong, the input is read
 * to the end of the message first, so that no part of it is ever taken for a
 * command; 250 is said after spool_commit() and never else. */
#include "addr.h"
#include "date.h"
#include "log.h"
#include "smtp.h"

#include <errno.h>
#include <inttypes.h>

/* The first failure decides; what was stored is thrown away at once. */
static void
fail(struct session *s, int code, const char *text)
{
	if (s->in.code)
		return;
	s->in.code = code;
	s->in.text = text;
	if (s->in.open)
		spool_abort(&s->in.file);
	s->in.open = false;
}

static void
fail_storage(struct session *s, int err)
{
	log_warn("%s: cannot store the message: %s", s->conf->spool,
	         strerror(err));
	if (err == ENOSPC || err == EDQUOT || err == EFBIG)
		fail(s, 452, "4.3.1 no room for the message, try later");
	else
		fail(s, 451, "4.3.0 cannot store the message, try later");
}

/* Where it came from, and how well that was kept secret. */
static void
add_client(const struct session *s, struct str *h)
{
	str_addf(h, "from %s (%s [%s%s])\n", s->helo, s->peer.host,
	         strchr(s->peer.ip, ':') ? "IPv6:" : "", s->peer.ip);
	if (smtp_has_tls(s))
		str_addf(h, "\t(using %s with cipher %s (%u/%u bits))\n",
		         s->judge->tls.version, s->judge->tls.cipher,
		         s->judge->tls.bits, s->judge->tls.bits);
	str_addf(h, "\tby %s (facteur)\n", s->conf->hostname);
}

/* RFC 5321 4.4. */
static void
write_received(struct session *s)
{
	const struct conf *c = s->conf;
	char date[DATE_SIZE];
	struct str h = {0};

	str_adds(&h, "Received: ");
	if (s->peer.local)
		str_addf(&h, "by %s (facteur, from userid %lu)\n", c->hostname,
		         (unsigned long)s->peer.uid);
	else if (*s->login && strcmp(c->hide_client, "yes") == 0)
		str_addf(&h, "by %s (facteur)\n", c->hostname);
	else
		add_client(s, &h);
	str_addf(&h, "\twith %s id %s", smtp_protocol(s), s->in.file.id);
	if (s->env.nrcpt == 1) { /* more would tell one of the others */
		str_adds(&h, "\n\tfor <");
		addr_write(&h, s->env.rcpt[0].addr);
		str_addc(&h, '>');
	}
	date_header(time(NULL), date);
	str_addf(&h, ";%s%s\n", s->env.nrcpt == 1 ? " " : "\n\t", date);
	spool_write(&s->in.file, h.s, h.n);
	str_free(&h);
}

static void
begin(struct session *s, bool dots)
{
	struct receipt *in = &s->in;

	in->code = 0;
	in->held = 0;
	in->submitted = false;
	in->head = (struct head){0};
	str_clear(&in->out);
	data_init(&in->data, dots, s->io.lf);
	if (spool_begin(&in->file, &s->spool, &s->env) < 0) {
		fail_storage(s, errno);
		return;
	}
	in->open = true;
	write_received(s);
}

/* Is there something in what was read that we do not take? */
static void
check(struct session *s)
{
	const struct receipt *in = &s->in;
	const struct conf *c = s->conf;

	if (c->message_limit && in->data.size > c->message_limit)
		fail(s, 552, "5.3.4 message too big"); /* RFC 1870 6.3 */
	if (in->head.received > c->hop_limit)          /* RFC 5321 6.3 */
		fail(s, 554, "5.4.6 too many hops, this message is in a loop");
	if (in->data.seen & DATA_NUL)
		fail(s, 550, "5.6.0 message holds a NUL byte");
	if (s->trusted || s->in.code)
		return;
	/* RFC 5321 2.3.8: CR and LF stand together or not at all. */
	if (in->data.seen & DATA_BARE_LF)
		fail(s, 550,
		     "5.6.0 message holds a bare LF: lines end in CRLF");
	else if (in->data.seen & DATA_BARE_CR)
		fail(s, 550,
		     "5.6.0 message holds a bare CR: lines end in CRLF");
}

/* Hand the clean lines in out to the spool; of somebody who has logged in the header
 * first, with the text that came with it. */
static void
store(struct session *s)
{
	struct receipt *in = &s->in;
	const char *why;
	int code = 0;

	head_feed(&in->head, in->out.s + in->held, in->out.n - in->held);
	check(s);
	in->held = submit_waits(s) ? in->out.n : 0;
	if (in->held)
		return;
	if (in->open && *s->login && !in->submitted)
		code = submit_header(s, &why);
	else if (in->open)
		spool_write(&in->file, in->out.s, in->out.n);
	if (code)
		fail(s, code, why);
	if (in->open && in->file.err)
		fail_storage(s, in->file.err);
	str_clear(&in->out);
}

/* Take input up to n bytes or the end of the message.  How many, or IO_*. */
static ssize_t
feed(struct session *s, unsigned long long n)
{
	struct io *io = &s->io;
	ssize_t have = io_fill(io);
	size_t got;

	if (have < 0)
		return have;
	if ((unsigned long long)have < n)
		n = (unsigned long long)have;
	got = data_feed(&s->in.data, io->buf + io->pos, (size_t)n, &s->in.out);
	io->pos += got;
	store(s);
	return (ssize_t)got;
}

static void
log_arrival(const struct session *s)
{
	const char *id = s->in.file.id;

	if (s->peer.local)
		log_info("%s: client=local[local], uid=%lu", id,
		         (unsigned long)s->peer.uid);
	else
		log_info("%s: client=%s[%s]%s%s%s%s", id, s->peer.host,
		         s->peer.ip, *s->login ? ", sasl_method=" : "",
		         *s->login ? s->method : "",
		         *s->login ? ", sasl_username=" : "", s->login);
	log_info("%s: message-id=%s", id,
	         s->in.head.id[0] ? s->in.head.id : "<>");
}

/* The message is complete: keep it or say why not. */
static void
finish(struct session *s)
{
	struct receipt *in = &s->in;

	if (in->open) {
		log_arrival(s);
		in->open = false; /* the spool cleans up after a failure */
		if (spool_commit(&in->file) < 0)
			fail_storage(s, errno);
	}
	if (in->code) {
		smtp_reject(s, in->file.id[0] ? in->file.id : NULL,
		            "END-OF-MESSAGE",
		            s->env.nrcpt == 1 ? s->env.rcpt[0].addr : NULL,
		            in->code, "%s", in->text);
	} else {
		smtp_reply(s, 250, "2.0.0 Ok: queued as %s", in->file.id);
		s->errors = 0;
	}
	smtp_reset(s);
}

int
receive_data(struct session *s)
{
	ssize_t n;

	/* RFC 2920 3.1: DATA is the last of a group. */
	if (s->io.pos < s->io.len && smtp_early(s, "DATA") != 0)
		return SMTP_END;
	begin(s, true);
	if (s->in.code) {
		finish(s);
		return 0;
	}
	smtp_reply(s, 354, "End data with <CR><LF>.<CR><LF>");
	do
		n = feed(s, SIZE_MAX);
	while (n >= 0 && !s->in.data.done);
	if (n < 0)
		return (int)n;
	finish(s);
	return 0;
}

int
receive_chunk(struct session *s, unsigned long long n, bool last)
{
	unsigned long long left = n;
	ssize_t got;

	if (s->state != CHUNK)
		begin(s, false);
	s->state = CHUNK;
	for (; left > 0; left -= (unsigned long long)got)
		if ((got = feed(s, left)) < 0)
			return (int)got;
	if (last) {
		data_finish(&s->in.data, &s->in.out);
		store(s);
	}
	if (last || s->in.code)
		finish(s);
	else
		smtp_reply(s, 250, "2.0.0 Ok: %llu octets", n);
	return 0;
}

int
receive_skip(struct session *s, unsigned long long n)
{
	struct io *io = &s->io;
	ssize_t have;

	while (n > 0) {
		if ((have = io_fill(io)) < 0)
			return (int)have;
		if ((unsigned long long)have > n)
			have = (ssize_t)n;
		io->pos += (size_t)have;
		n -= (unsigned long long)have;
	}
	return 0;
}

void
receive_abort(struct session *s)
{
	if (s->in.open)
		spool_abort(&s->in.file);
	s->in.open = false;
}
