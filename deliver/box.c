/* box - letters into a mailbox: an mbox, a file in mbox form, a Maildir. */
#include "deliver.h"
#include "log.h"
#include "maildir.h"
#include "mbox.h"
#include "mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* Bytes that the header leaves for flags, and up to MBOX_SPREAD more. */
enum { ROOM = 100 };

enum { NAMES_MAX = PLAN_IDS * 512 }; /* bytes of a batch's names */

/* What stays between two letters of a batch. */
struct mailbox {
	struct mbox mbox;
	struct maildir maildir;
	struct plan plan; /* of a Maildir: which letters went in */
	uint64_t before;  /* size of the Maildir */
	char why[MBOX_WHY];
};

/* --- both --- */

/* Nothing can be delivered now; say so to all letters that follow. */
static void
fail_open(struct dest *d, int err, const char *why)
{
	if (err == EPERM)
		log_warn("%s: %s", d->path, why);
	result_set(&d->why, EX_TEMPFAIL,
	           err == EAGAIN || err == EPERM ? "4.2.0" : errno_status(err),
	           "%s", why);
	d->failed = true;
	free(d->box);
	d->box = NULL;
}

/* How long a lock is waited for, in ms. */
static long
patience(const struct dest *d)
{
	return d->by_hand ? PATIENCE_HAND : PATIENCE_BATCH;
}

/* Is there room for a letter of size in a mailbox of this size? */
static bool
has_room(const struct dest *d, uint64_t now, uint64_t size, struct result *r)
{
	uint64_t limit = d->is_file ? 0 : d->conf->mailbox_limit;

	if (!limit || (now <= limit && size <= limit - now))
		return true;
	/* RFC 3463 3.3: mailbox full, which may change. */
	if (str_ieq(d->conf->mailbox_full, "bounce"))
		result_set(r, EX_CANTCREAT, "5.2.2", "mailbox is full");
	else
		result_set(r, EX_TEMPFAIL, "4.2.2", "mailbox is full");
	return false;
}

/* Has the queue run gone?  Then the next one has asked another for this batch, and the
 * mailbox may have got so many letters since that it would take these again. */
static bool
nobody_listens(const struct dest *d)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return !d->by_hand && poll(&p, 1, 0) > 0 &&
	       p.revents & (POLLERR | POLLHUP);
}

/* --- mbox --- */

static int
mbox_start(struct dest *d)
{
	struct mbox_how how = {
	    .owner = d->user->uid,
	    .state = d->state,
	    .dot_optional = d->by_hand || d->is_file,
	    .patience = patience(d),
	};
	struct mailbox *b = mem_alloc(sizeof *b);

	d->box = b;
	if (mbox_open(&b->mbox, d->path, &how, b->why) < 0) {
		fail_open(d, errno, b->why);
		return -1;
	}
	if (nobody_listens(d)) {
		mbox_close(&b->mbox);
		fail_open(d, EPIPE, strerror(EPIPE));
		return -1;
	}
	return 0;
}

static void
put_mbox(void *arg, const void *p, size_t n)
{
	mbox_write(arg, p, n);
}

static int
mbox_letter(struct dest *d, const struct letter *l, struct io *in,
            struct result *r, bool *staged)
{
	struct copy_how how = {.crlf = d->by_hand};
	struct plan_mark mark;
	struct mbox *m;
	int got;

	if (!d->box && (d->failed || mbox_start(d) < 0)) {
		*r = d->why;
		return copy_skip(l, in);
	}
	m = &((struct mailbox *)d->box)->mbox;
	if (l->id[0] && plan_seen(&m->plan, l->id, l->to.s)) {
		result_set(r, EX_OK, "2.0.0", "already delivered");
		return copy_skip(l, in);
	}
	if (!has_room(d, mbox_size(m), l->size, r))
		return copy_skip(l, in);
	mark = plan_mark(&m->plan);
	mbox_begin(m, l->sender.s, l->time);
	how.room = d->is_file ? 0 : ROOM + (int)(l->time % MBOX_SPREAD);
	got = copy_letter(l, in, how, put_mbox, m);
	if (got != COPY_OK) {
		plan_cut(&m->plan, mark);
		result_loop(r, l);
		return got == COPY_LOOP ? 0 : got;
	}
	mbox_end(m);
	if (l->id[0])
		plan_note(&m->plan, l->id, l->to.s);
	result_set(r, EX_OK, "2.0.0", "delivered to %s",
	           d->is_file ? "file" : "mailbox");
	*staged = true;
	return 0;
}

static unsigned long long
mbox_staged(const struct dest *d)
{
	const struct mailbox *b = d->box;

	return b ? plan_len(&b->mbox.plan) : 0;
}

static int
mbox_end_batch(struct dest *d, struct result *r)
{
	struct mailbox *b = d->box;
	int rc = 0;

	if (!b)
		return 0;
	if (mbox_commit(&b->mbox) < 0) {
		result_errno(r, errno, "cannot write to mailbox");
		rc = -1;
	}
	mbox_close(&b->mbox);
	free(b);
	d->box = NULL;
	return rc;
}

const struct dest_ops dest_mbox = {mbox_letter, mbox_staged, mbox_end_batch};

/* --- Maildir --- */

/* What a batch that was cut short put in stays noted, and nothing else of it. */
static int
keep_found(struct plan *p, const struct maildir *m, const char *names)
{
	bool found[PLAN_IDS];
	uint32_t i = p->head.fresh;

	if (maildir_find(m, names, i, found) < 0)
		return -1;
	while (i-- > 0)
		if (!found[i])
			plan_forget(p, i);
	plan_done(p);
	return 0;
}

/* The names of a batch, one for each letter of it that was noted; NULL: that is not what
 * the record holds. */
static char *
read_names(const struct plan *p)
{
	size_t n = (size_t)p->head.len, i;
	uint32_t ends = 0;
	char *names;

	if (p->head.len > NAMES_MAX)
		return NULL;
	names = mem_alloc(n + 1);
	if (plan_read(p, 0, names, n) == 0)
		for (i = 0; i < n; i++)
			ends += !names[i];
	if (ends == p->head.fresh)
		return names;
	free(names);
	return NULL;
}

/* Was the last one who delivered here killed at it?  0, or -1 with errno. */
static int
look_back(struct plan *p, const struct maildir *m)
{
	struct stat st;
	char *names;
	int r;

	if (!p->head.open)
		return 0;
	if (fstat(m->new, &st) < 0)
		return -1;
	r = plan_is_open(p, st.st_ino) ? plan_is_sound(p) : 0;
	if (r < 0)
		return -1;
	names = r > 0 ? read_names(p) : NULL;
	r = 0;
	if (names)
		r = keep_found(p, m, names);
	else
		plan_drop(p);
	free(names);
	return r;
}

/* Two of us at once shall see each other's letters, what they take up and which they
 * are; and what a crash left of a batch.  Where there can be no record that is not so, and
 * a crash may at worst repeat it.  0, or -1 with errno. */
static int
maildir_record(struct dest *d, struct mailbox *b)
{
	if (plan_open(&b->plan, d->state, d->path, d->user->uid) < 0)
		return io_is_passing(errno) ? -1 : 0;
	if (plan_lock(&b->plan, patience(d)) == 0)
		return look_back(&b->plan, &b->maildir);
	if (errno == EAGAIN || io_is_passing(errno))
		return -1;
	/* A file system without locks: what it says is no good to us. */
	plan_close(&b->plan);
	b->plan = (struct plan){.fd = -1};
	return 0;
}

static int
maildir_start(struct dest *d)
{
	struct mailbox *b = mem_alloc(sizeof *b);
	int err;

	d->box = b;
	if (maildir_open(&b->maildir, d->path, d->user->uid, b->why) < 0) {
		fail_open(d, errno, b->why);
		return -1;
	}
	err = maildir_record(d, b) < 0 ? errno : nobody_listens(d) ? EPIPE : 0;
	if (err) {
		plan_close(&b->plan);
		maildir_close(&b->maildir);
		fail_open(d, err,
		          err == EAGAIN ? "mailbox is locked" : strerror(err));
		return -1;
	}
	if (d->conf->mailbox_limit)
		b->before = maildir_size(d->path);
	return 0;
}

static void
put_maildir(void *arg, const void *p, size_t n)
{
	maildir_write(arg, p, n);
}

/* The letter, and in the record the name that it gets. */
static void
note_name(struct mailbox *b, const struct letter *l)
{
	const char *name = maildir_last(&b->maildir);

	plan_note(&b->plan, l->id, l->to.s);
	if (b->plan.kept)
		plan_add(&b->plan, name, strlen(name) + 1);
}

static int
maildir_letter(struct dest *d, const struct letter *l, struct io *in,
               struct result *r, bool *staged)
{
	struct copy_how how = {.crlf = d->by_hand};
	struct mailbox *b;
	int got;

	if (!d->box && (d->failed || maildir_start(d) < 0)) {
		*r = d->why;
		return copy_skip(l, in);
	}
	b = d->box;
	if (l->id[0] && plan_seen(&b->plan, l->id, l->to.s)) {
		result_set(r, EX_OK, "2.0.0", "already delivered");
		return copy_skip(l, in);
	}
	if (!has_room(d, b->before + b->maildir.total, l->size, r))
		return copy_skip(l, in);
	maildir_begin(&b->maildir);
	got = copy_letter(l, in, how, put_maildir, &b->maildir);
	if (got != COPY_OK) {
		maildir_abort(&b->maildir);
		result_loop(r, l);
		return got == COPY_LOOP ? 0 : got;
	}
	maildir_end(&b->maildir);
	if (l->id[0])
		note_name(b, l);
	result_set(r, EX_OK, "2.0.0", "delivered to mailbox");
	*staged = true;
	return 0;
}

static unsigned long long
maildir_staged(const struct dest *d)
{
	const struct mailbox *b = d->box;

	return b ? b->maildir.total : 0;
}

/* Durable, before the letters have their names: whoever comes after a crash can tell
 * which of them went in. */
static void
intend(struct mailbox *b)
{
	struct stat st;

	if (b->plan.kept && plan_len(&b->plan) > 0 &&
	    fstat(b->maildir.new, &st) == 0)
		plan_commit(&b->plan, st.st_dev, st.st_ino, 0);
}

static int
maildir_end_batch(struct dest *d, struct result *r)
{
	struct mailbox *b = d->box;
	int rc = 0;

	if (!b)
		return 0;
	intend(b);
	if (maildir_commit(&b->maildir) < 0) {
		result_errno(r, errno, "cannot write to mailbox");
		rc = -1;
	} else if (b->plan.fd >= 0) {
		plan_done(&b->plan);
	}
	maildir_close(&b->maildir);
	plan_close(&b->plan);
	free(b);
	d->box = NULL;
	return rc;
}

const struct dest_ops dest_maildir = {maildir_letter, maildir_staged,
                                      maildir_end_batch};
