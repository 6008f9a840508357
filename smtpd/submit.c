/* submit - what is asked of somebody who has logged in (RFC 6409): the envelope and the
 * header must be from an address of his, recipients are counted, and what the
 * header lacks is added.  Called by smtp.c and receive.c. */
#include "hdr.h"
#include "log.h"
#include "smtp.h"

#include <errno.h>
#include <stdio.h>

enum {
	FROM_MAX = 20,       /* addresses of one field */
	HEADER_MAX = 1 << 20 /* bytes of a header */
};

int
submit_sender(struct session *s)
{
	if (sender_load(&s->sender) < 0) {
		log_warn("senders: %s", strerror(errno));
		smtp_reply(s, 451, "4.3.0 cannot take mail now, try later");
		return -1;
	}
	/* Notifications have the null sender (RFC 8098 3). */
	if (!*s->env.sender ||
	    sender_owns(&s->sender, smtp_router(s), s->env.sender))
		return 0;
	smtp_reject(s, NULL, "MAIL", NULL, 553,
	            "5.7.1 <%s>: Sender address rejected: not owned by user %s",
	            s->env.sender, s->login);
	return -1;
}

int
submit_rcpt(struct session *s, const char *addr)
{
	if (sent_count(&s->sent, &s->sender) == 0)
		return 0;
	smtp_reject(s, NULL, "RCPT", addr, 450,
	            "4.7.1 no more than %lu recipients in an hour, try later",
	            s->sender.limit);
	return -1;
}

/* --- the header --- */

/* What to find out of a field. */
struct judgement {
	struct session *s;
	unsigned n;
	bool foreign;
};

static int
judge(void *arg, const char *addr)
{
	struct judgement *j = arg;
	struct str full = {0};

	str_adds(&full, addr);
	if (!addr_at(addr))
		str_addf(&full, "@%s", j->s->conf->origin);
	j->foreign = !sender_owns(&j->s->sender, smtp_router(j->s), full.s);
	str_free(&full);
	return j->foreign || ++j->n > FROM_MAX ? -1 : 0;
}

/* RFC 5322 3.6.2, or 3.6.6 where a letter is sent anew: by the last who did, whose
 * fields are the first.
 * 0, or the code with why. */
static int
check(struct session *s, struct cur header, const char **why)
{
	static const char *const names[] = {"From", "Sender", NULL};
	static const char *const again[] = {"Resent-From", "Resent-Sender",
	                                    NULL};
	struct judgement j = {.s = s};
	const char *const *want = names;
	struct cur c = header;
	struct field f;
	bool found = false;

	if (hdr_find(c, again[0], &f))
		want = again;
	for (c = header; hdr_next(&c, &f);) {
		if (!hdr_name_in(&f.name, want))
			continue;
		if (want == again && found && cur_is(&f.name, again[0]))
			break;
		found |= cur_is(&f.name, again[0]);
		j.n = 0;
		if (addr_list(f.body, judge, &j) == 0 && j.n > 0)
			continue;
		*why = j.foreign ? "5.7.1 From and Sender must be yours"
		                 : "5.6.0 cannot read From or Sender";
		return j.foreign ? 553 : 550;
	}
	return 0;
}

bool
submit_waits(const struct session *s)
{
	const struct receipt *in = &s->in;

	return *s->login && in->open && !in->submitted && !in->head.over &&
	       !in->data.done && in->out.n <= HEADER_MAX;
}

int
submit_header(struct session *s, const char **why)
{
	struct receipt *in = &s->in;
	struct spool_new *new = &in->file;
	struct str from = {0}, out = {0};
	struct cur header = {in->out.s, in->out.s + in->head.bytes}, c = header;
	struct field f;
	int code;

	in->submitted = true;
	if (!in->head.over && !in->data.done) {
		*why = "5.3.4 the header is too long";
		return 552;
	}
	while (hdr_next(&c, &f))
		;
	header.e = c.p;
	c.e = in->out.s + in->out.n;
	if ((code = check(s, header, why)))
		return code;
	if (*s->env.sender)
		addr_write(&from, s->env.sender);
	else
		sender_own(&s->sender, &from);
	hdr_complete(&out, header, time(NULL), from.s, new->id,
	             s->conf->hostname);
	spool_write(new, header.p, cur_len(&header));
	spool_write(new, out.s, out.n);
	if (cur_peek(&c) != '\n') /* what is no field is text */
		spool_write(new, "\n", 1);
	spool_write(new, c.p, cur_len(&c));
	if (!*s->in.head.id)
		snprintf(s->in.head.id, sizeof s->in.head.id, "<%s@%s>",
		         new->id, s->conf->hostname);
	str_free(&from);
	str_free(&out);
	return 0;
}
