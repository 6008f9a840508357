/* auth - unit test of lib/auth.c and lib/authsasl.c: hashes in a file of users, SASL
 * PLAIN.  What needs root, shadow(5) or another program is in
 * tests/popd-auth.bats. */
#include "auth.h"
#include "log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char file[] = "/tmp/facteur-unit.XXXXXX";

/* The number of a user who may log in. */
static unsigned
number(void)
{
	return geteuid() == 0 ? 12345 : (unsigned)geteuid();
}

/* What becomes of bob with this hash, who says this. */
static int
check(const char *hash, const char *secret)
{
	const struct conf c = {.users = file};
	struct user u;
	FILE *f = fopen(file, "w");
	int r;

	assert(f);
	fprintf(f, "# users\n\nnonsense\nkim:{PLAIN}kim:%u:1::/:\n", number());
	fprintf(f, "bob:%s:%u:77:Bob:/home/bob:/bin/sh:extra=1\n", hash,
	        number());
	fprintf(f, "root:{PLAIN}secret:0:0::/root:/bin/sh\n");
	assert(fclose(f) == 0);
	r = auth_check(&c, "bob", secret, &u);
	if (r == AUTH_OK) {
		assert(strcmp(u.name, "bob") == 0 && u.uid == number());
		assert(u.gid == 77 && strcmp(u.home, "/home/bob") == 0);
	} else {
		assert(!u.name && !u.home && !u.hash);
	}
	user_free(&u);
	return r;
}

static void
test_hashes(void)
{
	static const char *const good[] = {
	    "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
	    "{MD5-CRYPT}$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
	    "{md5-crypt}$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
	    "{CRYPT}$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
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
		assert(check(good[i], "secret") == AUTH_OK);
		assert(check(good[i], "secre") == AUTH_NO);
		assert(check(good[i], "secretsecret") == AUTH_NO);
		assert(check(good[i], "") == AUTH_NO);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert(check(bad[i], "secret") == AUTH_NO);
		assert(check(bad[i], "") == AUTH_NO);
		assert(check(bad[i], bad[i]) == AUTH_NO);
	}
}

static void
test_names(void)
{
	static const char *const none[] = {"",  "bo",    "bobb",  "bob:", "BOB",
	                                   "/", "bob\n", "bob/.", ".",    "#"};
	struct conf c = {.users = file};
	static char gone[] = "/nonexistent/users";
	struct user u;
	size_t i;

	check("{PLAIN}secret", "secret");
	for (i = 0; i < sizeof none / sizeof *none; i++)
		assert(auth_check(&c, none[i], "secret", &u) == AUTH_NO);
	assert(auth_check(&c, "root", "secret", &u) == AUTH_NO);
	assert(auth_check(&c, "kim", "kim", &u) == AUTH_OK);
	user_free(&u);
	c.users = gone;
	assert(auth_check(&c, "bob", "secret", &u) == AUTH_LATER);
}

static int
plain(const char *p, size_t n, char *name, char *secret)
{
	return auth_plain((struct cur){p, p + n}, name, secret);
}

static void
test_plain(void)
{
	char name[AUTH_NAME_MAX + 1], secret[AUTH_SECRET_MAX + 1];
	char long_one[AUTH_NAME_MAX + AUTH_SECRET_MAX + 4];

	assert(plain("\0bob\0se cret", 12, name, secret) == 0);
	assert(strcmp(name, "bob") == 0 && strcmp(secret, "se cret") == 0);
	assert(plain("bob\0bob\0x", 9, name, secret) == 0);
	assert(plain("kim\0bob\0x", 9, name, secret) < 0);
	assert(plain("bo\0bob\0x", 8, name, secret) < 0);
	assert(plain("", 0, name, secret) < 0);
	assert(plain("\0", 1, name, secret) < 0);
	assert(plain("\0bob", 4, name, secret) < 0);
	assert(plain("\0bob\0x\0", 7, name, secret) < 0);
	memset(long_one, 'x', sizeof long_one);
	long_one[0] = long_one[AUTH_NAME_MAX + 1] = '\0';
	assert(plain(long_one, AUTH_NAME_MAX + AUTH_SECRET_MAX + 2, name,
	             secret) == 0);
	assert(strlen(name) == AUTH_NAME_MAX);
	assert(strlen(secret) == AUTH_SECRET_MAX);
	assert(plain(long_one, AUTH_NAME_MAX + AUTH_SECRET_MAX + 3, name,
	             secret) < 0);
	long_one[AUTH_NAME_MAX + 1] = 'x';
	long_one[AUTH_NAME_MAX + 2] = '\0';
	assert(plain(long_one, AUTH_NAME_MAX + 5, name, secret) < 0);
}

int
main(void)
{
	unsigned n;
	int fd = mkstemp(file);

	assert(fd >= 0);
	close(fd);
	log_to("/dev/null");
	test_hashes();
	test_names();
	test_plain();
	assert(auth_delay(1) == 1000);
	for (n = 2; n < 100; n++)
		assert(auth_delay(n) >= auth_delay(n - 1) &&
		       auth_delay(n) <= 8000);
	unlink(file);
	return 0;
}
