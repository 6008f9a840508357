/* auth - unit test of lib/auth.c: what may be said, SASL PLAIN, delays. */
#include "auth.h"

#include <assert.h>

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

	test_plain();
	assert(auth_delay(1) == 1000);
	for (n = 2; n < 100; n++)
		assert(auth_delay(n) >= auth_delay(n - 1) &&
		       auth_delay(n) <= 8000);
	return 0;
}
