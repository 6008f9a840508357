/* pop - any bytes as a whole POP3 session over a mailbox in memory.
 * The first byte says how it begins; what is behind the first byte 255 are messages,
 * with bytes 255 between them.
 * With: popd/pop.c popd/login.c popd/trans.c popd/drop.c popd/uidl.c popd/md5.c */
#include "popd/pop.h"
#include "log.h"
#include "mem.h"
#include "tests/fuzz/nogate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MESSAGES = 64, SEPARATOR = 0xff };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* --- a store.h in memory --- */

static struct cur message[MESSAGES];
static struct index_msg known[MESSAGES];
static size_t count, piece, left;

int
store_open(struct store *s, const char *path, const struct store_how *how)
{
	size_t i;

	*s = (struct store){.path = path, .how = *how};
	s->index.head.validity = 1700000000;
	for (i = 0; i < count; i++)
		known[i] = (struct index_msg){.uid = (uint32_t)(i * 3 + 1),
		                              .size = cur_len(&message[i])};
	return 0;
}

size_t
store_count(const struct store *s)
{
	(void)s;
	return count;
}

const struct index_msg *
store_msg(const struct store *s, size_t i)
{
	(void)s;
	if (i >= count)
		abort();
	return &known[i];
}

int
store_sync(struct store *s)
{
	(void)s;
	return 0;
}

ssize_t
store_find(const struct store *s, uint32_t uid)
{
	size_t i = (uid - 1) / 3;

	(void)s;
	return uid % 3 == 1 && i < count ? (ssize_t)i : -1;
}

/* Every seventh is gone, every eleventh breaks off. */
int
store_read(struct store *s, uint32_t uid, struct store_reader *r)
{
	(void)s;
	*r = (struct store_reader){.uid = uid};
	errno = ESTALE;
	if (uid % 7 == 0)
		return -1;
	r->box = mem_alloc(sizeof(size_t));
	left++;
	return 0;
}

ssize_t
store_get(struct store *s, struct store_reader *r, struct str *out)
{
	const struct cur *m = &message[r->uid / 3];
	size_t *off = r->box, n = cur_len(m) - *off;

	(void)s;
	if (n > piece)
		n = piece;
	if (r->uid % 11 == 0 && *off > 0) {
		errno = EIO;
		return -1;
	}
	str_add(out, m->p + *off, n);
	*off += n;
	return (ssize_t)n;
}

void
store_read_end(struct store *s, struct store_reader *r)
{
	(void)s;
	left--;
	free(r->box);
	r->box = NULL;
}

/* UIDs that there are, ascending. */
static void
check_uids(const uint32_t *uid, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (uid[i] % 3 != 1 || uid[i] / 3 >= count ||
		    (i > 0 && uid[i] <= uid[i - 1]))
			abort();
}

int
store_flag(struct store *s, const uint32_t *uid, size_t n,
           struct store_change *c)
{
	(void)s;
	(void)c;
	check_uids(uid, n);
	return 0;
}

int
store_keep(struct store *s)
{
	(void)s;
	return 0;
}

int
store_expunge(struct store *s, const uint32_t *uid, size_t n, size_t *gone)
{
	(void)s;
	check_uids(uid, n);
	*gone = n / 2;
	return n % 5 == 4 ? -1 : 0;
}

void
store_close(struct store *s)
{
	(void)s;
}

/* --- the session --- */

static struct cur
split(const uint8_t *p, size_t n)
{
	struct cur all = {(const char *)p, (const char *)p + n}, commands;
	const char sep[] = {(char)SEPARATOR, '\0'};

	cur_until(&all, sep, &commands);
	for (count = 0; count < MESSAGES && cur_get(&all) >= 0; count++)
		cur_until(&all, sep, &message[count]);
	return commands;
}

/* The input as a file: poll(2) finds it readable to its end. */
static int
as_input(const struct cur *c)
{
	static char name[] = "/tmp/facteur-fuzz.XXXXXX";
	static int fd = -1;

	if (fd < 0 && ((fd = mkstemp(name)) < 0 || unlink(name) < 0))
		abort();
	if (ftruncate(fd, 0) < 0 ||
	    pwrite(fd, c->p, cur_len(c), 0) != (ssize_t)cur_len(c) ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char ours[] = "ours", uw[] = "uw", dovecot[] = "dovecot",
	            popa3d[] = "popa3d", xuidl[] = "xuidl", none[] = "",
	            host[] = "a.test", bob[] = "bob";
	static char *const forms[] = {ours, uw, dovecot, popa3d, xuidl};
	const struct user user = {.name = bob, .home = none};
	static struct session s;
	struct conf conf = {.hostname = host,
	                    .state = none,
	                    .mailbox = none,
	                    .error_limit = 20};
	struct judge j = {.end = -1};
	struct cur commands;
	int end = POP_LOGIN, out;

	if (n == 0)
		return 0;
	log_to("/dev/null");
	j.end = p[0] & 128 ? 0 : -1;
	conf.uidl = forms[p[0] / 4 % 5];
	piece = 1 + (size_t)p[0] % 4 * 100;
	commands = split(p + 1, n - 1);
	out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	s = (struct session){
	    .conf = &conf, .judge = &j, .state = p[0] & 128 ? CLEAR : STRANGER};
	io_init(&s.io, as_input(&commands), out);
	s.io.lf = p[0] & 2;
	if (p[0] & 1)
		end = pop_run(&s);
	if (end == POP_LOGIN) {
		s.state = USER;
		if (drop_open(&s.drop, &conf, &user, false) < 0)
			abort();
		if (pop_run(&s) != POP_QUIT)
			drop_update(&s.drop, false);
		drop_close(&s.drop);
	}
	if (left != 0 || s.drop.open)
		abort();
	io_free(&s.io);
	close(out);
	return 0;
}
