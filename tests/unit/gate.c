/* gate - unit test of lib/gate.c: what the parent makes of a talker that asks for things,
 * rightly or not.  Each case has a process of its own, as a right password changes who
 * it is. */
#include "gate.h"
#include "log.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = 65534, SAID = 20, TRIES = 3 };

static char dir[] = "/tmp/facteur-unit.XXXXXX";

/* What the talker was told; seen by both. */
static struct {
	int n;
	int said[SAID]; /* AUTH_*, -1: nobody was there */
	char text[GRANT_TEXT + 1];
} * told;

/* The clock: each look at it is late by this much. */
static struct {
	long ms, sum;
	bool armed; /* from the first line in the log on */
} late;

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	late.sum += late.ms;
	ts->tv_sec += late.sum / 1000;
	ts->tv_nsec += late.sum % 1000 * 1000000;
	return rc;
}

int
gethostname(char *name, size_t n)
{
	late.ms = late.armed ? 600 : 0;
	return snprintf(name, n, "unit") < 0 ? -1 : 0;
}

static void
ask(struct judge *j, int kind, const char *name, const char *secret)
{
	struct claim k = {.kind = (unsigned char)kind};
	struct grant g = {0};

	memcpy(k.name, name, strlen(name) + 1);
	memcpy(k.secret, secret, strlen(secret) + 1);
	told->said[told->n++] = gate_ask(j, &k, &g) < 0 ? -1 : g.verdict;
	if (*g.text)
		memcpy(told->text, g.text, sizeof told->text);
}

static void
ask_right(void *session, struct judge *j)
{
	struct io *io = session;

	ask(j, GATE_PASSWORD, "bob", "secret");
	memcpy(io->buf, "xNOOP\r\n", 7);
	io->pos = 1;
	io->len = 7;
	gate_leave(j, io);
}

static void
ask_nonsense(void *session, struct judge *j)
{
	struct claim k;
	struct grant g;
	int i;

	(void)session;
	memset(&k, 'x', sizeof k); /* no NUL, no such kind */
	told->said[told->n++] = gate_ask(j, &k, &g) < 0 ? -1 : g.verdict;
	ask(j, GATE_TLS, "", "");
	ask(j, GATE_TLS, "bob", "secret");
	for (i = 0; i < 2 * TRIES - 1; i++)
		ask(j, GATE_TLS + 1, "bob", "secret");
}

static void
ask_long(void *session, struct judge *j)
{
	struct claim k;
	struct grant g;

	(void)session;
	memset(&k, 'x', sizeof k);
	k.kind = GATE_PASSWORD;
	told->said[told->n++] = gate_ask(j, &k, &g) < 0 ? -1 : g.verdict;
}

static void
ask_half(void *session, struct judge *j)
{
	(void)session;
	assert(io_writeall(j->fd, "\0bob", 4) == 0);
	told->n++;
}

static void
ask_twice(void *session, struct judge *j)
{
	ask_right(session, j);
	ask(j, GATE_PASSWORD, "bob", "secret");
	ask(j, GATE_SCRAM, "bob", "");
}

static void
ask_wrong(void *session, struct judge *j)
{
	(void)session;
	ask(j, GATE_PASSWORD, "bob", "wrong");
	ask(j, GATE_PASSWORD, "bob", "secret");
}

static void
ask_salts(void *session, struct judge *j)
{
	int i;

	(void)session;
	for (i = 0; i < 2 * TRIES + 2; i++)
		ask(j, GATE_SCRAM, "bob", "");
}

/* One case; 0 when somebody was let in, and is bob. */
static int
pass(const struct conf *c, void (*talk)(void *, struct judge *), unsigned tries,
     bool stays)
{
	static struct peer peer = {
	    .local = true, .ip = "local", .host = "local"};
	static struct io io;
	struct gate g = {.conf = c,
	                 .peer = &peer,
	                 .io = &io,
	                 .service = "imap",
	                 .tries = tries,
	                 .stays = stays,
	                 .talk = talk,
	                 .session = &io};
	struct user u = {0};
	struct tls tls;
	int status, r;
	pid_t pid, self;

	told->n = 0;
	if ((pid = fork()) == 0) {
		self = getpid();
		alarm(60);
		r = gate_pass(&g, c->file, &u, &tls);
		if (getpid() != self)
			_exit(r == -1 ? 0 : 9);
		if (r == 0) {
			assert(strcmp(u.name, "bob") == 0);
			assert(getuid() == u.uid && geteuid() == u.uid);
			assert(io.len == 6 &&
			       memcmp(io.buf, "NOOP\r\n", 6) == 0);
			assert(*tls.version == '\0');
		}
		_exit(r == 0 ? 0 : 1);
	}
	assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
	if (geteuid() == 0)
		assert(chown(name, NOBODY, NOBODY) == 0);
}

static void
load(struct conf *c, const char *programs)
{
	struct str s = {0};

	str_addf(&s,
	         "users %s/users\nstate %s/state\nlog %s/log\nprograms %s\n",
	         dir, dir, dir, programs);
	write_file("facteur.conf", s.s);
	str_clear(&s);
	str_addf(&s, "%s/facteur.conf", dir);
	conf_use(c, s.s);
}

int
main(void)
{
	const char *bin = getenv("FACTEUR_BIN");
	char here[4096], users[100];
	struct conf c;
	long long begin;
	int i;

	assert(getcwd(here, sizeof here) && mkdtemp(dir) && chdir(dir) == 0);
	assert(chmod(dir, 0755) == 0 && mkdir("state", 0700) == 0);
	signal(SIGPIPE, SIG_IGN);
	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE,
	            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(told != MAP_FAILED);
	snprintf(users, sizeof users, "bob:{PLAIN}secret:%u:%u::/:\n",
	         geteuid() ? geteuid() : 30001, geteuid() ? getegid() : 30001);
	write_file("users", users);
	load(&c, bin ? bin : here);

	assert(pass(&c, ask_right, TRIES, false) == 0);
	assert(told->said[0] == AUTH_OK && strcmp(told->text, "bob") == 0);
	assert(pass(&c, ask_nonsense, TRIES, false) == 1);
	for (i = 0; i < 2 * TRIES + 1; i++)
		assert(told->said[i] == AUTH_NO);
	assert(told->said[i] == -1 && told->n == i + 1);
	assert(pass(&c, ask_long, 1, false) == 1);
	assert(told->said[0] == AUTH_NO);
	assert(pass(&c, ask_half, TRIES, false) == 1 && told->n == 1);
	assert(pass(&c, ask_twice, TRIES, true) == 1 && told->n == 3);
	assert(told->said[0] == AUTH_OK && told->said[1] == AUTH_NO &&
	       told->said[2] == AUTH_NO);
	assert(pass(&c, ask_wrong, 1, true) == 1);
	assert(told->said[0] == AUTH_NO && told->said[1] == -1);
	assert(pass(&c, ask_salts, TRIES, true) == 1);
	for (i = 0; i < 2 * TRIES + 1; i++)
		assert(told->said[i] == AUTH_OK);
	assert(told->said[i] == -1 && strncmp(told->text, "4096 ", 5) == 0);

	load(&c, "/nonexistent");
	begin = io_now();
	assert(pass(&c, ask_right, 1, false) == 1);
	assert(told->said[0] == AUTH_LATER && io_now() - begin >= 1000);
	/* The time to wait is over between two looks at the clock. */
	late.armed = true;
	assert(pass(&c, ask_right, 1, false) == 1);
	assert(told->said[0] == AUTH_LATER);
	late.armed = false;

	unlink("state/.failures");
	assert(rmdir("state") == 0 || geteuid() == 0);
	unlink("users");
	unlink("facteur.conf");
	unlink("log");
	if (geteuid() == 0)
		rmdir("state/.empty");
	rmdir("state");
	rmdir(dir);
	return 0;
}
