/* floor - the least that an SMTP server under inetd can do: it answers every
 * command with yes and stores each message in a file of its own, with one fsync.
 * What the benchmarks of smtpd are held against.  floor DIR */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static char in[65536];
static size_t have;

static void
say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(1);
}

static void
fill(void)
{
	ssize_t n = read(0, in + have, sizeof in - have);

	if (n <= 0)
		_exit(0);
	have += (size_t)n;
}

/* Throw away n bytes of input. */
static void
drop(size_t n)
{
	memmove(in, in + n, have - n);
	have -= n;
}

/* From the input into a file, up to the lone dot. */
static void
store(const char *dir)
{
	struct timeval tv;
	char name[4096];
	char *end;
	int fd;

	gettimeofday(&tv, NULL);
	snprintf(name, sizeof name, "%s/%ld.%ld.%ld", dir, (long)tv.tv_sec,
	         (long)tv.tv_usec, (long)getpid());
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	while (!(end = memmem(in, have, "\r\n.\r\n", 5))) {
		if (have > 4) {
			if (write(fd, in, have - 4) < 0)
				_exit(1);
			drop(have - 4);
		}
		fill();
	}
	if (write(fd, in, (size_t)(end + 2 - in)) < 0 || fsync(fd) < 0)
		_exit(1);
	close(fd);
	drop((size_t)(end + 5 - in));
	say("250 ok\r\n");
}

int
main(int argc, char **argv)
{
	char *nl, first;

	if (argc != 2)
		return 64;
	say("220 floor\r\n");
	for (;;) {
		while (!(nl = memchr(in, '\n', have)))
			fill();
		first = in[0];
		drop((size_t)(nl + 1 - in));
		if (first == 'D') {
			say("354 go\r\n");
			store(argv[1]);
		} else if (first == 'Q') {
			say("221 bye\r\n");
			return 0;
		} else {
			say("250 ok\r\n");
		}
	}
}
