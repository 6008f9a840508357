/* sendmail - the front door for local programs; sendmail(8).
 * Called by mail(1), cron, PHP and whoever else has mail to send, under the
 * names sendmail, newaliases and mailq.  It reads one message into the spool,
 * or becomes the program that does what was asked for.  The only program of
 * the house with a privilege bit: see guard.c. */
#include "sendmail.h"

#include "code.h"
#include "group.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { ENVID_MAX = 100 }; /* in xtext, RFC 3461 4.4 */

/* What mailq(8) gives to getopt(3). */
#define MAILQ_OPTIONS "+C:jsv"

int
complain(int code, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;

	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	mem_clean(s.s, s.n);
	fprintf(stderr, "sendmail: %.*s\n", LOG_LINE, s.s);
	str_free(&s);
	return code;
}

/* --- options --- */

/* -N never, or a list of success, failure, delay (RFC 3461 4.1). */
static int
parse_notify(const char *arg, unsigned *notify)
{
	if (notify_parse(cur_of(arg), notify) < 0)
		return -1;
	return *notify & NOTIFY_NEVER && strchr(arg, ',') ? -1 : 0;
}

/* The decoded form, printable ASCII. */
static int
parse_envid(const char *arg, const char **envid)
{
	struct str x = {0};
	const char *p;
	bool fits;

	for (p = arg; *p; p++)
		if (*p < ' ' || *p > '~')
			return -1;
	code_xtext(&x, arg, strlen(arg));
	fits = x.n > 0 && x.n <= ENVID_MAX;
	str_free(&x);
	*envid = arg;
	return fits ? 0 : -1;
}

static int
parse_word(const char *arg, const char *one, const char *other)
{
	return str_ieq(arg, one) ? 0 : str_ieq(arg, other) ? 1 : -1;
}

/* One option that has a say in the delivery notices or the body.  0 or -1. */
static int
parse_delivery(struct options *o, int opt, const char *arg)
{
	int n = 0;

	switch (opt) {
	case 'B':
		n = parse_word(arg, "7BIT", "8BITMIME");
		o->eightbit = n == 1;
		break;
	case 'R':
		n = parse_word(arg, "full", "hdrs");
		o->ret = n == 0 ? RET_FULL : RET_HDRS;
		break;
	case 'N': n = parse_notify(arg, &o->notify); break;
	case 'V': n = parse_envid(arg, &o->envid); break;
	}
	if (n < 0)
		complain(0, "-%c %s: what is that?", opt, arg);
	return n < 0 ? -1 : 0;
}

static int
parse_mode(struct options *o, const char *arg)
{
	if (strlen(arg) != 1 || !strchr("mpsvtidD", *arg)) {
		complain(0, "-b%s: no such mode", arg);
		return -1;
	}
	o->mode = *arg;
	return 0;
}

/* 0, or -1 when something was wrong; then it was said. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	int opt, i, rc = 0;

	/* The + makes glibc stop at the first address, as all others do. */
	while ((opt = getopt(argc, argv,
	                     "+A:B:C:EF:GIL:N:O:R:UV:X:b:d::e:f:h:"
	                     "imno:p:q::r:stvx")) != -1) {
		switch (opt) {
		case 'C': o->conf = optarg; break;
		case 'F': o->name = optarg; break;
		case 'f':
		case 'r': o->sender = optarg; break;
		case 'i': o->dots = true; break;
		case 'o': o->dots |= strcmp(optarg, "i") == 0; break;
		case 't': o->headers = true; break;
		case 'v': o->verbose = true; break;
		case 'I': o->mode = 'i'; break;
		case 'b': rc |= parse_mode(o, optarg); break;
		case 'q':
			o->mode = 'q';
			o->queue = optarg ? optarg : "";
			break;
		case 'B':
		case 'N':
		case 'R':
		case 'V': rc |= parse_delivery(o, opt, optarg); break;
		case '?': rc = -1; break;
		default: break; /* of interest to sendmail alone */
		}
	}
	if (rc < 0 || strcmp(argv[optind - 1], "--") == 0)
		return rc;
	for (i = optind; i < argc; i++)
		if (*argv[i] == '-')
			return complain(-1,
			                "%s: options go before addresses,"
			                " or write -- before an address",
			                argv[i]);
	return 0;
}

/* --- other programs --- */

/* Become one of ours; the words end with NULL. */
static int
become(const struct conf *c, const char *name, char *const *words)
{
	char *path = conf_program(c, name);

	signal(SIGPIPE, SIG_DFL); /* what ignores it says so itself */
	execv(path, words);
	log_warn("cannot run %s: %s", path, strerror(errno));
	free(path);
	return errno == ENOENT ? EX_UNAVAILABLE : EX_OSERR;
}

static void
add_words(struct list *l, const char *name, const struct options *o)
{
	list_add(l, name);
	if (o->conf) {
		list_add(l, "-C");
		list_add(l, o->conf);
	}
	if (o->verbose && strcmp(name, "smtpd") != 0)
		list_add(l, "-v");
}

/* -q, -qIid, -qRdomain. */
static int
become_queuerun(const struct conf *c, const struct options *o)
{
	struct list l = {0};

	add_words(&l, "queuerun", o);
	if ((*o->queue == 'I' || *o->queue == 'R') && o->queue[1]) {
		list_add(&l, *o->queue == 'I' ? "-q" : "-R");
		list_add(&l, o->queue + 1);
	} else if (*o->queue) {
		return complain(EX_USAGE,
		                "-q%s: cron(8) calls queuerun(8) in"
		                " intervals",
		                o->queue);
	}
	return become(c, "queuerun", l.v);
}

static int
become_plain(const struct conf *c, const struct options *o, const char *name)
{
	struct list l = {0};

	add_words(&l, name, o);
	return become(c, name, l.v);
}

/* Called as mailq: all arguments are for mailq(8), but we look for a -C. */
static void
parse_mailq(struct options *o, int argc, char **argv)
{
	int opt;

	o->mode = 'p';
	opterr = 0;
	while ((opt = getopt(argc, argv, MAILQ_OPTIONS)) != -1)
		if (opt == 'C')
			o->conf = optarg;
}

/* --- modes --- */

/* Do what the mode says; the privilege ends where it is of no use. */
static int
run(const struct conf *c, const struct options *o, char *const *args)
{
	if (!strchr("mps", o->mode) && group_drop() < 0)
		return complain(EX_OSERR, "cannot drop the privilege");
	switch (o->mode) {
	case 'p': return become_plain(c, o, "mailq");
	case 's': return become_plain(c, o, "smtpd");
	case 'q': return become_queuerun(c, o);
	case 'i': return log_stdout(check_aliases(c));
	case 't':
	case 'v': return log_stdout(check_addresses(c, o, args));
	case 'd':
	case 'D':
		return complain(EX_USAGE, "there is no daemon: inetd(8) starts"
		                          " smtpd(8) for each connection");
	default: return submit(c, o, args);
	}
}

int
main(int argc, char **argv)
{
	struct options o = {.mode = 'm'};
	const char *slash, *name;
	struct conf c;
	bool mailq;

	if (argc < 1)
		return EX_USAGE;
	guard_enter();
	log_open("sendmail");
	log_stderr(1);
	slash = strrchr(argv[0], '/');
	name = slash ? slash + 1 : argv[0];
	mailq = strcmp(name, "mailq") == 0;
	if (mailq)
		parse_mailq(&o, argc, argv);
	else if (parse_options(&o, argc, argv) < 0)
		return EX_USAGE;
	if (strcmp(name, "newaliases") == 0)
		o.mode = 'i';
	/* A configuration of one's own is read with one's own rights. */
	if (o.conf && group_drop() < 0)
		return complain(EX_OSERR, "cannot drop the privilege");
	conf_use(&c, o.conf);
	if (mailq)
		return become(&c, "mailq", argv);
	return run(&c, &o, argv + optind);
}
