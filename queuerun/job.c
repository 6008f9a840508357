/* job - processes that do the work of a destination; see run.h.
 * deliver is fed frames and reports a line for each (deliver(8), -b); the SMTP
 * client is a fork of ours that reports in the same way. */
#include "io.h"
#include "log.h"
#include "mem.h"
#include "run.h"
#include "smtpc.h"
#include "wall.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FEED = 65536,
	REPORT_MAX = 8192,
	SILENCE = 3600 * 1000, /* ms after which a deliver is given up */
	KEPT = 10              /* one place in so many is each line's own */
};

/* --- the SMTP client: in the child --- */

struct child {
	struct run *r;
	struct job *j;
};

/* One piece less to do; with the last of a message its lock goes, while we work on
 * others. */
static void
let_go(struct active *a)
{
	if (--a->open > 0)
		return;
	close(a->m.fd);
	a->m.fd = -1;
}

/* Is it one of those whom an alias or a list hands on to? */
static bool
is_member(const struct piece *p)
{
	return p->to->group || p->to->sender;
}

/* RFC 3461 5.2.7.3: what the sender hears of success ends with the alias. */
static unsigned
notify_of(const struct piece *p)
{
	unsigned notify = p->msg->m.env.rcpt[p->rcpt].notify;

	if (!is_member(p) || !(notify & NOTIFY_SUCCESS))
		return notify;
	return notify == NOTIFY_SUCCESS ? NOTIFY_NEVER
	                                : notify & ~(unsigned)NOTIFY_SUCCESS;
}

/* Note the result in the journal before anybody else hears of it. */
static void
report(void *arg, const struct smtp_rcpt *to, const struct verdict *v,
       bool peer_dsn)
{
	struct child *c = arg;
	const struct piece *p = c->j->piece[to->tag];
	const char *part[3] = {v->status, v->relay, v->text};
	struct note n = {.rcpt = p->rcpt,
	                 .what = v->what,
	                 .when = run_now(c->r),
	                 .target = target_name(p->to),
	                 .status = v->status,
	                 .relay = v->relay,
	                 .text = v->text};
	struct str s = {0};
	int i, noted = 0;

	if (n.what == NOTE_SENT && peer_dsn && !is_member(p))
		n.what = NOTE_RELAYED;
	if (n.what != NOTE_DEFERRED)
		noted = spool_note(&p->msg->m, &n) == 0;
	str_addf(&s, "%zu\t%c\t%d", to->tag, n.what, noted);
	for (i = 0; i < 3; i++) {
		str_addc(&s, '\t');
		str_adds_clean(&s, part[i], strlen(part[i]), 2000);
	}
	str_addc(&s, '\n');
	io_writeall(STDOUT_FILENO, s.s, s.n);
	str_free(&s);
	let_go(p->msg);
}

static void
child_trace(void *arg, const char *line)
{
	struct child *c = arg;

	run_trace(c->r, c->j->piece[0]->msg, "%s", line);
}

static const char *
sender_of(const struct piece *p)
{
	/* A bounce stays a bounce, whatever list it goes to. */
	return p->to->sender && *p->msg->m.env.sender ? p->to->sender
	                                              : p->msg->m.env.sender;
}

/* Pieces of one message with one sender share a transaction. */
static size_t
make_sends(const struct job *j, struct smtp_send *send)
{
	size_t i, n = 0;

	/* From here on those that are ours. */
	for (i = 0; i < j->npiece; i++)
		j->piece[i]->msg->open = 0;
	for (i = 0; i < j->npiece; i++) {
		struct piece *p = j->piece[i];
		struct smtp_send *s = n > 0 ? &send[n - 1] : NULL;

		if (!s || s->m != &p->msg->m ||
		    strcmp(s->sender, sender_of(p)) != 0) {
			s = &send[n++];
			s->m = &p->msg->m;
			s->sender = sender_of(p);
			s->rcpt = mem_alloc(j->npiece * sizeof *s->rcpt);
		}
		p->msg->open++;
		s->rcpt[s->nrcpt++] =
		    (struct smtp_rcpt){.rcpt = (size_t)p->rcpt,
		                       .addr = p->to->dest,
		                       .notify = notify_of(p),
		                       .tag = i};
	}
	return n;
}

/* Close what belongs to other jobs and messages: a lock or a pipe held by
 * mistake keeps somebody waiting. */
static void
close_others(struct run *r, const struct job *j)
{
	const struct job *other;
	struct active *a;
	size_t i;

	for (other = r->job; other; other = other->next) {
		if (other->in >= 0)
			close(other->in);
		if (other->out >= 0)
			close(other->out);
	}
	for (a = r->active; a; a = a->next) {
		for (i = 0; i < j->npiece && j->piece[i]->msg != a; i++)
			;
		if (i == j->npiece && a->m.fd >= 0)
			close(a->m.fd);
	}
	if (r->spawner >= 0)
		close(r->spawner);
	if (r->lock >= 0)
		close(r->lock);
}

static void
child_main(struct run *r, struct job *j)
{
	struct child c = {.r = r, .j = j};
	struct smtp_job job = {.conf = r->conf, .domain = j->dest->key};

	close_others(r, j);
	job.send = mem_alloc(j->npiece * sizeof *job.send);
	job.nsend = make_sends(j, job.send);
	job.report = report;
	job.trace =
	    r->verbose || j->piece[0]->msg->trace >= 0 ? child_trace : NULL;
	job.arg = &c;
	job.secrets = r->secrets;
	job.force = r->only_id || r->only_domain;
	wall_client(r->conf);
	smtpc_run(&job);
}

static int
start_client(struct run *r, struct job *j)
{
	int p[2], out;
	pid_t pid;

	if (io_pipe(p) < 0)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		/* Reports go to descriptor 1, the dialogue to what was that. */
		out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		dup2(p[1], STDOUT_FILENO);
		close(p[0]);
		close(p[1]);
		r->trace_fd = out;
		child_main(r, j);
		_exit(0);
	}
	close(p[1]);
	if (pid < 0) {
		close(p[0]);
		return -1;
	}
	j->pid = pid;
	j->out = p[0];
	return 0;
}

/* --- deliver --- */

static int
start_deliver(struct run *r, struct job *j)
{
	int in[2], out[2], rc;

	if (io_pipe(in) < 0)
		return -1;
	if (io_pipe(out) < 0) {
		close(in[0]);
		close(in[1]);
		return -1;
	}
	rc = fcntl(in[1], F_SETFL, O_NONBLOCK);
	if (rc == 0)
		rc = spawn_deliver(r, j->dest, in[0], out[1], &j->pid);
	close(in[0]);
	close(out[1]);
	if (rc < 0) {
		close(in[1]);
		close(out[0]);
		return -1;
	}
	j->in = in[1];
	j->out = out[0];
	return 0;
}

/* The head of the frame of the piece that comes next; deliver(8). */
static void
make_head(struct job *j)
{
	const struct piece *p = j->piece[j->feed];
	const struct message *m = &p->msg->m;

	str_clear(&j->head);
	str_addf(&j->head,
	         "message %s %llu\nsender %s\nto %s\nfor %s\ndetail %s\n"
	         "time %lld\n\n",
	         m->id, (unsigned long long)m->len, sender_of(p), p->to->addr,
	         m->env.rcpt[p->rcpt].addr, p->to->detail,
	         (long long)m->env.time);
	j->at = 0;
}

/* Write what is left of the head: 1 all gone, 0 the pipe is full, -1 nobody
 * listens. */
static int
feed_head(struct job *j)
{
	while (j->head.n > 0) {
		ssize_t n = io_some(j->in, j->head.s, j->head.n);

		if (n <= 0)
			return (int)n;
		memmove(j->head.s, j->head.s + n, j->head.n - (size_t)n);
		j->head.n -= (size_t)n;
	}
	return 1;
}

static int
feed_content(struct job *j)
{
	const struct message *m = &j->piece[j->feed]->msg->m;
	char buf[FEED];
	ssize_t n;

	while ((n = message_read(m, j->at, buf, sizeof buf)) > 0) {
		n = io_some(j->in, buf, (size_t)n);
		if (n <= 0)
			return (int)n;
		j->at += (size_t)n;
	}
	return n < 0 ? -1 : 1;
}

void
job_feed(struct job *j)
{
	int n = 1;

	while (j->feed < j->npiece) {
		n = feed_head(j);
		if (n > 0)
			n = feed_content(j);
		if (n <= 0)
			break;
		if (++j->feed < j->npiece)
			make_head(j);
	}
	if (n == 0)
		return;
	close(j->in);
	j->in = -1;
}

/* --- both --- */

static void
take_pieces(struct job *j, struct dest *d)
{
	size_t max = d->kind == ROUTE_REMOTE ? BATCH_REMOTE : BATCH_LOCAL;
	const struct active *last = NULL;
	size_t n = 0, cap = 0;

	while (d->first) {
		struct piece *p = d->first;

		n += p->msg != last;
		if (n > max)
			break;
		last = p->msg;
		d->first = p->next;
		j->piece =
		    mem_grow(j->piece, &cap, j->npiece + 1, sizeof *j->piece);
		j->piece[j->npiece++] = p;
	}
	if (!d->first)
		d->last = &d->first;
}

/* What came of piece i: the job is done with it, and the message with the last of
 * its pieces. */
static void
decide(struct run *r, struct job *j, size_t i, const struct outcome *o)
{
	struct piece *p = j->piece[i];
	struct active *a = p->msg;

	j->piece[i] = NULL;
	j->dest->open--;
	outcome_piece(r, p, o);
	if (a->open == 0)
		outcome_settle(r, a);
}

/* deliver was killed, and the mailbox may have the message: deliver can still tell now,
 * later it remembers newer ones only.  Without the root half the next run asks. */
static bool
ask_again(struct run *r, const struct job *j, struct piece *p)
{
	bool first = !p->again;

	p->again = true;
	return dest_line(r, j->dest) == &r->line[LINE_MAILBOX] &&
	       !j->given_up && (first || r->alone);
}

/* The job is over: what it did not report is asked for once more, before what waits, or
 * deferred. */
static void
finish(struct run *r, struct job *j)
{
	const struct outcome lost = {
	    .what = NOTE_DEFERRED,
	    .status = "4.3.0",
	    .relay = "none",
	    .text = "the delivery process ended without a result",
	    .started = j->started,
	};
	struct dest *d = j->dest;
	struct piece **at = &d->first, *p;
	size_t i;

	if (j->pid > 0)
		waitpid(j->pid, NULL, 0);
	for (i = 0; i < j->npiece; i++) {
		if (!(p = j->piece[i]))
			continue;
		if (ask_again(r, j, p)) {
			p->next = *at;
			*at = p;
			at = &p->next;
		} else {
			decide(r, j, i, &lost);
		}
	}
	if (!*at)
		d->last = at;
	d->running--;
	r->njob--;
	dest_line(r, d)->njob--;
	if (d->kind == ROUTE_REMOTE) {
		if (j->failed)
			d->window = d->window > 1 ? d->window / 2 : 1;
		else if (d->window < r->conf->destination_limit)
			d->window++;
	}
	dest_line_up(r, d);
	dest_drop(r, d);
	free(j->piece);
	str_free(&j->head);
	str_free(&j->line);
	free(j);
}

static void
start(struct run *r, struct dest *d)
{
	struct job *j = mem_alloc(sizeof *j);
	int rc;

	j->dest = d;
	j->in = j->out = -1;
	j->pid = -1;
	j->started = run_clock();
	j->heard = io_now();
	take_pieces(j, d);
	d->running++;
	r->njob++;
	dest_line(r, d)->njob++;
	rc = d->kind == ROUTE_REMOTE ? start_client(r, j) : start_deliver(r, j);
	if (rc < 0) {
		r->alone |= errno == EPIPE || errno == ECONNRESET;
		log_warn("cannot start a delivery process: %s",
		         strerror(errno));
	}
	if (rc == 0 && j->in >= 0) {
		make_head(j);
		job_feed(j);
	}
	j->next = r->job;
	r->job = j;
	dest_line_up(r, d);
}

/* May one more of the line start?  Hosts that do not answer, and programs that do not
 * end, leave the others some places. */
static bool
has_place(const struct run *r, const struct line *l)
{
	size_t all = r->conf->process_limit, taken = r->njob, i;
	size_t kept = all < LINES ? 0 : (all + KEPT - 1) / KEPT;

	for (i = 0; i < LINES; i++)
		if (&r->line[i] != l && r->line[i].njob < kept)
			taken += kept - r->line[i].njob;
	return taken < all;
}

void
job_start_all(struct run *r)
{
	size_t i, started;

	do
		for (i = started = 0; i < LINES; i++) {
			struct line *l = &r->line[i];
			struct dest *d = NULL;

			if (has_place(r, l))
				d = dest_ready(l);
			if (d)
				start(r, d);
			started += d != NULL;
		}
	while (started > 0);
}

static void
report_line(struct run *r, struct job *j, struct cur line)
{
	struct outcome o = {.started = j->started};
	struct cur f[6];
	unsigned long long i;
	char *text[3];
	int k;

	for (k = 0; k < 6; k++) {
		cur_until(&line, "\t", &f[k]);
		cur_get(&line);
	}
	if (cur_number(&f[0], j->npiece - 1, &i) < 0 || cur_len(&f[1]) != 1 ||
	    !j->piece[i])
		return;
	for (k = 0; k < 3; k++)
		text[k] = mem_dup(f[k + 3].p, cur_len(&f[k + 3]));
	o.what = *f[1].p;
	o.noted = cur_is(&f[2], "1");
	o.status = text[0];
	o.relay = text[1];
	o.text = text[2];
	j->failed |=
	    o.what == NOTE_DEFERRED && strncmp(text[0], "4.4.", 4) == 0;
	decide(r, j, (size_t)i, &o);
	for (k = 0; k < 3; k++)
		free(text[k]);
}

/* "ID CODE STATUS TEXT" of deliver: results come in the order of the frames, each when
 * it has all of its frame. */
static void
deliver_line(struct run *r, struct job *j, struct cur line)
{
	struct cur id, code, status;
	unsigned long long n;
	struct outcome o = {.started = j->started, .relay = "local"};
	char *s, *t;
	struct piece *p;

	cur_word(&line, &id);
	cur_word(&line, &code);
	cur_word(&line, &status);
	cur_blanks(&line);
	if (j->decided >= j->feed || cur_number(&code, 255, &n) < 0 ||
	    !cur_is(&id, j->piece[j->decided]->msg->m.id))
		return;
	p = j->piece[j->decided];
	s = mem_dup(status.p, cur_len(&status));
	t = mem_dup(line.p, cur_len(&line));
	o.what = n == 0 ? NOTE_SENT : *s == '5' ? NOTE_FAILED : NOTE_DEFERRED;
	o.status = s;
	o.text = t;
	if (j->dest->kind == ROUTE_PROGRAM)
		o.relay = "program";
	run_trace(r, p->msg, "%s... %s", target_name(p->to),
	          n == 0 ? "Sent" : t);
	decide(r, j, j->decided++, &o);
	j->heard = io_now(); /* nonsense is as good as silence */
	free(s);
	free(t);
}

/* It runs as somebody who may stop it for ever, or write whatever he likes. */
static void
give_up(struct job *j, const char *why)
{
	log_warn("the delivery process for %s %s: given up", j->dest->key, why);
	if (j->pid > 0)
		kill(j->pid, SIGKILL);
	j->given_up = true;
	close(j->out);
	j->out = -1;
}

void
job_read(struct run *r, struct job *j)
{
	char buf[REPORT_MAX];
	ssize_t n = io_take(j->out, buf, sizeof buf);
	struct cur c, line;

	if (n <= 0) {
		close(j->out);
		j->out = -1;
		return;
	}
	str_add(&j->line, buf, (size_t)n);
	c = str_cur(&j->line);
	while (memchr(c.p, '\n', cur_len(&c))) {
		cur_until(&c, "\n", &line);
		cur_get(&c);
		if (j->dest->kind == ROUTE_REMOTE)
			report_line(r, j, line);
		else
			deliver_line(r, j, line);
	}
	n = (ssize_t)cur_len(&c);
	memmove(j->line.s, c.p, (size_t)n);
	j->line.n = (size_t)n;
	if (n > REPORT_MAX)
		give_up(j, "reports without an end");
}

bool
job_has(const struct run *r, const struct active *a)
{
	const struct job *j;
	size_t i;

	for (j = r->job; j; j = j->next)
		for (i = 0; i < j->npiece; i++)
			if (j->piece[i] && j->piece[i]->msg == a)
				return true;
	return false;
}

void
job_reap(struct run *r)
{
	struct job **at = &r->job, *j;

	while ((j = *at)) {
		if (j->out >= 0 && j->dest->kind != ROUTE_REMOTE &&
		    io_now() - j->heard > SILENCE)
			give_up(j, "says nothing any more");
		if (j->out >= 0) {
			at = &j->next;
			continue;
		}
		if (j->in >= 0)
			close(j->in);
		*at = j->next;
		finish(r, j);
	}
}
