/* spool - fuzz target: no file in the spool crashes its reader, and what is
 * accepted has an envelope that can be written again, and is the same then. */
#include "log.h"
#include "roundtrip.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/fuzzspool.XXXXXX";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct spool sp;
	struct message m;
	int fd;

	if (!sp.path) {
		struct conf c = {.spool = mkdtemp(dir)};

		log_to("/dev/null");
		if (spool_make(&c) < 0 || spool_open(&sp, &c) < 0)
			abort();
	}
	fd = openat(sp.new, "1NG49ZQ1S4EAE85R", O_RDWR | O_CREAT | O_TRUNC,
	            0600);
	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	close(fd);
	if (spool_load(&m, &sp, "new", "1NG49ZQ1S4EAE85R", false) == SPOOL_OK) {
		must(m.env.nrcpt > 0 && m.env.sender);
		roundtrip(&m.env);
		message_free(&m);
	}
	return 0;
}
