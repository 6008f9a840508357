/* io - unit test of lib/io.c: what a struct held before io_init() is forgotten. */
#include "io.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

enum { LONG = 3 * IO_BUFFER, MOST = 100 };

static char text[LONG];

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
	return 0;
}
