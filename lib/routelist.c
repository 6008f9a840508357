/* routelist - see routelist.h. */
#include "routelist.h"

#include "io.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

enum { NAMES_MAX = 4096 /* on the way, with those of links */ };

static const uid_t SOMEBODY = (uid_t)-1;

static int
check_namer(struct route_list *l, uid_t namer)
{
	if (namer == 0 || namer == l->trusted || namer == l->st.st_uid)
		return 0;
	l->lent = true;
	errno = EACCES;
	return l->st.st_mode & S_IROTH ? 0 : -1;
}

/* Go on by one name: it moves from rest to done; but what a link says becomes the
 * begin of rest.  1, 0 at the end, or -1 with errno. */
static int
step(struct route_list *l, struct str *done, struct str *rest, struct stat *st)
{
	struct cur c = str_cur(rest), name;
	struct str left = {0};
	size_t was = done->n;
	char to[PATH_MAX];
	ssize_t n;

	while (cur_take(&c, '/'))
		;
	cur_until(&c, "/", &name);
	if (cur_len(&name) == 0)
		return 0;
	str_addc(done, '/');
	str_add(done, name.p, cur_len(&name));
	if (lstat(done->s, st) < 0)
		return -1;
	if (S_ISLNK(st->st_mode)) {
		n = readlink(done->s, to, sizeof to);
		if (n < 0 || check_namer(l, st->st_uid) < 0)
			return -1;
		str_add(&left, to, (size_t)n);
		done->n = *to == '/' ? 0 : was;
	}
	str_add(&left, c.p, cur_len(&c));
	str_free(rest);
	*rest = left;
	return 1;
}

/* Who made the symbolic links that lead to the open file? */
static int
check_links(struct route_list *l, const char *path)
{
	struct str done = {0}, rest = {0};
	struct stat st = {0};
	int names = 0, rc;

	str_adds(&rest, path);
	while ((rc = step(l, &done, &rest, &st)) > 0 && names < NAMES_MAX)
		names++;
	str_free(&done);
	str_free(&rest);
	if (rc < 0)
		return -1;
	if (rc == 0 && st.st_dev == l->st.st_dev && st.st_ino == l->st.st_ino)
		return 0;
	errno = EAGAIN; /* it was replaced this moment, or the way to it */
	return -1;
}

static int
check(struct route_list *l, const char *path, uid_t namer)
{
	if (fstat(l->fd, &l->st) < 0)
		return -1;
	if (!S_ISREG(l->st.st_mode)) {
		errno = S_ISDIR(l->st.st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	/* Not every system keeps users from giving others' files more names. */
	if (l->st.st_uid != 0 && l->st.st_nlink > 1 &&
	    check_namer(l, SOMEBODY) < 0)
		return -1;
	return check_namer(l, namer) < 0 ? -1 : check_links(l, path);
}

int
route_list_open(struct route_list *l, const char *path, uid_t namer, bool table)
{
	*l = (struct route_list){.trusted = table ? namer : 0};
	l->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (l->fd < 0)
		return -1;
	return check(l, path, namer) < 0 ? io_close(l->fd, -1) : 0;
}
