/* maildirlist - see maildirlist.h. */
#include "maildirlist.h"

#include "io.h"
#include "lock.h"
#include "maildirname.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LIST_MAX = 1 << 26,
	WORDS_MAX = 65536,
	LOCK_STALE_S = 120 /* as Dovecot has it */
};

static const char words_file[] = "dovecot-keywords";
static const char words_lock[] = "dovecot-keywords.lock";

/* --- UIDs --- */

static int
number(struct cur *c, uint32_t *to)
{
	unsigned long long v;

	if (cur_number(c, UINT32_MAX, &v) < 0)
		return -1;
	*to = (uint32_t)v;
	return 0;
}

/* "3 V1275660208 N25022 G..." of Dovecot, "1 1173189136 20221" of Courier and
 * old Dovecots.  The version, or -1. */
static int
list_head(struct uidlist *u, struct cur line)
{
	uint32_t version;
	struct cur w;

	if (number(&line, &version) < 0 || (version != 1 && version != 3))
		return -1;
	while (cur_word(&line, &w) > 0) {
		if (version == 3 && cur_take(&w, 'V'))
			number(&w, &u->validity);
		else if (version == 3 && cur_take(&w, 'N'))
			number(&w, &u->next);
		else if (version == 1)
			number(&w, u->validity ? &u->next : &u->validity);
	}
	return u->validity && u->next ? (int)version : -1;
}

/* "UID [KEY...] :NAME", or before version 3 "UID NAME". */
static void
list_line(struct uidlist *u, struct cur c, int version)
{
	struct maildir_name n;
	struct cur skip;
	uint32_t uid;

	if (number(&c, &uid) < 0 || uid == 0 || uid >= u->next)
		return;
	if (version == 3)
		cur_until(&c, ":", &skip);
	if (!cur_take(&c, version == 3 ? ':' : ' '))
		return;
	name_parse(&n, c);
	u->entry = mem_grow(u->entry, &u->cap, u->n + 1, sizeof *u->entry);
	u->entry[u->n++] = (struct uidlist_entry){name_hash(n.base), uid};
}

static int
by_hash(const void *a, const void *b)
{
	uint64_t x = ((const struct uidlist_entry *)a)->hash;
	uint64_t y = ((const struct uidlist_entry *)b)->hash;

	return x < y ? -1 : x > y;
}

int
uidlist_parse(struct uidlist *u, struct cur text)
{
	struct cur line;
	int version;

	*u = (struct uidlist){0};
	cur_until(&text, "\n", &line);
	if ((version = list_head(u, line)) < 0)
		return -1;
	/* A line without its end may be half a line. */
	while (cur_take(&text, '\n')) {
		cur_until(&text, "\n", &line);
		if (cur_len(&text) > 0)
			list_line(u, line, version);
	}
	if (u->n > 0)
		qsort(u->entry, u->n, sizeof *u->entry, by_hash);
	return 0;
}

/* A list that was left behind long ago does not know which UIDs were given since.
 * Nobody gave more than one a second all that time, so that a UID never names
 * two messages, even if our own record of it was lost. */
static int
leap(struct uidlist *u, time_t written)
{
	time_t now = time(NULL);
	uint64_t next = u->next;

	if (now > written)
		next += (uint64_t)(now - written);
	if (next > UINT32_MAX / 2)
		return -1;
	u->next = (uint32_t)next;
	return 0;
}

/* 0, 1 when it is no list, or not for us to read, -1 with errno. */
static int
load(struct uidlist *u, int top, const char *name)
{
	struct str s = {0};
	struct stat st;
	int r = 1, err;

	if (fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == EACCES ? 1 : -1;
	if (!S_ISREG(st.st_mode))
		return 1;
	uidlist_free(u);
	if (io_slurp(top, name, LIST_MAX, &s) == 0)
		r = uidlist_parse(u, str_cur(&s)) < 0 ||
		    leap(u, st.st_mtime) < 0;
	else if (errno != ENOENT && errno != EACCES && errno != EFBIG)
		r = -1;
	err = errno;
	str_free(&s);
	errno = err;
	return r;
}

int
uidlist_load(struct uidlist *u, int top)
{
	static const char *const files[] = {"dovecot-uidlist",
	                                    "courierimapuiddb"};
	size_t i;
	int r = 1;

	*u = (struct uidlist){0};
	for (i = 0; i < 2 && r > 0; i++)
		r = load(u, top, files[i]);
	return r;
}

uint32_t
uidlist_find(const struct uidlist *u, uint64_t hash)
{
	struct uidlist_entry key = {.hash = hash}, *e;

	if (u->n == 0)
		return 0;
	e = bsearch(&key, u->entry, u->n, sizeof key, by_hash);
	return e ? e->uid : 0;
}

void
uidlist_free(struct uidlist *u)
{
	free(u->entry);
	*u = (struct uidlist){0};
}

/* --- keywords --- */

/* "LETTER NAME" a line, letters counted from 0. */
static void
letters_parse(struct letters *l, struct cur text, struct index *x)
{
	unsigned long long i;
	struct cur line;

	memset(l->bit, -1, sizeof l->bit);
	l->used = 0;
	while (cur_len(&text) > 0) {
		cur_until(&text, "\n", &line);
		cur_take(&text, '\n');
		if (cur_number(&line, 25, &i) < 0 || !cur_take(&line, ' '))
			continue;
		if ((int)i >= l->used)
			l->used = (int)i + 1;
		l->bit[i] = (signed char)index_keyword(x, &line);
	}
}

/* A file that is not there is an empty one. */
static int
slurp(int top, struct str *s)
{
	struct stat st;

	if (fstatat(top, words_file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return io_slurp(top, words_file, WORDS_MAX, s);
}

int
letters_load(struct letters *l, int top, struct index *x)
{
	struct str s = {0};
	int r = slurp(top, &s), err = errno;

	if (r < 0)
		str_clear(&s);
	letters_parse(l, str_cur(&s), x);
	str_free(&s);
	errno = err;
	/* One that is not for us to read will not be the next time either. */
	if (r < 0 && (err == EACCES || err == EFBIG || err == EINVAL))
		return 0;
	return r;
}

/* Dovecot's way to change the file: the lock is the new file. */
static int
lock_words(int top)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	struct stat st;

	if (fstatat(top, words_lock, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    lock_age(top, words_lock, &st) > LOCK_STALE_S)
		unlinkat(top, words_lock, 0);
	return openat(top, words_lock, flags, 0600);
}

/* Lines for these keywords, behind what is there. */
static void
name_letters(struct str *s, const struct letters *l, const struct index *x,
             uint64_t keywords)
{
	int i, next = l->used;

	if (s->n > 0 && s->s[s->n - 1] != '\n')
		str_addc(s, '\n');
	for (i = 0; i < INDEX_KEYWORDS && next < 26; i++) {
		struct cur name = index_keyword_name(x, i);

		if (keywords >> i & 1)
			str_addf(s, "%d %.*s\n", next++, (int)cur_len(&name),
			         name.p);
	}
}

/* Put a new file in the place of the old one, unless the lock is another's by now: then
 * it is his file, and may be empty yet. */
static int
change_words(struct letters *l, int top, int fd, struct index *x,
             uint64_t keywords)
{
	struct str s = {0};
	int r = slurp(top, &s);

	letters_parse(l, str_cur(&s), x);
	name_letters(&s, l, x, keywords & ~letters_keywords(l, UINT32_MAX));
	if (r == 0 && io_writeall(fd, s.s, s.n) == 0 && fsync(fd) == 0 &&
	    lock_same(fd, top, words_lock))
		r = renameat(top, words_lock, top, words_file);
	else
		r = -1;
	str_free(&s);
	return r;
}

int
letters_add(struct letters *l, int top, struct index *x, uint64_t keywords)
{
	int fd, r, err;

	if (!(keywords & ~letters_keywords(l, UINT32_MAX)))
		return 0;
	if (l->used < 26) {
		if ((fd = lock_words(top)) < 0)
			return -1;
		r = change_words(l, top, fd, x, keywords);
		err = errno;
		if (r < 0 && lock_same(fd, top, words_lock))
			unlinkat(top, words_lock, 0);
		close(fd);
		if (letters_load(l, top, x) < 0)
			return -1;
		errno = err;
		if (r < 0)
			return -1;
	}
	errno = ENOSPC;
	return keywords & ~letters_keywords(l, UINT32_MAX) ? -1 : 0;
}

uint64_t
letters_keywords(const struct letters *l, uint32_t letters)
{
	uint64_t bits = 0;
	int i;

	for (i = 0; i < 26; i++)
		if (letters >> i & 1 && l->bit[i] >= 0)
			bits |= (uint64_t)1 << l->bit[i];
	return bits;
}

uint32_t
letters_of(const struct letters *l, uint64_t keywords)
{
	uint32_t letters = 0;
	int i;

	for (i = 0; i < 26; i++)
		if (l->bit[i] >= 0 && keywords >> l->bit[i] & 1)
			letters |= (uint32_t)1 << i;
	return letters;
}
