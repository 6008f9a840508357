/* decide - is the claim true?  See checkpass.h.  Never runs as root: here are
 * hashes computed from what strangers send, and the account of failures kept. */
#include "checkpass.h"

#include "code.h"
#include "failures.h"
#include "group.h"
#include "log.h"
#include "scram.h"

#include <stdio.h>
#include <sysexits.h>
#include <time.h>

enum { DAY = 86400, SALT = 16 /* bytes */ };

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

/* --- the words behind the shell: "services=imap,pop3 nets=192.0.2.0/24 ..." --- */

/* Is it NAME=..., and what? */
static bool
value_of(struct cur word, const char *name, struct cur *value)
{
	struct cur key;

	cur_until(&word, "=", &key);
	cur_get(&word);
	*value = word;
	return cur_is(&key, name);
}

/* Is one of the words, between commas, this service or a network of the address? */
static bool
among(struct cur list, const char *service, const char *ip)
{
	char net[64];
	struct cur w;

	while (cur_len(&list) > 0) {
		cur_until(&list, ",", &w);
		cur_get(&list);
		if (service && cur_is(&w, service))
			return true;
		if (ip && cur_copy(w, net, sizeof net) == 0 &&
		    conf_net_has(net, ip))
			return true;
	}
	return false;
}

static bool
may_enter(const struct check *k)
{
	struct cur c = cur_of(k->user.extra), w, v;

	while (cur_word(&c, &w) > 0) {
		if (value_of(w, "nologin", &v) ||
		    (value_of(w, "services", &v) &&
		     !among(v, k->service, NULL)) ||
		    ((value_of(w, "nets", &v) ||
		      value_of(w, "allow_nets", &v)) &&
		     !among(v, NULL, k->ip)))
			return false;
	}
	return true;
}

/* Passwords of the user's programs: "app=HASH". */
static bool
is_of_program(const struct check *k)
{
	struct cur c = cur_of(k->user.extra), w, v;
	struct str hash = {0};
	bool ok = false;

	while (!ok && cur_word(&c, &w) > 0) {
		if (!value_of(w, "app", &v) || cur_len(&v) == 0)
			continue;
		str_clear(&hash);
		str_add(&hash, v.p, cur_len(&v));
		ok = hash_matches(k->secret, hash.s);
	}
	if (hash.n > 0)
		explicit_bzero(hash.s, hash.n);
	str_free(&hash);
	return ok;
}

/* --- passwords --- */

static bool
is_locked(const struct check *k)
{
	const char *hash = k->user.hash;

	return k->found <= 0 || !hash || !*hash || strchr("!*", *hash);
}

static int
check_password(const struct check *k)
{
	bool ok;

	if (is_locked(k)) {
		hash_nothing(k->secret);
		return AUTH_NO;
	}
	ok = hash_matches(k->secret, k->user.hash) || is_of_program(k);
	return ok ? AUTH_OK : AUTH_NO;
}

/* --- SCRAM (RFC 5802) --- */

/* A salt for that name that tells nobody that it was made up. */
static void
make_salt(const struct check *k, const struct failures *f, struct str *s)
{
	unsigned char h[SHA256_SIZE];

	failures_mix(f, "salt", k->name, "", h);
	code_base64(s, h, SALT);
}

/* The user's key: the one kept, or made from a password that is; 0 or -1. */
static int
find_key(const struct check *k, const struct failures *f, bool all,
         struct scram_key *key)
{
	const char *kept = NULL, *plain = NULL;
	struct str salt = {0};
	int r = -1;

	make_salt(k, f, &salt);
	if (!is_locked(k)) {
		kept = hash_scram(k->user.hash);
		plain = hash_plain(k->user.hash);
	}
	if (kept)
		r = scram_parse(cur_of(kept), key);
	if (r < 0) {
		*key = (struct scram_key){.rounds = SCRAM_ROUNDS};
		memcpy(key->salt, salt.s, salt.n + 1);
	}
	if (all && plain)
		r = scram_derive(plain, salt.s, SCRAM_ROUNDS, key);
	str_free(&salt);
	return r;
}

static int
check_proof(const struct check *k, const struct failures *f, struct str *sign)
{
	struct cur proof, auth = cur_of(k->secret);
	struct scram_key key;
	int r;

	cur_until(&auth, " ", &proof);
	cur_get(&auth);
	r = find_key(k, f, true, &key);
	if (r == 0)
		r = scram_verify(&key, proof, auth, sign);
	if (r == 0)
		str_addc(sign, ' ');
	explicit_bzero(&key, sizeof key);
	return r < 0 ? AUTH_NO : AUTH_OK;
}

/* --- the answer --- */

/* Who a program of checkpassword has become may write into it (ptrace(2)), and so say
 * to be anybody: he is who the kernel says.  Or ours has waited for one that
 * became him. */
static bool
is_himself(const struct check *k)
{
	return k->ran == k->user.uid || k->ran == k->self;
}

/* Not even root, and without root only those whom we are already. */
static int
check(struct check *k, const struct failures *f, struct str *sign)
{
	char name[AUTH_NAME_MAX + 1];
	int r;

	if (k->checked)
		r = k->said == AUTH_OK && !is_himself(k) ? AUTH_LATER : k->said;
	else if (k->found < 0 || (k->lost && k->self == 0))
		r = AUTH_LATER;
	else if (k->kind == GATE_PROOF)
		r = check_proof(k, f, sign);
	else
		r = check_password(k);
	if (r == AUTH_OK &&
	    (k->user.uid == 0 || (k->self != 0 && k->user.uid != k->self) ||
	     is_over(&k->shadow) || (!k->checked && !may_enter(k))))
		r = AUTH_NO;
	if (r == AUTH_OK &&
	    (strpbrk(k->user.home, ":\n") ||
	     auth_word(cur_of(k->user.name), name, AUTH_NAME_MAX) < 0))
		r = AUTH_LATER;
	return r;
}

/* For those who read logs: UW imapd's lines, or Postfix's (facteur(7)).  What is
 * said of the name is one word. */
static void
note(const struct check *k, int verdict)
{
	char name[AUTH_NAME_MAX + 1], *c;

	snprintf(name, sizeof name, "%s", k->name);
	for (c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			*c = '?';
	if (verdict == AUTH_OK)
		log_info("Login user=%s host=%s [%s]", name, k->host, k->ip);
	else if (strcmp(k->service, "smtp") == 0)
		log_warn("%s[%s]: SASL %s authentication %s, sasl_username=%s",
		         k->host, k->ip,
		         k->kind == GATE_PROOF ? "SCRAM-SHA-256" : "PLAIN",
		         verdict == AUTH_NO ? "failed: wrong password"
		                            : "delayed: cannot be checked now",
		         name);
	else
		log_info("Login %s user=%s auth=%s host=%s [%s]",
		         verdict == AUTH_NO ? "failed" : "delayed", name, name,
		         k->host, k->ip);
}

/* RFC 5802 5: the salt comes before anybody proved anything. */
static int
tell_salt(struct check *k, const struct failures *f)
{
	struct scram_key key;

	find_key(k, f, false, &key);
	if (k->found < 0)
		return EX_TEMPFAIL;
	printf("0 0 %lu %s\n", key.rounds, key.salt);
	explicit_bzero(&key, sizeof key);
	return 0;
}

int
decide(struct check *k)
{
	struct failures f;
	struct str sign = {0};
	unsigned wait = 0;
	bool refused;
	int r;

	k->name = k->claim.s;
	k->secret = k->name + strlen(k->name) + 1;
	failures_open(&f, k->account);
	if (k->kind == GATE_SCRAM)
		return tell_salt(k, &f);
	refused = failures_refuse(&f, k->ip);
	r = refused ? AUTH_NO : check(k, &f, &sign);
	if (r == AUTH_OK) /* others may have failed meanwhile */
		refused = failures_refuse(&f, k->ip);
	if (refused) {
		r = AUTH_NO;
		wait = FAILURES_SLOW;
	} else if (r != AUTH_LATER) {
		wait =
		    failures_tell(&f, k->ip, k->name, k->secret, r == AUTH_OK);
	}
	note(k, r);
	printf("%u", wait);
	if (r == AUTH_OK)
		printf(" %lu %s%s\t%s:x:%lu:%lu::%s:%s",
		       (unsigned long)group_mail(k->user.gid),
		       sign.n > 0 ? sign.s : "", k->user.name, k->user.name,
		       (unsigned long)k->user.uid, (unsigned long)k->user.gid,
		       k->user.home, k->user.shell);
	printf("\n");
	str_free(&sign);
	return r == AUTH_OK ? 0 : r == AUTH_NO ? 1 : 111;
}
