/* batch - take letters from stdin and tell what became of them.
 * Letters for one mailbox share a lock and a commit; their results are told after
 * it, and never before. */
#include "deliver.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* The results of a batch that is not yet committed. */
struct pending {
	char id[LETTER_ID];
	bool staged; /* stands or falls with the commit */
	struct result result;
};

struct batch {
	struct dest *d;
	struct io io;
	size_t n;
	struct pending p[BATCH_LETTERS];
};

/* --- results --- */

void
result_set(struct result *r, int code, const char *status, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;

	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	mem_clean(s.s, s.n);
	r->code = code;
	snprintf(r->status, sizeof r->status, "%s", status);
	snprintf(r->text, sizeof r->text, "%s", s.s);
	str_free(&s);
}

const char *
errno_status(int err)
{
	/* RFC 3463: 4.3.1 system full, 4.2.2 mailbox full, 4.3.0 other. */
	if (err == ENOSPC)
		return "4.3.1";
	return err == EDQUOT || err == EFBIG ? "4.2.2" : "4.3.0";
}

void
result_errno(struct result *r, int err, const char *what)
{
	result_set(r, EX_TEMPFAIL, errno_status(err), "%s: %s", what,
	           strerror(err));
}

void
result_loop(struct result *r, const struct letter *l)
{
	/* RFC 3463 3.5: routing loop detected. */
	result_set(r, EX_DATAERR, "5.4.6", "mail forwarding loop for %s",
	           l->to.s);
}

/* --- from queuerun --- */

/* Commit, then tell.  -1 when nobody listens any more. */
static int
settle(struct batch *b)
{
	struct result failed;
	int rc = b->d->op->commit(b->d, &failed);
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct pending *p = &b->p[i];
		const struct result *r =
		    rc < 0 && p->staged ? &failed : &p->result;

		io_putf(&b->io, "%s %d %s %s\n", p->id, r->code, r->status,
		        r->text);
	}
	b->n = 0;
	return io_flush(&b->io);
}

/* Is the next letter coming?  Nobody else's mail waits for a feeder that is
 * slow: the batch ends, and its lock with it. */
static bool
more_comes(struct batch *b)
{
	ssize_t n;

	b->io.idle = GAP;
	n = io_fill(&b->io);
	b->io.idle = STALL;
	return n != IO_TIMEOUT;
}

static int
take_letter(struct batch *b, const struct letter *l)
{
	struct dest *d = b->d;
	struct pending *p;

	/* If there is no room for a large one the others need not wait. */
	if (b->n > 0 && d->op->staged(d) + l->size > BATCH_BYTES &&
	    settle(b) < 0)
		return -1;
	p = &b->p[b->n];
	*p = (struct pending){0};
	memcpy(p->id, l->id, sizeof p->id);
	if (d->op->letter(d, l, &b->io, &p->result, &p->staged) != 0)
		return -1;
	b->n++;
	if (b->n == d->most || d->op->staged(d) >= BATCH_BYTES ||
	    !more_comes(b))
		return settle(b);
	return 0;
}

int
batch_run(struct dest *d)
{
	struct batch *b = mem_alloc(sizeof *b);
	struct letter l = {0};
	int r;

	b->d = d;
	io_init(&b->io, STDIN_FILENO, STDOUT_FILENO);
	b->io.lf = true;
	b->io.idle = STALL;
	while ((r = frame_next(&b->io, &l)) > 0)
		if ((r = take_letter(b, &l)) < 0)
			break;
	/* What came before a break in the stream is whole. */
	if (settle(b) < 0)
		r = -1;
	letter_free(&l);
	io_free(&b->io);
	free(b);
	return r < 0 ? EX_TEMPFAIL : EX_OK;
}

/* --- by hand --- */

/* How many bytes stdin holds.  One that is no file is copied to a nameless one
 * first: no lock is held while somebody types.  -1 with errno. */
static long long
stdin_size(void)
{
	off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
	char buf[16384];
	struct stat st;
	ssize_t n;
	FILE *f;
	int rc;

	if (at >= 0 && fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		return st.st_size > at ? st.st_size - at : 0;
	if (!(f = tmpfile()))
		return -1;
	while ((n = io_readall(STDIN_FILENO, buf, sizeof buf)) > 0)
		if (fwrite(buf, 1, (size_t)n, f) < (size_t)n)
			break;
	rc = n != 0 || fflush(f) || fstat(fileno(f), &st) < 0 ||
	     fseek(f, 0, SEEK_SET) || dup2(fileno(f), STDIN_FILENO) < 0;
	fclose(f);
	return rc ? -1 : st.st_size;
}

/* The address of a user as the configuration would write it. */
static void
address(struct str *s, const struct dest *d, const char *detail)
{
	str_adds(s, d->user->name);
	if (*detail && *d->conf->detail) {
		str_addc(s, d->conf->detail[0]);
		str_adds(s, detail);
	}
	str_addf(s, "@%s", d->conf->origin);
}

int
hand_run(struct dest *d, const char *sender, const char *detail)
{
	struct letter l = {0};
	struct result r = {0};
	bool staged = false;
	long long size = stdin_size();
	struct io in;

	letter_clear(&l);
	io_init(&in, STDIN_FILENO, STDOUT_FILENO);
	str_adds(&l.sender, sender);
	str_adds(&l.detail, detail);
	address(&l.to, d, detail);
	if (size < 0) {
		result_errno(&r, errno, "cannot read the message");
	} else {
		l.size = (unsigned long long)size;
		if (d->op->letter(d, &l, &in, &r, &staged) < 0)
			result_errno(&r, in.err ? in.err : EIO,
			             "cannot read the message");
		d->op->commit(d, &r);
	}
	if (r.code != EX_OK)
		fprintf(stderr, "%s %s\n", r.status, r.text);
	log_info("from=<%s>, to=<%s>, size=%llu, relay=local, dsn=%s, "
	         "status=%s (%s)",
	         l.sender.s, l.to.s, l.size, r.status,
	         r.code == EX_OK         ? "sent"
	         : r.code == EX_TEMPFAIL ? "deferred"
	                                 : "bounced",
	         r.text);
	letter_free(&l);
	io_free(&in);
	return r.code;
}
