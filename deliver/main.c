/* deliver - bring letters into the mailbox, file or program of one user.
 * Started by queuerun(8) with many letters, or by hand and by other mail
 * systems with one. */
#include "ask.h"
#include "become.h"
#include "deliver.h"
#include "group.h"
#include "idn.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static struct conf conf;

struct options {
	const char *conf, *sender, *detail, *command, *file, *user;
	bool batch, whoami;
};

/* What lib/addr.c asks for, without the library. */
int
idn_lookup(char name[ADDR_DOMAIN_MAX + 1])
{
	return ask_domain(&conf, name);
}

static void
usage(void)
{
	fprintf(stderr,
	        "usage: deliver [-C file] [-a detail] [-f sender] user\n"
	        "       deliver -b [-C file] [-F path | -P command] user\n"
	        "       deliver -i\n");
	exit(EX_USAGE);
}

static void
options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){.sender = "", .detail = ""};
	while ((c = getopt(argc, argv, "C:F:P:a:bf:i")) != -1)
		switch (c) {
		case 'C': o->conf = optarg; break;
		case 'F': o->file = optarg; break;
		case 'P': o->command = optarg; break;
		case 'a': o->detail = optarg; break;
		case 'b': o->batch = true; break;
		case 'f': o->sender = optarg; break;
		case 'i': o->whoami = true; break;
		default: usage();
		}
	/* Controls would end up in the header, as more than one line. */
	if (argc - optind != (o->whoami ? 0 : 1) || (o->file && o->command) ||
	    ((o->file || o->command) && !o->batch) ||
	    cur_has_control(cur_of(o->sender)) ||
	    cur_has_control(cur_of(o->detail)))
		usage();
	o->user = argv[optind];
	if (strcmp(o->sender, "<>") == 0)
		o->sender = "";
}

/* One line on stderr, as other mail systems read it, and the end. */
static void
refuse(int code, const char *status, const char *name, const char *text)
{
	fprintf(stderr, "%s %s: %s\n", status, name, text);
	exit(code);
}

/* Become the user, or say why not. */
static void
become(const struct conf *c, const struct options *o, struct user *u)
{
	const char *name = o->user;
	int found = o->file || o->command ? user_find_runner(c, name, u)
	                                  : user_find(c, name, u);

	if (found == 0)
		refuse(EX_NOUSER, "5.1.1", name, "no such user");
	if (found < 0)
		refuse(EX_TEMPFAIL, "4.3.0", name, "cannot ask for users now");
	if (become_user(c, u, group_mail(u->gid)) < 0)
		refuse(EX_NOPERM, "5.7.0", name,
		       "only root and the user may deliver");
}

/* -i: who we are now, for popd: a checkpassword program made us that user and
 * told the rest in the environment. */
static int
identify(void)
{
	const char *user = getenv("USER"), *home = getenv("HOME"),
	           *shell = getenv("SHELL");

	if (!user || !home || strpbrk(user, ":\n") || strpbrk(home, ":\n"))
		return EX_TEMPFAIL;
	printf("%s:x:%lu:%lu::%s:%s\n", user, (unsigned long)getuid(),
	       (unsigned long)getgid(), home, shell ? shell : "");
	return EX_OK;
}

static const struct dest_ops *
kind_of(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && path[n - 1] == '/' ? &dest_maildir : &dest_mbox;
}

/* What kind of place is it? */
static void
choose(struct dest *d, const struct options *o, const char *mailbox)
{
	d->most = BATCH_LETTERS;
	d->path = mailbox;
	d->op = kind_of(mailbox);
	if (o->command) {
		d->op = &dest_program;
		d->command = o->command;
		d->most = 1;
	} else if (o->file) {
		d->is_file = true;
		d->path = o->file;
		d->op = strcmp(o->file, "/dev/null") == 0 ? &dest_null
		                                          : kind_of(o->file);
	}
	/* Only the dot-lock in the mail directory needs the group. */
	if ((d->op != &dest_mbox || d->is_file) && group_drop() < 0)
		refuse(EX_TEMPFAIL, "4.3.0", o->user, "cannot drop group mail");
}

int
main(int argc, char **argv)
{
	struct dest d = {0};
	struct str state = {0};
	struct options o;
	struct user user;
	char *mailbox;

	options(argc, argv, &o);
	if (o.whoami)
		return identify();
	log_open("deliver");
	if (io_standard() < 0)
		log_die(EX_OSERR, "/dev/null: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* or nobody could be waited for */
	/* Who hands us mail would return it for a 78. */
	if (conf_try(&conf, o.conf) < 0)
		refuse(EX_TEMPFAIL, "4.3.5", o.user,
		       "the configuration has errors");
	become(&conf, &o, &user);
	str_addf(&state, "%s/%s", conf.state, user.name);
	mailbox = mailbox_path(&conf, &user);
	d.conf = &conf;
	d.user = &user;
	d.state = state.s;
	d.by_hand = !o.batch;
	choose(&d, &o, mailbox);
	return o.batch ? batch_run(&d) : hand_run(&d, o.sender, o.detail);
}
