/* pop - the commands of POP3 (RFC 1939) and when they are allowed, what is
 * offered (RFC 2449), and the replies.  Called by main.c for both halves of a
 * session. */
#include "pop.h"

#include "sasl.h"
#include "serv.h"

/* --- replies --- */

__attribute__((format(printf, 3, 0))) static void
reply(struct session *s, const char *sign, const char *fmt, va_list ap)
{
	struct str x = {0};

	str_adds(&x, sign);
	str_addv(&x, fmt, ap);
	str_adds(&x, "\r\n");
	io_put(&s->io, x.s, x.n);
	str_free(&x);
}

int
reply_ok(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply(s, "+OK ", fmt, ap);
	va_end(ap);
	return 0;
}

int
reply_err(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply(s, "-ERR ", fmt, ap);
	va_end(ap);
	return 0;
}

int
reply_wrong(struct session *s, const char *text)
{
	if (++s->errors < s->conf->error_limit)
		return reply_err(s, "%s", text);
	reply_err(s, "%s, and so too many errors", text);
	return POP_CLOSED;
}

bool
line_ends(struct cur *c)
{
	cur_blanks(c);
	return cur_len(c) == 0;
}

/* --- what is offered --- */

/* In both states, as RFC 2449 6 has it for each of these.  Messages
 * go as they are whether UTF8 was said or not, and passwords are compared as
 * they are (RFC 6856 would prepare them). */
static const struct {
	const char *name;
	unsigned states;
} capabilities[] = {
    {"TOP",                             ANY         },
    {"UIDL",                            ANY         },
    {"USER",                            ANY & ~CLEAR},
    {"PIPELINING",                      ANY         },
    {"RESP-CODES",                      ANY         },
    {"AUTH-RESP-CODE",                  ANY         },
    {"EXPIRE NEVER",                    ANY         },
    {"LOGIN-DELAY 0",                   ANY         },
    {"UTF8 USER",                       ANY         },
    {"LANG",                            ANY         },
    {"IMPLEMENTATION facteur-" VERSION, ANY         },
    {NULL,                              0           },
};

static int
do_capa(void *session, struct cur *c)
{
	struct session *s = session;
	const char *name;
	unsigned i;

	if (!line_ends(c))
		return reply_wrong(s, "CAPA has no argument");
	reply_ok(s, "this is what there is");
	for (i = 0; capabilities[i].name; i++)
		if (capabilities[i].states & s->state)
			io_putf(&s->io, "%s\r\n", capabilities[i].name);
	if (gate_has_tls(s->judge))
		io_puts(&s->io, "STLS\r\n");
	for (i = 0; (name = sasl_name(s->judge, i)); i++)
		io_putf(&s->io, "%s%s", i > 0 ? " " : "SASL ", name);
	io_puts(&s->io, i > 0 ? "\r\n.\r\n" : ".\r\n");
	return 0;
}

/* RFC 6856 3: one language it is. */
static int
do_lang(void *session, struct cur *c)
{
	struct session *s = session;
	struct cur tag;

	if (cur_word(c, &tag) == 0) {
		reply_ok(s, "one language");
		io_puts(&s->io, "en English\r\n.\r\n");
		return 0;
	}
	if (!line_ends(c))
		return reply_wrong(s, "LANG has one argument");
	if (cur_is(&tag, "*") || cur_is(&tag, "en") ||
	    cur_is(&tag, "i-default"))
		return reply_ok(s, "en it is");
	return reply_err(s, "no such language here");
}

static int
do_utf8(void *session, struct cur *c)
{
	struct session *s = session;

	return line_ends(c) ? reply_ok(s, "UTF-8 it is")
	                    : reply_wrong(s, "UTF8 has no argument");
}

static int do_help(void *session, struct cur *c);

/* --- the commands --- */

static const struct serv_cmd commands[] = {
    {"USER", STRANGER | NAMED, do_user},
    {"PASS", NAMED,            do_pass},
    {"AUTH", STRANGER | NAMED, do_auth},
    {"STLS", ANY & ~USER,      do_stls},
    {"UTF8", ANY & ~USER,      do_utf8},
    {"CAPA", ANY,              do_capa},
    {"LANG", ANY,              do_lang},
    {"HELP", ANY,              do_help},
    {"STAT", USER,             do_stat},
    {"LIST", USER,             do_list},
    {"UIDL", USER,             do_uidl},
    {"RETR", USER,             do_retr},
    {"TOP",  USER,             do_top },
    {"DELE", USER,             do_dele},
    {"NOOP", USER,             do_noop},
    {"RSET", USER,             do_rset},
    {"QUIT", ANY,              do_quit},
    {NULL,   0,                NULL   },
};

static int
do_help(void *session, struct cur *c)
{
	struct session *s = session;
	const struct serv_cmd *k;

	(void)c;
	reply_ok(s, "these can be said now");
	for (k = commands; k->name; k++)
		if (k->states & s->state &&
		    (k->run != do_stls || gate_has_tls(s->judge)))
			io_putf(&s->io, "%s\r\n", k->name);
	io_puts(&s->io, ".\r\n");
	return 0;
}

static int
unknown(void *session, struct cur *line)
{
	(void)line;
	return reply_wrong(session, "no such command");
}

static int
bad_state(void *session, const struct serv_cmd *c)
{
	struct session *s = session;

	if (s->state == USER)
		return reply_wrong(s, "you are logged in");
	if (c->states & USER)
		return reply_wrong(s, "log in first");
	if (s->state != CLEAR)
		return reply_wrong(s, "USER comes first");
	return login_in_clear(s);
}

static int
too_long(void *session)
{
	return reply_wrong(session, "that line is too long");
}

static int
garbage(void *session)
{
	return reply_wrong(session,
	                   "there is a control character in that line");
}

static int
done(void *session, const struct serv_cmd *c)
{
	struct session *s = session;

	(void)c;
	return s->io.err ? SERV_ERROR : 0;
}

int
pop_run(struct session *s)
{
	struct serv serv = {
	    .io = &s->io,
	    .session = s,
	    .cmds = commands,
	    .state = &s->state,
	    .line_max = s->state == USER ? POP_LINE : POP_LOGIN_LINE,
	    .unknown = unknown,
	    .bad_state = bad_state,
	    .too_long = too_long,
	    .garbage = garbage,
	    .done = done,
	};

	return serv_loop(&serv);
}
