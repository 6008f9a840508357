/* outcome - what came of a target, and of a message; see run.h.
 * A message leaves the spool only when each of its targets was served, or its
 * failure was told to somebody, durably. */
#include "date.h"
#include "log.h"
#include "mem.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *
word_of(char what)
{
	switch (what) {
	case NOTE_FAILED: return "bounced";
	case NOTE_DEFERRED: return "deferred";
	default: return "sent";
	}
}

static double
positive(double v)
{
	return v > 0 ? v : 0;
}

static void
log_piece(const struct run *r, const struct piece *p, const struct outcome *o)
{
	const struct active *a = p->msg;
	const char *orig = a->m.env.rcpt[p->rcpt].addr;
	double now = run_clock();
	double arrived = (double)a->m.env.time + (double)a->m.env.usec / 1e6 -
	                 (double)r->clock_offset;
	struct str s = {0};

	str_addf(&s, "%s: to=<%s>, ", a->m.id, p->to->addr);
	if (strcmp(orig, p->to->addr) != 0)
		str_addf(&s, "orig_to=<%s>, ", orig);
	str_addf(&s, "relay=%.*s, delay=%.2f, delays=%.2f/%.2f/0/%.2f, ",
	         (int)strcspn(o->relay, ","), o->relay, positive(now - arrived),
	         positive(a->since - arrived), positive(o->started - a->since),
	         positive(now - o->started));
	log_info("%sdsn=%s, status=%s (%s)", s.s, o->status, word_of(o->what),
	         o->text);
	str_free(&s);
}

static void
note(struct active *a, const struct note *n)
{
	if (spool_note(&a->m, n) < 0) {
		log_warn("%s: cannot write the journal: %s", a->m.id,
		         strerror(errno));
		message_note(&a->m, n); /* at least this run knows */
	}
	a->dirty = true;
}

/* Is the message over with this, so that its file goes in a moment?  Then no line
 * of the journal is needed; but nothing may be left that could fail: no letter
 * to the sender, of this target or of earlier ones. */
static bool
is_last(const struct piece *p, const struct outcome *o)
{
	const struct message *m = &p->msg->m;

	return p->msg->npiece == 1 && o->what == NOTE_SENT && m->nnote == 0 &&
	       !(m->env.rcpt[p->rcpt].notify & NOTIFY_SUCCESS);
}

void
outcome_piece(struct run *r, struct piece *p, const struct outcome *o)
{
	struct active *a = p->msg;
	const struct note n = {.rcpt = p->rcpt,
	                       .what = o->what,
	                       .when = run_now(r),
	                       .target = target_name(p->to),
	                       .status = o->status,
	                       .relay = o->relay,
	                       .text = o->text};

	log_piece(r, p, o);
	if (o->noted || is_last(p, o))
		message_note(&a->m, &n);
	else
		note(a, &n);
	a->dirty |= o->noted;
	p->what = o->what == NOTE_RELAYED ? NOTE_SENT : o->what;
	a->open--;
}

/* A note about the message as a whole. */
static void
note_message(struct run *r, struct active *a, char what)
{
	const struct note n = note_all(what, run_now(r), "");

	note(a, &n);
}

/* For each target the number of the last note about it, from 1. */
static size_t *
last_notes(const struct active *a)
{
	size_t *last = mem_alloc(a->routes.n * sizeof *last), k;

	for (k = 0; k < a->m.nnote; k++) {
		const struct target *t =
		    route_named(&a->routes, a->m.note[k].target);

		if (t)
			last[t - a->routes.t] = k + 1;
	}
	return last;
}

/* It has failed for good, as the last note about it says. */
static void
expire_piece(struct run *r, struct piece *p, const struct note *last)
{
	struct active *a = p->msg;
	struct str text = {0};
	struct note n = {.rcpt = p->rcpt,
	                 .what = NOTE_FAILED,
	                 .when = run_now(r),
	                 .target = target_name(p->to),
	                 .status = "5.4.7",
	                 .relay = last->relay};

	str_addf(&text, "%s: %s",
	         a->m.expired ? "given up by the postmaster"
	                      : "delivery time expired",
	         last->text);
	n.text = text.s;
	p->what = NOTE_FAILED;
	note(a, &n);
	log_info("%s: to=<%s>, relay=none, delay=%.2f, dsn=5.4.7, "
	         "status=bounced (%s)",
	         a->m.id, p->to->addr, difftime(n.when, a->m.env.time), text.s);
	str_free(&text);
}

/* Time is up for what is still deferred. */
static void
expire(struct run *r, struct active *a)
{
	static const struct note none = {.relay = "none", .text = ""};
	size_t *last = last_notes(a), i, k;

	for (i = 0; i < a->npiece; i++) {
		struct piece *p = &a->piece[i];

		if (p->what != NOTE_DEFERRED)
			continue;
		k = last[route_named(&a->routes, target_name(p->to)) -
		         a->routes.t];
		expire_piece(r, p, k > 0 ? &a->m.note[k - 1] : &none);
	}
	free(last);
}

static bool
somebody_waits(const struct active *a)
{
	size_t i;

	for (i = 0; i < a->npiece; i++)
		if (a->piece[i].what == NOTE_DEFERRED)
			return true;
	return false;
}

static bool
was_noted(const struct message *m, char what)
{
	size_t i;

	for (i = 0; i < m->nnote; i++)
		if (m->note[i].what == what)
			return true;
	return false;
}

/* Growing pauses between the attempts, up to a tenth longer so that messages
 * that came together do not stay together. */
static time_t
next_attempt(const struct run *r, const struct message *m)
{
	unsigned long pause = r->conf->retry_min;
	unsigned i;

	for (i = 1; i < m->attempts && pause < r->conf->retry_max; i++)
		pause *= 2;
	if (pause > r->conf->retry_max)
		pause = r->conf->retry_max;
	return run_now(r) + (time_t)pause +
	       (time_t)((unsigned long)random() % (pause / 10 + 1));
}

static void
sync_names(struct run *r)
{
	if (r->changed[0] && spool_sync_dir(&r->sp, r->changed) < 0 &&
	    errno != ENOENT) /* swept: it is empty */
		log_warn("%s/%s: cannot sync: %s", r->conf->spool, r->changed,
		         strerror(errno));
	r->changed[0] = '\0';
}

/* Names in dir have changed. */
static void
changed(struct run *r, const char *dir)
{
	if (strcmp(r->changed, dir) != 0)
		sync_names(r);
	snprintf(r->changed, sizeof r->changed, "%s", dir);
}

/* The message is gone.  Should a loss of power bring it back, deliver still knows
 * that it was in the mailbox, for a while; other hosts and programs do not. */
static void
removed(struct run *r, const struct active *a)
{
	bool known = ++r->removed < REMOVED_MAX;
	size_t i;

	for (i = 0; i < a->npiece; i++)
		if (a->piece[i].to->kind != ROUTE_USER &&
		    a->piece[i].to->kind != ROUTE_FILE)
			known = false;
	if (known)
		return;
	changed(r, a->dir);
	r->removed = 0;
}

static void
defer(struct run *r, struct active *a)
{
	char to[24], when[DATE_SIZE];
	time_t due;

	note_message(r, a, NOTE_ATTEMPT);
	spool_sync(&a->m);
	if (strcmp(a->dir, "hold") == 0) {
		run_trace(r, a, "%s: still on hold", a->m.id);
		return;
	}
	due = next_attempt(r, &a->m);
	spool_due_dir(due, to);
	changed(r, to);
	if (strcmp(to, a->dir) != 0 &&
	    spool_move(&r->sp, a->dir, a->m.id, to) < 0) {
		log_warn("%s: cannot move it to %s: %s", a->m.id, to,
		         strerror(errno));
		intake_skip(r, a->m.id);
	}
	date_ctime(due, when);
	run_trace(r, a, "%s: next attempt %s", a->m.id, when);
}

static void
set_aside(struct run *r, struct active *a)
{
	spool_sync(&a->m);
	log_warn("%s: can be neither delivered nor returned; it is now "
	         "%s/bad/%s",
	         a->m.id, r->conf->spool, a->m.id);
	if (spool_move(&r->sp, a->dir, a->m.id, "bad") < 0)
		intake_skip(r, a->m.id);
}

/* The message stays although it is done: then its journal has to say so. */
static void
keep_done(struct active *a)
{
	struct note n;

	if (a->npiece == 1 && a->m.nnote > 0) {
		n = a->m.note[a->m.nnote - 1];
		note(a, &n);
	}
	spool_sync(&a->m);
}

/* Has something become final since it was noted that all had heard? */
static bool
is_news(const struct message *m, char what, char told)
{
	size_t i;

	for (i = m->nnote; i > 0; i--) {
		const struct note *n = &m->note[i - 1];

		if (n->what == what)
			return true;
		if (n->what == told && !*n->text)
			return false;
	}
	return false;
}

/* Who had to hear of what is final so far has heard of it.  Nobody else does, whomever
 * the tables name when the others are tried again. */
static void
note_told(struct run *r, struct active *a)
{
	if (is_news(&a->m, NOTE_FAILED, NOTE_TOLD))
		note_message(r, a, NOTE_TOLD);
	if (is_news(&a->m, NOTE_SENT, NOTE_CONFIRMED))
		note_message(r, a, NOTE_CONFIRMED);
}

/* Seconds since the message came.  If that is to come, by a clock which was wrong, its
 * time is up all the same one day: it counts from the first attempt that is not. */
static long
age_of(const struct run *r, const struct message *m)
{
	time_t now = run_now(r), since = m->env.time;
	size_t i;

	for (i = 0; since > now && i < m->nnote; i++)
		if (m->note[i].when <= now)
			since = m->note[i].when;
	return (long)(now - since);
}

static void
finish(struct run *r, struct active *a)
{
	long age = age_of(r, &a->m);
	bool waits;
	int told = 0;

	if (a->m.expired || age >= (long)r->conf->lifetime)
		expire(r, a);
	waits = somebody_waits(a);
	if (was_noted(&a->m, NOTE_FAILED))
		told = bounce_send(r, a, BOUNCE_FAILED);
	if (told == 0 && was_noted(&a->m, NOTE_SENT))
		told = bounce_send(r, a, BOUNCE_SUCCESS);
	if (told == 0 && waits)
		note_told(r, a);
	if (told == 0 && waits && r->conf->warn_after > 0 &&
	    age >= (long)r->conf->warn_after && !was_noted(&a->m, NOTE_WARNED))
		told = bounce_send(r, a, BOUNCE_DELAYED);
	if (told < 0 || waits) {
		defer(r, a);
	} else if (told == BOUNCE_NOWHERE) {
		set_aside(r, a);
	} else if (spool_remove(&r->sp, a->dir, a->m.id) < 0) {
		log_warn("%s: cannot remove it: %s", a->m.id, strerror(errno));
		keep_done(a);
		intake_skip(r, a->m.id);
	} else {
		log_info("%s: removed", a->m.id);
		removed(r, a);
	}
}

void
outcome_settle(struct run *r, struct active *a)
{
	finish(r, a);
	intake_drop(r, a);
}

void
outcome_sync(struct run *r)
{
	struct active *a;

	for (a = r->active; a; a = a->next) {
		if (a->dirty && spool_sync(&a->m) < 0)
			log_warn("%s: cannot sync the journal: %s", a->m.id,
			         strerror(errno));
		a->dirty = false;
	}
	sync_names(r);
}
