/* ask - unit test of lib/ask.c: all that a program says, or its first line. */
#include "ask.h"
#define ASK_SECONDS 1 /* for a program that has to be waited for */
#include "io.h"
#include "lib/ask.c"
#include "mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MAX = 1000 };

static struct str said;

/* All that it says, or without a number of seconds its line. */
static int
all(const char *script, unsigned seconds)
{
	char *argv[] = {mem_dup("/bin/sh", 7), mem_dup("-c", 2),
	                mem_dup(script, strlen(script)), NULL};
	char buf[ASK_LINE];
	struct cur line;
	uid_t who;
	int i, status;

	str_free(&said);
	if (seconds)
		status = ask_all(argv, seconds, MAX, &said);
	else {
		status = ask_program(argv, NULL, buf, &line, &who);
		str_add(&said, line.p, cur_len(&line));
	}
	for (i = 0; i < 3; i++)
		free(argv[i]);
	return status;
}

/* A program of ours that has asked another, which took all of its time, is still
 * there to say so. */
static void
ask_in_turn(void)
{
	char dir[] = "/tmp/ask.XXXXXX", buf[ASK_LINE];
	const char *const words[] = {"turn", NULL};
	struct conf c = {0};
	struct cur line;
	struct str s = {0};
	FILE *f;

	assert(mkdtemp(dir));
	str_addf(&s, "%s/turn", dir);
	assert((f = fopen(s.s, "w")));
	fputs("#!/bin/sh\nsleep 3\necho it hangs\nexit 111\n", f);
	assert(fclose(f) == 0 && chmod(s.s, 0700) == 0);
	c.programs = dir;
	assert(ask_ours(&c, words, NULL, buf, &line) == 111);
	assert(cur_is(&line, "it hangs"));
	assert(unlink(s.s) == 0 && rmdir(dir) == 0);
	str_free(&s);
}

int
main(void)
{
	long long begin = io_now();
	struct io io;

	/* Nothing of it is left to chance. */
	memset(&io, 0xff, sizeof io);
	io_init(&io, 0, 1);
	assert(!io.filter && !io.err && !io.idle && !io.deadline && !io.lf &&
	       !io.brief && !io.pos && !io.len && !io.obuf.s);
	assert(all("exit 0", 30) == 0 && said.n == 0);
	assert(all("echo a; echo b >&2; exit 75", 30) == 75);
	assert(strcmp(said.s, "a\nb\n") == 0);
	assert(all("head -c 1000 /dev/zero", 30) == 0 && said.n == MAX);
	/* More than it may say; no more than a buffer over that is taken. */
	assert(all("head -c 999999 /dev/zero", 30) != 0);
	assert(said.n > MAX && said.n <= MAX + IO_BUFFER);
	/* Nothing is handed on, and there is nothing to read. */
	setenv("SECRET", "x", 1);
	assert(all("echo \"$SECRET$(cat)\"", 30) == 0);
	assert(strcmp(said.s, "\n") == 0);
	assert(all("kill -9 $$", 30) == -1);
	/* It ends when its time is over, and so do we. */
	assert(all("echo a; exec sleep 100", 1) == -1);
	assert(strcmp(said.s, "a\n") == 0);
	assert(all("exec sleep 100", 0) == -1 && said.n == 0);
	assert(all("echo a; exec sleep 100", 0) == -1);
	assert(strcmp(said.s, "a") == 0);
	assert(all("echo a; exit 3", 0) == 3);
	assert(strcmp(said.s, "a") == 0);
	/* So it is where it is stopped, and hears no signal of time. */
	assert(all("echo a; kill -STOP $$", 1) == -1);
	assert(all("kill -STOP $$", 0) == -1);
	assert(all("echo a; exec >&-; kill -STOP $$", 0) == -1);
	ask_in_turn();
	assert(io_now() - begin < 20000);
	str_free(&said);
	return 0;
}
