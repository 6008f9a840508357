/* queuerun - drain the spool: route each due message, hand it to deliver or to
 * the SMTP client, and decide what becomes of it.  queuerun(8). */
#include "addr.h"
#include "hosts.h"
#include "io.h"
#include "log.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	TICK_MS = 60000, /* between two looks at the directories */
	BUSY_MS = 500,
	TURN_MS = 100,
	WATCH_MS = 60000 /* that who watches may rest */
};

struct options {
	const char *conf, *explain, *domain, *user;
	bool json, check, effective, all;
	unsigned long linger;
};

static void
usage(void)
{
	fputs("usage: queuerun [-v] [-C file] [-T time] [-w seconds | -q id | "
	      "-R domain]\n       queuerun [-j] [-C file] -n address\n"
	      "       queuerun [-C file] -c | -e | -E | -i domain | "
	      "-u user\n",
	      stderr);
}

time_t
run_now(const struct run *r)
{
	return time(NULL) + r->clock_offset;
}

double
run_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* He who stops reading is not to stop the mail. */
static void
show(struct run *r, const struct str *line)
{
	struct io io;

	io_init(&io, -1, r->trace_fd);
	io.idle = WATCH_MS;
	io_put(&io, line->s, line->n);
	r->verbose = io_flush(&io) == 0;
	io_free(&io);
}

void
run_trace(struct run *r, const struct active *a, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;

	if (!r->verbose && a->trace < 0)
		return;
	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	str_addc(&s, '\n');
	if (r->verbose)
		show(r, &s);
	if (a->trace >= 0)
		io_some(a->trace, s.s, s.n);
	str_free(&s);
}

static int
parse_number(const char *s, unsigned long long max, unsigned long *v)
{
	struct cur c = cur_of(s);
	unsigned long long n;

	if (cur_number(&c, max, &n) < 0 || cur_len(&c) > 0)
		return -1;
	*v = (unsigned long)n;
	return 0;
}

static int
parse_options(int argc, char **argv, struct options *o, struct run *r)
{
	unsigned long now;
	int ch;

	while ((ch = getopt(argc, argv, "C:ER:T:Vcei:jn:q:u:vw:")) != -1) {
		switch (ch) {
		case 'C': o->conf = optarg; break;
		case 'E': o->effective = o->all = true; break;
		case 'R': r->only_domain = optarg; break;
		case 'T':
			if (parse_number(optarg, LONG_MAX, &now) < 0)
				return -1;
			r->clock_offset = (time_t)now - time(NULL);
			break;
		case 'V': puts("facteur " VERSION); return 1;
		case 'c': o->check = true; break;
		case 'e': o->effective = true; break;
		case 'i': o->domain = optarg; break;
		case 'j': o->json = true; break;
		case 'n': o->explain = optarg; break;
		case 'q': r->only_id = optarg; break;
		case 'u': o->user = optarg; break;
		case 'v': r->verbose = true; break;
		case 'w':
			if (parse_number(optarg, INT_MAX, &o->linger) < 0)
				return -1;
			break;
		default: return -1;
		}
	}
	if (optind < argc || (r->only_id && !spool_is_id(r->only_id)))
		return -1;
	return 0;
}

/* -c: every error of the configuration and of the tables, on stdout. */
static void
print_alias_error(void *arg, const char *text)
{
	const struct conf *c = arg;

	printf("%s:%s\n", c->aliases, text);
}

static int
check(const char *file)
{
	struct str errors = {0};
	struct conf c;
	size_t n = 0, count;

	if (conf_load(&c, file, &errors) < 0) {
		fputs(errors.s, stdout);
		n = 1;
	}
	n += alias_check(c.aliases, print_alias_error, &c, &count);
	str_free(&errors);
	return n ? EX_CONFIG : EX_OK;
}

/* -i: a domain as the DNS knows it. */
static int
print_domain(const char *domain)
{
	char ascii[ADDR_DOMAIN_MAX + 1];

	if (addr_to_ascii(domain, ascii) < 0)
		return EX_DATAERR;
	puts(ascii);
	return EX_OK;
}

/* -u: what is known of a user, as a line of passwd(5). */
static int
print_user(const struct conf *c, const char *name)
{
	struct user u;
	int found = user_find(c, name, &u);

	if (found <= 0)
		return found ? EX_TEMPFAIL : EX_NOUSER;
	printf("%s:x:%lu:%lu:%s:%s:%s\n", u.name, (unsigned long)u.uid,
	       (unsigned long)u.gid, u.gecos, u.home, u.shell);
	return EX_OK;
}

static int
open_wake(const struct run *r)
{
	/* Read and write: a FIFO without writers would be always readable. */
	return openat(r->sp.dir, "wake",
	              O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

/* Names of new messages, told by their writers. */
static void
read_wake(struct run *r, int fd)
{
	char buf[4096], id[SPOOL_ID_MAX + 1];
	struct cur c, line;
	ssize_t n;

	while ((n = io_take(fd, buf, sizeof buf)) > 0) {
		c = (struct cur){buf, buf + n};
		while (cur_len(&c) > 0) {
			cur_until(&c, "\n", &line);
			/* A line cut by the buffer, or a full FIFO behind us:
			 * look into the directory. */
			if (cur_get(&c) < 0 || n == (ssize_t)sizeof buf) {
				r->more = true;
				continue;
			}
			snprintf(id, sizeof id, "%.*s", (int)cur_len(&line),
			         line.p);
			if (spool_is_id(id))
				intake_name(r, "new", id);
			else
				r->more = true;
		}
	}
}

/* Wait for reports, for room in pipes, for the FIFO; up to ms. */
static void
wait_and_work(struct run *r, int wake, int ms)
{
	size_t n = 0, i;
	struct pollfd p[2 * 1000 + 2];
	struct job *j;

	for (j = r->job; j && n + 3 < sizeof p / sizeof p[0]; j = j->next) {
		p[n++] = (struct pollfd){.fd = j->out, .events = POLLIN};
		p[n++] = (struct pollfd){.fd = j->in, .events = POLLOUT};
	}
	/* Of the root half nothing is heard but its end. */
	p[n++] = (struct pollfd){.fd = r->alone ? -1 : r->spawner};
	p[n++] = (struct pollfd){.fd = wake, .events = POLLIN};
	if (poll(p, (nfds_t)n, ms) <= 0)
		return;
	r->alone |= p[n - 2].revents != 0;
	for (i = 0, j = r->job; i + 2 < n; j = j->next, i += 2) {
		if (p[i + 1].revents && j->in >= 0)
			job_feed(j);
		if (p[i].revents && j->out >= 0)
			job_read(r, j);
	}
	outcome_sync(r);
	if (p[n - 1].revents)
		read_wake(r, wake);
}

/* How long may we sleep while we linger?  Until the end, the next look, or
 * until something comes due that the last look did not find. */
static int
pause_ms(struct run *r, long long end, long long tick)
{
	long long ms = (end < tick ? end : tick) - io_now(), left;
	time_t next = spool_next(&r->sp);

	if (next > r->looked) {
		left = ((long long)next - (long long)run_now(r)) * 1000;
		r->more |= left <= 0;
		ms = left < ms ? left : ms;
	}
	return ms > 0 ? (int)ms : 0;
}

/* mailq(8), or the last writer, had its hand on a message for a moment. */
static void
look_again(struct run *r, int wake)
{
	wait_and_work(r, wake, BUSY_MS);
	r->busy = false;
	r->more = true;
}

/* Of what no job has nothing will come: others may have it. */
static void
let_go(struct run *r)
{
	struct active *a;

	outcome_sync(r);
	for (a = r->active; a; a = a->next)
		if (a->m.fd >= 0 && !job_has(r, a))
			a->m.fd = io_close(a->m.fd, -1);
}

/* The root half was killed: nothing can be delivered any more, which is no fault of
 * the mail.  The next run has the queue at once; what is at work comes to its end. */
static void
give_way(struct run *r)
{
	log_warn("the root half has ended: the rest is for the next run");
	if (r->lock >= 0)
		close(r->lock);
	r->lock = -1;
	for (let_go(r); r->njob > 0; let_go(r)) {
		wait_and_work(r, -1, 1000);
		job_reap(r);
	}
}

/* Is there something that can be begun? */
static bool
is_more(const struct run *r)
{
	size_t i;

	for (i = 0; i < LINES; i++)
		if (r->line[i].first)
			return true;
	return r->name_at < r->nname || r->nlater > 0 || r->more;
}

/* Work until nothing is left to do; when we linger, until then and until the
 * time is over. */
static void
work(struct run *r, int wake, unsigned long linger)
{
	long long end = io_now() + 1000 * (long long)linger,
	          tick = io_now() + TICK_MS;
	bool last = false; /* the look behind the end, however late it is */

	intake_scan(r);
	for (;;) {
		long long now = io_now();

		if (linger && now >= tick) {
			tick = now + TICK_MS;
			intake_unskip(r);
			r->more = true;
		}
		/* What a job leaves behind, a report or more work for its
		 * destination, is not to wait for other jobs. */
		job_reap(r);
		if (r->alone) {
			give_way(r);
			break;
		}
		intake_fill(r);
		job_start_all(r);
		if (r->njob > 0)
			wait_and_work(r, wake, 1000);
		else if (is_more(r))
			continue;
		else if (r->busy && !last) {
			last = now >= end;
			look_again(r, wake);
		} else if (now >= end)
			break;
		else
			wait_and_work(r, wake, pause_ms(r, end, tick));
	}
	outcome_sync(r);
}

/* Take the lock that keeps whole runs from piling up.  -1: another run has it,
 * and was told.  When we are to linger we wait for our turn, so that the run of
 * this minute takes over when that of the last one ends. */
static int
own_queue(struct run *r, unsigned long linger)
{
	long long end = io_now() + 1000 * (long long)linger;
	bool told = false;

	while ((r->lock = spool_lock(&r->sp)) < 0) {
		if (errno != EWOULDBLOCK)
			log_die(EX_OSERR, "%s/lock: %s", r->conf->spool,
			        strerror(errno));
		if (!told) /* no id: to look again */
			spool_wake(&r->sp, "scan");
		told = true;
		if (io_now() >= end)
			return -1;
		poll(NULL, 0, TURN_MS);
	}
	return 0;
}

static int
run_queue(struct run *r, unsigned long linger)
{
	bool part = r->only_id || r->only_domain;
	int wake;

	if (spool_open(&r->sp, r->conf) < 0 &&
	    (spool_make(r->conf) < 0 || spool_open(&r->sp, r->conf) < 0))
		log_die(EX_NOINPUT, "%s: %s", r->conf->spool, strerror(errno));
	/* A part of the queue is guarded by the locks of its messages. */
	if (!part && own_queue(r, linger) < 0)
		return EX_OK;
	wake = part ? -1 : open_wake(r);
	router_open(&r->router, r->conf);
	work(r, wake, part ? 0 : linger);
	if (!part) {
		hosts_sweep(r->conf);
		spool_sweep(&r->sp, run_now(r));
	}
	return EX_OK;
}

int
main(int argc, char **argv)
{
	struct options o = {0};
	struct run r = {.spawner = -1,
	                .lock = -1,
	                .secrets = -1,
	                .trace_fd = STDOUT_FILENO};
	struct conf c;
	size_t i;
	int rc;

	log_open("queuerun");
	log_stderr(1);
	if (io_standard() < 0)
		log_die(EX_OSERR, "/dev/null: %s", strerror(errno));
	rc = parse_options(argc, argv, &o, &r);
	if (rc > 0)
		return EX_OK;
	if (rc < 0) {
		usage();
		return EX_USAGE;
	}
	if (o.check)
		return log_stdout(check(o.conf));
	conf_use(&c, o.conf);
	r.conf = &c;
	for (i = 0; i < LINES; i++)
		r.line[i].last = &r.line[i].first;
	if (o.domain)
		return log_stdout(print_domain(o.domain));
	if (o.user)
		return log_stdout(print_user(&c, o.user));
	if (o.effective) {
		if (conf_print(&c, o.all) < 0)
			log_die(EX_CONFIG, "the configuration has errors");
		return log_stdout(EX_OK);
	}
	if (o.explain) {
		spawn_drop(&c); /* name servers are strangers */
		return log_stdout(explain(&r, o.explain, o.json));
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* or nobody could be waited for */
	umask(007);
	srandom((unsigned)time(NULL) ^ (unsigned)getpid());
	if (*c.smarthost)
		r.secrets = spawn_secrets(&c);
	if (spawn_split(&c, &r.spawner, &rc))
		return rc;
	return run_queue(&r, o.linger);
}
