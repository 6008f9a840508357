/* hello - EHLO and HELO: who is there, and what is offered to him.  Called by the loop
 * of serv.c. */
#include "sasl.h"
#include "smtp.h"

/* RFC 5321 4.1.1.1, with the underscores and bare addresses that clients send;
 * nothing that could pass for anything else in Received. */
static int
take_helo(struct session *s, struct cur *args)
{
	struct cur name, rest;
	const char *p;

	cur_word(args, &name);
	cur_word(args, &rest);
	for (p = name.p; p < name.e; p++)
		if (!str_isalpha(*p) && !str_isdigit(*p) &&
		    (*p == '\0' || !strchr("-._:[]", *p)))
			break;
	if (p < name.e || cur_len(&name) == 0 || cur_len(&rest) > 0 ||
	    cur_copy(name, s->helo, sizeof s->helo) < 0) {
		smtp_reply(s, 501, "5.5.4 say hello with your host name");
		return -1;
	}
	s->state = HELLO;
	smtp_reset(s); /* RFC 5321 4.1.4 */
	return 0;
}

int
smtp_helo(void *session, struct cur *args)
{
	struct session *s = session;

	if (take_helo(s, args) < 0)
		return 0;
	s->esmtp = false;
	smtp_reply(s, 250, "%s", s->conf->hostname);
	return 0;
}

/* What a keyword says.  False: it is not offered now. */
static bool
say_size(const struct session *s, struct str *line)
{
	str_addf(line, " %llu", s->conf->message_limit);
	return true;
}

static bool
say_starttls(const struct session *s, struct str *line)
{
	(void)line;
	return s->judge && !smtp_has_tls(s) && gate_has_tls(s->judge);
}

static bool
say_auth(const struct session *s, struct str *line)
{
	const char *name;
	unsigned i;

	if (!smtp_has_auth(s))
		return false;
	for (i = 0; (name = sasl_name(s->judge, i)); i++)
		str_addf(line, " %s", name);
	return true;
}

static bool
say_limits(const struct session *s, struct str *line)
{
	str_addf(line, " RCPTMAX=%lu", s->conf->recipient_limit);
	return true;
}

/* What EHLO offers. */
static const struct keyword {
	const char *name;
	bool (*say)(const struct session *s, struct str *line);
} keywords[] = {
    {"PIPELINING",          NULL        }, /* RFC 2920 */
    {"SIZE",                say_size    }, /* RFC 1870 */
    {"STARTTLS",            say_starttls}, /* RFC 3207 */
    {"AUTH",                say_auth    }, /* RFC 4954 */
    {"8BITMIME",            NULL        }, /* RFC 6152 */
    {"ENHANCEDSTATUSCODES", NULL        }, /* RFC 2034 */
    {"CHUNKING",            NULL        }, /* RFC 3030 */
    {"SMTPUTF8",            NULL        }, /* RFC 6531 */
    {"DSN",                 NULL        }, /* RFC 3461 */
    {"LIMITS",              say_limits  }, /* RFC 9422 */
    {"HELP",                NULL        },
    {NULL,                  NULL        },
};

int
smtp_ehlo(void *session, struct cur *args)
{
	struct session *s = session;
	const struct keyword *k;
	struct str line = {0};

	if (take_helo(s, args) < 0)
		return 0;
	s->esmtp = true;
	smtp_line(s, 250, '-', s->conf->hostname);
	for (k = keywords; k->name; k++) {
		str_clear(&line);
		str_adds(&line, k->name);
		if (!k->say || k->say(s, &line))
			smtp_line(s, 250, k[1].name ? '-' : ' ', line.s);
	}
	str_free(&line);
	return 0;
}
