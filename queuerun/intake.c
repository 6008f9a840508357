/* intake - take due messages from the spool and cut them into pieces; run.h. */
#include "addr.h"
#include "io.h"
#include "log.h"
#include "mem.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	FULL = 1000,   /* ms without room, after which others are let by */
	BEHIND = 30000 /* ms until those that were passed are looked at again */
};

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* A tree of texts keeps this one, which stays where it is. */
static void
put(void **tree, const char *text)
{
	if (!tsearch(text, tree, by_text))
		log_die(EX_TEMPFAIL, "out of memory");
}

static bool
is_active(const struct run *r, const char *id)
{
	return tfind(id, &r->ids, by_text) != NULL;
}

static bool
is_skipped(const struct run *r, const char *id)
{
	return tfind(id, &r->skip, by_text) != NULL;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->id,
	              ((const struct name *)b)->id);
}

/* While the spool is walked they are sorted. */
static bool
is_later(const struct run *r, const char *id)
{
	struct name n;

	snprintf(n.id, sizeof n.id, "%s", id);
	return r->nlater > 0 &&
	       bsearch(&n, r->later, r->nlater, sizeof n, by_id);
}

/* Drop those that were taken, too. */
static void
sort_later(struct run *r)
{
	r->nlater -= r->later_at;
	if (r->later_at > 0)
		memmove(r->later, r->later + r->later_at,
		        r->nlater * sizeof *r->later);
	r->later_at = 0;
	if (r->nlater > 1)
		qsort(r->later, r->nlater, sizeof *r->later, by_id);
}

static void
put_later(struct run *r, const struct name *n)
{
	r->later =
	    mem_grow(r->later, &r->later_cap, r->nlater + 1, sizeof *r->later);
	r->later[r->nlater++] = *n;
}

void
intake_name(struct run *r, const char *dir, const char *id)
{
	struct name *n;

	r->name =
	    mem_grow(r->name, &r->name_cap, r->nname + 1, sizeof *r->name);
	n = &r->name[r->nname++];
	snprintf(n->dir, sizeof n->dir, "%s", dir);
	snprintf(n->id, sizeof n->id, "%s", id);
}

/* A file that its writer left unfinished: if the writer is gone, so is it. */
static void
clear_tmp(struct run *r, const char *dir, const char *name)
{
	struct message m;
	enum spool_why why = spool_load(&m, &r->sp, dir, name, true);

	/* Whole but not yet renamed: nobody was told that we have it. */
	if (why == SPOOL_OK)
		message_free(&m);
	if (why == SPOOL_OK || why == SPOOL_TORN || why == SPOOL_BAD)
		spool_remove(&r->sp, dir, name);
}

static void
set_aside(struct run *r, const char *dir, const char *id, const char *why)
{
	if (spool_move(&r->sp, dir, id, "bad") == 0) {
		log_warn("%s: %s; it is now %s/bad/%s", id, why, r->conf->spool,
		         id);
		return;
	}
	log_warn("%s: %s; cannot move it to bad: %s", id, why, strerror(errno));
	intake_skip(r, id);
}

static int
found(void *arg, const char *dir, const char *id)
{
	struct run *r = arg;

	if (strncmp(id, "tmp.", 4) == 0) {
		clear_tmp(r, dir, id);
		return 0;
	}
	if (is_skipped(r, id))
		return 0;
	if (!spool_is_id(id)) {
		set_aside(r, dir, id, "no queue file has such a name");
		return 0;
	}
	if ((r->only_id && strcmp(r->only_id, id) != 0) || is_active(r, id) ||
	    is_later(r, id))
		return 0;
	/* Of a domain all are looked at once, and most left alone. */
	if (r->nname >= INTAKE_MAX && !r->only_domain) {
		r->more = true;
		return -1;
	}
	intake_name(r, dir, id);
	return 0;
}

void
intake_scan(struct run *r)
{
	bool all = r->only_id || r->only_domain;
	time_t until = run_now(r);

	r->nname = r->name_at = 0;
	r->more = false;
	r->looked = until;
	sort_later(r);
	if (all)
		until = (time_t)1 << 40;
	if (spool_walk(&r->sp, until, r->only_id != NULL, found, r) < 0 &&
	    !r->more)
		log_warn("%s: cannot read all of the queue: %s", r->conf->spool,
		         strerror(errno));
	if (!all)
		spool_sweep(&r->sp, until);
}

/* The recipients for whom nothing was left to do when the last attempt came to its
 * end, but perhaps what was another's, too.  Of a journal with gaps nothing is
 * believed. */
static bool *
list_settled(const struct message *m)
{
	bool *settled = mem_alloc(m->env.nrcpt * sizeof *settled);
	size_t i, end = 0, begin = 0;

	for (i = 0; i < m->nnote && !m->gap; i++)
		if (m->note[i].what == NOTE_ATTEMPT) {
			begin = end;
			end = i;
		}
	for (i = 0; i < end; i++)
		if (note_is_final(&m->note[i]))
			settled[m->note[i].rcpt] = true;
	for (i = begin; i < end; i++)
		if (m->note[i].what == NOTE_DEFERRED &&
		    m->note[i].rcpt != NOTE_ALL)
			settled[m->note[i].rcpt] = false;
	return settled;
}

/* Expand the recipients that are settled, or the others. */
static void
expand(struct run *r, struct active *a, const bool *settled, bool which)
{
	struct routes *rs = &a->routes;

	rs->closed = which; /* a waiting target never becomes a settled one's */
	for (rs->rcpt = 0; rs->rcpt < a->m.env.nrcpt; rs->rcpt++)
		if (settled[rs->rcpt] == which)
			route_expand(&r->router, a->m.env.rcpt[rs->rcpt].addr,
			             rs);
}

/* What is deferred for days has more of them than targets. */
static size_t
weigh_notes(const struct message *m)
{
	size_t n = m->nnote + m->words.total / NOTE_WORDS;

	return n < NOTES_MAX ? n : NOTES_MAX;
}

/* A piece for each target that is still open.  A recipient that is settled had the
 * message or was refused: whatever the tables say of him now, nobody gets it
 * instead, and nobody hears that he does not exist. */
static void
make_pieces(struct run *r, struct active *a)
{
	struct list done = {0}, waiting = {0};
	bool *settled = list_settled(&a->m);
	size_t j;

	message_targets(&a->m, true, &done);
	message_targets(&a->m, false, &waiting);
	expand(r, a, settled, false);
	expand(r, a, settled, true);
	/* The targets have found their places in memory: point to them. */
	a->piece = mem_alloc(a->routes.n * sizeof *a->piece);
	for (j = 0; j < a->routes.n; j++) {
		const struct target *t = &a->routes.t[j];

		/* What cannot be decided has the name of the address, as what
		 * failed of the same list. */
		if ((t->kind != ROUTE_DEFER &&
		     list_has(&done, target_name(t))) ||
		    (settled[t->rcpt] && !list_has(&waiting, target_name(t))))
			continue;
		a->piece[a->npiece].rcpt = (long)t->rcpt;
		a->piece[a->npiece].to = t;
		a->piece[a->npiece].msg = a;
		a->npiece++;
	}
	list_free(&done);
	list_free(&waiting);
	free(settled);
	a->open = a->npiece;
	a->weight = a->npiece + weigh_notes(&a->m);
	r->weight += a->weight;
}

static bool
wants_domain(const struct run *r, const struct active *a)
{
	size_t i;

	if (!r->only_domain)
		return true;
	for (i = 0; i < a->npiece; i++)
		if (addr_same_domain(addr_domain(a->piece[i].to->addr),
		                     r->only_domain))
			return true;
	return false;
}

static void
open_trace(struct run *r, struct active *a)
{
	char name[64];

	a->trace = -1;
	if (!a->m.env.trace)
		return;
	snprintf(name, sizeof name, "trace/%s", a->m.id);
	a->trace = openat(r->sp.dir, name,
	                  O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	unlinkat(r->sp.dir, name, 0); /* once is enough */
}

/* Queue the pieces, or settle at once those that need no job. */
static void
dispatch(struct run *r, struct active *a)
{
	size_t i;

	for (i = 0; i < a->npiece; i++) {
		struct piece *p = &a->piece[i];
		bool fail = p->to->kind == ROUTE_FAIL;

		if (fail || p->to->kind == ROUTE_DEFER)
			outcome_piece(
			    r, p,
			    &(struct outcome){
			        .what = fail ? NOTE_FAILED : NOTE_DEFERRED,
			        .status = p->to->status,
			        .relay = "none",
			        .text = p->to->text,
			        .started = run_clock(),
			    });
		else
			dest_add(r, p);
	}
	if (a->open == 0)
		outcome_settle(r, a);
}

static void
start(struct run *r, struct active *a)
{
	struct envelope *e = &a->m.env;

	a->since = run_clock();
	a->next = r->active;
	a->link = &r->active;
	if (a->next)
		a->next->link = &a->next;
	r->active = a;
	r->nactive++;
	put(&r->ids, a->m.id);
	open_trace(r, a);
	log_info("%s: from=<%s>, size=%llu, nrcpt=%zu (queue active)", a->m.id,
	         e->sender, (unsigned long long)a->m.len, e->nrcpt);
	dispatch(r, a);
}

void
intake_drop(struct run *r, struct active *a)
{
	if (a->link) {
		*a->link = a->next;
		if (a->next)
			a->next->link = a->link;
		r->nactive--;
		tdelete(a->m.id, &r->ids, by_text);
		if (a->trace >= 0)
			close(a->trace);
	}
	r->weight -= a->weight;
	routes_free(&a->routes);
	free(a->piece);
	message_free(&a->m);
	free(a);
}

void
intake_skip(struct run *r, const char *id)
{
	if (!is_skipped(r, id))
		put(&r->skip, str_dup(id));
}

void
intake_unskip(struct run *r)
{
	while (r->skip) {
		char *id = *(char **)r->skip;

		tdelete(id, &r->skip, by_text);
		free(id);
	}
}

/* Is all of the message for destinations that have enough to do?  It is not locked, and
 * its content not read: this is asked more than once. */
static bool
is_behind(struct run *r, const struct name *n)
{
	struct active *a = mem_alloc(sizeof *a);
	bool behind;
	size_t i;

	if (spool_load(&a->m, &r->sp, n->dir, n->id, false) != SPOOL_OK) {
		free(a);
		return false;
	}
	make_pieces(r, a);
	behind = a->npiece > 0 && wants_domain(r, a);
	for (i = 0; i < a->npiece; i++)
		behind &= a->piece[i].to->kind != ROUTE_FAIL &&
		          a->piece[i].to->kind != ROUTE_DEFER &&
		          dest_open(r, &a->piece[i]) >= BATCH_REMOTE;
	intake_drop(r, a);
	return behind;
}

/* Lock and read it.  0, or -1: it is not for us, now or ever. */
static int
load(struct run *r, const struct name *n, struct message *m)
{
	static const char damaged[] = "the queue file is damaged";

	switch (spool_load(m, &r->sp, n->dir, n->id, true)) {
	case SPOOL_OK: return 0;
	case SPOOL_TORN:
		/* Only a message that was committed is moved from new/. */
		if (strcmp(n->dir, "new") == 0)
			spool_remove(&r->sp, n->dir, n->id);
		else
			set_aside(r, n->dir, n->id, damaged);
		break;
	case SPOOL_BAD: set_aside(r, n->dir, n->id, damaged); break;
	case SPOOL_ERROR:
		log_warn("%s: cannot read the queue file: %s", n->id,
		         strerror(errno));
		intake_skip(r, n->id);
		break;
	case SPOOL_BUSY: r->busy = true; break;
	case SPOOL_GONE: break;
	}
	return -1;
}

/* Take in one message, if there is something to do for it now; by: only if it need not
 * wait behind others. */
static void
take(struct run *r, const struct name *n, bool by)
{
	struct active *a;

	if (is_active(r, n->id))
		return;
	if (by && is_behind(r, n)) {
		put_later(r, n);
		return;
	}
	a = mem_alloc(sizeof *a);
	snprintf(a->dir, sizeof a->dir, "%s", n->dir);
	if (load(r, n, &a->m) < 0) {
		free(a);
		return;
	}
	make_pieces(r, a);
	if (!wants_domain(r, a)) {
		intake_drop(r, a);
	} else if (a->npiece > 1 && spool_reserve(&a->m, a->npiece) < 0) {
		/* Who was served must not be served again because others were
		 * not. */
		log_warn("%s: no room for its journal: %s; it waits", a->m.id,
		         strerror(errno));
		intake_skip(r, a->m.id);
		intake_drop(r, a);
	} else {
		start(r, a);
	}
}

/* How many messages may be at work?  Each is an open file, each job two pipes. */
static size_t
active_max(const struct run *r)
{
	long fds =
	    sysconf(_SC_OPEN_MAX) - FDS_REST - 2 * (long)r->conf->process_limit;

	if (fds < ACTIVE_MIN)
		return ACTIVE_MIN;
	return fds < ACTIVE_MAX ? (size_t)fds : ACTIVE_MAX;
}

/* The next name.  Those that were passed come last; by: not at all. */
static bool
next_name(struct run *r, bool by, struct name *n)
{
	if (r->name_at == r->nname && r->later_at < r->nlater && !by) {
		*n = r->later[r->later_at++];
		return true;
	}
	if (r->name_at == r->nname && r->more)
		intake_scan(r);
	if (r->name_at == r->nname)
		return false;
	*n = r->name[r->name_at++];
	return true;
}

/* Take in messages up to these limits. */
static void
fill(struct run *r, size_t most, size_t pieces, bool by)
{
	struct name next; /* a bounce may move the list */

	while (r->nactive < most && r->weight < pieces &&
	       (!by || r->nlater - r->later_at < LATER_MAX) &&
	       next_name(r, by, &next))
		take(r, &next, by);
	if (r->name_at == r->nname)
		r->name_at = r->nname = 0;
	if (r->later_at == r->nlater)
		r->later_at = r->nlater = 0;
}

/* Look again at those that were passed, as the next names?  After a pause of a ms for
 * each, and BEHIND more as long as none that passed has come to its end. */
static void
look_behind(struct run *r, long long now)
{
	long long pause = (long long)r->nlater;

	if (r->nactive >= r->passing)
		pause += BEHIND;
	if (now - r->behind < pause)
		return;
	r->behind = now;
	r->passing = 0;
	for (; r->later_at < r->nlater; r->later_at++)
		intake_name(r, r->later[r->later_at].dir,
		            r->later[r->later_at].id);
	r->nlater = r->later_at = 0;
}

/* Slow hosts or programs may come to have all the room.  When they have had it for a
 * while, messages for other destinations pass them. */
static void
let_by(struct run *r)
{
	long long now = io_now();

	if (r->name_at == r->nname && !r->more && r->nlater == 0) {
		r->full = 0;
		return;
	}
	if (r->full == 0)
		r->full = r->behind = now;
	if (now - r->full < FULL)
		return;
	look_behind(r, now);
	fill(r, active_max(r), 2 * (size_t)PIECES_MAX, true);
	if (r->nactive > r->passing)
		r->passing = r->nactive;
}

void
intake_fill(struct run *r)
{
	size_t most = active_max(r);

	if (r->name_at < r->nname || r->nlater > 0)
		router_refresh(&r->router);
	most -= (most + ROOM_KEPT - 1) / ROOM_KEPT;
	fill(r, most, PIECES_MAX, false);
	let_by(r);
}
