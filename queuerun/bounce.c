/* bounce - delivery status notifications: RFC 3461 to 3464, 6533.
 * One letter for each sender and kind of news; a bounce that bounces goes to
 * the postmaster; nothing is told about a bounce to its null sender. */
#include "addr.h"
#include "code.h"
#include "date.h"
#include "hdr.h"
#include "log.h"
#include "mem.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A name without a domain is one of this host, whatever its domains are. */
#define POSTMASTER "postmaster"

/* Longer messages come back as header only, unless RET=FULL asks for all. */
enum { RETURN_MAX = 50000, HEADER_MAX = 65536 };

/* RFC 5322 2.1.1: no line of ours is longer than 998 bytes, with what stands before
 * the text of a host. */
enum { TEXT_MAX = 900, LINE_MAX_TEXT = 998 };

struct news {
	struct run *r;
	struct active *a;
	enum bounce_kind kind;
	const char *who;    /* sender or owner that is told */
	const char *to;     /* his address */
	const char *action; /* of the news at hand */
	struct spool_new f;
	struct str s;
	char boundary[SPOOL_ID_MAX + 16];
};

static const struct {
	char what, told;
	unsigned notify;
	const char *action, *subject, *name;
} kinds[] = {
    [BOUNCE_FAILED] = {NOTE_FAILED,   NOTE_TOLD,      NOTIFY_FAILURE, "failed",
                       "Mail could not be delivered", "non-delivery"   },
    [BOUNCE_DELAYED] = {NOTE_DEFERRED, NOTE_WARNED,    NOTIFY_DELAY,   "delayed",
                       "Mail is delayed",             "delay"          },
    [BOUNCE_SUCCESS] = {NOTE_SENT,     NOTE_CONFIRMED, NOTIFY_SUCCESS, "delivered",
                       "Delivery report",             "delivery status"},
};

static const char *const intros[] = {
    [BOUNCE_FAILED] =
        "Your message could not be delivered to the recipients below.\n"
        "It will not be tried again; the reason stands behind each address.\n",
    [BOUNCE_DELAYED] =
        "Your message has not yet reached the recipients below.\n"
        "YOU NEED NOT SEND IT AGAIN: it will be tried until it arrives or "
        "time is up.\n",
    [BOUNCE_SUCCESS] =
        "As you asked to be told, this is what is known of your message.\n",
};

/* The target that a note speaks of, if the tables still lead to it. */
static const struct target *
target_of(const struct active *a, const struct note *n)
{
	return route_named(&a->routes, n->target);
}

/* The owner of the list that a note is about, or NULL. */
static const char *
owner_of(const struct active *a, const struct note *n)
{
	const struct target *t = target_of(a, n);

	return t && *a->m.env.sender ? t->sender : NULL;
}

/* Whom to tell: of a member of a list its owner, else the sender, who also hears that
 * the list itself was reached. */
static const char *
whom(const struct active *a, const struct note *n, enum bounce_kind kind)
{
	const char *owner = kind == BOUNCE_SUCCESS ? NULL : owner_of(a, n);

	return owner ? owner : a->m.env.sender;
}

/* The address a note is about, without what its owner keeps private. */
static const char *
final_addr(const struct active *a, const struct note *n)
{
	const struct target *t = target_of(a, n);

	return t ? t->addr : a->m.env.rcpt[n->rcpt].addr;
}

/* What a report of success says of it, RFC 3464 2.3.3. */
static const char *
success_of(const struct active *a, const struct note *n)
{
	const struct target *t = target_of(a, n);

	/* Whom the tables do not know any more was one of several. */
	if (!t || t->group)
		return "expanded";
	return !t->sender && strchr(n->relay, '[') ? "relayed" : "delivered";
}

/* Does the sender of a, or the owner, want to hear this?  RFC 3461 4.1. */
static bool
wants(const struct active *a, const struct note *n, enum bounce_kind kind)
{
	unsigned notify =
	    n->rcpt == NOTE_ALL ? NOTIFY_NEVER : a->m.env.rcpt[n->rcpt].notify;

	if (n->what != kinds[kind].what)
		return false;
	if (kind == BOUNCE_SUCCESS)
		return notify & NOTIFY_SUCCESS;
	return notify == 0 || owner_of(a, n) ||
	       (notify & kinds[kind].notify) != 0;
}

/* The first note that was not covered by an earlier letter of this kind to who, or by
 * those to all (outcome.c); for delays those of the last attempt. */
static size_t
first_news(const struct message *m, enum bounce_kind kind, const char *who)
{
	bool delay = kind == BOUNCE_DELAYED;
	char mark = delay ? NOTE_ATTEMPT : kinds[kind].told;
	size_t i = m->nnote;

	while (i > 0 && (m->note[i - 1].what != mark ||
	                 (!delay && *m->note[i - 1].text &&
	                  strcmp(m->note[i - 1].text, who) != 0)))
		i--;
	return i;
}

static void
put(struct news *w)
{
	spool_write(&w->f, w->s.s, w->s.n);
	str_clear(&w->s);
}

static void
put_clean(struct str *s, const char *text)
{
	str_adds_clean(s, text, strlen(text), TEXT_MAX);
}

static const char *
age_words(const struct run *r, char out[40])
{
	unsigned long t = r->conf->lifetime;

	if (t >= 2 * 86400)
		snprintf(out, 40, "%lu days", t / 86400);
	else if (t >= 7200)
		snprintf(out, 40, "%lu hours", t / 3600);
	else
		snprintf(out, 40, "%lu minutes", t / 60);
	return out;
}

static void
write_header(struct news *w)
{
	const struct conf *c = w->r->conf;
	char date[DATE_SIZE], age[40];
	struct str *s = &w->s;

	date_header(run_now(w->r), date);
	str_addf(s, "Received: by %s (facteur)\n\tid %s; %s\n", c->hostname,
	         w->f.id, date);
	str_addf(s, "Date: %s\nFrom: Mail Delivery System <mailer-daemon@%s>\n",
	         date, c->origin);
	str_adds(s, "To: ");
	addr_write(s, w->to);
	if (!addr_at(w->to))
		str_addf(s, "@%s", c->origin);
	str_addf(s, "\nSubject: %s\nMessage-ID: <%s@%s>\n",
	         kinds[w->kind].subject, w->f.id, c->hostname);
	str_addf(
	    s,
	    "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=%sdelivery-status;"
	    "\n\tboundary=\"%s\"\n",
	    w->a->m.env.utf8 ? "global-" : "", w->boundary);
	/* What is returned may hold any byte. */
	str_addf(s,
	         "Content-Transfer-Encoding: 8bit\n"
	         "\n--%s\nContent-Type: text/plain; charset=utf-8\n"
	         "Content-Transfer-Encoding: 8bit\n\n"
	         "This is the mail system of %s.\n\n%s",
	         w->boundary, c->hostname, intros[w->kind]);
	if (w->kind == BOUNCE_DELAYED)
		str_addf(s, "Mail is given up after %s.\n",
		         age_words(w->r, age));
	if (w->kind == BOUNCE_FAILED && !*w->a->m.env.sender)
		str_adds(s, "The message itself was a notification, so that "
		            "nobody else can be told.\n");
	str_addc(s, '\n');
	put(w);
}

/* What is told of a list, or of an alias of several: as of one recipient, for who
 * its members are is not the sender's business. */
static void
hide_members(const struct active *a, struct note *n)
{
	if (strcmp(success_of(a, n), "expanded") == 0)
		n->text = "the address stands for several";
	else if (owner_of(a, n))
		n->text = "distributed to the list";
	else
		return;
	n->target = "";
	n->relay = "local";
}

/* Was the recipient of the note reached before?  That is told once: an alias is
 * reached with the first of those behind it (RFC 3461 5.2.7.1, 5.2.7.3). */
static bool
is_repeated(bool *reached, const struct note *n)
{
	bool was;

	if (n->what != NOTE_SENT && n->what != NOTE_RELAYED)
		return false;
	was = n->rcpt != NOTE_ALL && reached[n->rcpt];
	if (n->rcpt != NOTE_ALL)
		reached[n->rcpt] = true;
	return was;
}

/* Call fn for each piece of news that concerns this sender, if it is not NULL; how
 * many there are. */
static size_t
each_note(struct news *w, void (*fn)(struct news *, const struct note *))
{
	const struct message *m = &w->a->m;
	size_t i, from = first_news(m, w->kind, w->who), count = 0;
	bool *reached = mem_alloc(m->env.nrcpt * sizeof *reached);

	for (i = 0; i < m->nnote; i++) {
		struct note n = m->note[i];
		bool again = is_repeated(reached, &n);

		if (i < from || !wants(w->a, &n, w->kind) ||
		    strcmp(whom(w->a, &n, w->kind), w->who) != 0)
			continue;
		w->action = kinds[w->kind].action;
		if (w->kind == BOUNCE_SUCCESS) {
			if (again)
				continue;
			w->action = success_of(w->a, &n);
			hide_members(w->a, &n);
		}
		count++;
		if (fn)
			fn(w, &n);
	}
	free(reached);
	return count;
}

/* What a success comes to, in words. */
static void
write_success(struct news *w, const struct note *n)
{
	if (*w->action == 'd') {
		str_adds(&w->s, "    It was delivered.\n");
	} else if (*w->action == 'e') {
		str_adds(&w->s, "    It was passed on to each of them; whether "
		                "it reached all is not known.\n");
	} else {
		str_adds(&w->s, "    It was passed on to ");
		str_adds_clean(&w->s, n->relay, strcspn(n->relay, "["),
		               TEXT_MAX);
		str_adds(&w->s, ",\n    which does not tell whether it "
		                "arrives.\n");
	}
}

static void
write_human(struct news *w, const struct note *n)
{
	str_adds(&w->s, "<");
	put_clean(&w->s, final_addr(w->a, n));
	str_adds(&w->s, ">:");
	str_addc(&w->s, w->s.n + strlen(n->text) < LINE_MAX_TEXT ? ' ' : '\n');
	put_clean(&w->s, n->text);
	str_addc(&w->s, '\n');
	if (w->kind == BOUNCE_SUCCESS)
		write_success(w, n);
	put(w);
}

/* RFC 3464 2.1: ASCII, whatever programs say here, unless it is RFC 6533's. */
static void
put_status(struct news *w)
{
	size_t i;

	for (i = 0; i < w->s.n && !w->a->m.env.utf8; i++)
		if ((unsigned char)w->s.s[i] > 127)
			w->s.s[i] = '?';
	put(w);
}

/* RFC 3464 2.3.6: the reply of a host as it was given, without the words that
 * the SMTP client put around it, or what we say ourselves. */
static void
write_diagnostic(struct str *s, const struct note *n, bool remote)
{
	static const char said[] = " said: ", refused[] = " to talk to me: ",
	                  command[] = " (in reply to ";
	const char *p = remote ? strstr(n->text, said) : NULL;
	const char *q = remote ? strstr(n->text, refused) : NULL;
	struct cur text = cur_of(n->text);
	bool smtp = p || q || (remote && n->what == NOTE_SENT);

	if (q && (!p || q < p))
		text.p = q + sizeof refused - 1;
	else if (p)
		text.p = p + sizeof said - 1;
	/* The last one is ours. */
	for (p = smtp ? strstr(text.p, command) : NULL; p;
	     p = strstr(p + 1, command))
		text.e = p;
	str_addf(s, "Diagnostic-Code: %s; ", smtp ? "smtp" : "x-facteur");
	str_adds_clean(s, text.p, cur_len(&text), TEXT_MAX);
	str_addc(s, '\n');
}

/* RFC 3464 2.3.2.  What is too long for a line in the ASCII form of RFC 6533 3 is
 * shown as far as ASCII can, never a part of it. */
static void
write_final(struct news *w, const char *addr)
{
	struct str form = {0};
	bool utf8 = addr_is_utf8(addr);

	if (utf8 && !w->a->m.env.utf8) {
		code_unitext(&form, cur_of(addr), " \\+=");
		utf8 = form.n <= TEXT_MAX;
		addr = utf8 ? form.s : addr;
	}
	str_addf(&w->s, "Final-Recipient: %s; ", utf8 ? "utf-8" : "rfc822");
	put_clean(&w->s, addr);
	str_addc(&w->s, '\n');
	str_free(&form);
}

/* RFC 3464 2.3. */
static void
write_recipient(struct news *w, const struct note *n)
{
	const struct rcpt *rc = &w->a->m.env.rcpt[n->rcpt];
	bool remote = strchr(n->relay, '[') != NULL;
	struct str *s = &w->s;
	char date[DATE_SIZE];

	str_addc(s, '\n');
	if (rc->orcpt && strlen(rc->orcpt) <= TEXT_MAX) {
		str_adds(s, "Original-Recipient: ");
		put_clean(s, rc->orcpt);
		str_addc(s, '\n');
	}
	write_final(w, final_addr(w->a, n));
	str_addf(s, "Action: %s\n", w->action);
	str_addf(s, "Status: %s\n", *n->status ? n->status : "5.0.0");
	if (remote) {
		/* "mx.b.test[192.0.2.1]:25" without what follows the name. */
		str_adds(s, "Remote-MTA: dns; ");
		str_adds_clean(s, n->relay, strcspn(n->relay, "["), TEXT_MAX);
		str_addc(s, '\n');
	}
	write_diagnostic(s, n, remote);
	date_header(n->when, date);
	str_addf(s, "Last-Attempt-Date: %s\n", date);
	if (w->kind == BOUNCE_DELAYED) {
		date_header(w->a->m.env.time + (time_t)w->r->conf->lifetime,
		            date);
		str_addf(s, "Will-Retry-Until: %s\n", date);
	}
	put_status(w);
}

/* RFC 3464 2.2. */
static void
write_status(struct news *w)
{
	const struct envelope *e = &w->a->m.env;
	char date[DATE_SIZE];
	struct str *s = &w->s;

	str_addf(s, "\n--%s\nContent-Type: message/%s\n\n", w->boundary,
	         e->utf8 ? "global-delivery-status\n"
	                   "Content-Transfer-Encoding: 8bit"
	                 : "delivery-status");
	if (e->envid) {
		str_adds(s, "Original-Envelope-Id: ");
		put_clean(s, e->envid);
		str_addc(s, '\n');
	}
	date_header(e->time, date);
	str_addf(s,
	         "Reporting-MTA: dns; %s\nX-Facteur-Queue-Id: %s\n"
	         "Arrival-Date: %s\n",
	         w->r->conf->hostname, w->a->m.id, date);
	put_status(w);
	each_note(w, write_recipient);
}

/* Copy the first n bytes of the returned message. */
static int
copy_content(struct news *w, uint64_t n)
{
	const struct message *m = &w->a->m;
	char buf[16384], last = '\n';
	uint64_t at;
	ssize_t got;

	for (at = 0; at < n; at += (uint64_t)got) {
		got = message_read(m, at, buf,
		                   n - at < sizeof buf ? (size_t)(n - at)
		                                       : sizeof buf);
		if (got <= 0)
			return -1;
		spool_write(&w->f, buf, (size_t)got);
		last = buf[got - 1];
	}
	if (last != '\n')
		spool_write(&w->f, "\n", 1);
	return 0;
}

/* The length of the header of the message, up to HEADER_MAX.  0 or -1. */
static int
header_length(const struct message *m, uint64_t *len)
{
	char *buf = mem_alloc(HEADER_MAX);
	ssize_t n = message_read(m, 0, buf, HEADER_MAX);

	if (n >= 0)
		*len = (uint64_t)(hdr_end((struct cur){buf, buf + n}) - buf);
	free(buf);
	return n < 0 ? -1 : 0;
}

static int
write_returned(struct news *w)
{
	const struct message *m = &w->a->m;
	bool full = w->kind == BOUNCE_FAILED && m->env.ret != RET_HDRS &&
	            (m->len <= RETURN_MAX || m->env.ret == RET_FULL);
	const char *type = full ? "message/rfc822" : "text/rfc822-headers";
	uint64_t len = m->len;

	if (m->env.utf8)
		type = full ? "message/global" : "message/global-headers";
	str_addf(&w->s,
	         "\n--%s\nContent-Type: %s\n"
	         "Content-Transfer-Encoding: 8bit\n\n",
	         w->boundary, type);
	put(w);
	if ((!full && header_length(m, &len) < 0) || copy_content(w, len) < 0)
		return -1;
	str_addf(&w->s, "\n--%s--\n", w->boundary);
	put(w);
	return 0;
}

/* Write one letter to w->to.  0 when it is safe in the spool. */
static int
send_letter(struct news *w)
{
	struct envelope e = {.uid = -1,
	                     .sender = str_dup(""),
	                     .eightbit = w->a->m.env.eightbit,
	                     .utf8 = w->a->m.env.utf8};
	int rc;

	envelope_rcpt(&e, w->to, NULL, 0);
	rc = spool_begin(&w->f, &w->r->sp, &e);
	envelope_free(&e);
	if (rc < 0)
		return -1;
	snprintf(w->boundary, sizeof w->boundary, "=_%s", w->f.id);
	write_header(w);
	each_note(w, write_human);
	write_status(w);
	if (write_returned(w) < 0) {
		spool_abort(&w->f);
		return -1;
	}
	if (spool_commit(&w->f) < 0)
		return -1;
	log_info("%s: sender %s notification: %s", w->a->m.id,
	         kinds[w->kind].name, w->f.id);
	intake_name(w->r, "new", w->f.id);
	return 0;
}

/* The different senders that there ever was news for, each once. */
static void
list_senders(const struct active *a, enum bounce_kind kind, struct list *to)
{
	const struct message *m = &a->m;
	size_t i, k;

	for (i = 0; i < m->nnote; i++) {
		const char *who;

		if (!wants(a, &m->note[i], kind))
			continue;
		who = whom(a, &m->note[i], kind);
		for (k = 0; k < to->n && strcmp(to->v[k], who) != 0; k++)
			;
		if (k == to->n)
			list_add(to, who);
	}
}

/* Is it the letter to our postmaster that cannot be delivered? */
static bool
failed_postmaster(const struct active *a)
{
	const struct envelope *e = &a->m.env;

	return e->nrcpt == 1 && str_ieq(e->rcpt[0].addr, POSTMASTER);
}

/* Note that who was told, so that it is not said to him again when others could
 * not be. */
static void
note_told(const struct news *w)
{
	const struct note n =
	    note_all(kinds[w->kind].told, run_now(w->r), w->who);

	if (spool_note(&w->a->m, &n) < 0 || spool_sync(&w->a->m) < 0)
		log_warn("%s: cannot write the journal: %s", w->a->m.id,
		         strerror(errno));
}

static int
send_to(struct run *r, struct active *a, enum bounce_kind kind, const char *who)
{
	struct news w = {.r = r, .a = a, .kind = kind, .who = who, .to = who};
	int rc;

	if (!*who && kind != BOUNCE_FAILED)
		return 0; /* RFC 3461 4.1: never about a bounce */
	if (each_note(&w, NULL) == 0)
		return 0;
	if (!*who && failed_postmaster(a))
		return BOUNCE_NOWHERE;
	if (!*who)
		w.to = POSTMASTER;
	rc = send_letter(&w);
	if (rc < 0)
		log_warn("%s: cannot write a notification: %s", a->m.id,
		         strerror(errno));
	else
		note_told(&w);
	str_free(&w.s);
	return rc;
}

int
bounce_send(struct run *r, struct active *a, enum bounce_kind kind)
{
	struct list to = {0};
	size_t i;
	int rc = 0;

	list_senders(a, kind, &to);
	for (i = 0; i < to.n && rc == 0; i++)
		rc = send_to(r, a, kind, to.v[i]);
	list_free(&to);
	return rc;
}
