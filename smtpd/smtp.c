/* smtp - see smtp.h.  The commands of RFC 5321, one function each, called by
 * the loop of serv.c when their time has come.  Nothing here runs as root. */
#include "smtp.h"

#include "addr.h"
#include "log.h"
#include "param.h"
#include "policy.h"
#include "serv.h"

#include <errno.h>
#include <stdio.h>

enum {
	COMMAND_LINE = 2048, /* RFC 5321 4.5.3.1.4, and ORCPT (RFC 3461 4.2) */
	REPLY_LINE = 512,    /* RFC 5321 4.5.3.1.5, with CRLF */
	START_OF_TEXT = 4,
	REPLY_TEXT = REPLY_LINE - START_OF_TEXT - 2,
	EARLY_MAX = 100, /* bytes of early input for the log */
	MS = 1000
};

/* --- replies --- */

/* Send a line whose text of n bytes, or cut, is there behind START.  No control
 * character and no second line gets out (S14). */
static void
put_line(struct session *s, int code, char sep, char line[REPLY_LINE], size_t n)
{
	char *p = line + START_OF_TEXT, *e;

	if (n > REPLY_TEXT)
		n = REPLY_TEXT;
	mem_clean(p, n);
	e = p + n;
	line[0] = (char)('0' + code / 100);
	line[1] = (char)('0' + code / 10 % 10);
	line[2] = (char)('0' + code % 10);
	line[3] = sep;
	memcpy(e, "\r\n", 2);
	io_put(&s->io, line, (size_t)(e + 2 - line));
	s->code = code;
}

void
smtp_line(struct session *s, int code, char sep, const char *text)
{
	char line[REPLY_LINE];
	size_t n = strnlen(text, REPLY_TEXT);

	memcpy(line + START_OF_TEXT, text, n);
	put_line(s, code, sep, line, n);
}

void
smtp_reply(struct session *s, int code, const char *text, ...)
{
	char line[REPLY_LINE];
	va_list ap;
	int n;

	va_start(ap, text);
	n = vsnprintf(line + START_OF_TEXT, REPLY_TEXT + 1, text, ap);
	va_end(ap);
	put_line(s, code, ' ', line, n > 0 ? (size_t)n : 0);
}

const char *
smtp_protocol(const struct session *s)
{
	static const char *const names[2][2][2] = {
	    {{"ESMTP", "ESMTPA"},       {"ESMTPS", "ESMTPSA"}      },
	    {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}},
	};

	if (!s->esmtp)
		return "SMTP";
	return names[s->env.utf8][smtp_has_tls(s)][*s->login != '\0'];
}

void
smtp_reject(struct session *s, const char *id, const char *stage,
            const char *rcpt, int code, const char *fmt, ...)
{
	struct str text = {0};
	va_list ap;

	va_start(ap, fmt);
	str_addv(&text, fmt, ap);
	va_end(ap);
	log_info("%s: reject: %s from %s[%s]: %d %s; from=<%s>%s%s%s "
	         "proto=%s helo=<%s>",
	         id ? id : "NOQUEUE", stage, s->peer.host, s->peer.ip, code,
	         text.s, s->env.sender ? s->env.sender : "",
	         rcpt ? " to=<" : "", rcpt ? rcpt : "", rcpt ? ">" : "",
	         smtp_protocol(s), s->helo);
	smtp_reply(s, code, "%s", text.s);
	str_free(&text);
}

/* What of the input that came too early may be in the log: no password is. */
static int
early_length(const struct io *io)
{
	static const char auth[] = "AUTH";
	const char *p = io->buf + io->pos;
	size_t n = io->len - io->pos, i = 0;

	while (
	    i < n && i < EARLY_MAX &&
	    (n - i < sizeof auth - 1 || !mem_ieq(p + i, auth, sizeof auth - 1)))
		i++;
	return (int)i;
}

int
smtp_early(struct session *s, const char *after)
{
	if (s->peer.local)
		return 0;
	if (!s->early)
		log_info("improper command pipelining after %s from %s[%s]: "
		         "%.*s",
		         after, s->peer.host, s->peer.ip, early_length(&s->io),
		         s->io.buf + s->io.pos);
	s->early = true;
	if (strcmp(s->conf->early_talk, "refuse") != 0)
		return 0;
	smtp_reply(s, 554, "5.5.0 you did not wait for the reply to %s", after);
	return SMTP_END;
}

/* --- hello --- */

void
smtp_reset(struct session *s)
{
	receive_abort(s);
	envelope_free(&s->env);
	s->env = (struct envelope){.uid = -1};
	s->size = 0;
	if (s->state != START)
		s->state = s->submission && !*s->login ? STRANGER : HELLO;
}

/* May it relay? */
static void
trust(struct session *s)
{
	s->trusted =
	    policy_relays(s->peer.local || s->peer.relay ||
	                      conf_net_match(&s->conf->relay_from, s->peer.ip),
	                  s->submission, *s->login != '\0');
}

void
smtp_enter(struct session *s)
{
	smtp_reset(s);
	trust(s);
}

void
smtp_forget(struct session *s)
{
	smtp_reset(s);
	*s->helo = '\0';
	s->esmtp = false;
	s->state = START;
}

/* --- the envelope --- */

/* "FROM:" or "TO:", a path and its parameters.  0, or -1 after the reply. */
static int
take_path(struct session *s, struct cur *args, const char *word, int command,
          char addr[ADDR_MAX + 1], struct params *p)
{
	struct cur key = {args->p, args->p + strlen(word)};
	int offered;

	*p = (struct params){0};
	if (cur_len(args) < strlen(word) || !cur_is(&key, word)) {
		smtp_reply(s, 501, "5.5.4 syntax: %s %s<address>",
		           command == PARAM_MAIL ? "MAIL" : "RCPT", word);
		return -1;
	}
	args->p = key.e;
	cur_blanks(args); /* many send one, RFC 5321 3.3 forbids it */
	if (addr_path(args, addr) < 0) {
		smtp_reply(s, 501, "%s cannot read that address",
		           command == PARAM_MAIL ? "5.1.7" : "5.1.3");
		return -1;
	}
	offered = command;
	if (command == PARAM_MAIL && s->submission)
		offered |= PARAM_AUTH; /* RFC 4954 3 */
	if (param_parse(p, *args, offered) < 0) {
		smtp_reply(s, p->code, "%s", p->error);
		return -1;
	}
	if (addr_is_utf8(addr) && !p->utf8 && !s->env.utf8) {
		/* RFC 6531 3.5 */
		smtp_reply(s, 553, "5.6.7 that address needs SMTPUTF8");
		return -1;
	}
	return 0;
}

/* Can a message of this size be taken now?  0, or -1 after the reply. */
static int
check_size(struct session *s, unsigned long long size)
{
	const struct conf *c = s->conf;

	if (c->message_limit && size > c->message_limit) {
		smtp_reject(s, NULL, "MAIL", NULL, 552,
		            "5.3.4 message too big"); /* RFC 1870 6.1 */
		return -1;
	}
	if (!s->has_spool && spool_open(&s->spool, c) < 0) {
		log_warn("%s: %s", c->spool, strerror(errno));
		smtp_reply(s, 451, "4.3.0 cannot take mail now, try later");
		return -1;
	}
	s->has_spool = true;
	if (spool_room(&s->spool, c, size))
		return 0;
	smtp_reject(s, NULL, "MAIL", NULL, 452,
	            "4.3.1 no room for mail now, try later");
	return -1;
}

static char *
take_str(struct str *s)
{
	char *p = s->s;

	*s = (struct str){0};
	return p;
}

static void
start_message(struct session *s, const char *addr, struct params *p)
{
	struct str x = {0};

	str_adds(&x, addr);
	if (*addr && !addr_at(addr))
		str_addf(&x, "@%s", s->conf->origin);
	s->env.sender = take_str(&x);
	if (!s->peer.local) {
		str_addf(&x, "%s[%s]", s->peer.host, s->peer.ip);
		s->env.client = take_str(&x);
	} else {
		s->env.uid = (long)s->peer.uid;
	}
	s->env.envid = take_str(&p->envid);
	s->env.ret = p->ret;
	s->env.eightbit = p->eightbit;
	s->env.utf8 = p->utf8;
	s->size = p->size;
	if ((*s->login && submit_sender(s) < 0) || check_size(s, p->size) < 0) {
		smtp_reset(s);
		return;
	}
	s->state = MAIL;
	smtp_reply(s, 250, "2.1.0 Ok");
}

static int
do_mail(void *session, struct cur *args)
{
	struct session *s = session;
	char addr[ADDR_MAX + 1];
	struct params p;

	if (take_path(s, args, "FROM:", PARAM_MAIL, addr, &p) < 0)
		;
	else if (*addr && !addr_at(addr) && !s->trusted)
		smtp_reply(s, 501, "5.1.7 the sender lacks a domain");
	else
		start_message(s, addr, &p);
	param_free(&p);
	return 0;
}

static int
do_rcpt(void *session, struct cur *args)
{
	struct session *s = session;
	char addr[ADDR_MAX + 1];
	struct params p;

	if (take_path(s, args, "TO:", PARAM_RCPT, addr, &p) < 0)
		;
	else if (!*addr)
		smtp_reply(s, 501, "5.1.3 a recipient is missing");
	else if (s->env.nrcpt >= s->conf->recipient_limit)
		/* RFC 5321 4.5.3.1.10 */
		smtp_reply(s, 452, "4.5.3 too many recipients");
	else if (rcpt_check(s, addr) == 0 &&
	         (!*s->login || submit_rcpt(s, addr) == 0)) {
		envelope_rcpt(&s->env, addr, p.orcpt.s, p.notify);
		s->state = RCPT;
		smtp_reply(s, 250, "2.1.5 Ok");
	}
	param_free(&p);
	return 0;
}

/* --- content --- */

/* RFC 5321 4.1.1: these take no argument.  Returns -1 after the reply. */
static int
no_args(struct session *s, struct cur *args)
{
	cur_blanks(args);
	if (cur_len(args) == 0)
		return 0;
	smtp_reply(s, 501, "5.5.4 no argument here");
	return -1;
}

static int
do_data(void *session, struct cur *args)
{
	struct session *s = session;

	s->last = "DATA";
	return no_args(s, args) < 0 ? 0 : receive_data(s);
}

static int bad_state(void *session, const struct serv_cmd *c);

/* Allowed in any state, because its octets follow in any state (RFC 3030 2);
 * when they cannot be counted nothing behind them can be trusted. */
static int
do_bdat(void *session, struct cur *args)
{
	struct session *s = session;
	unsigned long long n = 0;
	struct cur size, word;
	bool last;
	int r;

	s->last = "BDAT";
	cur_word(args, &size);
	cur_word(args, &word);
	r = cur_number(&size, INT64_MAX, &n);
	last = cur_is(&word, "LAST");
	cur_blanks(args);
	if (r < 0 || cur_len(&size) > 0 || cur_len(args) > 0 ||
	    (cur_len(&word) > 0 && !last)) {
		smtp_reply(s, 501, "5.5.4 syntax: BDAT octets [LAST]");
		return SMTP_END;
	}
	if (s->state & (RCPT | CHUNK))
		return receive_chunk(s, n, last);
	r = receive_skip(s, n);
	return r < 0 ? r : bad_state(s, NULL);
}

/* --- the rest --- */

static int
do_rset(void *session, struct cur *args)
{
	struct session *s = session;

	if (no_args(s, args) < 0)
		return 0;
	smtp_reset(s);
	smtp_reply(s, 250, "2.0.0 Ok");
	return 0;
}

static int
do_noop(void *session, struct cur *args)
{
	(void)args; /* RFC 5321 4.1.1.9: ignored */
	smtp_reply(session, 250, "2.0.0 Ok");
	return 0;
}

static int
do_vrfy(void *session, struct cur *args)
{
	cur_blanks(args);
	if (cur_len(args) == 0)
		smtp_reply(session, 501, "5.5.4 syntax: VRFY address");
	else /* RFC 5321 3.5.3: whom we know is told to no stranger */
		smtp_reply(session, 252,
		           "2.0.0 not told; send mail and it will be tried");
	return 0;
}

static int
do_expn(void *session, struct cur *args)
{
	(void)args;
	smtp_reply(session, 502, "5.5.1 lists are not shown");
	return 0;
}

static int
do_quit(void *session, struct cur *args)
{
	struct session *s = session;

	if (no_args(s, args) < 0)
		return 0;
	smtp_reply(s, 221, "2.0.0 Bye");
	return SMTP_END;
}

static int do_help(void *session, struct cur *args);

static const struct serv_cmd cmds[SMTP_COMMANDS + 1] = {
    {"EHLO",     ANY,              smtp_ehlo    },
    {"HELO",     ANY,              smtp_helo    },
    {"STARTTLS", STRANGER | HELLO, smtp_starttls},
    {"AUTH",     STRANGER,         smtp_auth    },
    {"MAIL",     HELLO,            do_mail      },
    {"RCPT",     MAIL | RCPT,      do_rcpt      },
    {"DATA",     RCPT,             do_data      },
    {"BDAT",     ANY,              do_bdat      },
    {"RSET",     ANY,              do_rset      },
    {"NOOP",     ANY,              do_noop      },
    {"VRFY",     ANY,              do_vrfy      },
    {"EXPN",     ANY,              do_expn      },
    {"HELP",     ANY,              do_help      },
    {"QUIT",     ANY,              do_quit      },
    {NULL,       0,                NULL         },
};

static int
do_help(void *session, struct cur *args)
{
	struct session *s = session;
	const struct serv_cmd *c;
	struct str line = {0};

	(void)args;
	str_adds(&line, "2.0.0");
	for (c = cmds; c->name; c++)
		str_addf(&line, " %s", c->name);
	smtp_line(s, 214, '-', line.s);
	smtp_reply(s, 214, "2.0.0 This is facteur, see smtpd(8)");
	str_free(&line);
	return 0;
}

static int
bad_state(void *session, const struct serv_cmd *c)
{
	struct session *s = session;
	const char *why = "MAIL comes first";

	if (s->state == STRANGER) { /* RFC 4954 6, RFC 3207 4 */
		smtp_reply(s, 530, "5.7.0 %s",
		           smtp_has_auth(s) ? "Authentication required"
		                            : "STARTTLS comes first");
		return 0;
	}
	if (c && c->run == smtp_auth && !s->submission) {
		smtp_reply(s, 502, "5.5.1 AUTH is not offered here");
		return 0;
	}
	if (s->state == START)
		why = "say EHLO first";
	else if (c && c->run == smtp_auth && s->state == HELLO)
		why = "you are logged in";
	else if (c && (c->run == smtp_auth || c->run == smtp_starttls))
		why = "not within a message";
	else if (s->state == CHUNK)
		why = "the message is not complete, BDAT or RSET";
	else if (c && c->run == do_mail)
		why = "one sender is enough, RSET comes first";
	else if (s->state == MAIL)
		why = "no valid recipients";
	smtp_reply(s, 503, "5.5.1 %s", why);
	return 0;
}

static int
unknown(void *session, struct cur *line)
{
	struct session *s = session;

	(void)line;
	s->unknown++;
	smtp_reply(s, 500, "5.5.2 no such command");
	return 0;
}

static int
too_long(void *session)
{
	smtp_reply(session, 500, "5.5.2 line too long");
	return 0;
}

static int
garbage(void *session)
{
	smtp_reply(session, 500, "5.5.2 control character in a command");
	return 0;
}

/* After each line: count, look for clients that do not listen, and lose
 * patience with those that only make errors. */
static int
done(void *session, const struct serv_cmd *c)
{
	struct session *s = session;

	s->last = c ? c->name : "UNKNOWN";
	if (c) {
		s->count[c - cmds]++;
		s->ok[c - cmds] += s->code < 400;
	}
	/* RFC 2920 3.1: EHLO ends a group, and before it there are none. */
	if (s->io.pos < s->io.len &&
	    (!s->esmtp || (c && c->run == smtp_ehlo)) &&
	    smtp_early(s, s->last) != 0)
		return SMTP_END;
	if (s->code < 500 || ++s->errors < s->conf->error_limit)
		return 0;
	log_info("too many errors after %s from %s[%s]", s->last, s->peer.host,
	         s->peer.ip);
	smtp_reply(s, 421, "4.7.0 %s too many errors", s->conf->hostname);
	return SMTP_END;
}

/* --- the session --- */

/* Wait as long as the greeting is to be delayed, and notice who speaks in that
 * time (RFC 5321 4.3.1).  Returns nonzero to go no further. */
static int
greet(struct session *s)
{
	const struct conf *c = s->conf;
	struct io *io = &s->io;
	bool early = false;

	if (!s->peer.local) {
		io->idle = (long)c->greeting_delay * MS;
		early = (io->idle > 0 || io_pending(io)) && io_fill(io) > 0;
	}
	/* A person at a terminal may take all the time there is. */
	if (!io->lf) {
		io->idle = (long)c->idle_timeout * MS;
		io->deadline = io_now() + (long long)c->session_timeout * MS;
	}
	if (early && smtp_early(s, "CONNECT") != 0)
		return SMTP_END;
	smtp_reply(s, 220, "%s ESMTP facteur", c->hostname);
	return 0;
}

/* A program here that ends its first line with LF alone does so to the end. */
static void
choose_line_end(struct session *s)
{
	const char *from, *lf;
	ssize_t n = io_fill(&s->io);

	if (n <= 0)
		return;
	from = s->io.buf + s->io.pos;
	lf = memchr(from, '\n', (size_t)n);
	s->io.lf = !lf || lf == from || lf[-1] != '\r';
}

/* "disconnect from h[ip] ehlo=1 mail=1 rcpt=1/2 commands=3/4" */
static void
log_end(const struct session *s)
{
	unsigned all = s->unknown, ok = 0;
	struct str line = {0};
	const char *p;
	size_t i;

	for (i = 0; i < SMTP_COMMANDS; i++) {
		if (s->count[i] == 0)
			continue;
		all += s->count[i];
		ok += s->ok[i];
		str_addc(&line, ' ');
		for (p = cmds[i].name; *p; p++)
			str_addc(&line, str_lower(*p));
		str_addf(&line, "=%u", s->ok[i]);
		if (s->ok[i] < s->count[i])
			str_addf(&line, "/%u", s->count[i]);
	}
	if (s->unknown)
		str_addf(&line, " unknown=0/%u", s->unknown);
	str_addf(&line, " commands=%u", ok);
	if (ok < all)
		str_addf(&line, "/%u", all);
	log_info("disconnect from %s[%s]%s", s->peer.host, s->peer.ip, line.s);
	str_free(&line);
}

void
smtp_run(struct session *s)
{
	struct serv serv = {&s->io,       s,       cmds,      &s->state,
	                    COMMAND_LINE, unknown, bad_state, too_long,
	                    garbage,      done};
	int end;

	s->state = START;
	s->env.uid = -1;
	s->last = "CONNECT";
	s->sender.conf = s->conf;
	s->sender.login = s->login;
	trust(s);
	log_info("connect from %s[%s]", s->peer.host, s->peer.ip);
	end = greet(s);
	if (end == 0 && s->peer.local && !s->io.lf)
		choose_line_end(s);
	if (end == 0)
		end = serv_loop(&serv);
	if (end == SERV_TIMEOUT) { /* RFC 5321 4.5.3.2.7, 3.8 */
		smtp_reply(s, 421, "4.4.2 %s timeout", s->conf->hostname);
		log_info("timeout after %s from %s[%s]", s->last, s->peer.host,
		         s->peer.ip);
	} else if (end != SMTP_END) {
		log_info("lost connection after %s from %s[%s]", s->last,
		         s->peer.host, s->peer.ip);
	}
	io_finish(&s->io);
	log_end(s);
	smtp_reset(s);
	sender_free(&s->sender);
	sent_close(&s->sent);
}
