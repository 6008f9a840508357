/* tls - see tls.h.  Nothing of TLS itself is here. */
#include "tls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Does errno say that there is nothing for us? */
static bool
is_none(void)
{
	return errno == 0 || errno == ENOENT || errno == ENOTDIR ||
	       errno == EACCES || errno == ELOOP;
}

/* A file of its own, or a directory as certbot(1) makes it? */
static bool
is_certificate(int dir, const char *name)
{
	size_t n = strlen(name);
	struct str s = {0};
	struct stat st;
	bool yes;

	if (*name == '.')
		return false;
	if (n > 4 && strcmp(name + n - 4, ".pem") == 0)
		return true;
	str_addf(&s, "%s/fullchain.pem", name);
	yes = fstatat(dir, s.s, &st, 0) == 0 || !is_none();
	str_free(&s);
	return yes;
}

/* Where that cannot be told now it is offered: then it fails when it is to begin, and
 * nobody goes on in the clear as if there were none. */
bool
tls_offered(const struct conf *c)
{
	char *path = conf_beside(c, "tls");
	DIR *d = opendir(path);
	struct dirent *e;
	bool yes = !d && !is_none();

	free(path);
	while (d && !yes && (errno = 0, (e = readdir(d))))
		yes = is_certificate(dirfd(d), e->d_name);
	if (d && !yes)
		yes = !is_none();
	if (d)
		closedir(d);
	return yes;
}

/* Run it with these descriptors, 0 and 1 of which may be where they belong
 * already, and an environment of ours: OpenSSL listens to more. */
static pid_t
start(char *const argv[], int in, int out, int end)
{
	posix_spawn_file_actions_t fds;
	struct list env = {0};
	pid_t pid;

	if (posix_spawn_file_actions_init(&fds) != 0)
		return -1;
	conf_environment(&env);
	if (posix_spawn_file_actions_adddup2(&fds, in, STDIN_FILENO) != 0 ||
	    posix_spawn_file_actions_adddup2(&fds, out, STDOUT_FILENO) != 0 ||
	    posix_spawn_file_actions_adddup2(&fds, end, TLS_PLAIN_FD) != 0 ||
	    posix_spawn_file_actions_addopen(&fds, STDERR_FILENO, "/dev/null",
	                                     O_RDWR, 0) != 0 ||
	    posix_spawn(&pid, argv[0], &fds, NULL, argv, env.v) != 0)
		pid = -1;
	list_free(&env);
	posix_spawn_file_actions_destroy(&fds);
	return pid;
}

pid_t
tls_serve(const struct conf *c, const char *protocol, int end)
{
	const char *const words[] = {"tlsrelay", "-C",     c->file,
	                             "-p",       protocol, NULL};
	struct list argv = {0};
	pid_t pid;

	conf_command(c, words, &argv);
	pid = start(argv.v, STDIN_FILENO, STDOUT_FILENO, end);
	list_free(&argv);
	return pid;
}

pid_t
tls_connect(const struct conf *c, int sock, const struct list *args, int *end)
{
	const char *const words[] = {"tlsrelay", "-C", c->file, "-c", NULL};
	struct list argv = {0};
	pid_t pid;
	size_t i;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	conf_command(c, words, &argv);
	for (i = 0; i < args->n; i++)
		list_add(&argv, args->v[i]);
	pid = start(argv.v, sock, sock, sv[1]);
	list_free(&argv);
	close(sv[1]);
	if (pid < 0)
		close(sv[0]);
	else
		*end = sv[0];
	return pid;
}

/* One line of the relay's, or its last words in why, which is late when there are
 * none in time. */
static int
hear(struct io *io, struct cur *line, const char *late, char why[TLS_WHY])
{
	long long deadline = io->deadline;
	bool lf = io->lf;
	ssize_t n;

	io->lf = true;
	io->deadline = io_now() + (TLS_TIME + 5) * 1000LL;
	n = io_line(io, line, TLS_LINE);
	io->lf = lf;
	io->deadline = deadline;
	if (n >= 0 && !cur_take(line, '!'))
		return 0;
	cur_blanks(line);
	if (n >= 0)
		snprintf(why, TLS_WHY, "%.*s", (int)cur_len(line), line->p);
	else
		snprintf(why, TLS_WHY, "%s",
		         n == IO_TIMEOUT ? late : "tlsrelay ended");
	mem_clean(why, strlen(why));
	return -1;
}

int
tls_ready(struct io *io, char why[TLS_WHY])
{
	struct cur line = {0};

	return hear(io, &line, "tlsrelay hangs", why);
}

/* The next word into to, "" for "-": 0, or -1 when there is none or it is too
 * long. */
static int
word(struct cur *c, char *to, size_t size)
{
	struct cur w;

	if (cur_word(c, &w) == 0)
		return -1;
	if (cur_is(&w, "-"))
		w.e = w.p;
	return cur_copy(w, to, size);
}

int
tls_hello(struct io *io, struct tls *t, char why[TLS_WHY])
{
	static const char bad[] = "tlsrelay speaks another language";
	unsigned long long bits;
	struct cur line = {0}, w;

	*t = (struct tls){0};
	/* smtp_timeout may end before the relay's patience does. */
	if (hear(io, &line, "no handshake in time", why) < 0)
		return -1;
	if (word(&line, t->version, sizeof t->version) < 0 ||
	    word(&line, t->cipher, sizeof t->cipher) < 0 ||
	    cur_word(&line, &w) == 0 || cur_number(&w, 4096, &bits) < 0 ||
	    word(&line, t->name, sizeof t->name) < 0 ||
	    word(&line, t->binding, sizeof t->binding) < 0 ||
	    word(&line, t->verified, sizeof t->verified) < 0) {
		memcpy(why, bad, sizeof bad);
		return -1;
	}
	t->bits = (unsigned)bits;
	return 0;
}
