/* program - letters into a program's standard input, one run for each; or nowhere.
 * The shell sees the command as the alias or list has it and nothing of the
 * message; that is in the environment and on stdin.  What the program says and
 * how it ends becomes the result. */
#include "addr.h"
#include "deliver.h"
#include "mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#ifndef PROGRAM_TIME
#define PROGRAM_TIME 600 /* s that a program may take */
#endif

#ifndef KILL_TIME
#define KILL_TIME 5 /* s between SIGTERM and SIGKILL, and behind that */
#endif

enum {
	TICK = 50,      /* ms between two looks whether it has ended */
	SAID_MAX = 4096 /* bytes of its output that are read at all */
};

struct run {
	const struct dest *d;
	const struct letter *l;
	FILE *text; /* its stdin: nameless, and complete before it starts */
	pid_t pid;
	bool late;
	int status;
	struct str said;
};

extern char **environ;

/* --- environment --- */

/* Values in which even a careless script finds nothing to trip over; the same
 * letters that other mail systems let through, and all of UTF-8. */
static char
harmless(char c)
{
	if (str_isalpha((unsigned char)c) || str_isdigit((unsigned char)c) ||
	    (unsigned char)c > 0x7f || (c && strchr("!@%-_=+:,./", c)))
		return c;
	return '_';
}

static void
set(const char *name, const char *value, size_t n)
{
	struct str s = {0};
	size_t i;

	str_add(&s, "", 0);
	for (i = 0; i < n; i++)
		str_addc(&s, harmless(value[i]));
	if (setenv(name, s.s, 1) < 0)
		_exit(EX_TEMPFAIL);
	str_free(&s);
}

static void
set_text(const char *name, const struct str *value)
{
	set(name, value->s, value->n);
}

/* Anew: nothing of ours is left but the time zone. */
static void
make_environment(const struct run *r)
{
	const struct user *u = r->d->user;
	const char *tz = getenv("TZ"), *at;
	char *none[] = {NULL};
	struct str keep = {0};
	const struct letter *l = r->l;

	if (tz)
		str_adds(&keep, tz);
	environ = none;
	if (keep.s)
		setenv("TZ", keep.s, 1);
	str_free(&keep);
	if (setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1) < 0 ||
	    setenv("HOME", u->home, 1) < 0 || setenv("USER", u->name, 1) < 0 ||
	    setenv("LOGNAME", u->name, 1) < 0 ||
	    setenv("SHELL", u->shell && *u->shell ? u->shell : "/bin/sh", 1) <
	        0)
		_exit(EX_TEMPFAIL);
	at = addr_at(l->to.s);
	set_text("SENDER", &l->sender);
	set_text("RECIPIENT", &l->to);
	set_text("ORIGINAL_RECIPIENT", l->orig.n > 0 ? &l->orig : &l->to);
	set_text("EXTENSION", &l->detail);
	set("LOCAL", l->to.s, at ? (size_t)(at - l->to.s) : l->to.n);
	set("DOMAIN", at ? at + 1 : "", at ? strlen(at + 1) : 0);
}

/* --- the run --- */

static void
child(const struct run *r, int out)
{
	static const char sh[] = "/bin/sh";
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	setpgid(0, 0);
	if (dup2(fileno(r->text), 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		_exit(EX_OSERR);
	if (chdir(r->d->user->home) < 0 && chdir("/") < 0)
		_exit(EX_OSERR);
	make_environment(r);
	execl(sh, "sh", "-c", r->d->command, (char *)NULL);
	_exit(EX_OSERR);
}

/* Start it: our end of its output, or -1 with errno. */
static int
start(struct run *r)
{
	int p[2], err;

	if (io_pipe(p) < 0)
		return -1;
	r->pid = fork();
	if (r->pid == 0)
		child(r, p[1]);
	err = errno;
	close(p[1]);
	if (r->pid > 0) {
		setpgid(r->pid, r->pid);
		return p[0];
	}
	close(p[0]);
	errno = err;
	return -1;
}

static bool
has_ended(struct run *r)
{
	return waitpid(r->pid, &r->status, WNOHANG) == r->pid;
}

/* Keep the beginning of what it says.  false when it will say no more. */
static bool
take_output(struct run *r, struct io *from)
{
	ssize_t n = io_fill(from);

	if (n < 0)
		return n == IO_TIMEOUT;
	if (r->said.n < SAID_MAX)
		str_add(&r->said, from->buf + from->pos, (size_t)n);
	from->pos = from->len;
	return true;
}

/* Hear it and wait for its end.  A child of its own that it left behind may
 * keep the output open, so the end of that is not waited for; nor is one whom
 * nothing kills, as he has become another or hangs in the kernel. */
static void
attend(struct run *r, int out)
{
	long long end = io_now() + PROGRAM_TIME * 1000LL;
	bool talks = true;
	struct io from;
	long tick = 1;

	io_init(&from, out, -1);
	while (!has_ended(r)) {
		if (io_now() >= end && !r->late) {
			r->late = true;
			end += KILL_TIME * 1000LL;
			kill(-r->pid, SIGTERM);
		} else if (io_now() >= end) {
			kill(-r->pid, SIGKILL);
			if (io_now() >= end + KILL_TIME * 1000LL)
				break;
		}
		from.idle = tick;
		if (talks)
			talks = take_output(r, &from);
		else
			poll(NULL, 0, (int)tick);
		tick = tick * 2 > TICK ? TICK : tick * 2;
	}
	/* What it said last may still be in the pipe; what its child says has no
	 * end. */
	while (talks && r->said.n < SAID_MAX && io_pending(&from))
		talks = take_output(r, &from);
	io_free(&from);
	close(out);
}

/* --- the result --- */

/* What the exit codes mean (sysexits(3)); all others are 5.3.0. */
static const struct {
	int code;
	const char *status;
} meaning[] = {
    {EX_USAGE,     "5.3.5"},
    {EX_DATAERR,   "5.6.0"},
    {EX_NOUSER,    "5.1.1"},
    {EX_NOHOST,    "5.1.2"},
    {EX_OSERR,     "4.3.0"},
    {EX_CANTCREAT, "5.2.0"},
    {EX_TEMPFAIL,  "4.3.0"},
    {EX_PROTOCOL,  "5.5.0"},
    {EX_NOPERM,    "5.7.0"},
    {EX_CONFIG,    "5.3.5"},
};

/* Take "4.x.y" or "5.x.y" (RFC 3463 2) off the front. */
static bool
take_status(struct cur *c, char status[12])
{
	unsigned long long n;
	struct cur at = *c;

	if ((cur_peek(&at) != '4' && cur_peek(&at) != '5') ||
	    cur_number(&at, 9, &n) < 0 || !cur_take(&at, '.') ||
	    cur_number(&at, 999, &n) < 0 || !cur_take(&at, '.') ||
	    cur_number(&at, 999, &n) < 0 || at.p - c->p > 9 ||
	    (cur_len(&at) > 0 && cur_peek(&at) != ' '))
		return false;
	memcpy(status, c->p, (size_t)(at.p - c->p));
	status[at.p - c->p] = '\0';
	cur_blanks(&at);
	*c = at;
	return true;
}

static void
judge(const struct run *r, struct result *res)
{
	struct cur said = str_cur(&r->said), line;
	bool ended = WIFEXITED(r->status) && !r->late;
	int code = ended ? WEXITSTATUS(r->status) : EX_TEMPFAIL;
	char status[12] = "5.3.0";
	struct str text = {0};
	size_t i;

	cur_until(&said, "\n", &line);
	for (i = 0; i < sizeof meaning / sizeof meaning[0]; i++)
		if (meaning[i].code == code)
			memcpy(status, meaning[i].status, 6);
	if (!ended)
		str_adds(&text, r->late ? "program took too long"
		                        : "program was killed");
	else if (take_status(&line, status) || cur_len(&line) > 0)
		str_adds_clean(&text, line.p, cur_len(&line),
		               sizeof res->text - 1);
	else
		str_addf(&text, "program failed with exit code %d", code);
	if (status[0] == '4')
		code = EX_TEMPFAIL;
	else if (code == EX_TEMPFAIL || code == EX_OSERR)
		code = EX_UNAVAILABLE;
	result_set(res, code, status, "%s", text.s ? text.s : "");
	str_free(&text);
}

/* --- a letter --- */

static void
put_text(void *arg, const void *p, size_t n)
{
	/* Looked at once, by ferror at the end. */
	(void)!fwrite(p, 1, n, arg);
}

static void
run(struct run *r, struct result *res)
{
	int out = start(r);

	if (out < 0) {
		result_errno(res, errno, "cannot start a program");
		return;
	}
	attend(r, out);
	if (WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0 && !r->late)
		result_set(res, EX_OK, "2.0.0", "delivered to program");
	else
		judge(r, res);
	str_free(&r->said);
}

/* The program reads a file: it sees the letter whole or not at all, and may
 * leave it unread without harm. */
static int
program_letter(struct dest *d, const struct letter *l, struct io *in,
               struct result *res, bool *staged)
{
	struct run r = {.d = d, .l = l, .text = tmpfile()};
	struct str from = {0};
	int got;

	(void)staged;
	if (!r.text) {
		result_errno(res, errno, "cannot make a temporary file");
		return copy_skip(l, in);
	}
	fcntl(fileno(r.text), F_SETFD, FD_CLOEXEC);
	mbox_from(&from, l->sender.s, l->time);
	put_text(r.text, from.s, from.n);
	str_free(&from);
	got = copy_letter(l, in, (struct copy_how){0}, put_text, r.text);
	if (got == COPY_LOOP)
		result_loop(res, l);
	else if (got == COPY_OK && (fflush(r.text) || ferror(r.text) ||
	                            fseek(r.text, 0, SEEK_SET)))
		result_errno(res, errno, "cannot write a temporary file");
	else if (got == COPY_OK)
		run(&r, res);
	fclose(r.text);
	return got == COPY_SHORT ? got : 0;
}

static unsigned long long
none_staged(const struct dest *d)
{
	(void)d;
	return 0;
}

static int
none_commit(struct dest *d, struct result *r)
{
	(void)d;
	(void)r;
	return 0;
}

const struct dest_ops dest_program = {program_letter, none_staged, none_commit};

/* --- /dev/null --- */

static int
null_letter(struct dest *d, const struct letter *l, struct io *in,
            struct result *r, bool *staged)
{
	(void)d;
	(void)staged;
	result_set(r, EX_OK, "2.0.0", "discarded");
	return copy_skip(l, in);
}

const struct dest_ops dest_null = {null_letter, none_staged, none_commit};
