/* smtpc_drive - drive the SMTP client by hand and from smtpc.bats:
 *
 *	smtpc_drive [-8Fpuvx] [-a SMARTHOST_AUTH] [-e ENVID] [-f SENDER] [-n COUNT] [-o ORCPT]
 *	    [-N NOTIFY] [-r FULL|HDRS] CONF DOMAIN FILE RCPT...
 *
 * sends the content of FILE, COUNT times, and prints a line for each result.
 * -p shows how connections were protected, -v the dialogue; -x explains the domain
 * instead.
 * With: queuerun/smtpc.c queuerun/session.c queuerun/transact.c
 * With: queuerun/encode.c queuerun/encodefield.c queuerun/wire.c queuerun/reply.c queuerun/hosts.c
 * With: queuerun/secure.c queuerun/secureask.c queuerun/sts.c
 * With: queuerun/stsparse.c queuerun/starttls.c queuerun/login.c
 * With: queuerun/logintable.c
 */
#include "log.h"
#include "mem.h"
#include "queuerun/smtpc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool protection;

static void
report(void *arg, const struct smtp_rcpt *to, const struct verdict *v,
       bool peer_dsn)
{
	(void)arg;
	printf("%zu %s %c %s %.*s%s %s\n", to->tag, to->addr, v->what,
	       v->status, (int)strcspn(v->relay, protection ? "" : ","),
	       v->relay, peer_dsn ? " dsn" : "", v->text);
}

static void
trace(void *arg, const char *line)
{
	(void)arg;
	printf("%s\n", line);
}

static void
say(void *arg, const char *key, const char *value)
{
	(void)arg;
	printf("%s: %s\n", key, value);
}

static unsigned
notify(const char *s)
{
	return (strstr(s, "NEVER") ? NOTIFY_NEVER : 0) |
	       (strstr(s, "SUCCESS") ? NOTIFY_SUCCESS : 0) |
	       (strstr(s, "FAILURE") ? NOTIFY_FAILURE : 0) |
	       (strstr(s, "DELAY") ? NOTIFY_DELAY : 0);
}

static char *
copy(const char *s)
{
	return mem_dup(s, strlen(s));
}

/* COUNT messages with these recipients. */
static void
run(struct smtp_job *job, struct message *m, char **to, size_t n)
{
	size_t i, k;

	job->send = mem_alloc(job->nsend * sizeof *job->send);
	for (k = 0; k < job->nsend; k++) {
		job->send[k].m = m;
		job->send[k].sender = m->env.sender;
		job->send[k].nrcpt = n;
		job->send[k].rcpt = mem_alloc(n * sizeof *job->send[k].rcpt);
		for (i = 0; i < n; i++) {
			job->send[k].rcpt[i].rcpt = i;
			job->send[k].rcpt[i].addr = to[i];
			job->send[k].rcpt[i].notify = m->env.rcpt[i].notify;
			job->send[k].rcpt[i].tag = k;
		}
	}
	smtpc_run(job);
	for (k = 0; k < job->nsend; k++)
		free(job->send[k].rcpt);
	free(job->send);
}

int
main(int argc, char **argv)
{
	struct message m = {.id = "TEST", .env = {.sender = copy("jo@a.test")}};
	struct smtp_job job = {.nsend = 1, .report = report, .secrets = -1};
	const char *orcpt = NULL;
	struct conf conf;
	unsigned bits = 0;
	bool explain = false;
	struct stat st;
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	job.arg = &job;
	while ((c = getopt(argc, argv, "8Fa:e:f:n:N:o:pr:uvx")) != -1)
		switch (c) {
		case '8': m.env.eightbit = true; break;
		case 'F': job.force = true; break;
		case 'a': job.secrets = open(optarg, O_RDONLY); break;
		case 'e': m.env.envid = copy(optarg); break;
		case 'f':
			free(m.env.sender);
			m.env.sender = copy(optarg);
			break;
		case 'n': job.nsend = (size_t)strtoul(optarg, NULL, 10); break;
		case 'N': bits = notify(optarg); break;
		case 'o': orcpt = optarg; break;
		case 'p': protection = true; break;
		case 'r':
			m.env.ret = *optarg == 'F' ? RET_FULL : RET_HDRS;
			break;
		case 'u': m.env.utf8 = true; break;
		case 'v': job.trace = trace; break;
		case 'x': explain = true; break;
		default: return 64;
		}
	if (argc - optind < 3) {
		free(m.env.sender);
		return 0;
	}
	argv += optind;
	conf_use(&conf, argv[0]);
	job.conf = &conf;
	job.domain = argv[1];
	if (explain) {
		smtpc_explain(&conf, argv[1], say, NULL);
		return 0;
	}
	m.fd = open(argv[2], O_RDONLY);
	if (m.fd < 0 || fstat(m.fd, &st) < 0)
		return 66;
	m.len = (uint64_t)st.st_size;
	for (c = 3; argv[c]; c++)
		envelope_rcpt(&m.env, argv[c], orcpt, bits);
	run(&job, &m, argv + 3, m.env.nrcpt);
	envelope_free(&m.env);
	return 0;
}
