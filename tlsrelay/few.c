/* few - of OpenSSL's algorithms those that TLS needs here.  It sets up every one of
 * a kind, with all its names, when the first is asked for: some 250 in all, two
 * thirds of what a handshake costs a process that serves one connection.
 * So a provider of ours stands before the default one and offers what is listed
 * below; the work is done there.  Called by main.c, before any algorithm is used. */
#include "relay.h"

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

/* Ciphers: of TLS, of tickets, and those that chance is made of. */
#define TLS    "AES-128-GCM AES-256-GCM ChaCha20-Poly1305 "
#define TICKET "AES-256-CBC "
#define CHANCE "AES-256-CTR AES-256-ECB"

/* Words by which the names of the default provider begin; more is the client's,
 * who must do with what servers have. */
static const struct offer {
	int kind;
	const char *names, *more;
} offers[] = {
    {OSSL_OP_DIGEST,      "SHA1 SHA2-256 SHA2-384 SHA2-512",
     "MD5 MD5-SHA1 SHA2-224 SHAKE-256"                                         },
    {OSSL_OP_CIPHER,      TLS TICKET CHANCE,                    "AES-128-CBC"  },
    {OSSL_OP_MAC,         "HMAC",                               ""             },
    {OSSL_OP_KDF,         "HKDF TLS13-KDF TLS1-PRF",            ""             },
    {OSSL_OP_RAND,        "CTR-DRBG SEED-SRC",                  ""             },
    {OSSL_OP_KEYMGMT,     "RSA RSA-PSS EC X25519 ED25519 HMAC", "DH ED448 X448"},
    {OSSL_OP_KEYEXCH,     "ECDH X25519",                        "DH X448"      },
    {OSSL_OP_SIGNATURE,   "RSA ECDSA ED25519 HMAC",             "ED448"        },
    {OSSL_OP_ASYM_CIPHER, "",                                   "RSA"          },
    {OSSL_OP_DECODER,     "DER RSA RSA-PSS EC ED25519",         "ED448"        },
};

_Static_assert(sizeof offers / sizeof offers[0] == FEW_KINDS, "one list each");

static bool
has_word(const char *words, const char *name)
{
	size_t n = strcspn(name, ":"), k;

	for (; *words; words += k + (words[k] == ' ')) {
		k = strcspn(words, " ");
		if (k == n && memcmp(words, name, n) == 0)
			return true;
	}
	return false;
}

/* Encodings that no file of ours has, or that two decoders know. */
static bool
is_odd(const char *properties)
{
	static const char *const odd[] = {"=ec", "=rsa", "=msblob", "=pvk",
	                                  "=Encrypted"};
	size_t i = 0;

	while (i < sizeof odd / sizeof odd[0] && !strstr(properties, odd[i]))
		i++;
	return i < sizeof odd / sizeof odd[0];
}

static bool
is_offered(const struct offer *o, const OSSL_ALGORITHM *a, bool client)
{
	return (has_word(o->names, a->algorithm_names) ||
	        (client && has_word(o->more, a->algorithm_names))) &&
	       !is_odd(a->property_definition);
}

static void
choose(const OSSL_PROVIDER *all, bool client)
{
	const OSSL_ALGORITHM *a;
	const struct offer *o;
	size_t i, n;
	int changes;

	few.all = all;
	for (i = 0; i < FEW_KINDS; i++) {
		o = &offers[i];
		a = OSSL_PROVIDER_query_operation(all, o->kind, &changes);
		for (n = 0; a && a->algorithm_names && n < FEW_EACH - 1; a++)
			if (is_offered(o, a, client))
				few.v[i][n++] = *a;
	}
}

static const OSSL_ALGORITHM *
query(void *ctx, int kind, int *changes)
{
	size_t i;

	(void)ctx;
	*changes = 0;
	for (i = 0; i < FEW_KINDS; i++)
		if (offers[i].kind == kind)
			return few.v[i];
	return NULL;
}

/* What groups there are. */
static int
capabilities(void *ctx, const char *which, OSSL_CALLBACK *each, void *arg)
{
	(void)ctx;
	return OSSL_PROVIDER_get_capabilities(few.all, which, each, arg);
}

static int
init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
     const OSSL_DISPATCH **ours, void **ctx)
{
	static const OSSL_DISPATCH table[] = {
	    {OSSL_FUNC_PROVIDER_QUERY_OPERATION,  (void (*)(void))query       },
	    {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities},
	    {0,	                           NULL	                },
	};

	(void)handle;
	(void)core;
	*ours = table;
	*ctx = OSSL_PROVIDER_get0_provider_ctx(few.all);
	return 1;
}

/* Without it OpenSSL would name, for anybody who asks by name, all it knows. */
static void
name_digests(void)
{
	EVP_add_digest(EVP_md5());
	EVP_add_digest(EVP_sha1());
	EVP_add_digest(EVP_sha224());
	EVP_add_digest(EVP_sha256());
	EVP_add_digest(EVP_sha384());
	EVP_add_digest(EVP_sha512());
}

/* Who holds an algorithm holds its provider: the default one stays, but is no more
 * asked.  Of that kind it has one only. */
void
few_load(bool client)
{
	OSSL_PROVIDER *all = OSSL_PROVIDER_load(NULL, "default");
	EVP_KEM *hold = EVP_KEM_fetch(NULL, "RSA", NULL);

	name_digests();
	if (!all || !hold)
		return;
	choose(EVP_KEM_get0_provider(hold), client);
	if (OSSL_PROVIDER_add_builtin(NULL, "few", init) == 1 &&
	    OSSL_PROVIDER_load(NULL, "few"))
		OSSL_PROVIDER_unload(all);
}
