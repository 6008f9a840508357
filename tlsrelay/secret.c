/* secret - see secret.h.
 * THIS FILE RUNS AS ROOT.  It opens and copies what root alone may read, before
 * anything of the network is, and understands none of it; by hand or from
 * cron it makes the keys of tickets. */
#include "secret.h"

#include "io.h"
#include "log.h"
#include "mem.h"
#include "ticket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* NAME.pem, or NAME/fullchain.pem and NAME/privkey.pem; something else is none
 * of ours.  Links are followed: certbot's are. */
static void
add(struct secrets *s, int dir, const char *name)
{
	struct secret *one = &s->v[s->n];
	struct str path = {0};
	size_t n = strlen(name);
	int r;

	*one = (struct secret){0};
	if (n > 4 && strcmp(name + n - 4, ".pem") == 0) {
		r = io_slurp(dir, name, SECRET_SIZE, &one->chain);
	} else {
		str_addf(&path, "%s/fullchain.pem", name);
		r = io_slurp(dir, path.s, SECRET_SIZE, &one->chain);
		if (r < 0 && (errno == ENOTDIR || errno == ENOENT)) {
			str_free(&path);
			return;
		}
		str_clear(&path);
		str_addf(&path, "%s/privkey.pem", name);
		if (r == 0)
			r = io_slurp(dir, path.s, SECRET_SIZE, &one->key);
	}
	str_free(&path);
	if (r == 0) {
		one->name = mem_dup(name, n);
		s->n++;
		return;
	}
	log_warn("tls/%s: %s", name, strerror(errno));
	str_free(&one->chain);
	str_free(&one->key);
}

static bool
is_default(const char *name)
{
	return strcmp(name, "default") == 0 || strcmp(name, "default.pem") == 0;
}

static int
order(const struct dirent **a, const struct dirent **b)
{
	bool x = is_default((*a)->d_name), y = is_default((*b)->d_name);

	return x != y ? y - x : strcmp((*a)->d_name, (*b)->d_name);
}

static int
visible(const struct dirent *e)
{
	return *e->d_name != '.';
}

static void
open_certificates(const char *path, struct secrets *s)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), i, n;
	struct dirent **v = NULL;

	n = dir < 0 ? -1 : scandir(path, &v, visible, order);
	if (n < 0)
		log_warn("%s: %s", path, strerror(errno));
	for (i = 0; i < n; i++) {
		if (s->n < SECRETS_MAX)
			add(s, dir, v[i]->d_name);
		else if (i == SECRETS_MAX)
			log_warn("%s: more than %d", path, SECRETS_MAX);
		free(v[i]);
	}
	free(v);
	if (dir >= 0)
		close(dir);
}

/* The keys of tickets lie where anybody may make files: ours are nobody else's,
 * and nobody else reads them. */
static void
open_tickets(const char *path, struct str *text)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char buf[4096];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		log_warn("%s: not private", path);
	else if ((n = io_readall(fd, buf, sizeof buf)) > 0)
		str_add(text, buf, (size_t)n);
	explicit_bzero(buf, sizeof buf);
	close(fd);
}

static char *
ticket_path(const struct conf *c)
{
	struct str s = {0};

	str_addf(&s, "%s/.tickets", c->state);
	return s.s;
}

void
secrets_open(const struct conf *c, struct secrets *s)
{
	char *certificates = conf_beside(c, "tls"), *tickets = ticket_path(c);

	open_certificates(certificates, s);
	open_tickets(tickets, &s->tickets);
	free(certificates);
	free(tickets);
}

static void
forget(struct str *s)
{
	if (s->s)
		explicit_bzero(s->s, s->n);
	str_free(s);
}

void
secrets_free(struct secrets *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->v[i].name);
		forget(&s->v[i].chain);
		forget(&s->v[i].key);
	}
	s->n = 0;
	forget(&s->tickets);
}

/* All of it, or the old file stays. */
static int
replace(const char *path, const struct str *text)
{
	struct str tmp = {0};
	int fd, r;

	str_addf(&tmp, "%s.XXXXXX", path);
	if ((fd = mkstemp(tmp.s)) < 0) {
		str_free(&tmp);
		return -1;
	}
	r = io_writeall(fd, text->s, text->n) < 0 || fsync(fd) < 0 ? -1 : 0;
	if (close(fd) < 0 || r < 0 || rename(tmp.s, path) < 0) {
		unlink(tmp.s);
		r = -1;
	}
	str_free(&tmp);
	return r;
}

int
secrets_rotate(const struct conf *c)
{
	struct tickets t = {0};
	struct str text = {0}, old = {0};
	long long now = time(NULL);
	char *path = ticket_path(c);
	struct ticket fresh = {.made = now};
	int r;

	open_tickets(path, &old);
	tickets_parse(&t, &old, now);
	if ((r = getentropy(&fresh.key, sizeof fresh.key)) == 0) {
		tickets_add(&t, &fresh);
		tickets_print(&t, now, &text);
		r = replace(path, &text);
	}
	explicit_bzero(&t, sizeof t);
	explicit_bzero(&fresh, sizeof fresh);
	forget(&old);
	forget(&text);
	free(path);
	return r;
}
