/* sent - how many recipients each login has named in an hour, in conf.state/.sent, for
 * all sessions together; see sender.h.  Called by submit.c for each RCPT.
 *
 * A line of fixed length for each login: when its hour began, how many since then, the
 * name.  Lines whose hour is over are taken by others.  A line is changed in one
 * write under a lock, so that a kill leaves the old or the new.  When the
 * account cannot be kept, mail goes on. */
#define _GNU_SOURCE /* flock(2) with musl */
#include "io.h"
#include "lock.h"
#include "log.h"
#include "sender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	NAME = 255,
	LINE = 11 + 1 + 10 + 1 + NAME + 1,
	LINES = 10000, /* logins in an hour, at most */
	BLOCK = 64,    /* lines that are read at once */
	PATIENCE =
	    1000 /* ms to wait for who has the lock, but may be stopped */
};

/* A line, as it is said above. */
struct line {
	long long start;
	unsigned long n;
	char name[NAME + 1]; /* padded with blanks */
};

static bool
read_line(const char text[LINE], struct line *l)
{
	struct cur c = {text, text + LINE};
	unsigned long long start, n;

	if (cur_number(&c, INT64_MAX, &start) < 0 || !cur_take(&c, ' ') ||
	    cur_number(&c, UINT32_MAX, &n) < 0 || !cur_take(&c, ' ') ||
	    cur_len(&c) != NAME + 1)
		return false;
	l->start = (long long)start;
	l->n = (unsigned long)n;
	memcpy(l->name, c.p, NAME);
	l->name[NAME] = '\0';
	return true;
}

static bool
is_over(const struct line *l, long long now)
{
	return l->start > now || now - l->start >= SENDER_HOUR;
}

/* The line at that place, if it is there and its hour is not over: 1, else 0, or -1
 * with errno. */
static int
load(int fd, long at, long long now, struct line *l)
{
	char text[LINE];
	ssize_t n = io_preadall(fd, text, LINE, (off_t)at * LINE);

	if (n < 0)
		return -1;
	return n == LINE && read_line(text, l) && !is_over(l, now);
}

/* Find the line of name, or the first that is free, as a new one: its number, or -1
 * with errno. */
static long
find(int fd, const char *name, long long now, struct line *l)
{
	char text[BLOCK * LINE];
	long at, vacant = -1;
	ssize_t n = 0;

	for (at = 0; at < LINES; at++) {
		const char *p = text + at % BLOCK * LINE;

		if (p == text && (n = io_preadall(fd, text, sizeof text,
		                                  (off_t)at * LINE)) < 0)
			return -1;
		if (n - (p - text) < LINE) /* the end */
			break;
		if (!read_line(p, l) || is_over(l, now))
			vacant = vacant < 0 ? at : vacant;
		else if (strcmp(l->name, name) == 0)
			return at;
	}
	if (vacant < 0 && at == LINES) {
		errno = ENOSPC;
		return -1;
	}
	*l = (struct line){.start = now};
	return vacant < 0 ? at : vacant;
}

/* One that we made, or nobody else can have made in our name. */
static int
open_account(struct sent *t, const struct conf *c)
{
	struct str path = {0};
	struct stat st;

	str_addf(&path, "%s/.sent", c->state);
	t->fd =
	    open(path.s, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	         0600);
	str_free(&path);
	t->at = -1;
	t->open = t->fd >= 0;
	if (!t->open || fstat(t->fd, &st) < 0)
		return -1;
	if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1)
		return 0;
	errno = EPERM;
	return -1;
}

/* 0, 1 as sent_count(), or -1 with errno. */
static int
count(struct sent *t, const struct sender *s)
{
	long long now = time(NULL);
	char name[NAME + 1];
	struct str text = {0};
	struct line l;
	int r = 0;

	snprintf(name, sizeof name, "%-*s", NAME, s->login);
	if (t->at >= 0 && (r = load(t->fd, t->at, now, &l)) < 0)
		return -1;
	if ((!r || strcmp(l.name, name) != 0) &&
	    (t->at = find(t->fd, name, now, &l)) < 0)
		return -1;
	if (l.n >= s->limit)
		return 1;
	str_addf(&text, "%011lld %010lu %s\n", l.start, l.n + 1, name);
	r = io_pwriteall(t->fd, text.s, LINE, (off_t)t->at * LINE);
	str_free(&text);
	return r;
}

int
sent_count(struct sent *t, const struct sender *s)
{
	int r = -1;

	if (!s->limit)
		return 0;
	if ((t->open || open_account(t, s->conf) == 0) &&
	    lock_soon(t->fd, PATIENCE) == 0) {
		r = count(t, s);
		flock(t->fd, LOCK_UN);
	}
	if (r >= 0)
		return r;
	log_warn("%s/.sent: %s: recipients are not counted", s->conf->state,
	         strerror(errno));
	sent_close(t);
	return 0;
}

void
sent_close(struct sent *t)
{
	if (t->open)
		close(t->fd);
	t->open = false;
}
