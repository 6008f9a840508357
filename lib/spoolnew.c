/* spoolnew - write a message into the spool; see spool.h.
 * Called by smtpd, by sendmail, and by queuerun for its bounces.
 *
 * The order that makes a message safe: all bytes, the first line last; rename to the id; fsync
 * the file; fsync new/.  Only then may anybody say 250. */
#include "code.h"
#include "io.h"
#include "mem.h"
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { SPOOL_FIRST = 8192, SPOOL_BUF = 65536, SPOOL_MODE = 0660, TRIES = 10 };

/* The digits of an id sort as their values do. */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* v in base 32 with at least width digits. */
static char *
id_number(char *p, uint64_t v, int width)
{
	int n = width;

	while (n < 13 && v >> (5 * n))
		n++;
	while (n-- > 0)
		*p++ = digits[v >> (5 * n) & 31];
	return p;
}

/* Seconds, microseconds, inode: unique as long as the clock goes forward. */
static void
make_id(char *id, const struct timeval *tv, ino_t ino)
{
	id = id_number(id, (uint64_t)tv->tv_sec, 7);
	id = id_number(id, (uint64_t)tv->tv_usec, 4);
	id = id_number(id, (uint64_t)ino, 1);
	*id = '\0';
}

bool
spool_is_id(const char *id)
{
	size_t n = strlen(id);

	return n > 11 && n <= SPOOL_ID_MAX && strspn(id, digits) == n;
}

static void
head_line(char out[SPOOL_HEAD + 1], const struct spool_new *f)
{
	snprintf(out, SPOOL_HEAD + 1,
	         SPOOL_MAGIC " %08" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n",
	         f->start, f->len, sum_end(&f->sum));
}

/* The first line as long as there is none. */
static const char no_head[] =
    SPOOL_MAGIC " 00000000 0000000000000000 0000000000000000\n";

_Static_assert(sizeof no_head == SPOOL_HEAD + 1, "it is written over");

/* No value that comes from outside may break a line of the envelope. */
static int
envelope_line(struct str *s, const char *key, const char *value)
{
	if (cur_has_control(cur_of(value))) {
		errno = EINVAL;
		return -1;
	}
	str_adds(s, key);
	str_addc(s, ' ');
	str_adds(s, value);
	str_addc(s, '\n');
	return 0;
}

static int
rcpt_line(struct str *s, const struct rcpt *r)
{
	static const char letters[] = "nsfd";
	struct str v = {0};
	unsigned bit;
	int rc;

	for (bit = 0; bit < 4; bit++)
		if (r->notify & 1u << bit)
			str_addc(&v, letters[bit]);
	str_adds(&v, r->notify ? " " : "- ");
	if (r->orcpt)
		code_xtext(&v, r->orcpt, strlen(r->orcpt));
	str_adds(&v, r->orcpt ? " " : "- ");
	str_adds(&v, r->addr);
	rc = envelope_line(s, "rcpt", v.s);
	str_free(&v);
	return rc;
}

static int
put_fields(struct str *s, const struct envelope *e)
{
	struct str x = {0};
	size_t i;
	int rc = 0;

	str_addf(s, "time %lld.%06ld\n", (long long)e->time, e->usec);
	rc |= envelope_line(s, "sender", e->sender);
	if (e->client)
		rc |= envelope_line(s, "client", e->client);
	if (e->uid >= 0)
		str_addf(s, "uid %ld\n", e->uid);
	if (e->envid) {
		code_xtext(&x, e->envid, strlen(e->envid));
		rc |= envelope_line(s, "envid", x.s ? x.s : "");
		str_free(&x);
	}
	if (e->ret != RET_NONE)
		str_addf(s, "ret %s\n", e->ret == RET_FULL ? "full" : "hdrs");
	if (e->eightbit)
		str_adds(s, "8bit\n");
	if (e->utf8)
		str_adds(s, "utf8\n");
	if (e->trace)
		str_adds(s, "trace\n");
	for (i = 0; i < e->nrcpt; i++)
		rc |= rcpt_line(s, &e->rcpt[i]);
	str_addc(s, '\n');
	return rc;
}

int
envelope_put(struct str *s, const struct envelope *e)
{
	struct envelope back = {0};
	size_t at = s->n;
	int rc = put_fields(s, e);

	/* Nobody says 250 for what queuerun would set aside as damaged. */
	if (rc == 0)
		rc = envelope_take(&back, (struct cur){s->s + at, s->s + s->n});
	envelope_free(&back);
	if (rc < 0)
		errno = EINVAL;
	return rc;
}

/* Create and lock tmp.  A queuerun that looks into new/ between the two takes
 * the file of a dead writer away: then its link is gone, and we try again. */
static int
create(struct spool_new *f, struct timeval *tv)
{
	struct stat st;
	int try;

	for (try = 0; try < TRIES; try++) {
		gettimeofday(tv, NULL);
		snprintf(f->tmp, sizeof f->tmp, "tmp.%ld.%lld.%ld",
		         (long)getpid(), (long long)tv->tv_sec,
		         (long)tv->tv_usec);
		f->fd =
		    openat(f->sp->new, f->tmp,
		           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		           SPOOL_MODE);
		if (f->fd < 0 && errno != EEXIST)
			return -1;
		if (f->fd < 0)
			continue;
		if (flock(f->fd, LOCK_EX | LOCK_NB) == 0 &&
		    fstat(f->fd, &st) == 0 && st.st_nlink == 1) {
			make_id(f->id, tv, st.st_ino);
			return (st.st_mode & 0777) == SPOOL_MODE
			           ? 0
			           : fchmod(f->fd, SPOOL_MODE);
		}
		unlinkat(f->sp->new, f->tmp, 0);
		close(f->fd);
		f->fd = -1;
	}
	errno = EAGAIN;
	return -1;
}

int
spool_begin(struct spool_new *f, const struct spool *sp,
            const struct envelope *e)
{
	struct envelope stamped = *e;
	struct timeval tv;
	int saved;

	*f = (struct spool_new){.sp = sp, .fd = -1};
	if (create(f, &tv) < 0)
		goto fail;
	if (stamped.time == 0) {
		stamped.time = tv.tv_sec;
		stamped.usec = (long)tv.tv_usec;
	}
	f->buf.s = mem_grow(f->buf.s, &f->buf.cap, SPOOL_FIRST, 1);
	str_add(&f->buf, no_head, SPOOL_HEAD);
	if (envelope_put(&f->buf, &stamped) < 0)
		goto fail;
	f->start = f->buf.n;
	sum_add(&f->sum, f->buf.s + SPOOL_HEAD, f->buf.n - SPOOL_HEAD);
	return 0;
fail:
	saved = errno;
	spool_abort(f);
	errno = saved;
	return -1;
}

static void
flush(struct spool_new *f)
{
	if (!f->err && io_writeall(f->fd, f->buf.s, f->buf.n) < 0)
		f->err = errno;
	f->flushed = true;
	str_clear(&f->buf);
}

void
spool_write(struct spool_new *f, const void *p, size_t n)
{
	sum_add(&f->sum, p, n);
	f->len += n;
	str_add(&f->buf, p, n);
	if (f->buf.n >= SPOOL_BUF)
		flush(f);
}

void
spool_abort(struct spool_new *f)
{
	if (f->fd >= 0) {
		unlinkat(f->sp->new, f->tmp, 0);
		close(f->fd);
	}
	f->fd = -1;
	str_free(&f->buf);
}

void
spool_wake(const struct spool *sp, const char *id)
{
	int fd = openat(sp->dir, "wake",
	                O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	char line[SPOOL_ID_MAX + 2];
	int n;

	if (fd < 0)
		return; /* nobody lingers: the next run finds it in new/ */
	n = snprintf(line, sizeof line, "%s\n", id);
	if (n > 0)
		io_writeall(fd, line, (size_t)n);
	close(fd);
}

/* All bytes into the file, the first line last. */
static int
complete(struct spool_new *f)
{
	char head[SPOOL_HEAD + 1];

	head_line(head, f);
	if (!f->flushed)
		memcpy(f->buf.s, head, SPOOL_HEAD);
	if (!f->err && io_writeall(f->fd, f->buf.s, f->buf.n) < 0)
		f->err = errno;
	if (!f->err && f->flushed &&
	    io_pwriteall(f->fd, head, SPOOL_HEAD, 0) < 0)
		f->err = errno;
	errno = f->err;
	return f->err ? -1 : 0;
}

int
spool_commit(struct spool_new *f)
{
	int saved;

	if (complete(f) < 0 ||
	    renameat(f->sp->new, f->tmp, f->sp->new, f->id) < 0) {
		saved = errno;
	} else if (fsync(f->fd) < 0 || fsync(f->sp->new) < 0) {
		saved = errno;
		/* Nobody took it: we hold its lock.  Unmake it even if its
		 * name should stay. */
		if (ftruncate(f->fd, 0) < 0 && saved == 0)
			saved = errno;
		unlinkat(f->sp->new, f->id, 0);
	} else {
		close(f->fd);
		f->fd = -1;
		str_free(&f->buf);
		spool_wake(f->sp, f->id);
		return 0;
	}
	spool_abort(f);
	errno = saved;
	return -1;
}
