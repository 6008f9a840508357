/* maildirhelp - what the tests of the Maildir driver share: a Maildir as others see
 * it, and short words for store.h. */
#ifndef MAILDIRHELP_H
#define MAILDIRHELP_H

#include "io.h"
#include "store.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/facteur-maildir.XXXXXX";
static char box[80], state[80];

/* A directory of our own for it all. */
static inline void
place(void)
{
	assert(mkdtemp(top));
	snprintf(box, sizeof box, "%s/Maildir/", top);
	snprintf(state, sizeof state, "%s/state", top);
}

/* --- the Maildir, as others see it --- */

/* The path of a file in the Maildir; good for a few calls. */
static inline const char *
at(const char *name)
{
	static char path[4][400];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s%s", box, name);
	return path[turn];
}

static inline void
wipe(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);

	while (d && (e = readdir(d))) {
		struct str sub = {0};

		str_addf(&sub, "%s/%s", path, e->d_name);
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 && unlink(sub.s) < 0)
			wipe(sub.s);
		str_free(&sub);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

/* A new place: no index, and an empty Maildir. */
static inline void
begin(void)
{
	wipe(state);
	wipe(box);
	assert(mkdir(box, 0700) == 0);
	assert(mkdir(at("new"), 0700) == 0);
	assert(mkdir(at("cur"), 0700) == 0);
	assert(mkdir(at("tmp"), 0700) == 0);
}

static inline void
put(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert(fd >= 0 && io_writeall(fd, text, strlen(text)) == 0);
	close(fd);
}

static inline void
move(const char *from, const char *to)
{
	assert(rename(at(from), at(to)) == 0);
}

static inline bool
there(const char *name)
{
	return access(at(name), F_OK) == 0;
}

/* Give both directories times that are long ago, and differ from the last ones. */
static inline void
settle(void)
{
	static time_t when = 1700000000;
	struct timespec t[2] = {{.tv_sec = ++when}, {0}};

	t[1] = t[0];
	assert(utimensat(AT_FDCWD, at("new"), t, 0) == 0);
	assert(utimensat(AT_FDCWD, at("cur"), t, 0) == 0);
}

/* --- the store --- */

static inline void
begin_store_at(struct store *s, const char *dir)
{
	struct store_how how = {.state = dir, .owner = getuid()};

	if (store_open(s, box, &how) < 0) {
		fprintf(stderr, "%s\n", s->why);
		abort();
	}
}

static inline void
begin_store(struct store *s)
{
	begin_store_at(s, state);
}

static inline struct str
take(struct store *s, uint32_t uid)
{
	struct store_reader r;
	struct str out = {0};

	str_adds(&out, "");
	assert(store_read(s, uid, &r) == 0);
	while (store_get(s, &r, &out) > 0)
		;
	store_read_end(s, &r);
	return out;
}

static inline bool
reads(struct store *s, uint32_t uid, const char *want)
{
	struct str out = take(s, uid);
	bool same = strcmp(out.s, want) == 0;

	same = same && out.n == store_msg(s, (size_t)store_find(s, uid))->size;
	str_free(&out);
	return same;
}

static inline unsigned
flags(const struct store *s, uint32_t uid)
{
	return store_msg(s, (size_t)store_find(s, uid))->flags;
}

static inline void
set(struct store *s, uint32_t uid, unsigned on, unsigned off)
{
	struct store_change c = {.set = on, .clear = off};

	assert(store_flag(s, &uid, 1, &c) == 0);
}

static inline size_t
expunge(struct store *s, uint32_t a, uint32_t b)
{
	uint32_t uid[] = {a, b};
	size_t gone;

	assert(store_expunge(s, uid, b ? 2 : 1, &gone) == 0);
	return gone;
}

/* --- forty small messages --- */

enum { N = 40 };

static inline void
fill(void)
{
	char name[40];
	int i;

	begin();
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof name, "%s/%d.x%s", i % 2 ? "new" : "cur",
		         1000 + i, i % 4 ? "" : ":2,S");
		put(name, "x\n");
	}
}

/* All there, each once, in order. */
static inline void
whole(struct store *s)
{
	uint32_t last = 0;
	size_t i, seen = 0;

	assert(store_count(s) == N);
	for (i = 0; i < N; i++) {
		const struct index_msg *m = store_msg(s, i);

		assert(m->uid > last && reads(s, m->uid, "x\r\n"));
		last = m->uid;
		seen += m->flags & FLAG_SEEN;
	}
	assert(s->index.head.next > last && seen == N / 4);
	assert(s->index.head.validity != 0);
}

#endif
