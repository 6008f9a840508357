/* auth - see auth.h.  THIS FILE RUNS AS ROOT where popd was started by it: names
 * and secrets come from strangers.  Whoever has no hash that could match costs
 * the time of one that could. */
#include "auth.h"

#include "ask.h"
#include "log.h"
#include "mem.h"

#include <crypt.h>
#include <shadow.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	DAY = 86400,
	PROGRAM_TAKES = 512 /* bytes for a checkpassword program at most */
};

/* --- hashes --- */

static bool
same(const char *have, const char *want)
{
	size_t n = strlen(have), m = strlen(want), i;
	unsigned differ = n != m;

	for (i = 0; i < n && m > 0; i++)
		differ |= (unsigned)(have[i] ^ want[i % m]);
	return differ == 0;
}

static bool
crypt_same(const char *secret, const char *hash)
{
	struct crypt_data *d = mem_alloc(sizeof *d);
	const char *got = crypt_r(secret, hash, d);
	bool ok = got && *got != '*' && same(got, hash);

	explicit_bzero(d, sizeof *d);
	free(d);
	return ok;
}

/* As dear as a password that is set here today. */
static void
crypt_nothing(const char *secret)
{
	static const char new[] = "$y$j9T$facteurfacteurfacteur.$",
	                  old[] = "$6$facteurfacteur$";

	crypt_same(secret, crypt_checksalt(new) == CRYPT_SALT_OK ? new : old);
}

/* Hashes may say what they are in the way of Dovecot's passwd-file. */
static bool
matches(const char *secret, const char *hash)
{
	static const struct {
		const char *name;
		bool (*same)(const char *, const char *);
	} schemes[] = {
	    {"CRYPT",        crypt_same},
	    {"MD5-CRYPT",    crypt_same},
	    {"SHA256-CRYPT", crypt_same},
	    {"SHA512-CRYPT", crypt_same},
	    {"BLF-CRYPT",    crypt_same},
	    {"PLAIN",        same      },
	    {"CLEAR",        same      },
	    {"CLEARTEXT",    same      },
	};
	struct cur c = cur_of(hash), name;
	size_t i;

	if (!cur_take(&c, '{'))
		return crypt_same(secret, hash);
	cur_until(&c, "}", &name);
	if (!cur_take(&c, '}'))
		name.e = name.p;
	for (i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (cur_is(&name, schemes[i].name))
			return *c.p && schemes[i].same(secret, c.p);
	log_warn("unknown password scheme {%.*s}", (int)cur_len(&name), name.p);
	crypt_nothing(secret);
	return false;
}

/* --- tables --- */

/* shadow(5).  A password that login(1) would have changed first is over, as
 * nobody can change it here. */
static bool
is_over(const struct spwd *sp)
{
	long day = (long)(time(NULL) / DAY);

	return (sp->sp_expire >= 0 && day >= sp->sp_expire) ||
	       sp->sp_lstchg == 0 ||
	       (sp->sp_lstchg > 0 && sp->sp_max >= 0 &&
	        day - sp->sp_lstchg > sp->sp_max);
}

/* Put the hash of the system's user where it counts; "" when there is none. */
static void
find_shadow(struct user *u)
{
	struct spwd *sp;

	if (strcmp(u->hash, "x") != 0)
		return;
	*u->hash = '\0';
	sp = getspnam(u->name);
	if (!sp || !sp->sp_pwdp)
		return;
	if (!is_over(sp)) {
		free(u->hash);
		u->hash = mem_dup(sp->sp_pwdp, strlen(sp->sp_pwdp));
	}
	explicit_bzero(sp->sp_pwdp, strlen(sp->sp_pwdp));
}

static int
ask_tables(const struct conf *c, const char *name, const char *secret,
           struct user *u)
{
	int found = user_find(c, name, u);

	if (found > 0 && !*c->users)
		find_shadow(u);
	if (found <= 0 || !*u->hash || strchr("!*", *u->hash)) {
		crypt_nothing(secret);
		return found < 0 ? AUTH_LATER : AUTH_NO;
	}
	return matches(secret, u->hash) ? AUTH_OK : AUTH_NO;
}

/* Run "PROGRAM... deliver -i", which tells who the program has become. */
static int
ask_checker(const struct conf *c, const char *name, const char *secret,
            struct user *u)
{
	size_t n = c->checkpassword.n;
	char **argv = mem_alloc((n + 3) * sizeof *argv), buf[ASK_LINE];
	struct str s = {0};
	struct cur line;
	int r = AUTH_NO, status;

	memcpy(argv, c->checkpassword.v, n * sizeof *argv);
	argv[n] = conf_program(c, "deliver");
	argv[n + 1] = mem_dup("-i", 2);
	str_add(&s, name, strlen(name) + 1);
	str_add(&s, secret, strlen(secret) + 1);
	str_addf(&s, "%lld", (long long)time(NULL));
	str_addc(&s, '\0');
	if (s.n <= PROGRAM_TAKES) {
		status = ask_program(argv, &s, buf, &line);
		if (status == 0 && user_parse(line, u) == 0 &&
		    *u->name != '.' && !strchr(u->name, '/'))
			r = AUTH_OK;
		else if (status != 1) /* what 1 means is the one promise */
			r = AUTH_LATER;
	}
	explicit_bzero(s.s, s.n);
	str_free(&s);
	free(argv[n]);
	free(argv[n + 1]);
	free(argv);
	return r;
}

int
auth_check(const struct conf *c, const char *name, const char *secret,
           struct user *u)
{
	int r;

	*u = (struct user){0};
	if (c->checkpassword.n > 0)
		r = ask_checker(c, name, secret, u);
	else
		r = ask_tables(c, name, secret, u);
	/* Without root only those whom we are already. */
	if (r == AUTH_OK &&
	    (u->uid == 0 || (geteuid() != 0 && u->uid != geteuid())))
		r = AUTH_NO;
	if (r != AUTH_OK)
		user_free(u);
	return r;
}
