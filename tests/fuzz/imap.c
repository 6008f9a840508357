/* imap - any bytes as a whole IMAP session over a mailbox of three messages, mbox or
 * Maildir.  The first byte says which, how it begins, and what the limits are.  What comes
 * back must be lines and literals as IMAP has them, whatever was asked.
 * With: imapd/imap.c imapd/parse.c imapd/login.c imapd/box.c imapd/sync.c imapd/set.c
 * With: imapd/flags.c imapd/append.c imapd/stage.c imapd/copy.c imapd/idle.c
 * With: imapd/turn.c imapd/quota.c imapd/out.c imapd/match.c imapd/folder.c
 * With: imapd/folderlist.c imapd/foldermaildir.c imapd/foldertree.c
 * With: imapd/list.c imapd/names.c imapd/namefile.c imapd/specialuse.c
 * With: imapd/status.c imapd/subscribe.c imapd/address.c imapd/decode.c
 * With: imapd/envelope.c imapd/field.c imapd/fold.c imapd/headername.c
 * With: imapd/letter.c imapd/mime.c imapd/mimehead.c imapd/needle.c
 * With: imapd/param.c imapd/structure.c imapd/subject.c imapd/word.c
 * With: imapd/fetch.c imapd/fetchparse.c imapd/binary.c imapd/body.c
 * With: imapd/cache.c imapd/cachefile.c imapd/form.c imapd/preview.c
 * With: imapd/text.c imapd/search.c imapd/criteria.c imapd/evaluate.c
 * With: imapd/sort.c imapd/thread.c imapd/threads.c */
#define _GNU_SOURCE /* nftw(3) */
#include "imapd/imap.h"
#include "imapd/folder.h"
#include "log.h"
#include "tests/fuzz/nogate.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PASSWORD = 1, MAILDIR = 2, SMALL = 4, CLEARED = 8, CHUNK = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* No compression: its state lives as long as the process. */
int
do_compress(struct session *s, struct parse *p)
{
	(void)p;
	return no(s, "not here");
}

void
compress_begin(struct session *s)
{
	(void)s;
	abort();
}

/* --- a place in memory, made anew each time --- */

static char place[64];

static int
gone(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void
clear(void)
{
	if (place[0])
		nftw(place, gone, 16, FTW_DEPTH | FTW_PHYS);
}

static char *
below(const char *name)
{
	struct str s = {0};

	str_addf(&s, "%s/%s", place, name);
	return s.s;
}

static void
put(const char *name, const char *text)
{
	char *path = below(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || io_writeall(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
	free(path);
}

static void
dir(const char *name)
{
	char *path = below(name);

	if (mkdir(path, 0700) < 0)
		abort();
	free(path);
}

#define FROM "From jo@x.test Sat Nov 21 10:00:00 2026\n"
#define ONE                                                                 \
	"From: Jo <jo@x.test>\nTo: a@a.test, \"B\" <b@a.test>\n"            \
	"Subject: =?utf-8?q?one?=\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n" \
	"Message-ID: <1@x.test>\n\none\n"
#define TWO                                                               \
	"Subject: Re: one\nIn-Reply-To: <1@x.test>\nMIME-Version: 1.0\n"  \
	"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"            \
	"text\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\ntwo\n" \
	"--b\nContent-Type: text/html\n"                                  \
	"Content-Transfer-Encoding: base64\n\naGFsbG8=\n--b--\n"

static void
build(bool maildir)
{
	const char *shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	clear();
	if (!place[0]) {
		snprintf(place, sizeof place, "%s/facteur-fuzz.XXXXXX", shm);
		if (!mkdtemp(place))
			abort();
		atexit(clear);
	} else if (mkdir(place, 0700) < 0) {
		abort();
	}
	dir("state");
	dir("mail");
	put("mail/other", "");
	if (!maildir) {
		put("box", FROM ONE "\n" FROM TWO "\n" FROM "Status: RO\n\n\n");
		return;
	}
	dir("box");
	dir("box/cur");
	dir("box/new");
	dir("box/tmp");
	put("box/new/1.a.x", ONE);
	put("box/new/2.a.x", TWO);
	put("box/cur/3.a.x:2,S", "\n");
}

/* --- what may come back --- */

static bool
is_answer(const struct cur *line)
{
	struct cur c = *line, word;

	if (cur_take(&c, '+'))
		return cur_take(&c, ' ');
	if (cur_until(&c, " ", &word) == 0 || !cur_take(&c, ' '))
		return false;
	if (cur_is(&word, "*"))
		return cur_len(&c) > 0;
	cur_until(&c, " ", &word);
	return cur_is(&word, "OK") || cur_is(&word, "NO") ||
	       cur_is(&word, "BAD");
}

/* The size of the literal that a line announces at its end, or -1. */
static long long
literal_at(const char *p, const char *e)
{
	struct cur c = {e, e};
	unsigned long long n;

	if (e == p || e[-1] != '}')
		return -1;
	for (c.p = e - 1; c.p > p && *c.p != '{'; c.p--)
		;
	if (!cur_take(&c, '{') || cur_number(&c, 1 << 30, &n) < 0 ||
	    !cur_is(&c, "}"))
		return -1;
	return (long long)n;
}

static void
check_lines(struct cur all)
{
	while (cur_len(&all) > 0) {
		bool first = true;
		long long n;

		do {
			const char *lf = memchr(all.p, '\n', cur_len(&all));
			struct cur line = {all.p, lf};

			if (!lf || lf == all.p || *--line.e != '\r' ||
			    memchr(line.p, '\r', cur_len(&line)) ||
			    memchr(line.p, '\0', cur_len(&line)) ||
			    (first && !is_answer(&line)))
				abort();
			first = false;
			all.p = lf + 1;
			n = literal_at(line.p, line.e);
			if (n > (long long)cur_len(&all))
				abort();
			if (n > 0)
				all.p += n;
		} while (n >= 0);
	}
}

static void
check_output(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct str s = {0};
	char buf[CHUNK];
	ssize_t n;
	off_t at;

	for (at = 0; at < size; at += n) {
		if ((n = io_preadall(fd, buf, sizeof buf, at)) <= 0)
			abort();
		str_add(&s, buf, (size_t)n);
	}
	check_lines(str_cur(&s));
	str_free(&s);
}

/* --- the session --- */

static int
temporary(void)
{
	char *path = below("XXXXXX");
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) < 0)
		abort();
	free(path);
	return fd;
}

static void
converse(struct session *s, unsigned how)
{
	int end = IMAP_LOGIN;

	s->judge->end = how & CLEARED ? 0 : -1;
	s->state = how & CLEARED ? CLEAR : STRANGER;
	if (how & PASSWORD)
		end = imap_run(s);
	if (end == IMAP_LOGIN) {
		s->state = USER;
		s->folders = folders_open(s->conf, s->user);
		imap_run(s);
		box_close(s);
		folders_free(s->folders);
	}
	io_flush(&s->io);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char host[] = "a.test", bob[] = "bob";
	static struct session s;
	struct conf conf = {
	    .hostname = host, .error_limit = 20, .message_limit = 100000};
	struct user user = {.name = bob};
	struct judge j = {.end = -1};
	int in, out;

	if (n == 0)
		return 0;
	log_to("/dev/null");
	build(p[0] & MAILDIR);
	conf.state = below("state");
	conf.mailbox = below(p[0] & MAILDIR ? "box/" : "box");
	conf.folders = below("mail");
	if (p[0] & SMALL) {
		conf.message_limit = 20;
		conf.mailbox_limit = 2000;
	}
	user.home = below("mail");
	user.uid = getuid();
	user.gid = getgid();
	s = (struct session){
	    .conf = &conf, .user = &user, .own = true, .judge = &j};
	str_addf(&s.records, "%s/bob", conf.state);
	in = temporary();
	out = temporary();
	if (io_writeall(in, p + 1, n - 1) < 0 || lseek(in, 0, SEEK_SET) != 0)
		abort();
	io_init(&s.io, in, out);
	converse(&s, p[0]);
	check_output(out);
	if (s.box.open)
		abort();
	io_free(&s.io);
	str_free(&s.records);
	str_free(&s.answer);
	arena_free(&s.arena);
	close(in);
	close(out);
	free(conf.state);
	free(conf.mailbox);
	free(conf.folders);
	free(user.home);
	return 0;
}
