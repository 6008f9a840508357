/* index - any bytes as the index of a mailbox: the mailbox opens and tells what it
 * holds.  Records that are sound but lie do no harm beyond wrong answers. */
#include "io.h"
#include "log.h"
#include "record.h"
#include "store.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] =
    "From a@x Sat Nov 21 19:54:01 2026\nSubject: 1\nX-Keywords:      "
    "\n\none\n\n"
    "From a@x Sat Nov 21 19:54:02 2026\nSubject: 2\nStatus: RO\n\n>From two\n\n"
    "From a@x Sat Nov 21 19:54:03 2026\nSubject: 3\n\nthree\n\n";

static char dir[] = "/tmp/facteur-fuzz.XXXXXX";
static char box[64], state[64], file[128];
static struct store_how how;

static void
must(int ok)
{
	if (!ok)
		abort();
}

static void
put(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd >= 0 && io_writeall(fd, p, n) == 0);
	close(fd);
}

static void
clean(void)
{
	unlink(file);
	unlink(box);
	rmdir(state);
	rmdir(dir);
}

static void
begin(void)
{
	char name[RECORD_NAME];

	must(mkdtemp(dir) != NULL);
	log_stderr(false);
	snprintf(box, sizeof box, "%s/box", dir);
	snprintf(state, sizeof state, "%s/state", dir);
	must(mkdir(state, 0700) == 0);
	record_name(name, "index", box);
	snprintf(file, sizeof file, "%s/%s", state, name);
	put(box, text, sizeof text - 1);
	how = (struct store_how){.state = state, .owner = getuid()};
	atexit(clean);
}

/* Records from the data, with sums that are right, in an index that says that it
 * is true of the file. */
static void
forge(const uint8_t *data, size_t n)
{
	struct index_head was;
	struct store s;
	size_t k = n / sizeof *s.index.msg;

	must(store_open(&s, box, &how) == 0);
	was = s.index.head;
	index_room(&s.index, k + 1);
	memcpy(s.index.msg, data, k * sizeof *s.index.msg);
	s.index.head = was;
	s.index.head.count = k;
	must(index_lock(&s.index) == 0);
	must(index_save(&s.index, 0, k) == 0);
	index_unlock(&s.index);
	store_close(&s);
}

/* Read them all, as far as they can be. */
static void
read_all(struct store *s)
{
	struct store_reader r;
	struct str out = {0};
	struct cur raw;
	size_t i;

	for (i = 0; i < store_count(s); i++) {
		store_raw(s, store_msg(s, i)->uid, &raw);
		store_header(s, store_msg(s, i)->uid, &out);
		if (i >= store_count(s))
			break;
		if (store_read(s, store_msg(s, i)->uid, &r) < 0)
			continue;
		while (store_get(s, &r, &out) > 0 && out.n < 1 << 16)
			;
		store_read_end(s, &r);
		str_clear(&out);
	}
	str_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct store s;
	size_t i;

	if (!how.state)
		begin();
	if (n == 0)
		return 0;
	unlink(file);
	if (data[0] & 1)
		forge(data + 1, n - 1);
	else
		put(file, data + 1, n - 1);
	must(store_open(&s, box, &how) == 0);
	if (!(data[0] & 1)) {
		must(store_count(&s) == 3);
		for (i = 0; i < 3; i++)
			must(store_msg(&s, i)->uid > 0 &&
			     (i == 0 || store_msg(&s, i)->uid >
			                    store_msg(&s, i - 1)->uid));
	}
	read_all(&s);
	store_close(&s);
	return 0;
}
