/* mboxedit - a journal and an mbox of arbitrary bytes: no crash and no end-less
 * work, and an mbox that does not fit is not touched.
 * The first byte: 1 the rest is the journal itself, else it is turned into one
 * whose sums are right, so that what lies behind them is reached; 2 the sum of
 * what is around the place is right, too; 4 the token stands there. */
#include "io.h"
#include "log.h"
#include "mboxwork.h"
#include "record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RAW = 1, AROUND = 2, TOKEN = 4, NUMBERS = 16, SCRIPT = 8192 };

int fdatasync(int fd);
int fsync(int fd);

/* Nothing needs to be durable here. */
int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

static char dir[] = "/tmp/facteur-fuzz.XXXXXX", box[64], journal[128];

static void
clean(void)
{
	unlink(journal);
	rmdir(dir);
}

static void
must(int ok)
{
	if (!ok)
		abort();
}

/* Numbers of two bytes; 0 when there are no more. */
static uint64_t
number(struct cur *c)
{
	int a = cur_get(c), b = cur_get(c);

	return b < 0 ? 0 : (uint64_t)(a << 8 | b) % 5000;
}

static void
put_script(struct cur *c, struct entry *e, struct str *s)
{
	uint64_t v[3], more = number(c) % 400;
	size_t i, k;

	e->edits = 1 + number(c) % 5;
	for (i = 0; i < e->edits; i++) {
		for (k = 0; k < 3; k++)
			v[k] = number(c);
		if (v[0] % 3 == 0)
			v[2] = v[1];
		str_add(s, v, sizeof v);
		more += v[2] * (1 + (v[2] == v[1]));
	}
	while (more-- > 0)
		str_addc(s, (char)cur_get(c));
	e->script = s->n;
	e->script_sum = sum_of(s->s, s->n);
}

/* A journal in which all sums are right. */
static void
make(struct cur *c, int how, const struct stat *st, int box, struct str *j)
{
	struct entry e = {.magic = "fedit01", .ino = st->st_ino};
	struct work w = {.f = &(struct edit_file){.fd = box}};
	struct str script = {0};

	e.seq = 1;
	e.phase = 1 + number(c) % 4;
	e.size = cur_peek(c) % 2 ? (uint64_t)st->st_size : number(c);
	e.step = number(c) % 3;
	e.patch = number(c) % 2;
	e.at = number(c);
	e.n = number(c);
	e.data = 2 * SCRIPT + number(c);
	e.hole = number(c);
	e.hole_len = number(c) % 2 ? 4096 : 0;
	e.room = 1 + number(c);
	put_script(c, &e, &script);
	memset(e.token, 'T', sizeof e.token);
	if ((how & TOKEN) &&
	    pwrite(box, e.token, JOURNAL_TOKEN, (off_t)e.at) != JOURNAL_TOKEN)
		abort();
	w.j.now = e;
	str_add(&w.s.data, script.s, script.n);
	if ((how & AROUND) && script_parse(&w.s, (size_t)e.edits) == 0)
		must(work_around(&w, &e.around) == 0);
	script_free(&w.s);
	str_add(j, "", 0);
	while (j->n < SCRIPT)
		str_addc(j, '\0');
	str_add(j, script.s, script.n);
	while (j->n < e.data)
		str_addc(j, '\0');
	str_add(j, c->p, cur_len(c));
	if (e.n <= j->n - e.data)
		e.check = sum_of(j->s + e.data, (size_t)e.n);
	e.sum = sum_of(&e.seq, sizeof e - offsetof(struct entry, seq));
	memcpy(j->s, &e, sizeof e);
	str_free(&script);
}

static void
save(const char *path, const char *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd >= 0 && io_writeall(fd, p, n) == 0);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cur c = {(const char *)p, (const char *)p + n};
	struct edit_file f = {-1, box, dir, getuid(), 0};
	struct str j = {0}, now = {0};
	char name[RECORD_NAME];
	size_t size;
	struct stat st;
	int how = cur_get(&c);

	if (!box[0]) {
		must(mkdtemp(dir) != NULL);
		snprintf(box, sizeof box, "%s/box", dir);
		record_name(name, "edit", box);
		snprintf(journal, sizeof journal, "%s/%s", dir, name);
		log_to("/dev/null");
		atexit(clean);
	}
	size = (size_t)number(&c);
	size = size > cur_len(&c) ? cur_len(&c) : size;
	save(box, c.p, size);
	f.fd = open(box, O_RDWR);
	must(f.fd >= 0 && fstat(f.fd, &st) == 0);
	p = (const uint8_t *)c.p;
	c.p += size;
	if (how >= 0 && how & RAW)
		str_add(&j, c.p, cur_len(&c));
	else
		make(&c, how < 0 ? 0 : how, &st, f.fd, &j);
	save(journal, j.s, j.n);
	(void)!mbox_edit_fix(&f);
	must(io_slurp(AT_FDCWD, box, 1 << 24, &now) == 0);
	if (how >= 0 && how & RAW)
		must(now.n == size && memcmp(now.s ? now.s : "", p, size) == 0);
	close(f.fd);
	unlink(box);
	str_free(&j);
	str_free(&now);
	return 0;
}
