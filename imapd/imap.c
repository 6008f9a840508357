/* imap - the commands of IMAP (RFC 9051 6, RFC 3501 6) and when they are allowed,
 * what is offered, and the answers.  Called by main.c for both halves of a
 * session. */
#include "imap.h"

#include "log.h"
#include "sasl.h"

#include <errno.h>

/* --- answers --- */

__attribute__((format(printf, 3, 0))) static int
answer(struct session *s, const char *word, const char *fmt, va_list ap)
{
	s->word = word;
	str_clear(&s->answer);
	str_addv(&s->answer, fmt, ap);
	return 0;
}

int
ok(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer(s, "OK", fmt, ap);
	va_end(ap);
	return 0;
}

int
no(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer(s, "NO", fmt, ap);
	va_end(ap);
	return 0;
}

int
bad(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer(s, "BAD", fmt, ap);
	va_end(ap);
	return 0;
}

int
bad_parse(struct session *s)
{
	const char *why = s->parse.why;

	return bad(s, "%s", why ? why : "that cannot be understood");
}

/* RFC 5530 3 */
int
no_store(struct session *s, const struct store *st)
{
	const char *code = "SERVERBUG", *why = st->why;
	int e = errno;

	if (e == ESTALE)
		return no(s, "[EXPUNGEISSUED] that is gone");
	if (e == EAGAIN)
		code = "INUSE";
	else if (e == ENOSPC || e == EDQUOT)
		code = "OVERQUOTA";
	else if (e == EPERM || e == EACCES || e == EROFS || e == ELOOP)
		code = "NOPERM";
	else if (e == EILSEQ)
		code = "CORRUPTION";
	else if (e == ENOENT)
		code = "NONEXISTENT";
	log_warn("%s: %s", st->path, *why ? why : strerror(e));
	return no(s, "[%s] %s", code, *why ? why : strerror(e));
}

void
say(struct session *s, struct str *x)
{
	io_put(&s->io, x->s, x->n);
	str_free(x);
}

/* --- what is offered --- */

static const struct {
	const char *name;
	unsigned states;
} capabilities[] = {
    {"IMAP4rev1",             ANY            },
    {"IMAP4rev2",             ANY            },
    {"LITERAL+",              ANY            },
    {"SASL-IR",               STRANGER       },
    {"LOGINDISABLED",         CLEAR          },
    {"ID",                    ANY            },
    {"ENABLE",                ANY            },
    {"IDLE",                  ANY            },
    {"NAMESPACE",             USER | SELECTED},
    {"UIDPLUS",               USER | SELECTED},
    {"MOVE",                  USER | SELECTED},
    {"UNSELECT",              USER | SELECTED},
    {"CHILDREN",              USER | SELECTED},
    {"SPECIAL-USE",           USER | SELECTED},
    {"CREATE-SPECIAL-USE",    USER | SELECTED},
    {"LIST-EXTENDED",         USER | SELECTED},
    {"LIST-STATUS",           USER | SELECTED},
    {"STATUS=SIZE",           USER | SELECTED},
    {"CONDSTORE",             USER | SELECTED},
    {"QRESYNC",               USER | SELECTED},
    {"ESEARCH",               USER | SELECTED},
    {"SEARCHRES",             USER | SELECTED},
    {"WITHIN",                USER | SELECTED},
    {"SORT",                  USER | SELECTED},
    {"SORT=DISPLAY",          USER | SELECTED},
    {"THREAD=ORDEREDSUBJECT", USER | SELECTED},
    {"THREAD=REFERENCES",     USER | SELECTED},
    {"MULTIAPPEND",           USER | SELECTED},
    {"BINARY",                USER | SELECTED},
    {"SAVEDATE",              USER | SELECTED},
    {"PREVIEW",               USER | SELECTED},
    {"OBJECTID",              USER | SELECTED},
    {"UTF8=ACCEPT",           USER | SELECTED},
    {"REPLACE",               USER | SELECTED},
    {"QUOTA",                 USER | SELECTED},
    {"QUOTA=RES-STORAGE",     USER | SELECTED},
    {"I18NLEVEL=1",           USER | SELECTED},
    {NULL,                    0              },
};

void
add_capabilities(const struct session *s, struct str *x)
{
	const char *name;
	unsigned i;

	for (i = 0; capabilities[i].name; i++)
		if (capabilities[i].states & s->state)
			str_addf(x, " %s", capabilities[i].name);
	if (s->state & (STRANGER | CLEAR)) {
		if (gate_has_tls(s->judge))
			str_adds(x, " STARTTLS");
		for (i = 0; (name = sasl_name(s->judge, i)); i++)
			str_addf(x, " AUTH=%s", name);
		return;
	}
	/* RFC 7889 2, 3: without a number STATUS says it, NIL is no limit. */
	str_adds(x, " APPENDLIMIT");
	if (s->conf->message_limit)
		str_addf(x, "=%llu", s->conf->message_limit);
	if (!s->deflate)
		str_adds(x, " COMPRESS=DEFLATE");
}

static int
do_capability(struct session *s, struct parse *p)
{
	struct str x = {0};

	if (parse_end(p) < 0)
		return bad_parse(s);
	str_adds(&x, "* CAPABILITY");
	add_capabilities(s, &x);
	str_adds(&x, "\r\n");
	say(s, &x);
	return ok(s, "that is all");
}

/* --- small commands --- */

static int
do_noop(struct session *s, struct parse *p)
{
	return parse_end(p) < 0 ? bad_parse(s) : ok(s, "here I am");
}

static int
do_logout(struct session *s, struct parse *p)
{
	if (parse_end(p) < 0)
		return bad_parse(s);
	io_puts(&s->io, "* BYE until next time\r\n");
	ok(s, "goodbye");
	return IMAP_BYE;
}

/* RFC 5161 */
static int
do_enable(struct session *s, struct parse *p)
{
	static const struct {
		const char *name;
		unsigned bits;
	} words[] = {
	    {"CONDSTORE",   ON_CONDSTORE             },
	    {"QRESYNC",     ON_CONDSTORE | ON_QRESYNC},
	    {"UTF8=ACCEPT", ON_UTF8                  },
	    {"IMAP4rev2",   ON_REV2                  },
	};
	struct str x = {0};
	struct cur word;
	unsigned on = s->on;
	size_t i;

	do {
		if (parse_sp(p) < 0 || parse_atom(p, &word) < 0)
			break;
		for (i = 0; i < sizeof words / sizeof *words; i++) {
			if (!cur_is(&word, words[i].name))
				continue;
			if ((on & words[i].bits) != words[i].bits)
				str_addf(&x, " %s", words[i].name);
			on |= words[i].bits;
		}
	} while (parse_peek(p) == ' ');
	if (p->why || parse_end(p) < 0) {
		bad_parse(s);
	} else {
		s->on = on;
		p->utf8 = s->on & (ON_UTF8 | ON_REV2);
		io_putf(&s->io, "* ENABLED%s\r\n", x.n > 0 ? x.s : "");
		ok(s, "done");
	}
	str_free(&x);
	return 0;
}

/* A field of ID, for the log: only name and version are of interest. */
static int
id_field(struct parse *p, struct str *who)
{
	struct cur name, value;

	if (parse_string(p, &name) < 0 || parse_sp(p) < 0 ||
	    parse_nstring(p, &value) < 0)
		return -1;
	if (value.p && (cur_is(&name, "name") || cur_is(&name, "version"))) {
		if (who->n > 0)
			str_addc(who, ' ');
		str_adds_clean(who, value.p, cur_len(&value), 60);
	}
	return 0;
}

/* "(" [field *(SP field)] ")" / "NIL" */
static int
id_fields(struct parse *p, struct str *who)
{
	enum { FIELDS = 30 };
	int n;

	if (parse_word(p, "NIL"))
		return 0;
	if (parse_byte(p, '(') < 0)
		return -1;
	for (n = 0; parse_peek(p) != ')'; n++) {
		if (n == FIELDS)
			return parse_fail(p, "that is too much of you");
		if ((n > 0 && parse_sp(p) < 0) || id_field(p, who) < 0)
			return -1;
	}
	return parse_byte(p, ')');
}

/* RFC 2971 */
static int
do_id(struct session *s, struct parse *p)
{
	struct str who = {0};

	if (parse_sp(p) < 0 || id_fields(p, &who) < 0 || parse_end(p) < 0) {
		bad_parse(s);
	} else {
		if (who.n > 0)
			log_info("ID client=\"%s\" host=%s [%s]", who.s,
			         s->peer.host, s->peer.ip);
		io_puts(&s->io,
		        "* ID (\"name\" \"facteur\" \"version\" \"" VERSION
		        "\")\r\n");
		ok(s, "pleased to meet you");
	}
	str_free(&who);
	return 0;
}

/* --- the commands --- */

/* UID: it may have UID before it.  STILL: while it is answered, numbers of messages
 * must not change (RFC 9051 7.5.1), unless it speaks in UIDs alone.  ASLEEP: the
 * messages of the selected mailbox are nothing to it. */
enum { UID = 1, STILL = 2, ASLEEP = 4 };

static const struct command {
	const char *name;
	unsigned states;
	unsigned how;
	int (*run)(struct session *s, struct parse *p);
} commands[] = {
    {"CAPABILITY",   ANY,              0,           do_capability  },
    {"NOOP",         ANY,              0,           do_noop        },
    {"LOGOUT",       ANY,              0,           do_logout      },
    {"ID",           ANY,              0,           do_id          },
    {"STARTTLS",     STRANGER | CLEAR, 0,           do_starttls    },
    {"LOGIN",        STRANGER,         0,           do_login       },
    {"AUTHENTICATE", STRANGER,         0,           do_authenticate},
    {"ENABLE",       USER,             0,           do_enable      },
    {"SELECT",       USER | SELECTED,  0,           do_select      },
    {"EXAMINE",      USER | SELECTED,  0,           do_examine     },
    {"CREATE",       USER | SELECTED,  0,           do_create      },
    {"DELETE",       USER | SELECTED,  0,           do_delete      },
    {"RENAME",       USER | SELECTED,  0,           do_rename      },
    {"SUBSCRIBE",    USER | SELECTED,  0,           do_subscribe   },
    {"UNSUBSCRIBE",  USER | SELECTED,  0,           do_unsubscribe },
    {"LIST",         USER | SELECTED,  0,           do_list        },
    {"LSUB",         USER | SELECTED,  0,           do_lsub        },
    {"NAMESPACE",    USER | SELECTED,  0,           do_namespace   },
    {"STATUS",       USER | SELECTED,  0,           do_status      },
    {"GETQUOTA",     USER | SELECTED,  0,           do_getquota    },
    {"GETQUOTAROOT", USER | SELECTED,  0,           do_getquotaroot},
    {"SETQUOTA",     USER | SELECTED,  0,           do_setquota    },
    {"APPEND",       USER | SELECTED,  0,           do_append      },
    {"IDLE",         USER | SELECTED,  0,           do_idle        },
    {"COMPRESS",     USER | SELECTED,  0,           do_compress    },
    {"CHECK",        SELECTED,         0,           do_check       },
    {"CLOSE",        SELECTED,         0,           do_close       },
    {"UNSELECT",     SELECTED,         ASLEEP,      do_unselect    },
    {"EXPUNGE",      SELECTED,         UID,         do_expunge     },
    {"FETCH",        SELECTED,         UID | STILL, do_fetch       },
    {"STORE",        SELECTED,         UID | STILL, do_store       },
    {"SEARCH",       SELECTED,         UID | STILL, do_search      },
    {"SORT",         SELECTED,         UID | STILL, do_sort        },
    {"THREAD",       SELECTED,         UID | STILL, do_thread      },
    {"COPY",         SELECTED,         UID,         do_copy        },
    {"MOVE",         SELECTED,         UID,         do_move        },
    {"REPLACE",      SELECTED,         UID,         do_replace     },
    {NULL,           0,                0,           NULL           },
};

static const struct command *
find(const struct cur *name)
{
	const struct command *c;

	for (c = commands; c->name; c++)
		if (cur_is(name, c->name))
			return c;
	return NULL;
}

/* tag: ASTRING-CHARs but "+" */
static int
take_tag(struct session *s, struct parse *p)
{
	int c = parse_peek(p);
	struct cur tag;

	s->tag = (struct cur){0};
	if (c == '"' || c == '{' || parse_astring(p, &tag) < 0 ||
	    memchr(tag.p, '+', cur_len(&tag)) || parse_sp(p) < 0) {
		p->why = NULL;
		return parse_fail(p, "a command begins with a tag");
	}
	s->tag = tag;
	return 0;
}

/* Find the command and let it run: 0 or the end.  *c: which it was, or NULL. */
static int
run(struct session *s, struct parse *p, const struct command **c)
{
	struct cur name;
	int r = 0;

	s->uid = s->numbers = false;
	if (parse_atom(p, &name) < 0)
		return bad_parse(s);
	if (cur_is(&name, "UID")) {
		s->uid = true;
		if (parse_sp(p) < 0 || parse_atom(p, &name) < 0)
			return bad_parse(s);
	}
	*c = find(&name);
	if (!*c || (s->uid && !((*c)->how & UID))) {
		*c = NULL;
		return bad(s, "no such command");
	}
	if ((*c)->states == SELECTED && !((*c)->how & ASLEEP))
		r = sync_wake(s);
	if (r != 0)
		return r < 0 ? no_store(s, &s->box.store) : r;
	if ((*c)->states & s->state)
		return (*c)->run(s, p);
	if (s->state & CLEAR && (*c)->states & STRANGER)
		return login_in_clear(s);
	if (s->state & (STRANGER | CLEAR))
		return bad(s, "log in first");
	if ((*c)->states == SELECTED)
		return bad(s, "select a mailbox first");
	return bad(s, (*c)->states & STRANGER ? "you are logged in"
	                                      : "not while one is selected");
}

/* What ends a command: updates, then the answer, unless it was given or the session
 * ended before there was one.  0 or the end. */
static int
finish(struct session *s, const struct command *c)
{
	struct str x = {0};

	if (!s->word)
		return 0;
	if (s->state & SELECTED && c &&
	    sync_tell(s, !(c->how & STILL) || (s->uid && !s->numbers)) < 0)
		return IMAP_BYE;
	if (cur_len(&s->tag) > 0)
		str_add(&x, s->tag.p, cur_len(&s->tag));
	else
		str_addc(&x, '*');
	str_addf(&x, " %s %s\r\n", s->word,
	         s->answer.n > 0 ? s->answer.s : "?");
	say(s, &x);
	return 0;
}

static int
one(struct session *s)
{
	struct parse *p = &s->parse;
	const struct command *c = NULL;
	int r = 0;

	arena_reset(&s->arena);
	s->word = NULL;
	p->left = s->state & (STRANGER | CLEAR) ? PARSE_LOGIN_LINE : PARSE_LINE;
	if (parse_line(p) < 0 && p->end)
		return p->end;
	if (p->why) {
		const char *why = p->why;

		p->why = NULL;
		take_tag(s, p);
		p->why = why;
		bad_parse(s);
	} else if (take_tag(s, p) < 0) {
		bad_parse(s);
	} else {
		r = run(s, p, &c);
	}
	if (!p->end)
		parse_skip(p);
	if (p->end)
		return p->end;
	if (r == 0)
		r = finish(s, c);
	else
		finish(s, c);
	if (r != 0 || s->io.err)
		return r ? r : IO_ERROR;
	if (s->deflate && !s->io.filter)
		compress_begin(s);
	s->errors = s->word && *s->word == 'B' ? s->errors + 1 : 0;
	if (s->errors < s->conf->error_limit)
		return 0;
	io_puts(&s->io, "* BYE too many errors\r\n");
	return IMAP_BYE;
}

int
imap_run(struct session *s)
{
	int r;

	s->parse.io = &s->io;
	s->parse.arena = &s->arena;
	do
		r = one(s);
	while (r == 0);
	if (r == IO_TIMEOUT)
		io_puts(&s->io, "* BYE you were silent for too long\r\n");
	else if (r == IO_LONG)
		io_puts(&s->io, "* BYE [TOOBIG] that is too much\r\n");
	return r;
}
