/* program - unit test of deliver/program.c: what takes too long is tried again later,
 * whatever it makes of the signal that ends it, also when nothing does; what it left
 * behind may talk without end.
 * With: deliver/batch.c deliver/box.c deliver/copy.c deliver/frame.c */
#define PROGRAM_TIME 1
#define KILL_TIME    1
#include "deliver/program.c"

#include <assert.h>

static void
is_late(const char *command)
{
	char name[] = "kim", home[] = "/";
	struct user u = {.name = name, .home = home};
	struct dest d = {.user = &u, .command = command};
	struct letter l = {0};
	struct result r = {0};
	bool staged = false;
	struct io in;

	letter_clear(&l);
	io_init(&in, STDIN_FILENO, -1);
	assert(dest_program.letter(&d, &l, &in, &r, &staged) == 0);
	assert(r.code == EX_TEMPFAIL);
	assert(strcmp(r.status, "4.3.0") == 0);
	assert(strcmp(r.text, "program took too long") == 0);
	letter_free(&l);
	io_free(&in);
}

/* There is always more to hear. */
static void
is_not_heard_out(void)
{
	struct run r = {.pid = fork()};

	if (r.pid == 0)
		_exit(0);
	assert(r.pid > 0);
	alarm(20);
	attend(&r, open("/dev/zero", O_RDONLY));
	assert(WIFEXITED(r.status) && !r.late);
	str_free(&r.said);
}

/* It has become another, as behind sudo(8). */
static void
is_not_killed(void)
{
	struct run r = {.pid = fork()};
	int status;
	pid_t pid;

	if (r.pid == 0)
		for (alarm(60);;)
			pause();
	assert(r.pid > 0 && setpgid(r.pid, r.pid) == 0);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		assert(setuid(65534) == 0);
		attend(&r, open("/dev/null", O_RDONLY));
		_exit(r.late ? 0 : 1);
	}
	assert(waitpid(pid, &status, 0) == pid && status == 0);
	assert(kill(r.pid, SIGKILL) == 0 && waitpid(r.pid, NULL, 0) == r.pid);
}

int
main(void)
{
	is_not_heard_out();
	if (geteuid() == 0)
		is_not_killed();
	is_late("trap 'exit 0' TERM; sleep 60 & wait");
	is_late("trap 'exit 1' TERM; sleep 60 & wait");
	return 0;
}
