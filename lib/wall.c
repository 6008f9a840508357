/* wall - see wall.h.  What may be read everywhere is what every account of the
 * system may read; mail, keys and homes are not among it. */
#include "wall.h"

#include "log.h"
#include "mem.h"
#include "sandbox.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct wall {
	struct sandbox_path *path; /* one without a path ends it */
	size_t n, cap;
};

/* Takes path over. */
static void
add(struct wall *w, char *path, unsigned may)
{
	w->path = mem_grow(w->path, &w->cap, w->n + 2, sizeof *w->path);
	w->path[w->n++] = (struct sandbox_path){path, may};
}

static void
add_to(struct wall *w, const char *dir, const char *name, unsigned may)
{
	struct str s = {0};

	str_addf(&s, "%s%s", dir, name);
	add(w, s.s, may);
}

/* What every libc reads. */
static void
begin(struct wall *w, const struct conf *c)
{
	log_ready();
	add_to(w, "/etc", "", MAY_READ);
	add_to(w, "/usr", "", MAY_READ);
	if (*c->log == '/')
		add_to(w, c->log, "", MAY_ADD);
}

/* Where /lib is a link, what it leads to is below /usr. */
static void
add_library(struct wall *w, const char *path)
{
	char to[1];

	if (readlink(path, to, sizeof to) < 0)
		add_to(w, path, "", MAY_READ);
}

/* What starts dynamic programs, in glibc and in musl. */
static const char *const loaders[] = {
#if defined __x86_64__
    "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"
#elif defined __aarch64__
    "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"
#elif defined __arm__
    "/lib/ld-linux-armhf.so.3", "/lib/ld-musl-armhf.so.1"
#elif defined __riscv
    "/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-musl-riscv64.so.1"
#elif defined __powerpc64__
    "/lib64/ld64.so.2", "/lib/ld-musl-powerpc64le.so.1"
#elif defined __s390x__
    "/lib/ld64.so.1", "/lib/ld-musl-s390x.so.1"
#else
    "/lib/ld-linux.so.2", "/lib/ld-musl-i386.so.1"
#endif
};

/* Programs of ours, and who loads them. */
static void
add_programs(struct wall *w, const struct conf *c, const char *const names[])
{
	size_t i;

	for (; *names; names++)
		add(w, conf_program(c, *names), MAY_RUN);
	for (i = 0; i < sizeof loaders / sizeof loaders[0]; i++)
		add_to(w, loaders[i], "", MAY_RUN);
	add_library(w, "/lib");
	add_library(w, "/lib64");
	add_to(w, "/etc/resolv.conf", "", MAY_READ); /* often a link */
	add_to(w, "/dev/null", "", MAY_READ | MAY_ADD);
	add_to(w, "/run/systemd/userdb", "", MAY_LIST); /* of sockets */
}

static void
enter(struct wall *w, enum sandbox kind)
{
	size_t i;

	sandbox_enter(kind, w->path);
	for (i = 0; i < w->n; i++)
		free(w->path[i].path);
	free(w->path);
}

void
wall_talker(void)
{
	log_ready();
	sandbox_enter(SANDBOX_TALKER, NULL);
}

void
wall_relay(void)
{
	sandbox_enter(SANDBOX_RELAY, NULL);
}

/* A list of addresses: the directory of it, since lists are often replaced; and
 * where it leads to if it is a link.  One that cannot be looked at now is forbidden, and
 * its mail waits: for that of others we go on. */
static void
add_list(void *arg, struct cur path)
{
	struct wall *w = arg;
	struct str s = {0};
	struct stat st;
	size_t i;

	if (cur_len(&path) == 0)
		return;
	str_add(&s, path.p, cur_len(&path));
	if (lstat(s.s, &st) == 0 && S_ISLNK(st.st_mode) &&
	    stat(s.s, &st) == 0 && S_ISREG(st.st_mode))
		add_to(w, s.s, "", MAY_READ);
	while (s.n > 1 && s.s[s.n - 1] != '/')
		s.s[--s.n] = '\0';
	for (i = 0; i < w->n && strcmp(w->path[i].path, s.s) != 0; i++)
		;
	if (i == w->n && stat(s.s, &st) == 0)
		add(w, s.s, MAY_READ);
	else
		str_free(&s);
}

void
wall_spool(const struct conf *c, const struct alias_table *aliases,
           bool submission)
{
	static const char *const programs[] = {"queuerun", NULL};
	struct wall w = {.n = 0};

	begin(&w, c);
	add_to(&w, c->file, "", MAY_READ);
	add_to(&w, c->aliases, "", MAY_READ);
	add_to(&w, c->users, "", MAY_READ);
	add_to(&w, c->spool, "", MAY_LIST);
	add_to(&w, c->spool, "/new", MAY_ADD);
	add_to(&w, c->spool, "/wake", MAY_ADD);
	add_programs(&w, c, programs);
	if (submission) {
		add(&w, conf_beside(c, "senders"), MAY_READ);
		add_to(&w, c->state, "/.sent", MAY_READ | MAY_ADD);
		close(open(w.path[w.n - 1].path,
		           O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
		               O_NONBLOCK,
		           0600));
	}
	if (aliases)
		alias_includes(aliases, add_list, &w);
	enter(&w, SANDBOX_SPOOL);
}

/* The directory in which an mbox is, for locks and for what replaces it; or a
 * Maildir.  Other folders than INBOX lie in that; or elsewhere. */
static void
add_mailbox(struct wall *w, const struct conf *c, const struct user *u,
            bool folders)
{
	char *path = mailbox_path(c, u), *slash = strrchr(path, '/');

	if (folders && (!slash || slash[1]))
		add(w, folders_path(c, u), MAY_CHANGE);
	if (slash && slash > path)
		*slash = '\0';
	add(w, path, MAY_CHANGE);
}

void
wall_user(const struct conf *c, const struct user *u, bool folders,
          const char *file)
{
	struct str state = {0};
	struct wall w = {.n = 0};

	begin(&w, c);
	add_mailbox(&w, c, u, folders);
	str_addf(&state, "%s/%s", c->state, u->name);
	add(&w, state.s, MAY_CHANGE);
	if (file)
		add_to(&w, file, "", MAY_READ | MAY_ADD);
	enter(&w, SANDBOX_USER);
}

void
wall_client(const struct conf *c)
{
	static const char *const programs[] = {"tlsrelay", "queuerun/mtasts",
	                                       NULL};
	struct wall w = {.n = 0};

	begin(&w, c);
	add_to(&w, c->file, "", MAY_READ);
	add(&w, conf_beside(c, "tls_policy"), MAY_READ);
	add_to(&w, c->spool, "/hosts", MAY_CHANGE);
	add_to(&w, c->spool, "/sts", MAY_CHANGE);
	/* Or all of the spool would stand for it. */
	mkdir(w.path[w.n - 1].path, 0700);
	add_to(&w, "/etc/ssl/certs", "", MAY_READ); /* or where it leads to */
	add_programs(&w, c, programs);
	enter(&w, SANDBOX_CLIENT);
}

void
wall_verifier(const char *dir)
{
	struct wall w = {.n = 0};

	add_to(&w, dir, "", MAY_READ);
	/* The directory is one of links to these: Debian's, Arch's, Fedora's. */
	add_to(&w, "/usr/share/ca-certificates", "", MAY_READ);
	add_to(&w, "/usr/local/share/ca-certificates", "", MAY_READ);
	add_to(&w, "/etc/ca-certificates", "", MAY_READ);
	add_to(&w, "/etc/pki/ca-trust", "", MAY_READ);
	enter(&w, SANDBOX_VERIFIER);
}
