/* main - checkpass, which says whether somebody is who they say.  Run by the gate of
 * smtpd, popd and imapd (lib/gate.c) for each claim, as root where these are: it finds
 * what only root can see, becomes somebody without rights, and only then
 * computes. */
#include "checkpass.h"

#include "become.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static void
usage(void)
{
	fputs("usage: checkpass [-C file] [-s service] [-h host] [-i address] "
	      "[-k password | scram | proof]\n",
	      stderr);
	exit(EX_USAGE);
}

static int
kind_of(const char *name)
{
	static const char *const kinds[] = {"password", "scram", "proof"};
	int i;

	for (i = 0; i < 3; i++)
		if (strcmp(name, kinds[i]) == 0)
			return i;
	usage();
	return -1;
}

/* The log is that of the server which asks: its readers know these names. */
static const char *
server_of(const char *service)
{
	static const char *const names[][2] = {
	    {"imap", "imapd"},
            {"pop3", "popd" },
            {"smtp", "smtpd"}
        };
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(service, names[i][0]) == 0)
			return names[i][1];
	return "checkpass";
}

int
main(int argc, char **argv)
{
	struct check k = {
	    .service = "",
	    .host = "unknown",
	    .ip = "unknown",
	    .said = AUTH_NO,
	    .shadow = {.sp_lstchg = -1, .sp_max = -1, .sp_expire = -1}
        };
	const char *file = NULL;
	struct conf conf;
	int opt, status;

	while ((opt = getopt(argc, argv, "C:Vh:i:k:s:")) != -1)
		switch (opt) {
		case 'C': file = optarg; break;
		case 'V': puts("facteur " VERSION); return 0;
		case 'h': k.host = optarg; break;
		case 'i': k.ip = optarg; break;
		case 'k': k.kind = kind_of(optarg); break;
		case 's': k.service = optarg; break;
		default: usage();
		}
	log_open(server_of(k.service));
	conf_use(&conf, file);
	log_ready();
	k.conf = &conf;
	k.self = geteuid();
	if (find(&k) < 0)
		return EX_USAGE;
	become_talker(file, NULL);
	status = decide(&k);
	explicit_bzero(k.claim.s, k.claim.n);
	str_free(&k.claim);
	user_free(&k.user);
	return status;
}
