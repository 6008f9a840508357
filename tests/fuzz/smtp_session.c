/* smtp_session - any bytes as a whole session, messages stored and all.
 * The first byte says who the client is.  Works in a directory of its own
 * below $TMPDIR.
 * With: smtpd/smtp.c smtpd/hello.c smtpd/rcpt.c smtpd/receive.c smtpd/data.c smtpd/param.c smtpd/policy.c
 * With: smtpd/secure.c smtpd/submit.c smtpd/sender.c smtpd/sent.c */
#include "log.h"
#include "smtpd/smtp.h"
#include "tests/fuzz/nogate.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct conf conf;
static char place[200];

static void
put_file(const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", place, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void
clean(const char *dir, bool whole)
{
	char path[600];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (unlink(path) < 0 && whole)
			clean(path, true);
	}
	if (d)
		closedir(d);
	if (whole)
		rmdir(dir);
}

static void
leave(void)
{
	clean(place, true);
}

static void
prepare(void)
{
	const char *tmp = getenv("TMPDIR");
	struct str errors = {0};
	static char file[300];
	char text[2000];

	snprintf(place, sizeof place, "%s/facteur-fuzz.XXXXXX",
	         tmp ? tmp : "/tmp");
	if (!mkdtemp(place))
		abort();
	atexit(leave);
	put_file("passwd", "bob:x:1:1:Bob:/:/bin/sh\n");
	put_file("senders", "bob: kim@b.test, @c.test, limit=9\n");
	put_file("aliases", "list: bob, nobody, kim@b.test\nloop: loop\n");
	snprintf(text, sizeof text,
	         "hostname a.test\nusers %s/passwd\naliases %s/aliases\n"
	         "spool %s/spool\nstate %s\nmessage_limit 100K\nhop_limit 9\n"
	         "log /dev/null\nmailbox %s/mail\nmailbox_limit 1M\n"
	         "recipient_limit 100\nspool_free 0\n",
	         place, place, place, place, place);
	put_file("conf", text);
	snprintf(file, sizeof file, "%s/conf", place);
	if (conf_load(&conf, file, &errors) < 0 || spool_make(&conf) < 0)
		abort();
	log_open("smtpd");
	log_to("/dev/null");
}

/* The input as a file: poll(2) finds it readable to its end. */
static int
as_input(const uint8_t *p, size_t n)
{
	char path[300];
	int fd;

	snprintf(path, sizeof path, "%s/in", place);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || pwrite(fd, p, n, 0) != (ssize_t)n)
		abort();
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct session s;
	struct judge judge = {0};
	char path[300];
	int in, out;

	if (n == 0)
		return 0;
	if (!place[0])
		prepare();
	in = as_input(p + 1, n - 1);
	out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	s = (struct session){.conf = &conf};
	io_init(&s.io, in, out);
	s.peer.local = p[0] & 1;
	snprintf(s.peer.ip, sizeof s.peer.ip, "%s",
	         p[0] & 2 ? "127.0.0.1" : "2001:db8::1");
	snprintf(s.peer.host, sizeof s.peer.host, "unknown");
	s.submission = p[0] & 4;
	judge.end = p[0] & 16 ? 0 : -1;
	s.judge = p[0] & 20 ? &judge : NULL;
	if (p[0] & 8)
		snprintf(s.login, sizeof s.login, "bob");
	smtp_run(&s);
	io_free(&s.io);
	str_free(&s.in.out);
	if (s.has_router)
		router_close(&s.router);
	if (s.has_spool) {
		close(s.spool.dir);
		close(s.spool.new);
	}
	close(in);
	close(out);
	snprintf(path, sizeof path, "%s/spool/new", place);
	clean(path, false);
	return 0;
}
