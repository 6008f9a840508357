/* hash - unit test of lib/checkpass/hash.c: passwords and what is kept of them.
 * With: lib/checkpass/hash.c */
#include "lib/checkpass/checkpass.h"
#include "log.h"

#include <assert.h>

static void
test_hashes(void)
{
	static const char *const good[] = {
	    "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
	    "{MD5-CRYPT}$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
	    "{md5-crypt}$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
	    "{CRYPT}$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
	    "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
	    "bpq6mgw3iSqp1KV8rJl0GL6U7zFUFmok4g9ad338qAA=,"
	    "0lCV+0qJolGHhrHx1tm7nVErmY0Neq9ZEJyq74xtC8g=",
	    "{PLAIN}secret",
	    "{CLEARTEXT}secret",
	    "{CLEAR}secret"};
	static const char *const bad[] = {
	    "",
	    "x",
	    "!",
	    "*",
	    "!$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
	    "secret",
	    "{PLAIN}",
	    "{PLAIN}secre",
	    "{PLAIN}secrets",
	    "{PLAIN}secretsecret",
	    "{PLAIN",
	    "{}secret",
	    "{SHA1}secret",
	    "{MD5-CRYPT}",
	    "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I",
	    "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I10"};
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		assert(hash_matches("secret", good[i]));
		assert(!hash_matches("secre", good[i]));
		assert(!hash_matches("secretsecret", good[i]));
		assert(!hash_matches("", good[i]));
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert(!hash_matches("secret", bad[i]));
		assert(!hash_matches("", bad[i]));
		assert(!hash_matches(bad[i], bad[i]));
	}
}

static void
test_kinds(void)
{
	assert(strcmp(hash_plain("{plain}a b"), "a b") == 0);
	assert(!hash_plain("{PLAIN}") && !hash_plain("{PLAIN"));
	assert(!hash_plain("{CRYPT}x") && !hash_plain("PLAIN}x"));
	assert(strcmp(hash_scram("{SCRAM-SHA-256}4096,x"), "4096,x") == 0);
	assert(!hash_scram("{SCRAM-SHA-1}4096,x") && !hash_scram("4096,x"));
}

int
main(void)
{
	log_to("/dev/null");
	test_hashes();
	test_kinds();
	hash_nothing("secret");
	return 0;
}
