/* io - the one place that reads from a peer, writes to it and waits for it.
 * A deadline, an overlong line and the end of input are return values.  Output
 * is collected and leaves just before the program would wait for input, so that
 * a pipelined batch of commands costs one read and one write.  A failed write
 * is remembered in err and makes every later call fail (EPIPE is not a signal
 * here: callers ignore SIGPIPE). */
#ifndef IO_H
#define IO_H

#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
	IO_BUFFER = 16384,
	IO_TABLE = 10000 /* ms that a table is waited for */
};

/* What a call returns instead of a count. */
enum { IO_EOF = -1, IO_TIMEOUT = -2, IO_ERROR = -3, IO_LONG = -4 };

/* What stands between us and the peer's bytes (RFC 4978). */
struct io_filter {
	void *arg;
	/* Turn raw bytes, taking them from *c, into at most n plain ones at p: how
	 * many, 0 when more raw ones are wanted, -1. */
	ssize_t (*decode)(void *arg, struct cur *c, char *p, size_t n);
	/* Add to raw what the n plain bytes at p become, to the last.  0 or
	 * -1. */
	int (*encode)(void *arg, const char *p, size_t n, struct str *raw);
	struct cur left; /* raw input that was not yet turned */
	char buf[IO_BUFFER];
};

struct io {
	struct io_filter *filter; /* or NULL */
	int in, out;
	int err;            /* errno of the first failed read or write */
	long idle;          /* ms that one wait may last, 0: for ever */
	long long deadline; /* io_now() when the whole ends, 0: never */
	bool lf;            /* a bare LF ends a line (a terminal) */
	bool brief;         /* what is too long is the end of it */
	size_t pos, len;    /* unread part of buf */
	struct str obuf;
	char buf[IO_BUFFER];
};

/* Connect by TCP within ms: the descriptor, which does not block, or -1 with errno. */
int io_dial(const struct sockaddr *sa, socklen_t len, long ms);

void io_init(struct io *io, int in, int out);
void io_free(struct io *io);

/* Is errno a moment's trouble, which says nothing about what is there? */
bool io_is_passing(int err);

/* Monotonic clock in ms. */
long long io_now(void);

/* Make at least one unread byte available at buf[pos]; flushes first when it
 * has to wait.  Returns the number of unread bytes, or IO_EOF, IO_TIMEOUT,
 * IO_ERROR. */
ssize_t io_fill(struct io *io);

/* Wait for input or until fd, too, can be read from, at most ms (0: for ever): 0 there
 * is input, 1 it is fd, or IO_TIMEOUT, IO_ERROR.  Flushes first. */
int io_await(struct io *io, int fd, long ms);

/* From now on what comes and goes is filtered; what was read already, too. */
void io_set_filter(struct io *io, struct io_filter *f);

/* Is there input that was not yet read, here or in the kernel, without
 * waiting? */
bool io_pending(struct io *io);

/* One line without its CRLF, at most max bytes (max < IO_BUFFER).  *line points into the
 * buffer and is good until the next call.  A bare LF ends a line too when
 * io->lf is set, else it is part of the line.  A longer line is read to its end, unless
 * io->brief is set, thrown away and gives IO_LONG.  Returns its length, or IO_EOF (also when input ends
 * in the middle of a line), IO_TIMEOUT, IO_ERROR, IO_LONG. */
ssize_t io_line(struct io *io, struct cur *line, size_t max);

/* Queue output; it leaves at the next wait, at io_flush, or past 64 kB. */
void io_put(struct io *io, const void *p, size_t n);
void io_puts(struct io *io, const char *z);
__attribute__((format(printf, 2, 3))) void io_putf(struct io *io,
                                                   const char *fmt, ...);

/* Write all that is queued, within the idle time.  0 or -1 (err is set). */
int io_flush(struct io *io);

/* The last words: flush, and where the peer is still talking hear it out for a
 * while, as the reset that closing causes then would take them from it. */
void io_finish(struct io *io);

/* Plain files: read or write all n bytes, going on after short counts and EINTR.
 * io_readall returns the count (less than n only at the end of the file) or -1;
 * io_writeall returns 0 or -1 with errno. */
ssize_t io_readall(int fd, void *p, size_t n);
int io_writeall(int fd, const void *p, size_t n);
int io_pwriteall(int fd, const void *p, size_t n, off_t off);
ssize_t io_preadall(int fd, void *p, size_t n, off_t off);

/* One write(2) or read(2) that goes on after EINTR.  io_some: bytes written, 0
 * when a non-blocking descriptor is full, -1.  io_take: bytes read, 0 at the
 * end, -1. */
ssize_t io_some(int fd, const void *p, size_t n);
ssize_t io_take(int fd, void *p, size_t n);

/* Close it and return rc; errno stays what that is about. */
int io_close(int fd, int rc);

/* Have descriptors 0 to 2: else a file that is opened later, or a pipe, could become
 * one of them.  What was not there takes output and gives none.  0 or -1. */
int io_standard(void);

/* A pipe that no program started later inherits by mistake.  0 or -1. */
int io_pipe(int p[2]);

/* The whole of a file up to max bytes into s.  0, or -1 with errno (EFBIG when it is
 * longer, ETXTBSY for a FIFO that has no end within IO_TABLE). */
int io_slurp(int dir, const char *name, size_t max, struct str *s);
/* ... of a table that somebody may be writing anew.  While it is empty, has no end of its
 * last line, or is not there in a directory that has just changed, it is waited for,
 * until nobody has written for a second.  ETXTBSY when that takes too long. */
int io_slurp_table(const char *path, size_t max, struct str *s);
/* The two halves of that: open it, with more flags, and read it from its start, with
 * so much patience. */
int io_open_table(const char *path, int more);
int io_slurp_table_fd(int fd, size_t max, long ms, struct str *s);

#endif
