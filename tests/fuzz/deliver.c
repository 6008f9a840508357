/* deliver - any bytes as queuerun's stream of letters; what comes out of each has
 * a header without the fields that only we may write.
 * With: deliver/frame.c deliver/copy.c */
#include "deliver/deliver.h"
#include "hdr.h"
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

static const char *const never[] = {"Status",         "X-Status", "X-Keywords",
                                    "Content-Length", "X-UID",    "X-IMAP",
                                    "X-IMAPbase",     NULL};

static void
put(void *arg, const void *p, size_t n)
{
	str_add(arg, p, n);
}

static void
check(const struct str *s)
{
	struct cur c = {s->s, s->s + s->n};
	struct field f;
	int first = 1;

	while (hdr_next(&c, &f)) {
		must(!hdr_name_in(&f.name, never));
		must(cur_is(&f.name, "Return-Path") == first);
		first = 0;
	}
	must(!first && cur_peek(&c) == '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct letter l = {0};
	struct io in;
	int fd[2];

	if (n > 50000 || pipe(fd) < 0)
		return 0;
	if (n > 0)
		must(io_writeall(fd[1], p, n) == 0);
	close(fd[1]);
	io_init(&in, fd[0], -1);
	in.lf = true;
	while (frame_next(&in, &l) > 0) {
		struct copy_how how = {.crlf = l.size % 2};
		struct str out = {0};
		int r = copy_letter(&l, &in, how, put, &out);

		must(r != COPY_LOOP || out.n == 0);
		if (r == COPY_OK)
			check(&out);
		str_free(&out);
		if (r == COPY_SHORT)
			break;
	}
	letter_free(&l);
	io_free(&in);
	close(fd[0]);
	return 0;
}
