/* maildirbox - see maildirbox.h.
 * Nothing is locked: other programs rename files while we look. */
#include "maildirbox.h"

#include "io.h"
#include "maildirname.h"
#include "mboxscan.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)

enum {
	TICK = 20000000, /* ns, more than a tick of the kernel's clock */
	CHUNK = 65536
};

/* --- directories --- */

void
box_init(struct maildirbox *b)
{
	*b = (struct maildirbox){
	    .top = -1, .dir = {-1, -1}
        };
}

static void
close_all(struct maildirbox *b)
{
	int *fd[] = {&b->top, &b->dir[DIR_NEW], &b->dir[DIR_CUR]};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (*fd[i] >= 0)
			close(*fd[i]);
		*fd[i] = -1;
	}
}

void
box_free(struct maildirbox *b)
{
	close_all(b);
	str_free(&b->names);
	free(b->entry);
	box_init(b);
}

/* Open a directory of the owner's; *fd is -1 when there is none. */
static int
open_dir(int *fd, int at, const char *name, uid_t owner)
{
	struct stat st;

	*fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(*fd, &st) < 0)
		return -1;
	if (st.st_uid == owner)
		return 0;
	errno = EPERM;
	return -1;
}

int
box_open(struct maildirbox *b, const char *path, uid_t owner)
{
	struct maildirbox new;
	struct str top = {0};
	int r, err;

	box_init(&new);
	/* O_NOFOLLOW looks through a name that ends in '/'. */
	str_adds(&top, path);
	while (top.n > 1 && top.s[top.n - 1] == '/')
		top.s[--top.n] = '\0';
	r = open_dir(&new.top, AT_FDCWD, top.s, owner);
	str_free(&top);
	if (r == 0 && new.top >= 0 &&
	    (open_dir(&new.dir[DIR_NEW], new.top, "new", owner) < 0 ||
	     open_dir(&new.dir[DIR_CUR], new.top, "cur", owner) < 0))
		r = -1;
	if (r < 0) {
		err = errno;
		close_all(&new);
		errno = err;
		return -1;
	}
	close_all(b);
	if (new.dir[DIR_NEW] < 0 && new.dir[DIR_CUR] < 0) {
		close_all(&new);
		return 0;
	}
	b->top = new.top;
	memcpy(b->dir, new.dir, sizeof b->dir);
	return 1;
}

static int
box_state(const struct maildirbox *b, struct index_state *s)
{
	struct index_state new = {0};
	struct stat st;

	*s = (struct index_state){0};
	if (b->dir[DIR_CUR] >= 0) {
		if (fstat(b->dir[DIR_CUR], &st) < 0)
			return -1;
		index_state_of(s, &st);
	}
	if (b->dir[DIR_NEW] >= 0) {
		if (fstat(b->dir[DIR_NEW], &st) < 0)
			return -1;
		index_state_of(&new, &st);
	}
	s->size = new.ino;
	s->mtime2 = new.mtime;
	return 0;
}

static bool
same_state(const struct index_state *a, const struct index_state *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime == b->mtime && a->mtime2 == b->mtime2;
}

bool
box_is_state(const struct maildirbox *b, const struct index_state *s)
{
	struct index_state now;

	return box_state(b, &now) == 0 && same_state(&now, s);
}

bool
box_is_current(const struct maildirbox *b)
{
	return b->looked && box_is_state(b, &b->state);
}

/* --- names --- */

static int
by_hash(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void
add(struct maildirbox *b, const struct dirent *d, int which)
{
	struct maildir_name n;
	struct entry *e;

	name_parse(&n, cur_of(d->d_name));
	b->entry = mem_grow(b->entry, &b->cap, b->n + 1, sizeof *b->entry);
	e = &b->entry[b->n++];
	*e = (struct entry){
	    .hash = name_hash(n.base),
	    .ino = (uint64_t)d->d_ino,
	    .name = b->names.n,
	    .letters = n.letters,
	    .flags = (uint16_t)n.flags,
	};
	if (which == DIR_CUR)
		e->flags |= FLAG_OLD;
	str_add(&b->names, d->d_name, strlen(d->d_name) + 1);
}

static int
scan_dir(struct maildirbox *b, int which)
{
	int fd, err;
	struct dirent *d;
	DIR *dir;

	if (b->dir[which] < 0)
		return 0;
	fd = openat(b->dir[which], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (!(dir = fdopendir(fd))) {
		close(fd);
		return -1;
	}
	while (errno = 0, (d = readdir(dir)))
		if (d->d_name[0] != '.' &&
		    (d->d_type == DT_REG || d->d_type == DT_UNKNOWN))
			add(b, d, which);
	err = errno;
	closedir(dir);
	errno = err;
	return err ? -1 : 0;
}

/* Its hash by the name alone. */
static void
identify(const struct maildirbox *b, struct entry *e)
{
	struct maildir_name n;

	name_parse(&n, cur_of(box_name(b, e)));
	e->hash = name_hash(n.base);
	e->twin = e->known = false;
}

static void
identify_twin(struct entry *e)
{
	uint64_t id[2] = {e->hash, e->ino};
	const char *p = (const char *)id;

	e->hash = name_hash((struct cur){p, p + sizeof id});
}

static void
sort(struct maildirbox *b)
{
	if (b->n > 0)
		qsort(b->entry, b->n, sizeof *b->entry, by_hash);
}

/* Is it one message, under two names or written anew between two looks? */
static bool
is_same(const struct maildirbox *b, const struct entry *x,
        const struct entry *y)
{
	return x->hash == y->hash &&
	       (x->ino == y->ino ||
	        (box_dir(b, x) == box_dir(b, y) &&
	         strcmp(box_name(b, x), box_name(b, y)) == 0));
}

/* A file that was renamed under our eyes counts once, by the name seen last.
 * Files with the same base name that are not the same are told apart by their
 * inodes. */
static void
tidy(struct maildirbox *b)
{
	size_t i, k = 0;
	bool twins = false;

	sort(b);
	for (i = 0; i < b->n; i++) {
		struct entry *e = &b->entry[i];
		struct entry *last = k > 0 ? &b->entry[k - 1] : NULL;

		if (last && is_same(b, last, e)) {
			if (last->name > e->name)
				*e = *last;
			e->twin = last->twin;
			k--;
		} else if (last && last->hash == e->hash) {
			twins = last->twin = e->twin = true;
		}
		b->entry[k++] = *e;
	}
	b->n = k;
	for (i = 0; twins && i < b->n; i++)
		if (b->entry[i].twin)
			identify_twin(&b->entry[i]);
	if (twins)
		sort(b);
}

/* A directory may change twice in one tick of the clock (some file systems have
 * ticks of two seconds): its time tells of a change only when it is older. */
static int64_t
settled(int64_t mtime, int64_t now)
{
	int64_t tick = mtime % SECOND == 0 ? 2 * SECOND : TICK;

	return mtime + tick <= now ? mtime : -1;
}

int
box_scan(struct maildirbox *b, bool more)
{
	struct index_state after;
	struct timespec t;
	int64_t now;
	size_t i;

	if (!more) {
		b->n = 0;
		str_clear(&b->names);
	}
	for (i = 0; i < b->n; i++)
		identify(b, &b->entry[i]);
	b->looked = false;
	clock_gettime(CLOCK_REALTIME, &t);
	now = t.tv_sec * SECOND + t.tv_nsec;
	/* From new/ they go to cur/, seldom the other way. */
	if (box_state(b, &b->state) < 0 || scan_dir(b, DIR_NEW) < 0 ||
	    scan_dir(b, DIR_CUR) < 0 || box_state(b, &after) < 0)
		return -1;
	tidy(b);
	b->looked = true;
	b->state.mtime = more ? -1 : settled(b->state.mtime, now);
	b->state.mtime2 = more ? -1 : settled(b->state.mtime2, now);
	b->steady = same_state(&b->state, &after);
	return 0;
}

struct entry *
box_find(const struct maildirbox *b, uint64_t hash)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->entry[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->n && b->entry[lo].hash == hash ? &b->entry[lo] : NULL;
}

const char *
box_name(const struct maildirbox *b, const struct entry *e)
{
	return b->names.s + e->name;
}

int
box_dir(const struct maildirbox *b, const struct entry *e)
{
	return b->dir[e->flags & FLAG_OLD ? DIR_CUR : DIR_NEW];
}

/* --- files --- */

int
box_open_file(const struct maildirbox *b, const struct entry *e,
              struct stat *st)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(box_dir(b, e), box_name(b, e), flags), err = EPERM;

	if (fd < 0)
		return -1;
	if (fstat(fd, st) < 0)
		err = errno;
	else if (S_ISREG(st->st_mode))
		return fd;
	close(fd);
	errno = err;
	return -1;
}

/* Count what the name does not tell.  1, 0 when it cannot be read, -1. */
static int
count(const struct maildirbox *b, const struct entry *e, uint64_t *size)
{
	char buf[CHUNK], last = '\0';
	struct stat st;
	ssize_t n;
	int fd = box_open_file(b, e, &st);

	if (fd < 0)
		return errno == ENOENT || errno == EMFILE || errno == ENFILE
		           ? -1
		           : 0;
	*size = 0;
	while ((n = io_readall(fd, buf, sizeof buf)) > 0)
		*size += (size_t)n + name_bare(buf, (size_t)n, &last);
	close(fd);
	return n == 0;
}

int
box_measure(struct maildirbox *b, const struct entry *e, struct index_msg *m)
{
	const char *name = box_name(b, e);
	struct maildir_name n;
	struct stat st;
	int r;

	if (fstatat(box_dir(b, e), name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return -1;
		b->state.mtime = -1;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	m->len = (uint64_t)st.st_size;
	m->off =
	    (uint64_t)st.st_mtim.tv_sec * SECOND + (uint64_t)st.st_mtim.tv_nsec;
	m->date = st.st_mtim.tv_sec;
	name_parse(&n, cur_of(name));
	/* A name that is not right about the one is not believed the other: the file
	 * may have been written anew. */
	if (n.size == m->len && n.wire != NAME_UNSAID && n.wire >= m->len &&
	    n.wire <= 2 * m->len) {
		m->size = n.wire;
		return 1;
	}
	if ((r = count(b, e, &m->size)) == 0)
		b->state.mtime = -1;
	return r;
}
