/* io - unit test of lib/io.c: what a struct held before io_init() is forgotten; a peer
 * that does not read is waited for as long as one that says nothing. */
#include "io.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG = 3 * IO_BUFFER, MOST = 100, MANY = 100 };

static char text[LONG];

/* On a socket that blocks, as inetd's does. */
static void
never_read(long idle, long long deadline)
{
	struct io io;
	int sv[2], i;

	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	io_init(&io, sv[0], sv[0]);
	io.idle = idle;
	io.deadline = deadline;
	alarm(20);
	for (i = 0; i < MANY; i++)
		io_put(&io, text, sizeof text);
	assert(io_flush(&io) < 0);
	assert(io.err == ETIMEDOUT);
	alarm(0);
	io_free(&io);
	close(sv[0]);
	close(sv[1]);
}

int
main(void)
{
	struct cur line;
	struct io io;
	int p[2];

	memset(&io, 0xff, sizeof io);
	memset(text, 'a', sizeof text);
	assert(pipe(p) == 0);
	assert(io_writeall(p[1], text, sizeof text) == 0);
	assert(io_writeall(p[1], "\r\nend\r\n", 7) == 0);
	close(p[1]);
	io_init(&io, p[0], -1);
	assert(io_line(&io, &line, MOST) == IO_LONG);
	assert(io_line(&io, &line, MOST) == 3);
	assert(memcmp(line.p, "end", 3) == 0);
	assert(io_line(&io, &line, MOST) == IO_EOF);
	io_free(&io);
	never_read(10, 0);
	never_read(0, io_now() + 10);
	return 0;
}
