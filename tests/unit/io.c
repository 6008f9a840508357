/* io - unit test of lib/io.c: what a struct held before io_init() is forgotten; a peer
 * that does not read is waited for as long as one that says nothing, and a FIFO in the
 * place of a table not for ever. */
#include "io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONG = 3 * IO_BUFFER, MOST = 100, MANY = 100 };

static char text[LONG];

/* On a socket that blocks, as inetd's does, or a pipe. */
static void
never_read(bool piped, long idle, long long deadline)
{
	struct io io;
	int sv[2], i;

	if (piped)
		assert(pipe(sv) == 0);
	else
		assert(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	io_init(&io, sv[0], sv[1]);
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

/* Without a writer, then with one who says nothing more. */
static void
is_fifo(void)
{
	char dir[] = "/tmp/io.XXXXXX";
	struct str path = {0}, s = {0};
	int fd, w;

	assert(mkdtemp(dir));
	str_addf(&path, "%s/fifo", dir);
	assert(mkfifo(path.s, 0600) == 0);
	alarm(20);
	fd = io_open_table(path.s, 0);
	assert(fd >= 0);
	assert(io_slurp_table_fd(fd, MOST, 10, &s) < 0 && errno == ETXTBSY);
	w = open(path.s, O_WRONLY);
	assert(w >= 0 && io_writeall(w, "a\n", 2) == 0);
	assert(io_slurp_table_fd(fd, MOST, 10, &s) < 0 && errno == ETXTBSY);
	close(w);
	assert(s.n == 2 && io_slurp_table_fd(fd, MOST, 10, &s) == 0);
	alarm(0);
	close(fd);
	unlink(path.s);
	rmdir(dir);
	str_free(&path);
	str_free(&s);
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
	never_read(false, 10, 0);
	never_read(false, 0, io_now() + 10);
	never_read(true, 10, 0);
	never_read(true, 0, io_now() + 10);
	is_fifo();
	return 0;
}
