/* storewatch - see storewatch.h.
 * An mbox is watched itself, and its directory for another file in its place; so
 * what happens to the neighbours of a mailbox wakes nobody.  The index tells what
 * other sessions do.  Being woken for nothing costs a look; a change that wakes
 * nobody would be wrong. */
#include "storewatch.h"

#include "io.h"
#include "record.h"
#include "storeops.h"

#ifdef __linux__

#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	CHANGES = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF |
	          IN_MOVE_SELF | IN_DONT_FOLLOW,
	ENTRIES =
	    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR,
	REPLACED = IN_MOVED_TO | IN_ONLYDIR,
	MADE = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR,
	EVENTS = 16 * (sizeof(struct inotify_event) + NAME_MAX + 1)
};

/* The directory that path is in, or the one above the directory with a '/' at its
 * end. */
static void
watch_above(int fd, const char *path, uint32_t mask)
{
	size_t n = strlen(path);
	struct str dir = {0};

	while (n > 0 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	str_add(&dir, path, n);
	inotify_add_watch(fd, n ? dir.s : ".", mask);
	str_free(&dir);
}

/* What does not exist is waited for first, and then looked for again. */
static void
watch_mbox(int fd, const char *path)
{
	if (inotify_add_watch(fd, path, CHANGES) >= 0) {
		watch_above(fd, path, REPLACED);
	} else {
		watch_above(fd, path, MADE);
		inotify_add_watch(fd, path, CHANGES);
	}
}

static int
watch_dirs(int fd, const char *path)
{
	static const char *const sub[] = {"new", "cur"};
	struct str dir = {0};
	int i, r = 0;

	for (i = 0; i < 2; i++) {
		str_clear(&dir);
		str_adds(&dir, path);
		str_adds(&dir, sub[i]);
		if (inotify_add_watch(fd, dir.s, ENTRIES) < 0)
			r = -1;
	}
	str_free(&dir);
	return r;
}

static void
watch_maildir(int fd, const char *path)
{
	watch_above(fd, path, REPLACED);
	if (watch_dirs(fd, path) == 0)
		return;
	watch_above(fd, path, MADE);
	inotify_add_watch(fd, path, MADE);
	watch_dirs(fd, path);
}

static void
watch_index(int fd, const struct store *s)
{
	struct str file = {0};
	char name[RECORD_NAME];

	if (!s->how.state)
		return;
	record_name(name, "index", s->path);
	str_addf(&file, "%s/%s", s->how.state, name);
	inotify_add_watch(fd, file.s, IN_MODIFY | IN_DONT_FOLLOW);
	str_free(&file);
}

void
watch_add(const struct store *s, int fd)
{
	if (fd < 0)
		return;
	watch_index(fd, s);
	if (s->op == &store_maildir)
		watch_maildir(fd, s->path);
	else
		watch_mbox(fd, s->path);
}

int
store_watch(const struct store *s)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	*s->op->watch(s) = fd;
	watch_add(s, fd);
	return fd;
}

void
store_unwatch(const struct store *s, int fd)
{
	*s->op->watch(s) = -1;
	if (fd >= 0)
		close(fd);
}

void
store_watched(int fd)
{
	char events[EVENTS];

	while (io_take(fd, events, sizeof events) > 0)
		;
}

#else

void
watch_add(const struct store *s, int fd)
{
	(void)s;
	(void)fd;
}

int
store_watch(const struct store *s)
{
	(void)s;
	return -1;
}

void
store_unwatch(const struct store *s, int fd)
{
	(void)s;
	(void)fd;
}

void
store_watched(int fd)
{
	(void)fd;
}

#endif
