/* spoolload - read a message from the spool, and its journal; see spool.h.
 * A file that is cut short, garbled or hostile is told apart, never trusted. */
#define _GNU_SOURCE /* fallocate(2) */
#include "code.h"
#include "io.h"
#include "mem.h"
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The envelope of 100,000 recipients; the journal of a message that was tried for
 * weeks with as many. */
enum { ENVELOPE_MAX = 128 << 20, JOURNAL_MAX = 512 << 20 };
enum { FIRST_READ = 8192, NOTE_FIELDS = 8 };

/* Takes over what it is made of. */
static void
add_rcpt(struct envelope *e, struct rcpt r)
{
	e->rcpt = mem_grow(e->rcpt, &e->rcap, e->nrcpt + 1, sizeof *e->rcpt);
	e->rcpt[e->nrcpt++] = r;
}

void
envelope_rcpt(struct envelope *e, const char *addr, const char *orcpt,
              unsigned notify)
{
	add_rcpt(e, (struct rcpt){str_dup(addr), orcpt ? str_dup(orcpt) : NULL,
	                          notify});
}

void
envelope_free(struct envelope *e)
{
	size_t i;

	for (i = 0; i < e->nrcpt; i++) {
		free(e->rcpt[i].addr);
		free(e->rcpt[i].orcpt);
	}
	free(e->rcpt);
	free(e->sender);
	free(e->client);
	free(e->envid);
	*e = (struct envelope){0};
}

void
message_free(struct message *m)
{
	if (m->fd >= 0)
		close(m->fd);
	free(m->note);
	arena_free(&m->words);
	envelope_free(&m->env);
	*m = (struct message){.fd = -1};
}

static int
hex(struct cur *c, int digits, uint64_t *v)
{
	*v = 0;
	for (; digits > 0; digits--) {
		int b = cur_get(c);

		if (str_isdigit(b))
			*v = *v << 4 | (uint64_t)(b - '0');
		else if (b >= 'a' && b <= 'f')
			*v = *v << 4 | (uint64_t)(b - 'a' + 10);
		else
			return -1;
	}
	return 0;
}

/* The first line: where the content starts, its length, the checksum. */
static enum spool_why
parse_head(struct cur c, uint64_t *start, uint64_t *len, uint64_t *sum)
{
	size_t n = strlen(SPOOL_MAGIC);

	if (cur_len(&c) == 0)
		return SPOOL_TORN;
	if (cur_len(&c) < SPOOL_HEAD || memcmp(c.p, SPOOL_MAGIC, n) != 0)
		return SPOOL_BAD;
	c.p += n;
	if (!cur_take(&c, ' ') || hex(&c, 8, start) < 0 || !cur_take(&c, ' ') ||
	    hex(&c, 16, len) < 0 || !cur_take(&c, ' ') ||
	    hex(&c, 16, sum) < 0 || !cur_take(&c, '\n'))
		return SPOOL_BAD;
	if (*start == 0)
		return SPOOL_TORN;
	return *start < SPOOL_HEAD || *start > ENVELOPE_MAX ||
	               *len > LLONG_MAX - *start
	           ? SPOOL_BAD
	           : SPOOL_OK;
}

static int
unxtext(struct cur word, char **out)
{
	struct str s = {0};

	if (code_unxtext(&s, word) < 0) {
		str_free(&s);
		return -1;
	}
	*out = s.s ? s.s : mem_dup("", 0);
	return 0;
}

const char *const notify_names[4] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};

int
notify_parse(struct cur c, unsigned *notify)
{
	struct cur w;
	unsigned i;

	*notify = 0;
	do {
		cur_until(&c, ",", &w);
		for (i = 0; i < 4 && !cur_is(&w, notify_names[i]); i++)
			;
		if (i == 4)
			return -1;
		*notify |= 1u << i;
	} while (cur_take(&c, ','));
	return 0;
}

static int
parse_rcpt(struct envelope *e, struct cur v)
{
	static const char letters[] = "nsfd";
	struct cur flags, orcpt;
	char *o = NULL;
	unsigned notify = 0;

	cur_until(&v, " ", &flags);
	cur_get(&v);
	cur_until(&v, " ", &orcpt);
	if (!cur_take(&v, ' ') || cur_len(&v) == 0)
		return -1;
	for (; cur_len(&flags) > 0 && *flags.p != '-'; flags.p++) {
		const char *l = strchr(letters, *flags.p);

		if (!l || !*l)
			return -1;
		notify |= 1u << (l - letters);
	}
	if (!cur_is(&orcpt, "-") &&
	    (unxtext(orcpt, &o) < 0 || !strchr(o, ';'))) {
		free(o);
		return -1;
	}
	add_rcpt(e, (struct rcpt){mem_dup(v.p, cur_len(&v)), o, notify});
	return 0;
}

static int
parse_time(struct envelope *e, struct cur v)
{
	unsigned long long s, us;

	if (cur_number(&v, LLONG_MAX, &s) < 0 || !cur_take(&v, '.') ||
	    cur_number(&v, 999999, &us) < 0 || cur_len(&v) > 0)
		return -1;
	e->time = (time_t)s;
	e->usec = (long)us;
	return 0;
}

static int
parse_field(struct envelope *e, const struct cur *key, struct cur v)
{
	unsigned long long n;

	if (cur_is(key, "time"))
		return parse_time(e, v);
	if (cur_is(key, "rcpt"))
		return parse_rcpt(e, v);
	if (cur_is(key, "sender") && !e->sender)
		e->sender = mem_dup(v.p, cur_len(&v));
	else if (cur_is(key, "client") && !e->client)
		e->client = mem_dup(v.p, cur_len(&v));
	else if (cur_is(key, "envid") && !e->envid)
		return unxtext(v, &e->envid);
	else if (cur_is(key, "ret"))
		e->ret = cur_is(&v, "full") ? RET_FULL : RET_HDRS;
	else if (cur_is(key, "8bit"))
		e->eightbit = true;
	else if (cur_is(key, "utf8"))
		e->utf8 = true;
	else if (cur_is(key, "trace"))
		e->trace = true;
	else if (cur_is(key, "uid") && cur_number(&v, LONG_MAX, &n) == 0)
		e->uid = (long)n;
	else
		return -1;
	return 0;
}

/* The lines up to the empty one that ends it. */
int
envelope_take(struct envelope *e, struct cur c)
{
	struct cur line, key;

	*e = (struct envelope){.uid = -1};
	if (cur_len(&c) > ENVELOPE_MAX - SPOOL_HEAD)
		return -1;
	while (cur_until(&c, "\n", &line) > 0) {
		if (cur_get(&c) < 0 || cur_has_control(line))
			return -1;
		cur_until(&line, " ", &key);
		cur_get(&line);
		if (parse_field(e, &key, line) < 0)
			return -1;
	}
	return cur_get(&c) == '\n' && cur_len(&c) == 0 && e->sender &&
	               e->nrcpt > 0 && e->time > 0
	           ? 0
	           : -1;
}

struct note
note_all(char what, time_t when, const char *text)
{
	return (struct note){.rcpt = NOTE_ALL,
	                     .what = what,
	                     .when = when,
	                     .target = "",
	                     .status = "",
	                     .relay = "",
	                     .text = text};
}

/* A copy for the message, or that of the last note.  Whatever the file holds, nobody
 * gets controls from it. */
static const char *
copy_word(struct message *m, const struct cur *word, const char *last)
{
	size_t n = cur_len(word);
	char *copy;

	if (last && strlen(last) == n && memcmp(word->p, last, n) == 0)
		return last;
	copy = arena_dup(&m->words, word->p, n);
	mem_clean(copy, n);
	return copy;
}

/* Add it, with words that it keeps a copy of. */
static void
add_note(struct message *m, const struct note *n, const struct cur words[4])
{
	struct note *to, last = {0};

	if (m->nnote > 0)
		last = m->note[m->nnote - 1];
	m->note = mem_grow(m->note, &m->ncap, m->nnote + 1, sizeof *m->note);
	to = &m->note[m->nnote++];
	*to = *n;
	to->status = copy_word(m, &words[0], last.status);
	to->target = copy_word(m, &words[1], last.target);
	to->relay = copy_word(m, &words[2], last.relay);
	to->text = copy_word(m, &words[3], last.text);
	m->attempts += n->what == NOTE_ATTEMPT;
	m->expired |= n->what == NOTE_EXPIRE;
}

/* A line of the journal without its newline; one that was torn is passed over:
 * false. */
static bool
parse_note(struct message *m, struct cur line)
{
	struct cur f[NOTE_FIELDS];
	unsigned long long rcpt = 0, when;
	struct note n = {0};
	int i;

	if (memchr(line.p, '\0', cur_len(&line)))
		return false;
	for (i = 0; i < NOTE_FIELDS; i++) {
		cur_until(&line, "\t", &f[i]);
		if (i < NOTE_FIELDS - 1 && !cur_take(&line, '\t'))
			return false;
	}
	if (cur_len(&line) > 0 || !cur_is(&f[7], ".") || cur_len(&f[0]) != 1 ||
	    cur_number(&f[2], LLONG_MAX, &when) < 0 ||
	    (!cur_is(&f[1], "-") &&
	     (cur_number(&f[1], LONG_MAX, &rcpt) < 0 || rcpt >= m->env.nrcpt)))
		return false;
	n.what = *f[0].p;
	n.rcpt = cur_peek(&f[1]) == '-' ? NOTE_ALL : (long)rcpt;
	n.when = (time_t)when;
	add_note(m, &n, f + 3);
	return true;
}

bool
note_is_final(const struct note *n)
{
	return n->rcpt != NOTE_ALL &&
	       (n->what == NOTE_SENT || n->what == NOTE_RELAYED ||
	        n->what == NOTE_FAILED);
}

void
message_targets(const struct message *m, bool final, struct list *l)
{
	size_t i;

	for (i = 0; i < m->nnote; i++) {
		const struct note *n = &m->note[i];

		if (final ? note_is_final(n) : n->what == NOTE_DEFERRED)
			list_add(l, n->target);
	}
	list_sort(l);
}

static void
parse_journal(struct message *m, struct cur c)
{
	struct cur line;

	while (cur_len(&c) > 0) {
		cur_until(&c, "\n", &line);
		if (cur_get(&c) != '\n' || !parse_note(m, line))
			m->gap = true;
	}
}

/* Append the n bytes at off to s. */
static enum spool_why
read_part(int fd, off_t off, uint64_t n, struct str *s)
{
	ssize_t r;

	s->s = mem_grow(s->s, &s->cap, s->n + (size_t)n + 1, 1);
	r = io_preadall(fd, s->s + s->n, (size_t)n, off);
	if (r < 0)
		return SPOOL_ERROR;
	if ((uint64_t)r < n)
		return SPOOL_BAD;
	s->n += (size_t)n;
	s->s[s->n] = '\0';
	return SPOOL_OK;
}

/* Does the checksum of envelope and content agree? */
static enum spool_why
verify(struct message *m, uint64_t want)
{
	char buf[65536];
	off_t at = SPOOL_HEAD, end = m->start + (off_t)m->len;
	struct sum sum = {0};

	while (at < end) {
		size_t n = end - at < (off_t)sizeof buf ? (size_t)(end - at)
		                                        : sizeof buf;
		ssize_t r = io_preadall(m->fd, buf, n, at);

		if (r < 0)
			return SPOOL_ERROR;
		if (r == 0)
			return SPOOL_BAD;
		sum_add(&sum, buf, (size_t)r);
		at += r;
	}
	return sum_end(&sum) == want ? SPOOL_OK : SPOOL_BAD;
}

/* The envelope: what the first bytes do not hold of it is read in addition. */
static enum spool_why
read_envelope(struct message *m, struct cur first)
{
	struct str all = {0};
	size_t n = cur_len(&first);
	enum spool_why why = SPOOL_OK;

	if ((size_t)m->start > n) {
		str_add(&all, first.p, n);
		why = read_part(m->fd, (off_t)n, (uint64_t)m->start - n, &all);
		first.p = all.s;
	}
	first.e = first.p + m->start;
	first.p += SPOOL_HEAD;
	if (why == SPOOL_OK && envelope_take(&m->env, first) < 0)
		why = SPOOL_BAD;
	str_free(&all);
	return why;
}

/* The journal, which begins at end; likewise. */
static enum spool_why
read_journal(struct message *m, off_t end, off_t size, struct cur first)
{
	struct str rest = {0};
	enum spool_why why = SPOOL_OK;

	if (size <= (off_t)cur_len(&first)) {
		first.p += end;
	} else {
		if (size > end)
			why = read_part(m->fd, end, (uint64_t)(size - end),
			                &rest);
		first = str_cur(&rest);
	}
	if (why == SPOOL_OK)
		parse_journal(m, first);
	str_free(&rest);
	return why;
}

/* The first bytes, and the file's length if nobody asked for it yet: who only looks
 * takes a short read's word for it.  Their number, or -1 with errno. */
static ssize_t
read_first(int fd, char buf[FIRST_READ], off_t *size)
{
	struct stat st;
	ssize_t n;

	if (*size >= 0)
		return io_preadall(
		    fd, buf, *size < FIRST_READ ? (size_t)*size : FIRST_READ,
		    0);
	n = pread(fd, buf, FIRST_READ, 0);
	if (n == FIRST_READ && fstat(fd, &st) < 0)
		return -1;
	*size = n == FIRST_READ ? st.st_size : n;
	return n;
}

static enum spool_why
read_message(struct message *m, off_t size, bool check)
{
	char buf[FIRST_READ];
	uint64_t start, len, sum;
	ssize_t n = read_first(m->fd, buf, &size);
	struct cur first = {buf, buf + (n > 0 ? n : 0)};
	enum spool_why why;
	off_t end;

	if (n < 0) /* a FIFO or a directory is no message */
		return errno == ESPIPE || errno == EISDIR ? SPOOL_BAD
		                                          : SPOOL_ERROR;
	why = parse_head(first, &start, &len, &sum);
	if (why != SPOOL_OK)
		return why;
	m->start = (off_t)start;
	m->len = len;
	end = m->start + (off_t)len;
	if (end > size || size - end > JOURNAL_MAX)
		return SPOOL_BAD;
	why = read_envelope(m, first);
	if (why == SPOOL_OK)
		why = read_journal(m, end, size, first);
	if (why == SPOOL_OK && check)
		why = verify(m, sum);
	return why;
}

/* Is the open file what a message may be, and still the one of this name? */
static enum spool_why
identify(int fd, const struct spool *sp, const char *dir, const char *name,
         bool lock, off_t *size)
{
	struct stat st, now;

	if (fstat(fd, &st) < 0)
		return SPOOL_ERROR;
	/* Others may put links into new/ only; elsewhere it is a backup's. */
	if (!S_ISREG(st.st_mode) ||
	    (st.st_nlink > 1 && strcmp(dir, "new") == 0))
		return SPOOL_BAD;
	if (lock && fstatat(sp->dir, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? SPOOL_GONE : SPOOL_ERROR;
	if (lock && now.st_ino != st.st_ino)
		return SPOOL_GONE; /* moved while we came for it */
	*size = st.st_size;
	return SPOOL_OK;
}

enum spool_why
spool_load(struct message *m, const struct spool *sp, const char *dir,
           const char *id, bool lock)
{
	char name[64];
	enum spool_why why = SPOOL_OK;
	off_t size = -1;

	*m = (struct message){.fd = -1};
	memcpy(m->id, id, strnlen(id, SPOOL_ID_MAX));
	snprintf(name, sizeof name, "%s/%s", dir, id);
	m->fd = openat(sp->dir, name,
	               (lock ? O_RDWR | O_APPEND : O_RDONLY) | O_NOFOLLOW |
	                   O_NONBLOCK | O_CLOEXEC);
	if (m->fd < 0)
		return errno == ENOENT ? SPOOL_GONE : SPOOL_ERROR;
	if (lock && flock(m->fd, LOCK_EX | LOCK_NB) < 0)
		why = errno == EWOULDBLOCK ? SPOOL_BUSY : SPOOL_ERROR;
	else if (lock || strcmp(dir, "new") == 0)
		why = identify(m->fd, sp, dir, name, lock, &size);
	if (why == SPOOL_OK)
		why = read_message(m, size, lock);
	if (why != SPOOL_OK) {
		int saved = errno;

		message_free(m);
		errno = saved;
	}
	return why;
}

ssize_t
message_read(const struct message *m, uint64_t at, void *p, size_t size)
{
	uint64_t left = m->len - at;
	size_t want = left < size ? (size_t)left : size;
	ssize_t n = io_preadall(m->fd, p, want, m->start + (off_t)at);

	if (n < 0 || (size_t)n == want)
		return n;
	errno = EIO;
	return -1;
}

void
message_note(struct message *m, const struct note *n)
{
	const struct cur words[4] = {cur_of(n->status), cur_of(n->target),
	                             cur_of(n->relay), cur_of(n->text)};

	add_note(m, n, words);
}

/* Does the journal end within a line, or may it?  One of several processes that write
 * to it may not have got on, so that only the file knows. */
static bool
is_torn(const struct message *m)
{
	struct stat st;
	char last;

	return fstat(m->fd, &st) == 0 &&
	       st.st_size > m->start + (off_t)m->len &&
	       (pread(m->fd, &last, 1, st.st_size - 1) != 1 || last != '\n');
}

int
spool_note(struct message *m, const struct note *n)
{
	struct str s = {0};
	const char *part[4] = {n->status, n->target, n->relay, n->text};
	int i, rc;

	if (is_torn(m))
		str_addc(&s, '\n');
	str_addf(&s, "%c\t", n->what);
	if (n->rcpt == NOTE_ALL)
		str_addc(&s, '-');
	else
		str_addf(&s, "%ld", n->rcpt);
	str_addf(&s, "\t%lld", (long long)n->when);
	for (i = 0; i < 4; i++) {
		str_addc(&s, '\t');
		str_adds_clean(&s, part[i], strlen(part[i]), 2000);
	}
	str_adds(&s, "\t.\n");
	rc = io_writeall(m->fd, s.s, s.n);
	str_free(&s);
	if (rc == 0)
		message_note(m, n);
	return rc;
}

int
spool_reserve(const struct message *m, size_t notes)
{
#ifdef FALLOC_FL_KEEP_SIZE
	enum { ROOM = 400 }; /* bytes of a note, mostly less */
	struct stat st;

	if (fstat(m->fd, &st) == 0 &&
	    fallocate(m->fd, FALLOC_FL_KEEP_SIZE, st.st_size,
	              (off_t)(notes * ROOM)) < 0 &&
	    (errno == ENOSPC || errno == EDQUOT))
		return -1;
#else
	(void)m;
	(void)notes;
#endif
	return 0;
}

int
spool_sync(struct message *m)
{
	return fdatasync(m->fd);
}
