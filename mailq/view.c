/* view - what is left to do for a message, and why it is not done yet.
 * Made from the journal alone, in n log n. */
#include "mailq.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

static void
see_deferred(struct view *v, const struct note *n)
{
	v->reason[n->rcpt] = n->text;
	v->relay[n->rcpt] = strchr(n->relay, '[') ? n->relay : NULL;
}

/* Fill v->reason; returns how many recipients wait. */
static size_t
find_reasons(struct view *v)
{
	const struct message *m = v->m;
	struct list done = {0};
	size_t i, waiting = 0;

	message_targets(m, true, &done);
	/* One that no note names is new, or was part of another's target. */
	for (i = 0; i < m->env.nrcpt; i++)
		v->reason[i] = m->attempts == 0 ? "" : NULL;
	for (i = 0; i < m->nnote; i++)
		if (note_is_final(&m->note[i]))
			v->reason[m->note[i].rcpt] = NULL;
	for (i = 0; i < m->nnote; i++) {
		const struct note *n = &m->note[i];

		if (n->what == NOTE_DEFERRED && n->rcpt != NOTE_ALL &&
		    !list_has(&done, n->target))
			see_deferred(v, n);
	}
	list_free(&done);
	for (i = 0; i < m->env.nrcpt; i++)
		waiting += v->reason[i] != NULL;
	return waiting;
}

/* Does somebody work on it?  Only asked where that may be, and of a message that
 * is not locked by us: it is not afterwards. */
static bool
is_active(const struct message *m)
{
	if (flock(m->fd, LOCK_SH | LOCK_NB) < 0)
		return true;
	flock(m->fd, LOCK_UN);
	return false;
}

/* Whatever the file holds, a terminal gets no controls from it. */
static void
clean(struct envelope *e)
{
	size_t i;

	mem_clean(e->sender, strlen(e->sender));
	for (i = 0; i < e->nrcpt; i++)
		mem_clean(e->rcpt[i].addr, strlen(e->rcpt[i].addr));
}

void
view_make(struct view *v, struct message *m, const char *dir, time_t now)
{
	size_t i;

	clean(&m->env);
	*v = (struct view){.m = m};
	if (strncmp(dir, "q/", 2) == 0) {
		v->queue = "deferred";
		v->due = (time_t)strtoll(dir + 2, NULL, 10);
	} else if (strcmp(dir, "hold") == 0) {
		v->queue = "hold";
	} else {
		v->queue = "incoming";
		v->due = m->env.time;
	}
	if (v->due != 0 && v->due <= now && is_active(m))
		v->queue = "active";
	v->reason = mem_alloc(2 * m->env.nrcpt * sizeof *v->reason);
	v->relay = v->reason + m->env.nrcpt;
	if (find_reasons(v) == 0)
		for (i = 0; i < m->env.nrcpt; i++)
			v->reason[i] = "";
}

void
view_free(struct view *v)
{
	free(v->reason);
}
