/* sts - see sts.h: the record is looked up, the policy fetched and kept.  A file
 * sts/DOMAIN in the spool is one line
 *
 *	facteur-sts 1 FETCHED ID FAILED ID LENGTH
 *
 * of the times of the last fetch that was good, and of one that failed after it,
 * each with the id in the record then; one of why that failed; and the policy of
 * so many bytes.
 * RFC 8461 5.1 has the order of what is done here. */
#include "sts.h"

#include "ask.h"
#include "io.h"
#include "lock.h"
#include "log.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	FETCH_TIME = 65, /* s: mtasts(8) ends after 60 */
	TRY_AGAIN = 600, /* s; RFC 8461 3.3: not before five minutes */
	REFRESH = 86400, /* s; RFC 8461 3.3: about once a day */
	KEEP = 31557600, /* s: a year, that no policy outlives */
	HEAD = 512 + STS_WHY,
	LOCK_TRIES = 100
};

static const char magic[] = "facteur-sts 1 ";

struct look {
	const struct conf *conf;
	const char *domain;
	char *path, *tmp;
	char id[STS_ID];  /* in the record now, or "" */
	char no[STS_WHY]; /* ... why there is none */
	struct sts *policy;
	struct str text; /* of the policy */
	time_t fetched;  /* 0: never */
	char have[STS_ID];
	time_t failed; /* 0: the last fetch was good */
	char bad[STS_ID];
	char why[STS_WHY]; /* it failed */
};

/* Copy the first line of text, printable. */
static void
set_text(char out[STS_WHY], const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < STS_WHY - 1 && p[i] != '\n'; i++)
		out[i] = p[i] < ' ' || p[i] > '~' ? '?' : p[i];
	out[i] = '\0';
}

/* --- what is kept --- */

static int
take_time(struct cur *c, time_t *t, char id[STS_ID])
{
	unsigned long long v;
	struct cur w;

	if (cur_number(c, LONG_MAX, &v) < 0)
		return -1;
	*t = (time_t)v;
	cur_word(c, &w);
	cur_blanks(c);
	return cur_len(&w) > 0 ? cur_copy(w, id, STS_ID) : -1;
}

static int
take_head(struct look *l, struct cur c)
{
	unsigned long long n;

	if (cur_len(&c) < sizeof magic ||
	    memcmp(c.p, magic, sizeof magic - 1) != 0)
		return -1;
	c.p += sizeof magic - 1;
	if (take_time(&c, &l->fetched, l->have) < 0 ||
	    take_time(&c, &l->failed, l->bad) < 0 ||
	    cur_number(&c, STS_TEXT, &n) < 0 || n != l->text.n)
		return -1;
	return 0;
}

/* A file that is not one of ours is none.  0, or -1 when it cannot be read. */
static int
load(struct look *l)
{
	struct cur c, line, why;
	struct str s = {0};

	l->fetched = l->failed = 0;
	str_clear(&l->text);
	if (io_slurp(AT_FDCWD, l->path, STS_TEXT + HEAD, &s) < 0) {
		str_free(&s);
		return errno == ENOENT || errno == EFBIG ? 0 : -1;
	}
	c = str_cur(&s);
	cur_line(&c, &line);
	cur_line(&c, &why);
	set_text(l->why, why.p, cur_len(&why));
	str_add(&l->text, c.p, cur_len(&c));
	if (take_head(l, line) < 0)
		l->fetched = l->failed = 0;
	if (l->fetched && sts_parse(l->text.s, l->text.n, l->policy) < 0)
		l->fetched = 0;
	str_free(&s);
	return 0;
}

/* What nobody has asked for in a year. */
static void
sweep(const struct look *l)
{
	struct str dir = {0};
	time_t now = time(NULL);
	struct dirent *d;
	struct stat st;
	DIR *open_dir;

	str_add(&dir, l->path, (size_t)(strrchr(l->path, '/') - l->path));
	open_dir = opendir(dir.s);
	str_free(&dir);
	while (open_dir && (d = readdir(open_dir)))
		if (fstatat(dirfd(open_dir), d->d_name, &st,
		            AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && now - st.st_mtime > KEEP)
			unlinkat(dirfd(open_dir), d->d_name, 0);
	if (open_dir)
		closedir(open_dir);
}

/* Write what we know to the locked file tmp, which becomes the one at path.  0 or
 * -1. */
static int
store(const struct look *l, int fd)
{
	size_t n = l->fetched ? l->text.n : 0;
	struct str s = {0};
	int rc;

	str_addf(&s, "%s%lld %s %lld %s %zu\n%s\n", magic,
	         (long long)l->fetched, l->fetched ? l->have : "-",
	         (long long)l->failed, l->failed ? l->bad : "-", n,
	         l->failed ? l->why : "");
	str_add(&s, l->text.s, n);
	rc = ftruncate(fd, 0) < 0 || io_writeall(fd, s.s, s.n) < 0 ||
	             fsync(fd) < 0 || rename(l->tmp, l->path) < 0
	         ? -1
	         : 0;
	if (rc < 0)
		log_warn("%s: %s", l->path, strerror(errno));
	str_free(&s);
	return rc;
}

/* One process at a time fetches for a domain, and the others wait for what it
 * finds.  The locked file tmp, or -1: then nothing is kept. */
static int
lock_tmp(const struct look *l)
{
	struct str dir = {0};
	int fd, tries;

	str_add(&dir, l->path, (size_t)(strrchr(l->path, '/') - l->path));
	if (mkdir(dir.s, 0700) < 0 && errno != EEXIST)
		log_warn("%s: %s", dir.s, strerror(errno));
	str_free(&dir);
	for (tries = 0; tries < LOCK_TRIES; tries++) {
		fd = open(l->tmp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		          0600);
		if (fd < 0)
			break;
		if (flock(fd, LOCK_EX) == 0 && lock_same(fd, AT_FDCWD, l->tmp))
			return fd;
		close(fd);
	}
	log_warn("%s: %s", l->tmp, strerror(errno));
	return -1;
}

/* --- the decision --- */

static bool
in_force(const struct look *l, time_t now)
{
	return l->fetched && now - l->fetched <= (time_t)l->policy->max_age;
}

/* Is there a policy to be fetched? */
static bool
wanted(const struct look *l, time_t now)
{
	if (!*l->id)
		return false;
	if (in_force(l, now) && strcmp(l->id, l->have) == 0 &&
	    now >= l->fetched && now - l->fetched < REFRESH)
		return false;
	return !l->failed || strcmp(l->id, l->bad) != 0 || now < l->failed ||
	       now - l->failed >= TRY_AGAIN;
}

/* Have mtasts(8) fetch the policy.  0, or -1 with l->why. */
static int
fetch(struct look *l, struct str *said)
{
	const char *const words[] = {
	    "queuerun/mtasts", "-C", l->conf->file, "--", l->domain, NULL};
	struct list argv = {0};
	int status;

	conf_command(l->conf, words, &argv);
	status = ask_all(argv.v, FETCH_TIME, STS_TEXT, said);
	list_free(&argv);
	if (status == 0 && said->n <= STS_TEXT)
		return 0;
	/* What a program that fails says is why. */
	if (status > 0 && said->n > 0)
		set_text(l->why, said->s, said->n);
	else
		snprintf(l->why, STS_WHY, "no policy came in time");
	return -1;
}

static void
renew(struct look *l)
{
	struct sts *fresh = mem_alloc(sizeof *fresh);
	struct str said = {0};
	int rc = fetch(l, &said);

	if (rc == 0 && sts_parse(said.s, said.n, fresh) < 0) {
		snprintf(l->why, STS_WHY, "that is no policy");
		rc = -1;
	}
	if (rc == 0) {
		*l->policy = *fresh;
		str_clear(&l->text);
		str_add(&l->text, said.s, said.n);
		l->fetched = time(NULL);
		l->failed = 0;
		memcpy(l->have, l->id, STS_ID);
		log_info("mta-sts: %s: policy %s mode=%s max_age=%lu mx=%zu",
		         l->domain, l->id, sts_mode(fresh->mode),
		         fresh->max_age, fresh->nmx);
	} else {
		l->failed = time(NULL);
		memcpy(l->bad, l->id, STS_ID);
		/* RFC 8461 3.3 wants that the administrator can see it. */
		log_warn("mta-sts: %s: policy %s: %s", l->domain, l->id,
		         l->why);
	}
	str_free(&said);
	free(fresh);
}

static void
ask_record(struct look *l)
{
	struct records *rs = mem_alloc(sizeof *rs);
	char name[DNS_NAME];
	enum dns_why w = DNS_NX;

	if ((size_t)snprintf(name, sizeof name, "_mta-sts.%s", l->domain) <
	    sizeof name)
		w = dns_txt(name, rs);
	if (w != DNS_OK)
		snprintf(l->no, STS_WHY, "no record: %s", dns_text(w));
	else if (sts_record(rs, l->id) < 0)
		snprintf(l->no, STS_WHY,
		         "there is not exactly one record that is right");
	free(rs);
}

static void
conclude(const struct look *l)
{
	struct sts *p = l->policy;
	time_t now = time(NULL);
	struct str s = {0};
	const char *no = l->no;

	if (*l->id)
		no = l->failed && strcmp(l->id, l->bad) == 0 ? l->why : "";
	if (in_force(l, now)) {
		str_addf(&s, "policy %s of %lld s ago%s%s", l->have,
		         (long long)(now - l->fetched),
		         *no ? "; no new one: " : "", no);
	} else {
		p->mode = STS_NONE;
		p->nmx = 0;
		str_addf(&s, "no policy: %s", no);
	}
	set_text(p->why, s.s, s.n);
	str_free(&s);
}

static bool
is_name(const char *domain)
{
	const char *p;

	for (p = domain; str_isalpha(*p) || str_isdigit(*p) || *p == '-' ||
	                 *p == '_' || (*p == '.' && p > domain);
	     p++)
		;
	return p > domain && !*p && p - domain < DNS_NAME - 1;
}

/* The policy is kept, or it is fetched, or neither.  0, or -1 when what is kept cannot
 * be read. */
static int
find(struct look *l)
{
	int fd = -1, r = load(l);

	if (r < 0)
		return -1;
	ask_record(l);
	/* root, who explains, leaves nothing that the owner could not read */
	if (wanted(l, time(NULL)) && geteuid() != 0) {
		fd = lock_tmp(l);
		r = load(l);
	}
	if (r == 0 && wanted(l, time(NULL))) {
		renew(l);
		if (fd >= 0 && store(l, fd) == 0)
			sweep(l);
		else if (fd >= 0)
			unlink(l->tmp);
	} else if (fd >= 0) {
		unlink(l->tmp); /* another one has fetched it */
	}
	return fd >= 0 ? io_close(fd, r) : r;
}

int
sts_find(const struct conf *c, const char *domain, struct sts *out)
{
	struct look l = {.conf = c, .domain = domain, .policy = out};
	struct str path = {0}, tmp = {0};
	int r;

	*out = (struct sts){0};
	if (!is_name(domain)) {
		snprintf(out->why, STS_WHY, "not a domain");
		return 0;
	}
	str_addf(&path, "%s/sts/%s", c->spool, domain);
	str_addf(&tmp, "%s/sts/.%s", c->spool, domain);
	l.path = path.s;
	l.tmp = tmp.s;
	r = find(&l);
	if (r == 0)
		conclude(&l);
	else
		snprintf(out->why, STS_WHY,
		         "the policy kept of %s cannot be read: %s", domain,
		         strerror(errno));
	str_free(&path);
	str_free(&tmp);
	str_free(&l.text);
	return r;
}
