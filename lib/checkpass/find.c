/* find - what only root can know of somebody who says who they are: see checkpass.h.
 * THIS FILE RUNS AS ROOT where the server was started by it.  Nothing is compared or
 * decided here, and names are looked up as they are. */
#include "checkpass.h"

#include "ask.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	CLAIM_MAX = AUTH_NAME_MAX + AUTH_SECRET_MAX + 2,
	PROGRAM_TAKES = 512 /* bytes for a checkpassword program at most */
};

/* The account of failures; everybody may put things into its directory. */
static int
open_account(const struct conf *c)
{
	struct str s = {0};
	struct stat st;
	int fd;

	str_addf(&s, "%s/.failures", c->state);
	if (lstat(s.s, &st) == 0 &&
	    (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink > 1))
		remove(s.s);
	fd = open(s.s, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 &&
	    (fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_nlink > 1))
		fd = io_close(fd, -1);
	str_free(&s);
	return fd;
}

/* Run "PROGRAM... deliver -i", which tells who the program has become. */
static void
ask_checker(struct check *k)
{
	const struct list *l = &k->conf->checkpassword;
	char **argv = mem_alloc((l->n + 3) * sizeof *argv), buf[ASK_LINE];
	struct cur line;
	int status;

	memcpy(argv, l->v, l->n * sizeof *argv);
	argv[l->n] = conf_program(k->conf, "deliver");
	argv[l->n + 1] = mem_dup("-i", 2);
	str_addf(&k->claim, "%lld", (long long)time(NULL));
	str_addc(&k->claim, '\0');
	k->checked = true;
	if (k->claim.n > PROGRAM_TAKES || k->kind != GATE_PASSWORD)
		return;
	status = ask_program(argv, &k->claim, buf, &line, &k->ran);
	if (status == 0 && user_parse(line, &k->user) == 0 &&
	    *k->user.name != '.' && !strchr(k->user.name, '/'))
		k->said = AUTH_OK;
	else if (status != 1) /* what 1 means is the one promise */
		k->said = AUTH_LATER;
}

/* The line in shadow(5), or what the name service has. */
static const struct spwd *
find_shadow(struct check *k)
{
	FILE *f = fopen("/etc/shadow", "re");
	const struct spwd *sp = NULL;

	while (f && (sp = fgetspent(f)))
		if (strcmp(sp->sp_namp, k->user.name) == 0)
			break;
	k->lost = f ? ferror(f) : errno != ENOENT;
	if (f)
		fclose(f);
	errno = 0;
	sp = sp ? sp : getspnam(k->user.name);
	k->lost |= errno && errno != ENOENT;
	return sp;
}

int
find(struct check *k)
{
	char buf[CLAIM_MAX + 1];
	ssize_t n = io_readall(ASK_FD, buf, sizeof buf);
	const struct spwd *sp;

	if (n < 2 || n > CLAIM_MAX || buf[n - 1] != '\0' ||
	    strlen(buf) + 1 >= (size_t)n)
		return -1;
	str_add(&k->claim, buf, (size_t)n);
	explicit_bzero(buf, sizeof buf);
	k->account = open_account(k->conf);
	if (k->conf->checkpassword.n > 0)
		ask_checker(k);
	else
		k->found = user_find(k->conf, k->claim.s, &k->user);
	if (k->found > 0 && !*k->conf->users &&
	    strcmp(k->user.hash, "x") == 0) {
		sp = find_shadow(k);
		free(k->user.hash);
		k->user.hash = str_dup(sp ? sp->sp_pwdp : "");
		k->shadow = sp ? *sp : k->shadow;
	}
	return 0;
}
