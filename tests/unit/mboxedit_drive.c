/* mboxedit_drive - change an mbox by hand, and from mbox-crash.bats:
 *
 *	mboxedit_drive fix MBOX STATE
 *	mboxedit_drive edit MBOX STATE CHUNK [OFF LEN TEXT]...
 *	mboxedit_drive collapse MBOX STATE CHUNK OFF LEN [OFF LEN TEXT]...
 *
 * Says on stdout "done", "failed" (nothing was changed) or "pending", and why. */
#include "log.h"
#include "mboxedit.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t
number(const char *s)
{
	return strtoull(s, NULL, 10);
}

static size_t
edits(struct edit *e, int argc, char **argv)
{
	size_t n = 0;

	for (; argc >= 3; argc -= 3, argv += 3)
		e[n++] = (struct edit){number(argv[0]), number(argv[1]),
		                       argv[2], strlen(argv[2])};
	return n;
}

int
main(int argc, char **argv)
{
	struct edit_file f = {.owner = getuid()};
	bool pending = false;
	struct edit *e;
	size_t n;
	int r;

	if (argc < 4)
		return 0;
	log_to("/dev/null");
	f.path = argv[2];
	f.state = argv[3];
	f.fd = open(f.path, O_RDWR);
	if (f.fd < 0)
		return 66;
	e = mem_alloc((size_t)argc * sizeof *e);
	if (argc >= 5)
		f.chunk = number(argv[4]);
	if (argv[1][0] == 'f') {
		r = mbox_edit_fix(&f);
	} else if (argv[1][0] == 'e') {
		n = edits(e, argc - 5, argv + 5);
		r = mbox_edit(&f, e, n, &pending);
	} else {
		n = edits(e, argc - 7, argv + 7);
		r = mbox_collapse(&f, e, n, number(argv[5]), number(argv[6]),
		                  &pending);
	}
	if (r == 0)
		printf("done\n");
	else
		printf("%s: %s\n", pending ? "pending" : "failed",
		       strerror(errno));
	free(e);
	return r == 0 ? 0 : 75;
}
