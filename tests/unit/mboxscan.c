/* mboxscan - the oddities of real mailboxes, one table row each; the window's
 * edges; and messages that are larger than memory should be. */
#include "mboxscan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* A From_ line, and another. */
#define A "From a@x Sat Nov 21 19:54:01 2026\n"
#define B "From b@x Sun Nov 22 08:00:00 2026\n"

/* A file in memory that gives at most step bytes a call. */
struct file {
	const char *p;
	size_t n, step;
};

static ssize_t
read_file(void *arg, uint64_t off, void *p, size_t n)
{
	const struct file *f = arg;

	if (off >= f->n)
		return 0;
	if (n > f->n - off)
		n = f->n - (size_t)off;
	if (n > f->step)
		n = f->step;
	memcpy(p, f->p + off, n);
	return (ssize_t)n;
}

/* What a message is on the wire, in portions of step bytes. */
static void
show(const struct scan_msg *m, const char *file, size_t step, struct str *out)
{
	const char *p = file + m->off, *e = p + m->end;
	size_t n = out->n;
	struct wire w;

	wire_begin(&w);
	for (; p < e; p += step)
		wire_feed(&w, p,
		          (size_t)(e - p) < step ? (size_t)(e - p) : step, out);
	wire_end(&w, out);
	assert(out->n - n == m->size);
}

static const struct row {
	const char *what, *file;
	const char *wire; /* of all messages, '|' before each */
} rows[] = {
    {"empty file",                                 "",                                             ""                                    },
    {"empty lines only",                           "\n\r\n\n",                                     ""                                    },
    {"one",                                        A "S: 1\n\nbody\n\n",                           "|S: 1\r\n\r\nbody\r\n"               },
    {"two",                                        A "S: 1\n\nx\n\n" B "S: 2\n\ny\n\n",
     "|S: 1\r\n\r\nx\r\n|S: 2\r\n\r\ny\r\n"                                                                                              },
    {"empty lines first",                          "\n\n\r\n" A "S: 1\n\nx\n\n",                   "|S: 1\r\n\r\nx\r\n"                  },
    {"CRLF",
     "From a@x Sat Nov 21 19:54:01 2026\r\nS: 1\r\n\r\nx\r\n\r\n"
     "From b@x Sat Nov 21 19:54:01 2026\r\nS: 2\r\n\r\ny\r\n\r\n",                                 "|S: 1\r\n\r\nx\r\n|S: 2\r\n\r\ny\r\n"},
    {"LF and CRLF mixed",                          A "S: 1\n\r\nx\ny\r\n\r\n" B "S: 2\r\n\ny\n\n",
     "|S: 1\r\n\r\nx\r\ny\r\n|S: 2\r\n\r\ny\r\n"                                                                                         },
    {"CR alone",                                   A "S: 1\n\na\rb\r\r\n\n",                       "|S: 1\r\n\r\na\rb\r\r\n"             },
    {"8-bit and NUL",                              A "S: \xe4\n\n\xff\xfe\n\n",
     "|S: \xe4\r\n\r\n\xff\xfe\r\n"                                                                                                      },
    {"no newline at the end",                      A "S: 1\n\nx",                                  "|S: 1\r\n\r\nx\r\n"                  },
    {"half a line end",                            A "S: 1\n\nx\r",                                "|S: 1\r\n\r\nx\r\n"                  },
    {"no empty line at the end",                   A "S: 1\n\nx\n",                                "|S: 1\r\n\r\nx\r\n"                  },
    {"two empty lines at the end",                 A "S: 1\n\nx\n\n\n",
     "|S: 1\r\n\r\nx\r\n\r\n"                                                                                                            },
    {"empty body",                                 A "S: 1\n\n\n" B "S: 2\n\n\n",                  "|S: 1\r\n\r\n|S: 2\r\n\r\n"          },
    {"empty body without empty line",              A "S: 1\n\n" B "S: 2\n\n",
     "|S: 1\r\n\r\n|S: 2\r\n\r\n"                                                                                                        },
    {"header without end",                         A "S: 1\n",                                     "|S: 1\r\n\r\n"                       },
    {"header with half a line end",                A "S: 1\r",                                     "|S: 1\r\n\r\n"                       },
    {"header without end of line",                 A "S: 1",                                       "|S: 1\r\n\r\n"                       },
    {"header without end, then another",           A "S: 1\n" B "S: 2\n\ny\n",
     "|S: 1\r\n\r\n|S: 2\r\n\r\ny\r\n"                                                                                                   },
    {"private field at the end",                   A "S: 1\nX-UID: 1",                             "|S: 1\r\n\r\n"                       },
    {"From_ line only",                            A,                                              "|\r\n"                               },
    {"From_ line without end",                     "From a@x Sat Nov 21 19:54:01 2026",            "|\r\n"                               },
    {"From_ line at the end",                      A "S: 1\n\nx\n\n" B,                            "|S: 1\r\n\r\nx\r\n|\r\n"             },
    {"From_ line at the end without empty line",   A "S: 1\n\nx\n" B,
     "|S: 1\r\n\r\nx\r\nFrom b@x Sun Nov 22 08:00:00 2026\r\n"                                                                           },
    {"From_ line after From_ line",                A B "S: 2\n\ny\n",
     "|\r\n|S: 2\r\n\r\ny\r\n"                                                                                                           },
    {"body without header",                        A "Hello there\nyou\n\n",
     "|\r\nHello there\r\nyou\r\n"                                                                                                       },
    {"no header",                                  A "\nbody\n\n",                                 "|\r\nbody\r\n"                       },
    {"line in the header that is no field",        A "S: 1\njunk\nT: 2\n\nx\n\n",
     "|S: 1\r\n\r\njunk\r\nT: 2\r\n\r\nx\r\n"                                                                                            },
    {"fold without field",                         A " fold\nS: 1\n\n",                            "|\r\n fold\r\nS: 1\r\n"              },
    {"blank before the colon",                     A "S : 1\nStatus : R\n\nx\n",
     "|S : 1\r\n\r\nx\r\n"                                                                                                               },
    {"missing empty line",                         A "S: 1\n\nx\n" B "S: 2\n\ny\n\n",
     "|S: 1\r\n\r\nx\r\n|S: 2\r\n\r\ny\r\n"                                                                                              },
    {"missing empty line and no header behind",    A "S: 1\n\nx\n" B "y\n\n",
     "|S: 1\r\n\r\nx\r\nFrom b@x Sun Nov 22 08:00:00 2026\r\ny\r\n"                                                                      },
    {"empty line and no header behind",            A "S: 1\n\nx\n\n" B "y\n\n",
     "|S: 1\r\n\r\nx\r\n|\r\ny\r\n"                                                                                                      },
    {"CRLF, and no header behind",                 A "S: 1\r\n\r\nx\r\n\r\n" B "y\r\n\r\n",
     "|S: 1\r\n\r\nx\r\n|\r\ny\r\n"                                                                                                      },
    {"From without date",                          A "S: 1\n\nx\n\nFrom me to you\nT: 2\n\ny\n\n",
     "|S: 1\r\n\r\nx\r\n\r\nFrom me to you\r\nT: 2\r\n\r\ny\r\n"                                                                         },
    {"zone and no seconds",
     "From a@x Sat Nov 21 19:54 MET DST 2026\nS: 1\n\nx\n\n"
     "From  b@x  Sun Nov  1 08:00:00 2026 +0100\nS: 2\n\ny\n\n",                                   "|S: 1\r\n\r\nx\r\n|S: 2\r\n\r\ny\r\n"},
    {"quoted",
     A "S: 1\n\n>From a\n>>From b\n>>>>From c\n>from\n> From\n>Fromm\n>\n\n",
     "|S: 1\r\n\r\nFrom a\r\n>From b\r\n>>>From c\r\n>from\r\n> From\r\n"
     ">Fromm\r\n>\r\n"                                                                                                                   },
    {"quoted at the end",                          A "S: 1\n\n>From ",                             "|S: 1\r\n\r\nFrom \r\n"              },
    {"all but quoted at the end",                  A "S: 1\n\n>>From",
     "|S: 1\r\n\r\n>>From\r\n"                                                                                                           },
    {"old From_ lines before the header",
     A ">From b Sun Nov 22 08:00:00 2026 remote from c\n>From x\nS: 1\n\nx\n",
     "|S: 1\r\n\r\nx\r\n"                                                                                                                },
    {"old From_ line behind",                      A "S: 1\n\nx\n" B ">From a\nS: 2\n\ny\n",
     "|S: 1\r\n\r\nx\r\n|S: 2\r\n\r\ny\r\n"                                                                                              },
    {"quoted From_ line in the header",            A "S: 1\n>From a\nx\n\n",
     "|S: 1\r\n\r\nFrom a\r\nx\r\n"                                                                                                      },
    {"quoted field",                               A "S: 1\n>From : jo\nT: 2\n\nx\n\n",
     "|S: 1\r\nFrom : jo\r\nT: 2\r\n\r\nx\r\n"                                                                                           },
    {"private fields",
     A "Status: RO\nX-Status: A\nS: 1\nX-Keywords: a\n\tb\n c\nx-uid: 7\n"
       "X-IMAPbase: 1 2\nX-Pad:  \n  \nContent-Length: 99\nLines: 1\nT: 2\n\n"
       "Status: x\n\n",                                                                            "|S: 1\r\nT: 2\r\n\r\nStatus: x\r\n"  },
    {"not quite private",                          A "Statuss: 1\nXStatus: 2\nStatu: 3\n\nx\n\n",
     "|Statuss: 1\r\nXStatus: 2\r\nStatu: 3\r\n\r\nx\r\n"                                                                                },
 /* 40 bytes are a whole message. */
    {"Content-Length",
     A "Content-Length: 47\n\n" A "S: 3\n\nxyzxyz\n\n" B "S: 2\n\n",
     "|\r\nFrom a@x Sat Nov 21 19:54:01 2026\r\nS: 3\r\n\r\nxyzxyz\r\n|S: 2"
     "\r\n\r\n"                                                                                                                          },
    {"Content-Length without the last line's end",
     A "Content-Length: 46\n\n" A "S: 3\n\nxyzxyz\n\n" B "S: 2\n\n",
     "|\r\nFrom a@x Sat Nov 21 19:54:01 2026\r\nS: 3\r\n\r\nxyzxyz\r\n|S: 2"
     "\r\n\r\n"                                                                                                                          },
    {"Content-Length to the end of the file",
     A "Content-Length: 47\n\n" A "S: 3\n\nxyzxyz\n",
     "|\r\nFrom a@x Sat Nov 21 19:54:01 2026\r\nS: 3\r\n\r\nxyzxyz\r\n"                                                                  },
    {"Content-Length too large",
     A "Content-Length: 48\n\nx\n\n" A "S: 3\n\nxyzxyz\n",                                         /* one too many */
     "|\r\nx\r\n|S: 3\r\n\r\nxyzxyz\r\n"                                       },
    {"Content-Length too small",
     A "Content-Length: 1\n\nx\nyyyyy\n\n" B "S: 2\n\n",
     "|\r\nx\r\nyyyyy\r\n|S: 2\r\n\r\n"                                                                                                  },
    {"Content-Length enormous",
     A "Content-Length: 18446744073709551617\n\nx\n\n" B "S: 2\n\n",
     "|\r\nx\r\n|S: 2\r\n\r\n"                                                                                                           },
    {"Content-Length large",
     A "Content-Length: 4611686018427387903\n\nx\n\n" B "S: 2\n\n",
     "|\r\nx\r\n|S: 2\r\n\r\n"                                                                                                           },
    {"Content-Length to the middle of a line",
     A "Content-Length: 1\n\nx" B "y\n",
     "|\r\nxFrom b@x Sun Nov 22 08:00:00 2026\r\ny\r\n"                                                                                  },
    {"Content-Length is none",                     A "Content-Length: 4x\n\nx\n\n" B "S: 2\n\n",
     "|\r\nx\r\n|S: 2\r\n\r\n"                                                                                                           },
};

static void
test_row(const struct row *r, size_t step)
{
	struct file f = {r->file, strlen(r->file), step};
	struct scan *s = scan_open(read_file, &f, 0);
	struct scan_msg m;
	struct str out = {0};
	uint64_t off = 0;
	int n = 0;

	while (scan_next(s, &m) > 0) {
		assert(n++ == 0 || m.off == off);
		off = m.off + m.len;
		assert(m.from <= m.body && m.body <= m.end && m.end <= m.len);
		assert(m.hash != 0 && m.date > 0);
		str_addc(&out, '|');
		show(&m, f.p, step, &out);
	}
	assert(n == 0 || off == f.n);
	str_addc(&out, '\0');
	if (strcmp(out.s, r->wire) != 0) {
		fprintf(stderr, "%s (by %zu):\n%s\n--- not:\n%s\n", r->what,
		        step, out.s, r->wire);
		abort();
	}
	str_free(&out);
	scan_close(s);
}

/* Scan one message. */
static struct scan_msg
first(const char *file, struct scan **keep)
{
	struct file f = {file, strlen(file), SIZE_MAX};
	struct scan *s = scan_open(read_file, &f, 0);
	struct scan_msg m;

	assert(scan_next(s, &m) == 1);
	if (keep)
		*keep = s;
	else
		scan_close(s);
	return m;
}

static uint64_t
hash(const char *file)
{
	return first(file, NULL).hash;
}

static void
test_no_mbox(void)
{
	static const char *const no[] = {
	    "x", "S: 1\n\n" A "S: 2\n\n", "From me to you\n", ">" A, " " A,
	};
	size_t i;

	for (i = 0; i < sizeof no / sizeof *no; i++) {
		struct file f = {no[i], strlen(no[i]), SIZE_MAX};
		struct scan *s = scan_open(read_file, &f, 0);
		struct scan_msg m;

		errno = 0;
		assert(scan_next(s, &m) == -1 && errno == EILSEQ);
		scan_close(s);
	}
}

static ssize_t
read_fails(void *arg, uint64_t off, void *p, size_t n)
{
	struct file *f = arg;

	if (off < f->step)
		return read_file(arg, off, p, n);
	errno = EIO;
	return -1;
}

static ssize_t
read_far_fails(void *arg, uint64_t off, void *p, size_t n)
{
	if (off < 1000)
		return read_file(arg, off, p, n);
	errno = EIO;
	return -1;
}

/* Whatever cannot be read, it is told. */
static void
test_error(void)
{
	static const char text[] =
	    A "S: 1\nContent-Length: 9\n\nx\n\n" B "S: 2\n\n";
	static const char far[] = A "Content-Length: 2000\n\nx\n";
	struct file f = {text, sizeof text - 1, 0};
	struct scan_msg m;
	struct scan *s;
	int r;

	for (f.step = 1; f.step < f.n; f.step++) {
		s = scan_open(read_fails, &f, 0);
		while ((r = scan_next(s, &m)) > 0)
			;
		assert(r == -1 && errno == EIO);
		scan_close(s);
	}
	f = (struct file){far, sizeof far - 1, SIZE_MAX};
	s = scan_open(read_far_fails, &f, 0);
	assert(scan_next(s, &m) == -1 && errno == EIO);
	scan_close(s);
}

static bool
is(const struct cur *c, const char *z)
{
	return cur_len(c) == strlen(z) && memcmp(c->p, z, cur_len(c)) == 0;
}

static void
test_fields(void)
{
	struct scan *s;
	struct scan_msg m;

	m = first(A "Status: RO\nX-Status: AFDT\nX-UID: 4294967295\n"
	            "X-Keywords: work  $Junk\n later \nX-Keywords:   \n\nx\n",
	          &s);
	assert(m.flags == (FLAG_SEEN | FLAG_OLD | FLAG_ANSWERED | FLAG_FLAGGED |
	                   FLAG_DELETED | FLAG_DRAFT));
	assert(m.uid == 4294967295u && is(&m.keywords, "work  $Junk later"));
	assert(!m.internal && m.validity == 0);
	scan_close(s);

	m = first(A "status:O\nX-UID: 4294967296\n"
	            "X-IMAPbase: 1234567890 0000000042 a\n\tb \n\n",
	          &s);
	assert(m.flags == FLAG_OLD && m.uid == 0 && is(&m.keywords, ""));
	assert(m.validity == 1234567890 && m.last == 42 && !m.internal);
	scan_close(s);

	m = first(A "X-UID: 12 \nX-UID: -1\nX-Status: RO\nStatus: AFDT\n"
	            "X-IMAPbase: 1\n\n",
	          NULL);
	assert(m.uid == 12 && m.flags == 0 && m.validity == 0);
}

static void
test_internal(void)
{
#define TOLD "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"
	static const char two[] = A "S: 1\n\n" B "X-IMAP: 1 2\n\n";
	struct file f = {two, sizeof two - 1, SIZE_MAX};
	struct scan *s;
	struct scan_msg m;

	m = first(A "X-IMAP: 1088784785 0000000007 kw\n\n", &s);
	assert(m.internal && m.validity == 1088784785 && m.last == 7);
	scan_close(s);
	assert(
	    first(A "From: Mail System Internal Data <x@y>\n" TOLD "\n", NULL)
	        .internal);
	assert(first("From MAILER-DAEMON Sat Nov 21 19:54:01 2026\n" TOLD "\n",
	             NULL)
	           .internal);
	assert(!first(A TOLD "\n", NULL).internal);
	assert(!first(A "X-IMAP: x\n\n", NULL).internal);
	s = scan_open(read_file, &f, 0);
	assert(scan_next(s, &m) == 1 && scan_next(s, &m) == 1);
	assert(!m.internal && m.validity == 1);
	scan_close(s);
}

/* The same message, whatever readers did to it; and not the same. */
static void
test_hash(void)
{
	uint64_t h = hash(A "S: 1\n T\nU: 2\n\nx\n");

	assert(h == hash(A "Status: RO\nS: 1\n T\nU: 2\nX-UID: 3\n\nx\n"));
	assert(h == hash(A "S: 1\n T\nLines: 1\nContent-Length: 2\nU: 2\n"
	                   "X-Keywords: a\n b\nX-Pad: \n \n\nother\n"));
	assert(h == hash("From a@x Sat Nov 21 19:54:01 2026\r\n"
	                 "S: 1\r\n T\r\nU: 2\r\n\r\nx\r\n"));
	assert(h == hash(A "S: 1\n T\nU: 2"));
	assert(h != hash(B "S: 1\n T\nU: 2\n\nx\n"));
	assert(h != hash(A "S: 1\n T\nU: 3\n\nx\n"));
	assert(h != hash(A "U: 2\nS: 1\n T\n\nx\n"));
	assert(hash(A) != 0);
}

static void
test_date(void)
{
	assert(first("From x Thu Jan  1 00:00:09 1970\n", NULL).date == 9);
	assert(first("From May Sat Nov 21 19:54 MET DST 2026\n", NULL).date ==
	       1795290840);
	assert(first(A, NULL).date == 1795290841);
	assert(first("From x Thu Jan  1 00:00:09 1901\n", NULL).date == 0);
}

/* Scan a file, by reads of step bytes: a number that stands for all that was found. */
static uint64_t
digest(const struct str *file, size_t step)
{
	struct file f = {file->s, file->n, step};
	struct scan *s = scan_open(read_file, &f, 0);
	struct str out = {0};
	struct scan_msg m;
	uint64_t d = 0, off = 0;

	while (scan_next(s, &m) > 0) {
		off = m.off + m.len;
		d = d * 31 + m.off + m.len * 3 + m.body * 5 + m.end * 7 +
		    m.size * 11 + m.hash + m.uid + m.flags + m.from;
		str_clear(&out);
		show(&m, f.p, 1000, &out);
	}
	assert(off == file->n);
	scan_close(s);
	str_free(&out);
	return d;
}

/* The window's edges may lie anywhere. */
static void
check_steps(const struct str *file)
{
	static const size_t steps[] = {1, 257, 4099, 65536, 262143};
	uint64_t d = digest(file, SIZE_MAX);
	size_t i;

	for (i = 0; i < sizeof steps / sizeof *steps; i++)
		assert(digest(file, steps[i]) == d);
}

/* All rows one after the other, again and again. */
static void
test_edges(void)
{
	struct str all = {0};
	size_t i, k;

	for (k = 0; all.n < 600000; k++) {
		for (i = 0; i < sizeof rows / sizeof *rows; i++) {
			const char *text = rows[i].file;

			if (strncmp(text, "From ", 5) != 0)
				continue;
			if (all.n > 0)
				str_adds(&all, "\n\n");
			str_adds(&all, text);
			str_add(&all, "\n>>>>>>>>>>>>>>", k % 13);
		}
		str_adds(&all, "\n\n" A "\n");
		for (i = 0; i < 90; i++)
			str_adds(&all, i % 2 ? "text\r\n" : "more text\n");
	}
	check_steps(&all);
	str_free(&all);
}

/* Lines that end just about where a read may end that was as short as can be. */
static void
test_long_lines(void)
{
	static char x[4400];
	struct str file = {0};
	size_t i;

	memset(x, 'x', sizeof x);
	for (i = 4000; i < sizeof x; i++) {
		str_adds(&file, A "S: ");
		str_add(&file, x, i);
		str_adds(&file, "\r\nT: \r\n\r\n" B "S: 1\n\n");
		str_add(&file, x, i);
		str_adds(&file, "\n>From x\n\n");
	}
	check_steps(&file);
	str_free(&file);
}

/* A From_ line and keywords that are too long. */
static void
test_limits(void)
{
	struct str s = {0};
	struct scan *scan;
	struct scan_msg m;
	struct file f;
	int i;

	for (i = 3900; i < 4200; i += 100) {
		str_clear(&s);
		str_adds(&s, "From ");
		str_addf(&s, "%0*d Sat Nov 21 19:54:01 2026 \nS: 1\n\n", i, 0);
		f = (struct file){s.s, s.n, SIZE_MAX};
		scan = scan_open(read_file, &f, 0);
		assert(scan_next(scan, &m) == (i < 4050 ? 1 : -1));
		scan_close(scan);
	}
	str_clear(&s);
	str_adds(&s, A "X-Keywords:");
	for (i = 0; i < 1000; i++)
		str_adds(&s, " abcdefg");
	str_adds(&s, "\n\n");
	m = first(s.s, &scan);
	assert(cur_len(&m.keywords) > 4000 && cur_len(&m.keywords) <= 4096);
	assert(memcmp(m.keywords.e - 8, " abcdefg", 8) == 0);
	scan_close(scan);
	str_free(&s);
}

/* A message of which one part goes on and on. */
struct endless {
	const char *start, *more;
	uint64_t n;
};

static ssize_t
read_endless(void *arg, uint64_t off, void *p, size_t n)
{
	const struct endless *f = arg;
	size_t start = strlen(f->start), more = strlen(f->more), i, k;
	char *to = p;

	if (n > f->n - off)
		n = (size_t)(f->n - off);
	for (i = 0; i < n && off + i < start; i++)
		to[i] = f->start[off + i];
	for (k = (size_t)(off + i - start) % more; i < n; i++) {
		to[i] = f->more[k];
		k = k + 1 < more ? k + 1 : 0;
	}
	return (ssize_t)n;
}

static void
test_endless(void)
{
	static const struct endless files[] = {
	    {A "S: 1\n\n",        "x",               0},
	    {A "S: 1\n\n",        ">",               0},
	    {A "S: ",             "x",               0},
	    {A,	           "x",               0},
	    {A "X-Keywords:",     " a",              0},
	    {A "X-Keywords:",     " a\n",            0},
	    {A,	           "X-Keywords: a\n", 0},
	    {A "X-IMAPbase: 1 2", " a",              0},
	    {A,	           "S: 1\n",          0},
	    {A "S: 1\n",          " x\r\n",          0},
	    {A,	           ">From \n",        0},
	    {"From ",             "x",               0},
	    {A "S: 1\n\nFrom ",   "Sat ",            0},
	};
	struct rusage before, after;
	struct scan_msg m;
	size_t i;

	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < sizeof files / sizeof *files; i++) {
		struct endless f = files[i];
		struct scan *s;

		f.n = 12000000;
		s = scan_open(read_endless, &f, 0);
		assert(scan_next(s, &m) ==
		       (f.start[4] == ' ' && !f.start[5] ? -1 : 1));
		assert(cur_len(&m.keywords) <= 4096);
		scan_close(s);
	}
	getrusage(RUSAGE_SELF, &after);
	assert(after.ru_maxrss - before.ru_maxrss < 6000);
}

int
main(void)
{
	size_t i, step;

	setenv("TZ", "UTC", 1);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (step = 1; step < 8; step++)
			test_row(&rows[i], step);
		test_row(&rows[i], 1000);
	}
	test_no_mbox();
	test_error();
	test_fields();
	test_internal();
	test_hash();
	test_date();
	test_edges();
	test_long_lines();
	test_limits();
	test_endless();
	return 0;
}
