/* io - see io.h.  All programs that talk to a peer wait in io_fill and io_flush
 * and nowhere else. */
#define _GNU_SOURCE /* pipe2(2) */
#include "io.h"

#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	OBUF_MAX = 65536,
	FINISH_TIME = 2000, /* ms that a peer is heard out */
	TABLE_QUIET = 1000, /* ms after which nobody writes on */
	TABLE_PAUSE = 20    /* ms */
};

void
io_init(struct io *io, int in, int out)
{
	io->filter = NULL;
	io->in = in;
	io->out = out;
	io->err = 0;
	io->idle = 0;
	io->deadline = 0;
	io->lf = false;
	io->brief = false;
	io->pos = io->len = 0;
	io->obuf = (struct str){0};
}

void
io_free(struct io *io)
{
	str_free(&io->obuf);
}

long long
io_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait until the connection stands.  0, or an errno. */
static int
connected(int fd, long ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	long long end = io_now() + ms;
	socklen_t len = sizeof(int);
	int n, err = 0;

	do {
		long long left = end - io_now();

		n = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return errno;
	return err;
}

int
io_dial(const struct sockaddr *sa, socklen_t len, long ms)
{
	int err = 0, fd = socket(sa->sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		err = errno;
	else if (connect(fd, sa, len) < 0)
		err = errno == EINPROGRESS ? connected(fd, ms) : errno;
	if (!err)
		return fd;
	errno = err;
	return io_close(fd, -1);
}

/* Wait until one of the n is ready: 0, IO_TIMEOUT or IO_ERROR.  end is the
 * io_now() when patience is over, 0 for never. */
static int
wait_any(struct io *io, struct pollfd *p, nfds_t n, long long end)
{
	for (;;) {
		long long left = end ? end - io_now() : -1;
		int ready;

		if (end && left <= 0)
			return IO_TIMEOUT;
		ready = poll(p, n, left > 86400000 ? 86400000 : (int)left);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR) {
			io->err = errno;
			return IO_ERROR;
		}
	}
}

static int
wait_for(struct io *io, int fd, short what, long long end)
{
	struct pollfd p = {.fd = fd, .events = what};

	return wait_any(io, &p, 1, end);
}

/* The end of one wait that begins now: the idle time or the deadline of the whole,
 * whichever comes first. */
static long long
wait_end(const struct io *io)
{
	long long end = io->idle ? io_now() + io->idle : 0;

	if (io->deadline && (!end || io->deadline < end))
		end = io->deadline;
	return end;
}

static void
encode(struct io *io)
{
	struct str raw = {0};

	if (io->filter->encode(io->filter->arg, io->obuf.s, io->obuf.n, &raw) <
	    0)
		io->err = EIO;
	str_free(&io->obuf);
	io->obuf = raw;
}

/* One write(2) that waits for nobody, where inetd's socket, and the pipe of sshd(8),
 * would wait for ever.  A pipe that has room has it for PIPE_BUF bytes. */
static ssize_t
write_some(int fd, const char *p, size_t n)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	ssize_t done = send(fd, p, n, MSG_DONTWAIT);

	if (done >= 0 || errno != ENOTSOCK)
		return done;
	if (poll(&room, 1, 0) > 0)
		return write(fd, p, n < PIPE_BUF ? n : PIPE_BUF);
	errno = EAGAIN;
	return -1;
}

int
io_flush(struct io *io)
{
	size_t done = 0;
	long long end = 0;

	if (io->filter && io->obuf.n > 0)
		encode(io);
	while (!io->err && done < io->obuf.n) {
		ssize_t n =
		    write_some(io->out, io->obuf.s + done, io->obuf.n - done);

		if (n >= 0) {
			done += (size_t)n;
			end = 0;
		} else if (errno == EAGAIN) {
			if (!end)
				end = wait_end(io);
			if (wait_for(io, io->out, POLLOUT, end) < 0 && !io->err)
				io->err = ETIMEDOUT;
		} else if (errno != EINTR) {
			io->err = errno;
		}
	}
	str_clear(&io->obuf);
	return io->err ? -1 : 0;
}

/* Wait for input: how many bytes of it came to p, or IO_*. */
static ssize_t
read_raw(struct io *io, char *p, size_t n)
{
	ssize_t got;
	int w;

	if (io_flush(io) < 0)
		return IO_ERROR;
	if ((w = wait_for(io, io->in, POLLIN, wait_end(io))) < 0)
		return w;
	if ((got = io_take(io->in, p, n)) < 0) {
		io->err = errno;
		return IO_ERROR;
	}
	return got > 0 ? got : IO_EOF;
}

/* Turn raw input into plain: how many bytes there are more, 0 when more raw ones
 * are wanted, IO_ERROR. */
static ssize_t
decode(struct io *io)
{
	struct io_filter *f = io->filter;
	ssize_t n = f->decode(f->arg, &f->left, io->buf + io->len,
	                      sizeof io->buf - io->len);

	if (n < 0) {
		io->err = EPROTO;
		return IO_ERROR;
	}
	io->len += (size_t)n;
	return n;
}

/* The same as read_more() through a filter. */
static ssize_t
read_filtered(struct io *io)
{
	struct io_filter *f = io->filter;
	ssize_t n;

	while ((n = decode(io)) == 0) {
		if ((n = read_raw(io, f->buf, sizeof f->buf)) < 0)
			return n;
		f->left = (struct cur){f->buf, f->buf + n};
	}
	return n;
}

void
io_set_filter(struct io *io, struct io_filter *f)
{
	size_t n = io->len - io->pos;

	memcpy(f->buf, io->buf + io->pos, n);
	f->left = (struct cur){f->buf, f->buf + n};
	io->pos = io->len = 0;
	io->filter = f;
}

int
io_await(struct io *io, int fd, long ms)
{
	struct pollfd p[2] = {
	    {.fd = io->in, .events = POLLIN},
            {.fd = fd,     .events = POLLIN}
        };
	long long end = ms ? io_now() + ms : 0;
	int n;

	if (io_flush(io) < 0)
		return IO_ERROR;
	if (io->pos < io->len)
		return 0;
	io->pos = io->len = 0;
	if (io->filter && (n = (int)decode(io)) != 0)
		return n < 0 ? n : 0;
	if ((n = wait_any(io, p, 2, end)) < 0)
		return n;
	return p[0].revents ? 0 : 1;
}

/* Wait for input and read it, behind the unread bytes: > 0, or IO_*. */
static ssize_t
read_more(struct io *io)
{
	ssize_t n;

	memmove(io->buf, io->buf + io->pos, io->len - io->pos);
	io->len -= io->pos;
	io->pos = 0;
	if (io->filter)
		return read_filtered(io);
	n = read_raw(io, io->buf + io->len, sizeof io->buf - io->len);
	if (n > 0)
		io->len += (size_t)n;
	return n;
}

ssize_t
io_fill(struct io *io)
{
	ssize_t n;

	if (io->pos < io->len)
		return (ssize_t)(io->len - io->pos);
	n = read_more(io);
	return n < 0 ? n : (ssize_t)(io->len - io->pos);
}

bool
io_pending(struct io *io)
{
	struct pollfd p = {.fd = io->in, .events = POLLIN};

	return io->pos < io->len ||
	       (poll(&p, 1, 0) > 0 && (p.revents & POLLIN));
}

void
io_finish(struct io *io)
{
	long long end = io_now() + FINISH_TIME;

	if (io_flush(io) < 0 || !io_pending(io) ||
	    shutdown(io->out, SHUT_WR) < 0)
		return;
	while (wait_for(io, io->in, POLLIN, end) == 0 &&
	       io_take(io->in, io->buf, sizeof io->buf) > 0)
		;
	io->pos = io->len = 0;
}

/* The length of the first line in the buffer with its end, or 0.  from: bytes
 * that were searched before. */
static size_t
line_length(const struct io *io, size_t from)
{
	const char *b = io->buf + io->pos, *p = b + from,
	           *e = io->buf + io->len;

	while (p < e && (p = memchr(p, '\n', (size_t)(e - p)))) {
		if (io->lf || (p > b && p[-1] == '\r'))
			return (size_t)(p - b) + 1;
		p++;
	}
	return 0;
}

/* Throw away the rest of a line that is too long, its last byte seen in prev. */
static ssize_t
skip_line(struct io *io, char prev)
{
	for (;;) {
		ssize_t n = io_fill(io);

		if (n < 0)
			return n;
		for (; io->pos < io->len; io->pos++) {
			char c = io->buf[io->pos];

			if (c == '\n' && (io->lf || prev == '\r')) {
				io->pos++;
				return IO_LONG;
			}
			prev = c;
		}
	}
}

ssize_t
io_line(struct io *io, struct cur *line, size_t max)
{
	size_t have = 0, n;

	while ((n = line_length(io, have ? have - 1 : 0)) == 0) {
		ssize_t r;

		have = io->len - io->pos;
		if (have > max + 1) {
			io->pos = io->len;
			return io->brief ? IO_LONG
			                 : skip_line(io, io->buf[io->len - 1]);
		}
		if ((r = read_more(io)) < 0)
			return r;
	}
	line->p = io->buf + io->pos;
	io->pos += n;
	n--;
	if (n > 0 && line->p[n - 1] == '\r')
		n--;
	line->e = line->p + n;
	return n > max ? IO_LONG : (ssize_t)n;
}

void
io_put(struct io *io, const void *p, size_t n)
{
	str_add(&io->obuf, p, n);
	if (io->obuf.n > OBUF_MAX)
		io_flush(io);
}

void
io_puts(struct io *io, const char *z)
{
	io_put(io, z, strlen(z));
}

void
io_putf(struct io *io, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_addv(&io->obuf, fmt, ap);
	va_end(ap);
	if (io->obuf.n > OBUF_MAX)
		io_flush(io);
}

/* From *off on, or where the file stands if that is NULL. */
static ssize_t
read_all(int fd, char *p, size_t n, const off_t *off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r =
		    off ? pread(fd, p + done, n - done, *off + (off_t)done)
		        : read(fd, p + done, n - done);

		if (r == 0)
			break;
		if (r < 0 && errno != EINTR)
			return -1;
		if (r > 0)
			done += (size_t)r;
	}
	return (ssize_t)done;
}

ssize_t
io_readall(int fd, void *p, size_t n)
{
	return read_all(fd, p, n, NULL);
}

ssize_t
io_preadall(int fd, void *p, size_t n, off_t off)
{
	return read_all(fd, p, n, &off);
}

static int
write_all(int fd, const char *p, size_t n, const off_t *off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r =
		    off ? pwrite(fd, p + done, n - done, *off + (off_t)done)
		        : write(fd, p + done, n - done);

		if (r == 0)
			errno = ENOSPC;
		if (r == 0 || (r < 0 && errno != EINTR))
			return -1;
		if (r > 0)
			done += (size_t)r;
	}
	return 0;
}

int
io_writeall(int fd, const void *p, size_t n)
{
	return write_all(fd, p, n, NULL);
}

int
io_pwriteall(int fd, const void *p, size_t n, off_t off)
{
	return write_all(fd, p, n, &off);
}

ssize_t
io_some(int fd, const void *p, size_t n)
{
	ssize_t r;

	do
		r = write(fd, p, n);
	while (r < 0 && errno == EINTR);
	return r < 0 && errno == EAGAIN ? 0 : r;
}

ssize_t
io_take(int fd, void *p, size_t n)
{
	ssize_t r;

	do
		r = read(fd, p, n);
	while (r < 0 && errno == EINTR);
	return r;
}

int
io_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_WRONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? -1 : close(fd);
}

int
io_pipe(int p[2])
{
	return pipe2(p, O_CLOEXEC);
}

/* What is no file, as a FIFO, may never begin or end. */
static int
slurp_fd(int fd, size_t max, long ms, struct str *s)
{
	struct stat st;
	struct io io;
	ssize_t n;

	io_init(&io, fd, -1);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		io.deadline = io_now() + ms;
	while ((n = io_fill(&io)) > 0 && s->n + (size_t)n <= max) {
		str_add(s, io.buf + io.pos, (size_t)n);
		io.pos = io.len;
	}
	errno = n > 0 ? EFBIG : n == IO_TIMEOUT ? ETXTBSY : io.err;
	return n == IO_EOF ? 0 : -1;
}

bool
io_is_passing(int err)
{
	static const int passing[] = {EIO,   ENOMEM, EMFILE,    ENFILE,
	                              EINTR, ESTALE, ETIMEDOUT, ENOTCONN};
	size_t i;

	for (i = 0; i < sizeof passing / sizeof passing[0]; i++)
		if (err == passing[i])
			return true;
	return false;
}

int
io_close(int fd, int rc)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return rc;
}

int
io_slurp(int dir, const char *name, size_t max, struct str *s)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -1 : io_close(fd, slurp_fd(fd, max, IO_TABLE, s));
}

static bool
is_old(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - st->st_mtim.tv_sec) * 1000 +
	               (now.tv_nsec - st->st_mtim.tv_nsec) / 1000000 >=
	           TABLE_QUIET ||
	       st->st_mtim.tv_sec > now.tv_sec;
}

/* An editor may give the old file another name before it makes the new one. */
static bool
may_come(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str dir = {0};
	struct stat st;
	bool fresh;

	str_add(&dir, path, slash ? (size_t)(slash + 1 - path) : 0);
	fresh = stat(slash ? dir.s : ".", &st) == 0 && !is_old(&st);
	str_free(&dir);
	return fresh;
}

int
io_open_table(const char *path, int more)
{
	long long end = io_now() + TABLE_QUIET;
	int fd, how = O_RDONLY | O_NONBLOCK | O_CLOEXEC | more;

	while ((fd = open(path, how)) < 0 && errno == ENOENT) {
		bool go_on = may_come(path) && io_now() < end;

		errno = ENOENT;
		if (!go_on)
			break;
		poll(NULL, 0, TABLE_PAUSE);
	}
	return fd;
}

int
io_slurp_table_fd(int fd, size_t max, long ms, struct str *s)
{
	long long end = io_now() + ms;
	struct stat st;
	ssize_t n;

	while (fstat(fd, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return slurp_fd(fd, max, ms, s);
		if ((uint64_t)st.st_size > max) {
			errno = EFBIG;
			break;
		}
		str_clear(s);
		s->s = mem_grow(s->s, &s->cap, (size_t)st.st_size + 1, 1);
		n = io_preadall(fd, s->s, (size_t)st.st_size, 0);
		if (n < 0)
			break;
		s->n = (size_t)n;
		s->s[s->n] = '\0';
		if (n == st.st_size &&
		    ((n > 0 && s->s[n - 1] == '\n') || is_old(&st)))
			return 0;
		if (io_now() >= end) {
			errno = ETXTBSY;
			break;
		}
		poll(NULL, 0, TABLE_PAUSE);
	}
	return -1;
}

int
io_slurp_table(const char *path, size_t max, struct str *s)
{
	int fd = io_open_table(path, 0);

	return fd < 0 ? -1
	              : io_close(fd, io_slurp_table_fd(fd, max, IO_TABLE, s));
}
