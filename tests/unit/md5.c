/* md5 - unit test of popd/md5.c: the suite of RFC 1321 A.5.
 * With: popd/md5.c */
#include "popd/md5.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void
md5_is(const char *text, const char *want)
{
	size_t n = strlen(text), cut, i;
	unsigned char h[MD5_SIZE];
	char hex[2 * MD5_SIZE + 1];
	struct md5 m;

	for (cut = 0; cut <= n; cut++) {
		md5_init(&m);
		md5_add(&m, text, cut);
		md5_add(&m, text + cut, n - cut);
		md5_end(&m, h);
		for (i = 0; i < MD5_SIZE; i++)
			snprintf(hex + 2 * i, 3, "%02x", h[i]);
		assert(strcmp(hex, want) == 0);
	}
}

int
main(void)
{
	md5_is("", "d41d8cd98f00b204e9800998ecf8427e");
	md5_is("a", "0cc175b9c0f1b6a831c399e269772661");
	md5_is("abc", "900150983cd24fb0d6963f7d28e17f72");
	md5_is("message digest", "f96b697d7cb7938d525a2f31aaf161d0");
	md5_is("abcdefghijklmnopqrstuvwxyz",
	       "c3fcd3d76192e4007dfb496cca67e13b");
	md5_is("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	       "d174ab98d277d9f5a5611c2c9f419d9f");
	md5_is("123456789012345678901234567890123456789012345678901234567890123"
	       "45678901234567890",
	       "57edf4a22be3c955ac49da2e2107b67a");
	return 0;
}
