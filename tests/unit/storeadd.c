/* storeadd - messages that are added come out as they went in, in both kinds of
 * mailbox, with the UIDs, flags, keywords and dates that they were given; and are
 * there again when the index is lost. */
#include "io.h"
#include "log.h"
#include "record.h"
#include "store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FROM_LINE "From a@x Sat Nov 21 19:54:01 2026\r\n"

static char dir[] = "/tmp/facteur-add.XXXXXX";
static char state[80], box[80], folder[80], text[80];
static int fd; /* of the texts */
static struct store_how how;

/* What goes in, what comes out (NULL: the same), and out of a Maildir (NULL: as out
 * of the mbox). */
static const struct {
	const char *in, *out, *dir;
} ugly[] = {
    {"Subject: a\r\n\r\nb\r\n",                                       NULL,                                                      NULL                                                       },
    {"Subject: a\n\nb\n",                                             "Subject: a\r\n\r\nb\r\n",                                 NULL                                                       },
    {"Subject: a\r\n\r\n",                                            NULL,                                                      NULL                                                       },
    {"Subject: a\r\n",                                                "Subject: a\r\n\r\n",                                      "Subject: a\r\n"                                           },
    {"Subject: a",                                                    "Subject: a\r\n\r\n",                                      "Subject: a"                                               },
    {"",                                                              "\r\n",                                                    ""                                                         },
    {"\r\n",                                                          NULL,                                                      NULL                                                       },
    {"\r\n\r\n\r\n",                                                  NULL,                                                      NULL                                                       },
    {"\r\nbody\r\n",                                                  NULL,                                                      NULL                                                       },
    {"no header\r\nat all\r\n",                                       "\r\nno header\r\nat all\r\n",
     "no header\r\nat all\r\n"                                                                                                                                                              },
    {" x\r\n y\r\n",                                                  "\r\n x\r\n y\r\n",                                        " x\r\n y\r\n"                                             },
    {"From here to there\r\n",                                        "\r\nFrom here to there\r\n",
     "From here to there\r\n"                                                                                                                                                               },
    {">From here\r\n",                                                "\r\n>From here\r\n",                                      ">From here\r\n"                                           },
    {"From a@x Sat Nov 21 19:54:01 2026\r\nA: b\r\n\r\nc\r\n",
     "A: b\r\n\r\nc\r\n",                                                                                                        NULL                                                       },
    {">From a@x Sat Nov 21 19:54:01 2026\r\nA: b\r\n\r\nc\r\n",
     "A: b\r\n\r\nc\r\n",                                                                                                        NULL                                                       },
    {"A: b\r\n\r\nFrom a@x Sat Nov 21 19:54:01 2026\r\nA: b\r\n\r\n", NULL,
     NULL                                                                                                                                                                                   },
    {"A: b\r\n\r\n>From x\r\n>>>From y\r\nFrom\r\n>Fro\r\nFrom ",
     "A: b\r\n\r\n"
     ">From x\r\n>>>From y\r\nFrom\r\n>Fro\r\nFrom \r\n",                                                                        "A: b\r\n\r\n>From x\r\n>>>From y\r\nFrom\r\n>Fro\r\nFrom "},
    {"A: b\r\nFrom : jo\r\n>From : kim\r\n\r\nc\r\n",                 NULL,                                                      NULL                                                       },
    {"From : jo\r\nA: b\r\n\r\nc\r\n",                                NULL,                                                      NULL                                                       },
    {"A: b\r\nFrom x\r\n\r\nc\r\n",                                   "A: b\r\n\r\nFrom x\r\n\r\nc\r\n",
     "A: b\r\nFrom x\r\n\r\nc\r\n"                                                                                                                                                          },
    {"A: b\r\n\r\nc\r\n\r\n\r\n\r\n",                                 NULL,                                                      NULL                                                       },
    {"A: b\r\n\r\nno end",                                            "A: b\r\n\r\nno end\r\n",                                  "A: b\r\n\r\nno end"                                       },
    {"A: b\r\n\r\na\rb\r\r\nc\r\r\r\n\r",                             "A: b\r\n\r\na\rb\r\r\nc\r\r\r\n\r\n",
     "A: b\r\n\r\na\rb\r\r\nc\r\r\r\n\r"                                                                                                                                                    },
    {"A: b\r\n folded\r\n\tmore\r\nStatus: RO\r\nX-Status: A\r\nx-uid: 7\r\n"
     "Content-Length: 3\r\n also\r\nLines: 1\r\nX-IMAPbase: 1 2\r\nX-IMAP: 1 "
     "2\r\n"
     "X-Keywords: a\r\n b\r\nC: d\r\n\r\nStatus: RO\r\n",        "A: b\r\n folded\r\n\tmore\r\nC: d\r\n\r\nStatus: RO\r\n", NULL                                                       },
    {"Status: RO\r\n\r\n",                                            "\r\n",                                                    NULL                                                       },
    {"A: b\r\nbad line\r\nC: d\r\n\r\n",                              "A: b\r\n\r\nbad line\r\nC: d\r\n\r\n",
     "A: b\r\nbad line\r\nC: d\r\n\r\n"                                                                                                                                                     },
    {"From: Mail System Internal Data <x>\r\nTo: x\r\n\r\nb\r\n",     NULL,                                                      NULL                                                       },
    {"Subject: \xfc\xff\r\n\r\n\x80\r\n",                             NULL,                                                      NULL                                                       },
};

enum { UGLY = sizeof ugly / sizeof *ugly };

static void
wipe(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(1);
	}
	assert(waitpid(pid, NULL, 0) == pid);
}

static void
begin(void)
{
	wipe(state);
	wipe(box);
	wipe(folder);
	assert(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
}

static struct store_new new (const char *p, size_t n)
{
	off_t off = lseek(fd, 0, SEEK_END);

	assert(off >= 0 && io_writeall(fd, p, n) == 0);
	return (struct store_new){
	    .fd = fd, .off = (uint64_t)off, .len = n, .date = 1700000000};
}

static struct str
get(struct store *s, uint32_t uid)
{
	struct store_reader r;
	struct str out = {0};
	ssize_t n;

	str_adds(&out, "");
	assert(store_read(s, uid, &r) == 0);
	while ((n = store_get(s, &r, &out)) > 0)
		;
	assert(n == 0);
	store_read_end(s, &r);
	return out;
}

/* Message uid is n bytes at want, whole and by its header. */
static void
is(struct store *s, uint32_t uid, const char *want, size_t n)
{
	ssize_t i = store_find(s, uid);
	struct str got = get(s, uid), head = {0};
	struct cur raw;
	size_t own;
	int bare;

	assert(i >= 0);
	if (got.n != n || memcmp(got.s, want, n) != 0)
		fprintf(stderr, "%s\n---\n%s\n", want, got.s);
	assert(got.n == n && memcmp(got.s, want, n) == 0);
	assert(store_msg(s, (size_t)i)->size == n);
	str_adds(&head, "x");
	assert((bare = store_header(s, uid, &head)) >= 0);
	assert(head.n >= 1 + 2 || n < 2);
	own = head.n - 1 - (bare ? 2 : 0);
	if (n > own)
		assert(memcmp(head.s + 1, want, own) == 0);
	assert(store_raw(s, uid, &raw) == 1);
	assert(cur_len(&raw) >= n / 2);
	str_free(&got);
	str_free(&head);
}

static void
check_ugly(struct store *s, const uint32_t *uid, bool maildir)
{
	size_t i;

	assert(store_count(s) == UGLY);
	for (i = 0; i < UGLY; i++) {
		const char *want = ugly[i].out ? ugly[i].out : ugly[i].in;
		const struct index_msg *m = store_msg(s, i);
		unsigned old;

		if (maildir && ugly[i].dir)
			want = ugly[i].dir;
		assert(uid[i] == i + 1 && m->uid == uid[i]);
		assert(m->date == 1700000000 + (int64_t)i);
		/* What has flags lies in cur/. */
		old = maildir && i % 64 > 0 ? FLAG_OLD : 0;
		assert(m->flags == (i % 64 | old));
		is(s, uid[i], want, strlen(want));
	}
}

/* All at once, or one by one. */
static void
round_trip(const char *path, bool at_once)
{
	bool maildir = path == folder;
	struct store_new v[UGLY];
	uint32_t uid[UGLY], validity;
	struct store s, t;
	size_t i;

	begin();
	assert(store_open(&s, path, &how) == 0);
	assert(store_open(&t, path, &how) == 0);
	for (i = 0; i < UGLY; i++) {
		v[i] = new (ugly[i].in, strlen(ugly[i].in));
		v[i].date += (int64_t)i;
		v[i].flags = (unsigned)i % 64;
		if (!at_once) {
			assert(store_add(i % 2 ? &s : &t, &v[i], 1, &uid[i]) ==
			       0);
			assert(store_count(i % 2 ? &s : &t) == i + 1);
		}
	}
	if (at_once)
		assert(store_add(&s, v, UGLY, uid) == 0);
	assert(store_sync(&s) >= 0 && store_sync(&t) >= 0);
	validity = s.index.head.validity;
	assert(t.index.head.validity == validity && validity > 0);
	check_ugly(&s, uid, maildir);
	store_close(&s);
	store_close(&t);
	/* Its bytes alone tell the same. */
	if (!maildir) {
		wipe(state);
		assert(store_open(&s, path, &how) == 0);
		assert(s.index.head.validity == validity);
		check_ugly(&s, uid, false);
		store_close(&s);
	}
}

/* A header, or a body, or a line that is larger than any buffer; NUL. */
static void
large(const char *path)
{
	static const char nul[] = "A: b\r\nC: \0d\r\n\r\n\0\r\n\0";
	struct str a = {0}, b = {0}, head = {0};
	struct store_new v[3];
	uint32_t uid[3];
	struct cur raw;
	struct store s;
	size_t i;

	begin();
	for (i = 0; i < 40000; i++)
		str_addf(&a, "X-%zu: %s\r\n", i,
		         i % 3 ? "some value" : "\r\n b");
	str_adds(&a, "\r\nFrom x\r\n");
	str_adds(&b, "L: ");
	for (i = 0; i < 3000000; i++)
		str_addc(&b, i % 70000 == 5 ? '\r' : 'x');
	str_adds(&b, "\r\n\r\n");
	for (i = 0; i < 3000000; i++)
		str_addc(&b, i % 5 ? '>' : '\r');
	str_adds(&b, "\r\n");
	v[0] = new (a.s, a.n);
	v[1] = new (b.s, b.n);
	v[2] = new (nul, sizeof nul - 1);
	assert(store_open(&s, path, &how) == 0);
	assert(store_add(&s, v, 3, uid) == 0 && store_count(&s) == 3);
	assert(store_header(&s, uid[0], &head) >= 0);
	assert(head.n <= STORE_HEADER + 2);
	assert(memcmp(head.s + head.n - 4, "\r\n\r\n", 4) == 0);
	assert(memcmp(head.s, a.s, head.n - 2) == 0);
	str_clear(&head);
	assert(store_header(&s, uid[1], &head) >= 0);
	assert(head.n == 2 && memcmp(head.s, "\r\n", 2) == 0);
	assert(store_raw(&s, uid[1], &raw) == 0);
	str_free(&head);
	head = get(&s, uid[0]);
	assert(head.n == a.n && memcmp(head.s, a.s, a.n) == 0);
	str_free(&head);
	head = get(&s, uid[1]);
	assert(head.n == b.n && memcmp(head.s, b.s, b.n) == 0);
	str_free(&head);
	head = get(&s, uid[2]);
	assert(head.n >= sizeof nul - 1 &&
	       memcmp(head.s, nul, sizeof nul - 1) == 0);
	str_free(&head);
	str_free(&a);
	str_free(&b);
	store_close(&s);
}

/* Random bytes of the kind that matter, in the form that an mbox gives them: they go in
 * again and are the same. */
static void
fixed_point(const char *path, unsigned rounds)
{
	static const char *const bits[] = {
	    "\r",      "\n",       "\r\n",     "From ",    ">",
	    "x",       "\r\n\r\n", "A: b\r\n", "Status: ", " ",
	    FROM_LINE, ": ",       "From ",    ">From "};
	unsigned long long seed = 1;
	struct store s;
	unsigned k;

	begin();
	assert(store_open(&s, path, &how) == 0);
	for (k = 0; k < rounds; k++) {
		struct str in = {0}, once, twice;
		struct store_new v;
		uint32_t uid[2];
		unsigned n;

		str_adds(&in, "");
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		for (n = (unsigned)(seed >> 40) % 30; n > 0; n--) {
			seed = seed * 6364136223846793005ULL +
			       1442695040888963407ULL;
			str_adds(
			    &in,
			    bits[(seed >> 33) % (sizeof bits / sizeof *bits)]);
		}
		v = new (in.s, in.n);
		assert(store_add(&s, &v, 1, &uid[0]) == 0);
		once = get(&s, uid[0]);
		v = new (once.s, once.n);
		assert(store_add(&s, &v, 1, &uid[1]) == 0);
		assert(store_count(&s) == 2 * k + 2 && uid[1] == uid[0] + 1);
		twice = get(&s, uid[1]);
		if (twice.n != once.n || memcmp(twice.s, once.s, once.n) != 0)
			fprintf(stderr, "[%s]\n[%s]\n[%s]\n", in.s, once.s,
			        twice.s);
		assert(twice.n == once.n &&
		       memcmp(twice.s, once.s, once.n) == 0);
		str_free(&in);
		str_free(&once);
		str_free(&twice);
	}
	store_close(&s);
}

static void
keywords(const char *path)
{
	struct cur word = cur_of("$Forwarded"), other = cur_of("Work");
	struct store_new v = new ("A: b\r\n\r\nc\r\n", 11);
	struct store s, t;
	uint32_t uid;
	int a, b;

	begin();
	v = new ("A: b\r\n\r\nc\r\n", 11);
	assert(store_open(&s, path, &how) == 0);
	assert(store_open(&t, path, &how) == 0);
	a = store_keyword(&s, &word, true);
	b = store_keyword(&t, &other, true);
	assert(a >= 0 && b >= 0 && a != b);
	assert(store_keyword(&t, &word, true) == a &&
	       store_keyword(&s, &other, true) == b);
	v.keywords = UINT64_C(1) << a | UINT64_C(1) << b;
	v.flags = FLAG_SEEN;
	assert(store_add(&s, &v, 1, &uid) == 0);
	assert(store_msg(&s, 0)->keywords == v.keywords);
	assert(store_msg(&s, 0)->flags & FLAG_SEEN);
	assert(store_msg(&s, 0)->saved >= 1700000000);
	assert(store_sync(&t) == 1 && store_count(&t) == 1);
	assert(store_msg(&t, 0)->saved == store_msg(&s, 0)->saved);
	store_close(&s);
	store_close(&t);
	wipe(state);
	assert(store_open(&s, path, &how) == 0);
	a = store_keyword(&s, &word, true);
	assert(store_msg(&s, 0)->keywords >> a & 1);
	store_close(&s);
}

/* Somebody dies when the mailbox has the messages and the index has not. */
static void
late(const char *path)
{
	char file[200], name[RECORD_NAME];
	struct store_new v[3];
	struct str old = {0};
	uint32_t uid[3], validity;
	struct store s;
	size_t i;
	int x;

	begin();
	for (i = 0; i < 3; i++) {
		v[i] = new ("A: b\r\n\r\nc\r\n", 11);
		v[i].flags = FLAG_FLAGGED | FLAG_OLD;
	}
	record_name(name, "index", path);
	snprintf(file, sizeof file, "%s/%s", state, name);
	assert(store_open(&s, path, &how) == 0);
	assert(store_add(&s, v, 1, uid) == 0);
	assert(store_keep(&s) == 0);
	validity = s.index.head.validity;
	assert(io_slurp(AT_FDCWD, file, 1 << 20, &old) == 0);
	assert(store_add(&s, v, 3, uid) == 0 && uid[2] == 4);
	store_close(&s);
	x = open(file, O_WRONLY | O_TRUNC);
	assert(x >= 0 && io_writeall(x, old.s, old.n) == 0);
	close(x);
	str_free(&old);
	assert(store_open(&s, path, &how) == 0);
	assert(s.index.head.validity == validity && store_count(&s) == 4);
	for (i = 0; i < 4; i++) {
		assert(store_msg(&s, i)->uid == i + 1);
		assert(store_msg(&s, i)->flags & FLAG_FLAGGED);
		is(&s, (uint32_t)i + 1, "A: b\r\n\r\nc\r\n", 11);
	}
	store_close(&s);
}

/* What cannot be read is not added, and nothing with it. */
static void
none(const char *path)
{
	struct store_new v[2];
	struct store s;
	uint32_t uid[2];

	begin();
	v[0] = new ("A: b\r\n\r\nc\r\n", 11);
	v[1] = v[0];
	v[1].len += 5;
	assert(store_open(&s, path, &how) == 0);
	assert(store_add(&s, v, 2, uid) < 0 && errno == EIO);
	assert(store_count(&s) == 0 && store_sync(&s) >= 0);
	assert(store_count(&s) == 0);
	assert(store_add(&s, v, 1, uid) == 0 && store_count(&s) == 1);
	assert(uid[0] == 1);
	store_close(&s);
}

/* Without a place for records. */
static void
in_memory(const char *path)
{
	struct store_how bare = {.owner = getuid(), .patience = 100};
	struct store_new v;
	struct store s;
	uint32_t uid;

	begin();
	v = new ("A: b\r\n\r\nc\r\n", 11);
	assert(store_open(&s, path, &bare) == 0);
	assert(store_add(&s, &v, 1, &uid) == 0 && uid == 1);
	assert(store_add(&s, &v, 1, &uid) == 0 && uid == 2);
	is(&s, 2, "A: b\r\n\r\nc\r\n", 11);
	store_close(&s);
}

int
main(void)
{
	const char *path[2] = {box, folder};
	int i;

	log_stderr(false);
	assert(mkdtemp(dir));
	snprintf(box, sizeof box, "%s/box", dir);
	snprintf(folder, sizeof folder, "%s/Maildir/", dir);
	snprintf(state, sizeof state, "%s/state", dir);
	snprintf(text, sizeof text, "%s/text", dir);
	how = (struct store_how){
	    .state = state, .owner = getuid(), .patience = 100};
	fd = open(text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert(fd >= 0);
	for (i = 0; i < 2; i++) {
		round_trip(path[i], true);
		round_trip(path[i], false);
		large(path[i]);
		keywords(path[i]);
		late(path[i]);
		none(path[i]);
		in_memory(path[i]);
	}
	fixed_point(box, 200);
	wipe(dir);
	return 0;
}
