/* main - pamcheck, a checkpassword program (cr.yp.to/checkpwd.html) that asks PAM.
 * Run by checkpass where facteur.conf says "checkpassword .../pamcheck", as root:
 * modules of PAM want that.  Name and password come on descriptor 3; after a yes it
 * becomes the user, for good, and runs its arguments. */
#include "ask.h"
#include "become.h"
#include "io.h"
#include "mem.h"
#include "user.h"

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { YES, NO, MISUSE, LATER = 111 }; /* exit codes of its kind */
enum { TAKES = 512 };

/* PAM asks; all that we can say is the password. */
static int
answer(int n, const struct pam_message **ask, struct pam_response **to,
       void *secret)
{
	struct pam_response *r;
	int i;

	if (n <= 0 || n > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	for (i = 0; i < n; i++)
		if (ask[i]->msg_style == PAM_PROMPT_ECHO_ON)
			return PAM_CONV_ERR;
	r = mem_alloc((size_t)n * sizeof *r);
	for (i = 0; i < n; i++)
		if (ask[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			r[i].resp = str_dup(secret);
	*to = r;
	return PAM_SUCCESS;
}

/* How long a failure takes is the gate's to say. */
static void
no_delay(int status, unsigned us, void *arg)
{
	(void)status;
	(void)us;
	(void)arg;
}

static int
verdict(int status)
{
	switch (status) {
	case PAM_SUCCESS: return YES;
	case PAM_AUTH_ERR:
	case PAM_CRED_INSUFFICIENT:
	case PAM_USER_UNKNOWN:
	case PAM_MAXTRIES:
	case PAM_ACCT_EXPIRED:
	case PAM_AUTHTOK_EXPIRED:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_CONV_ERR:
	case PAM_PERM_DENIED: return NO;
	default: return LATER;
	}
}

/* Is it the password, and may the account be used?  *name becomes who that is. */
static int
ask_pam(const char *dir, const char *service, char **name, char *secret)
{
	const struct pam_conv conv = {.conv = answer, .appdata_ptr = secret};
	void (*const delay)(int, unsigned, void *) = no_delay;
	pam_handle_t *pam = NULL;
	const void *who = NULL;
	int r;

	r = dir ? pam_start_confdir(service, *name, &conv, dir, &pam)
	        : pam_start(service, *name, &conv, &pam);
	if (r == PAM_SUCCESS) {
		void *p;

		memcpy(&p, &delay, sizeof p);
		pam_set_item(pam, PAM_FAIL_DELAY, p);
		r = pam_authenticate(pam,
		                     PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	}
	if (r == PAM_SUCCESS)
		r = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (r == PAM_SUCCESS)
		r = pam_get_item(pam, PAM_USER, &who);
	if (r == PAM_SUCCESS)
		*name = who ? str_dup(who) : *name;
	if (pam)
		pam_end(pam, r);
	return verdict(r);
}

/* Become the user of the system. */
static int
become(const char *name, struct user *u)
{
	static char none[] = "";
	const struct conf system = {.users = none};
	int found = user_find(&system, name, u);

	if (found <= 0)
		return found < 0 ? LATER : NO;
	if (u->uid == 0 || (geteuid() != 0 && u->uid != geteuid()))
		return NO;
	if (geteuid() == 0 && become_account(u->uid, u->gid) < 0)
		return LATER;
	return setenv("USER", u->name, 1) < 0 ||
	               setenv("HOME", u->home, 1) < 0 ||
	               setenv("SHELL", u->shell, 1) < 0
	           ? LATER
	           : YES;
}

int
main(int argc, char **argv)
{
	const char *dir = NULL, *service = "facteur";
	char claim[TAKES + 1] = {0}, *name = claim, *secret;
	struct user u;
	ssize_t n;
	int opt, r;

	while ((opt = getopt(argc, argv, "+Vd:s:")) != -1)
		switch (opt) {
		case 'V': puts("facteur " VERSION); return 0;
		case 'd': dir = optarg; break;
		case 's': service = optarg; break;
		default: return MISUSE;
		}
	n = io_readall(ASK_FD, claim, TAKES);
	secret = claim + strlen(claim) + 1;
	if (n <= 0 || secret >= claim + n || !argv[optind])
		return MISUSE;
	r = ask_pam(dir, service, &name, secret);
	explicit_bzero(claim, sizeof claim);
	if (r == YES)
		r = become(name, &u);
	if (r != YES)
		return r;
	close(ASK_FD);
	execvp(argv[optind], argv + optind);
	return LATER;
}
