/* mailq - show and manage the queue; mailq(8).
 * Ordinary users come here by way of sendmail -bp, which may read the queue;
 * that privilege lists and does nothing else. */
#include "mailq.h"

#include "group.h"
#include "io.h"
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	PATIENCE = 3000, /* ms to wait for who has his hand on messages */
	PAUSE = 10,
	WALKS = 3 /* before we say that there is no such message */
};

enum { MEANT = 1, BUSY = 2 }; /* said by meet() */

/* One walk over the queue. */
struct walk {
	struct spool sp;
	const struct verb *verb; /* or NULL: list */
	struct select select;
	time_t now;
	bool json, verbose;
	bool owner; /* we may do more than look */
	struct total total;
	struct summary *summary; /* or NULL */
	unsigned long done, failed;
	char changed[24];   /* directory out of which messages went, or "" */
	long long patience; /* io_now() until which others are waited for */
};

static void
list(struct walk *w, const struct view *v)
{
	if (w->summary)
		summary_add(w->summary, v);
	else if (w->json)
		show_json(v);
	else
		show_short(v, &w->total, w->verbose);
}

/* Make what was done durable: the new names, then that the old ones are gone. */
static void
sync_names(struct walk *w)
{
	if (!w->changed[0])
		return;
	if ((w->verb->to && spool_sync_dir(&w->sp, w->verb->to) < 0) ||
	    (spool_sync_dir(&w->sp, w->changed) < 0 &&
	     errno != ENOENT)) { /* swept: it is empty */
		log_warn("%s: cannot sync: %s", w->sp.path, strerror(errno));
		w->failed++;
	}
	w->changed[0] = '\0';
}

static void
act(struct walk *w, struct message *m, const char *dir)
{
	int rc;

	if (strcmp(w->changed, dir) != 0)
		sync_names(w);
	rc = w->verb->run(&w->sp, m, dir);
	if (rc == 0 && w->verb->past)
		snprintf(w->changed, sizeof w->changed, "%s", dir);
	w->done += rc == 0;
	w->failed += rc == -1;
}

/* Show the message if it is meant.  Is it? */
static bool
look(struct walk *w, struct message *m, const char *dir)
{
	struct view v;
	bool meant;

	/* Only a listing asks who works on it: to ask ends a lock of our own.  Who
	 * may only look might stop this very moment, and keep the lock. */
	view_make(&v, m, dir, w->verb || !w->owner ? 0 : w->now);
	meant = !w->verb || select_match(&w->select, &v);
	if (!w->verb)
		list(w, &v);
	view_free(&v);
	return meant;
}

/* Load the message, under its lock or not, and look at it: MEANT, and it is the
 * caller's; 0 when it is not meant or no longer there; BUSY. */
static int
meet(struct walk *w, struct message *m, const char *dir, const char *id,
     bool lock)
{
	switch (spool_load(m, &w->sp, dir, id, lock)) {
	case SPOOL_OK: break;
	case SPOOL_BUSY: return BUSY;
	case SPOOL_GONE:
	case SPOOL_TORN: return 0; /* not, or no longer, in the queue */
	case SPOOL_BAD:
		log_warn("%s: the queue file is damaged", id);
		w->failed += lock;
		return 0;
	default: /* it may be one that is meant */
		log_warn("%s: %s", id, strerror(errno));
		w->failed++;
		return 0;
	}
	if (look(w, m, dir))
		return MEANT;
	message_free(m);
	return 0;
}

/* One message of the queue.  What a verb is for is decided under the message's lock:
 * who waited for it may find that it is no longer meant. */
static int
visit(void *arg, const char *dir, const char *id)
{
	struct walk *w = arg;
	struct message m;
	int rc;

	if (!spool_is_id(id) || (w->verb && !select_id(&w->select, id)))
		return 0;
	while ((rc = meet(w, &m, dir, id, false)) == MEANT && w->verb &&
	       w->verb->locks) {
		message_free(&m);
		rc = meet(w, &m, dir, id, true);
		if (rc != BUSY || io_now() >= w->patience)
			break;
		poll(NULL, 0, PAUSE);
	}
	if (rc == BUSY) {
		log_warn("%s: is being delivered", id);
		w->failed++;
	} else if (rc == MEANT) {
		if (w->verb)
			act(w, &m, dir);
		message_free(&m);
	}
	return 0;
}

static int
finish(struct walk *w)
{
	if (w->verb && w->done + w->failed == 0)
		fputs("mailq: no such message\n", stderr);
	else if (w->verb && w->verb->past)
		printf("%lu message%s %s\n", w->done, w->done == 1 ? "" : "s",
		       w->verb->past);
	else if (w->summary)
		summary_print(w->summary);
	else if (!w->verb && !w->json)
		show_short_end(&w->total);
	if (log_stdout(0) != 0)
		return EX_IOERR;
	if (w->failed > 0)
		return EX_TEMPFAIL;
	return w->verb && w->done == 0 ? EX_NOINPUT : 0;
}

/* Who may do more than look? */
static bool
is_owner(const struct spool *sp)
{
	struct stat st;

	return getuid() == 0 ||
	       (fstat(sp->dir, &st) == 0 && st.st_uid == getuid());
}

static int
run(struct walk *w, const struct conf *c)
{
	int walks = 0;

	if (spool_open(&w->sp, c) < 0) {
		log_warn("%s: %s", c->spool, strerror(errno));
		return errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE;
	}
	w->owner = is_owner(&w->sp);
	if (w->verb && !w->owner) {
		fputs("mailq: only root and the owner of the spool may\n",
		      stderr);
		return EX_NOPERM;
	}
	w->patience = io_now() + PATIENCE;
	/* What is moved while we walk may be where we were, or not yet be where
	 * we are. */
	do
		if (spool_walk(&w->sp, (time_t)1 << 40, true, visit, w) < 0) {
			log_warn("%s: %s", c->spool, strerror(errno));
			return errno == EACCES ? EX_NOPERM : EX_IOERR;
		}
	while (w->verb && w->done + w->failed == 0 && ++walks < WALKS);
	sync_names(w);
	return finish(w);
}

static int
usage(void)
{
	fputs("usage: mailq [-jsv] [-C file]\n"
	      "       mailq [-C file] show | delete | hold | release | retry |"
	      " bounce selector ...\n",
	      stderr);
	return EX_USAGE;
}

int
main(int argc, char **argv)
{
	struct walk w = {.now = time(NULL)};
	const char *file = NULL;
	bool sum = false;
	struct conf c;
	int opt;

	log_open("mailq");
	log_stderr(1);
	while ((opt = getopt(argc, argv, "+C:jsv")) != -1)
		switch (opt) {
		case 'C': file = optarg; break;
		case 'j': w.json = true; break;
		case 's': sum = true; break;
		case 'v': w.verbose = true; break;
		default: return usage();
		}
	if (optind < argc) {
		w.verb = verb_find(argv[optind]);
		w.select = (struct select){argv + optind + 1, w.now};
		if (!w.verb || sum || w.json)
			return usage();
		if (select_check(&w.select) < 0)
			return EX_USAGE;
	}
	/* A configuration of one's own is read with one's own rights. */
	if (file && group_drop() < 0)
		return EX_OSERR;
	conf_use(&c, file);
	if (sum)
		w.summary = summary_new();
	if (w.verb && w.verb->locks) /* who is told of it may end */
		signal(SIGPIPE, SIG_IGN);
	return run(&w, &c);
}
