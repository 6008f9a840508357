/* scram - unit test of lib/sha256.c and lib/scram.c: the examples of FIPS 180-4,
 * RFC 4231 and RFC 7677, and both sides against each other. */
#include "scram.h"
#include "sha256.h"

#include <assert.h>
#include <stdio.h>

static void
is_hex(const unsigned char h[SHA256_SIZE], const char *want)
{
	char hex[2 * SHA256_SIZE + 1];
	size_t i;

	for (i = 0; i < SHA256_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", h[i]);
	assert(strcmp(hex, want) == 0);
}

static void
hash_is(const char *text, size_t n, const char *want)
{
	unsigned char h[SHA256_SIZE];
	struct sha256 s;
	size_t cut;

	for (cut = 0; cut <= n; cut += n < 200 ? 1 : n / 7) {
		sha256_init(&s);
		sha256_add(&s, text, cut);
		sha256_add(&s, text + cut, n - cut);
		sha256_end(&s, h);
		is_hex(h, want);
	}
}

/* RFC 4231 4. */
static void
hmac(void)
{
	unsigned char key[131], text[50], h[SHA256_SIZE];

	memset(key, 0x0b, 20);
	sha256_hmac(key, 20, "Hi There", 8, h);
	is_hex(h, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e3"
	          "2cff7");
	sha256_hmac("Jefe", 4, "what do ya want for nothing?", 28, h);
	is_hex(h, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964e"
	          "c3843");
	memset(key, 0xaa, 131);
	memset(text, 0xdd, 50);
	sha256_hmac(key, 20, text, 50, h);
	is_hex(h, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced"
	          "565fe");
	sha256_hmac(key, 131,
	            "Test Using Larger Than Block-Size Key - Hash Key First",
	            54, h);
	is_hex(h, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee"
	          "37f54");
}

/* As RFC 6070 has them for SHA-1. */
static void
pbkdf2(void)
{
	unsigned char h[SHA256_SIZE];

	sha256_pbkdf2("password", 8, "salt", 4, 1, h);
	is_hex(h, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70"
	          "be17b");
	sha256_pbkdf2("password", 8, "salt", 4, 2, h);
	is_hex(h, "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a954"
	          "74c43");
	sha256_pbkdf2("password", 8, "salt", 4, 4096, h);
	is_hex(h, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa9"
	          "8134a");
}

#define CLIENT "rOprNGfwEbeRWgbNEkqO"
#define BOTH   CLIENT "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FIRST  "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define PROOF  "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGN   "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
#define AUTH   "n=user,r=" CLIENT "," FIRST ",c=biws,r=" BOTH

/* RFC 7677 3. */
static void
example(void)
{
	struct scram_client c = {.nonce = CLIENT};
	struct str s = {0};
	struct scram_key k;

	scram_begin(&c, "user", "pencil", "", false, &s);
	assert(strcmp(s.s, "n,,n=user,r=" CLIENT) == 0);
	str_clear(&s);
	assert(scram_believe(&c, cur_of("v=" SIGN)) < 0); /* too early */
	assert(scram_prove(&c, cur_of(FIRST), &s) == 0);
	assert(strcmp(s.s, "c=biws,r=" BOTH ",p=" PROOF) == 0);
	assert(strcmp(c.auth.s, AUTH) == 0);
	assert(scram_believe(&c, cur_of("v=" SIGN)) == 0);
	assert(scram_believe(&c, cur_of("v=" SIGN ",x=more")) == 0);
	assert(scram_believe(&c, cur_of("v=" PROOF)) < 0);
	assert(scram_believe(&c, cur_of("e=other-error")) < 0);
	assert(scram_believe(&c, cur_of("v=")) < 0);
	assert(scram_believe(&c, cur_of("")) < 0);

	str_clear(&s);
	assert(scram_derive("pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", 4096, &k) ==
	       0);
	assert(scram_verify(&k, cur_of(PROOF), cur_of(AUTH), &s) == 0);
	assert(strcmp(s.s, SIGN) == 0);
	assert(scram_verify(&k, cur_of(SIGN), cur_of(AUTH), &s) < 0);
	assert(scram_verify(&k, cur_of(PROOF), cur_of(AUTH "x"), &s) < 0);
	assert(scram_verify(&k, cur_of("dHzb"), cur_of(AUTH), &s) < 0);
	assert(scram_verify(&k, cur_of(""), cur_of(AUTH), &s) < 0);
	scram_free(&c);
	str_free(&s);
}

/* What a server could say that is not to be trusted. */
static void
distrust(void)
{
	static const char *const bad[] = {
	    "",
	    "r=",
	    "r=" CLIENT ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	    "r=rOprNGfwEbeRWgbNEkqX%hv,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	    "m=x," FIRST,
	    "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==",
	    "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=",
	    "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
	    "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096x",
	    "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001",
	    "r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=18446744073709551616",
	    "r=" BOTH ",s=,i=4096",
	    "r=" BOTH ",s=W22,i=4096",
	    "e=unknown-user",
	};
	struct scram_client c = {.nonce = CLIENT};
	struct str s = {0};
	size_t i;

	scram_begin(&c, "user", "pencil", "", true, &s);
	assert(c.flag == 'n');
	str_clear(&s);
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert(scram_prove(&c, cur_of(bad[i]), &s) < 0);
		assert(s.n == 0);
	}
	scram_free(&c);
	str_free(&s);
}

static void
binding(void)
{
	struct scram_client c = {.nonce = "abc"}, y = {.nonce = "abc"};
	struct str s = {0};

	scram_begin(&c, "a=b,c", "x", "AAECAw==", true, &s);
	assert(strcmp(s.s, "p=tls-exporter,,n=a=3Db=2Cc,r=abc") == 0);
	str_clear(&s);
	assert(scram_prove(&c, cur_of("r=abcd,s=AAAA,i=4096"), &s) == 0);
	/* "p=tls-exporter,," and four bytes */
	assert(strncmp(s.s, "c=cD10bHMtZXhwb3J0ZXIsLAABAgM=,r=abcd,p=", 40) ==
	       0);
	str_clear(&s);
	scram_begin(&y, "u", "x", "AAECAw==", false, &s);
	assert(strcmp(s.s, "y,,n=u,r=abc") == 0);
	scram_free(&c);
	scram_free(&y);
	str_free(&s);
}

static void
keys(void)
{
	static const char *const bad[] = {
	    "",
	    "4096",
	    "4096,,",
	    "4096,AAAA,AAAA,AAAA",
	    "10,W22ZaJ0SNY7soEsUEjb6gQ==," SIGN "," PROOF,
	    "4096,W22ZaJ0SNY7soEsUEjb6gQ=," SIGN "," PROOF,
	    "4096,," SIGN "," PROOF,
	    "4096,W22ZaJ0SNY7soEsUEjb6gQ==," SIGN "," PROOF ",",
	    "4096,W22ZaJ0SNY7soEsUEjb6gQ==," SIGN "," PROOF "A",
	};
	char nonce[33], other[33];
	struct scram_key k;
	size_t i;

	assert(
	    scram_parse(cur_of("4096,W22ZaJ0SNY7soEsUEjb6gQ==," SIGN "," PROOF),
	                &k) == 0);
	assert(k.rounds == 4096 &&
	       strcmp(k.salt, "W22ZaJ0SNY7soEsUEjb6gQ==") == 0);
	assert(k.stored[0] == 0xea && k.server[0] == 0x74);
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert(scram_parse(cur_of(bad[i]), &k) < 0);
	assert(scram_derive("x", "no base64", 4096, &k) < 0);
	scram_nonce(nonce);
	scram_nonce(other);
	assert(strlen(nonce) == 32 && !strchr(nonce, ',') &&
	       strcmp(nonce, other) != 0);
}

int
main(void)
{
	static char million[1000000];

	hash_is("", 0,
	        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b"
	        "855");
	hash_is("abc", 3,
	        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2001"
	        "5ad");
	hash_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
	        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db0"
	        "6c1");
	memset(million, 'a', sizeof million);
	hash_is(million, sizeof million,
	        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112"
	        "cd0");
	hmac();
	pbkdf2();
	example();
	distrust();
	binding();
	keys();
	return 0;
}
