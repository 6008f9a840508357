/* submit - a message from stdin into the spool; what sendmail is for.
 * Runs with the real uid of the caller and the spool's group, so it believes
 * nothing: not the arguments, not the header, not the end of the input.
 * RFC 5322 3.6 and RFC 6409 8 name the fields that are added. */
#include "sendmail.h"

#include "code.h"
#include "date.h"
#include "hdr.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* One submission on its way. */
struct job {
	const struct conf *conf;
	const struct options *opt;
	struct letter letter;
	struct sender sender;
	struct envelope env;
	struct spool sp;
	struct spool_new new;
	struct str out; /* fields of ours */
	bool again;     /* Resent- fields name the recipients */
};

/* --- recipients --- */

static int
add_rcpt(void *arg, const char *addr)
{
	struct job *j = arg;
	char full[ADDR_MAX + 1];

	if (qualify(j->conf, addr, full) < 0)
		return -1;
	if (addr_is_utf8(full))
		j->env.utf8 = true;
	envelope_rcpt(&j->env, full, NULL, j->opt->notify);
	return 0;
}

static int
rcpts_from_args(struct job *j, char *const *rcpts)
{
	for (; *rcpts; rcpts++)
		if (addr_list(cur_of(*rcpts), add_rcpt, j) < 0)
			return complain(EX_DATAERR,
			                "cannot read the address '%s'", *rcpts);
	return 0;
}

/* RFC 5322 3.6.3, or 3.6.6 where a message is sent anew. */
static int
rcpts_from_header(struct job *j)
{
	static const char *const names[] = {"To", "Cc", "Bcc", NULL};
	static const char *const again[] = {"Resent-To", "Resent-Cc",
	                                    "Resent-Bcc", NULL};
	const char *const *want = names;
	struct cur c = j->letter.header;
	struct field f;

	while (hdr_next(&c, &f))
		if (hdr_name_in(&f.name, again))
			want = again;
	j->again = want == again;
	for (c = j->letter.header; hdr_next(&c, &f);)
		if (hdr_name_in(&f.name, want) &&
		    addr_list(f.body, add_rcpt, j) < 0)
			return complain(EX_DATAERR,
			                "cannot read the addresses in %.*s:",
			                (int)cur_len(&f.name), f.name.p);
	return 0;
}

static int
fill_envelope(struct job *j, char *const *rcpts)
{
	const struct options *o = j->opt;
	struct timespec now;
	int code = rcpts_from_args(j, rcpts);

	if (!code && o->headers)
		code = rcpts_from_header(j);
	if (code)
		return code;
	if (j->env.nrcpt == 0)
		return o->headers ? complain(EX_DATAERR, "no recipients in the"
		                                         " header")
		                  : complain(EX_USAGE, "no recipients");
	clock_gettime(CLOCK_REALTIME, &now);
	j->env.time = now.tv_sec;
	j->env.usec = now.tv_nsec / 1000;
	j->env.sender = str_dup(j->sender.addr);
	j->env.uid = j->sender.uid;
	j->env.envid = o->envid ? str_dup(o->envid) : NULL;
	j->env.ret = o->ret;
	j->env.eightbit = o->eightbit || !letter_is_ascii(&j->letter);
	j->env.utf8 |= addr_is_utf8(j->sender.addr);
	return 0;
}

/* --- the header --- */

/* RFC 5321 6.3: a letter that comes by again and again through some program. */
static bool
is_looping(const struct job *j)
{
	struct cur c = j->letter.header;
	struct field f;
	unsigned long hops = 0;

	while (hdr_next(&c, &f))
		hops += cur_is(&f.name, "Received");
	return hops > j->conf->hop_limit;
}

static void
add_received(struct job *j)
{
	char date[DATE_SIZE];

	date_header(j->env.time, date);
	str_addf(&j->out, "Received: by %s (facteur, from userid %ld)\n\tid %s",
	         j->conf->hostname, j->env.uid, j->new.id);
	if (j->env.nrcpt == 1)
		str_addf(&j->out, "\n\tfor <%s>", j->env.rcpt[0].addr);
	str_addf(&j->out, "; %s\n", date);
	if (j->sender.user)
		str_addf(&j->out,
		         "X-Authentication-Warning: %s: %s set sender to"
		         " <%s> using -f\n",
		         j->conf->hostname, j->sender.user, j->sender.addr);
}

/* Who sends it, as From: has it. */
static void
write_from(struct str *from, const struct sender *s)
{
	if (s->name)
		code_phrase(from, s->name);
	str_addf(from, s->name ? " <%s>" : "%s", s->from);
}

/* RFC 5322 3.6.6: what the fields of who sends it anew lack, before all others. */
static void
add_resent(struct job *j)
{
	struct cur header = j->letter.header;
	char date[DATE_SIZE];
	struct field f;

	if (!hdr_find(header, "Resent-Date", &f)) {
		date_header(j->env.time, date);
		str_addf(&j->out, "Resent-Date: %s\n", date);
	}
	if (!hdr_find(header, "Resent-From", &f)) {
		str_adds(&j->out, "Resent-From: ");
		write_from(&j->out, &j->sender);
		str_addc(&j->out, '\n');
	}
	if (!hdr_find(header, "Resent-Message-ID", &f))
		str_addf(&j->out, "Resent-Message-ID: <%s@%s>\n", j->new.id,
		         j->conf->hostname);
}

static void
add_missing(struct job *j)
{
	struct str from = {0};

	write_from(&from, &j->sender);
	hdr_complete(&j->out, j->letter.header, j->env.time, from.s, j->new.id,
	             j->conf->hostname);
	str_free(&from);
}

static void
put(struct job *j, struct cur c)
{
	spool_write(&j->new, c.p, cur_len(&c));
}

static void
put_header(struct job *j)
{
	/* Nobody but the envelope may know them, or set the other. */
	static const char *const dropped[] = {"Bcc", "Resent-Bcc",
	                                      "Return-Path", NULL};
	struct cur c = j->letter.header;
	struct field f;
	bool open = false;

	add_received(j);
	if (j->again)
		add_resent(j);
	put(j, str_cur(&j->out));
	str_clear(&j->out);
	while (hdr_next(&c, &f)) {
		if (hdr_name_in(&f.name, dropped))
			continue;
		put(j, f.all);
		open = f.all.e[-1] != '\n';
	}
	if (open)
		str_addc(&j->out, '\n');
	add_missing(j);
	str_addc(&j->out, '\n');
	put(j, str_cur(&j->out));
}

/* --- the whole --- */

/* The rest of stdin behind the header, in pieces. */
static int
put_body(struct job *j)
{
	unsigned long long most = j->conf->message_limit;
	struct letter *l = &j->letter;
	char last = '\n';

	for (;;) {
		if (cur_len(&l->body) > 0)
			last = l->body.e[-1];
		put(j, l->body);
		if (most && j->new.len > most)
			return complain(EX_DATAERR,
			                "the message is longer than %llu bytes",
			                most);
		if (j->new.err || l->eof)
			break;
		if (letter_more(l))
			return EX_IOERR;
	}
	if (last != '\n') /* the last line is a line too */
		spool_write(&j->new, "\n", 1);
	return 0;
}

static int
no_room(const char *why)
{
	log_warn("cannot queue the message: %s", why);
	return EX_TEMPFAIL;
}

/* Safe in the spool once this returns 0. */
static int
store(struct job *j, struct watch *w)
{
	int code;

	if (spool_begin(&j->new, &j->sp, &j->env) < 0)
		return no_room(strerror(errno));
	put_header(j);
	code = put_body(j);
	if (code) {
		spool_abort(&j->new);
		return code;
	}
	if (j->env.trace)
		watch_begin(w, j->new.id);
	if (spool_commit(&j->new) < 0)
		return no_room(strerror(errno));
	log_open("pickup"); /* as whom log readers expect this line */
	log_info("%s: uid=%ld from=<%s>", j->new.id, j->env.uid, j->env.sender);
	return 0;
}

static int
run(struct job *j, char *const *rcpts)
{
	struct watch w = {.conf = j->conf, .sp = &j->sp, .fd = -1};
	int code = sender_find(&j->sender, j->conf, j->opt);

	if (code || (code = letter_front(&j->letter)) ||
	    (code = fill_envelope(j, rcpts)))
		return code;
	if (is_looping(j))
		return complain(EX_DATAERR, "too many Received fields: a mail"
		                            " loop");
	if (check_hopeless(j->conf, &j->env))
		return EX_NOUSER;
	if (spool_open(&j->sp, j->conf) < 0)
		return no_room(strerror(errno));
	if (!spool_room(&j->sp, j->conf, j->letter.buf.n))
		return no_room("the spool is full");
	j->env.trace = j->opt->verbose && watch_lingers(&j->sp);
	code = store(j, &w);
	if (code == 0 && j->opt->verbose)
		watch_show(&w, j->new.id);
	return code;
}

int
submit(const struct conf *c, const struct options *o, char *const *rcpts)
{
	struct job j = {.conf = c, .opt = o};
	int code;

	letter_init(&j.letter, o->dots);
	code = run(&j, rcpts);
	letter_free(&j.letter);
	sender_free(&j.sender);
	envelope_free(&j.env);
	str_free(&j.out);
	return code;
}
