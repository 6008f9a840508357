/* hash - passwords against what is kept of them: crypt(3), and keys of SCRAM; see
 * checkpass.h.  Never runs as root; whoever has no hash that could match costs the
 * time of one that could.  The only user of crypt.h. */
#include "checkpass.h"

#include "log.h"
#include "mem.h"
#include "scram.h"

#include <crypt.h>
#include <stdlib.h>

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
void
hash_nothing(const char *secret)
{
	static const char new[] = "$y$j9T$facteurfacteurfacteur.$",
	                  old[] = "$6$facteurfacteur$";

	crypt_same(secret, crypt_checksalt(new) == CRYPT_SALT_OK ? new : old);
}

static bool
scram_same(const char *secret, const char *text)
{
	struct scram_key want, have;
	bool ok = scram_parse(cur_of(text), &want) == 0 &&
	          scram_derive(secret, want.salt, want.rounds, &have) == 0 &&
	          memcmp(have.stored, want.stored, SCRAM_KEY) == 0;

	explicit_bzero(&have, sizeof have);
	explicit_bzero(&want, sizeof want);
	return ok;
}

static const struct scheme {
	const char *name;
	bool (*same)(const char *secret, const char *kept);
} schemes[] = {
    {"CRYPT",         crypt_same},
    {"MD5-CRYPT",     crypt_same},
    {"SHA256-CRYPT",  crypt_same},
    {"SHA512-CRYPT",  crypt_same},
    {"BLF-CRYPT",     crypt_same},
    {"SCRAM-SHA-256", scram_same},
    {"PLAIN",         same      },
    {"CLEAR",         same      },
    {"CLEARTEXT",     same      },
    {NULL,            NULL      },
};

/* The scheme of "{NAME}KEPT", and where KEPT is; NULL: none that we know. */
static const struct scheme *
scheme_of(const char *hash, const char **kept)
{
	struct cur c = cur_of(hash), name;
	const struct scheme *k;

	if (!cur_take(&c, '{'))
		return NULL;
	cur_until(&c, "}", &name);
	if (!cur_take(&c, '}'))
		return NULL;
	*kept = c.p;
	for (k = schemes; k->name; k++)
		if (cur_is(&name, k->name))
			return k;
	return NULL;
}

bool
hash_matches(const char *secret, const char *hash)
{
	const char *kept, *end = strchr(hash, '}');
	const struct scheme *k = scheme_of(hash, &kept);

	if (k)
		return *kept && k->same(secret, kept);
	if (*hash != '{')
		return crypt_same(secret, hash);
	/* Without its end it may be a password. */
	log_warn("unknown password scheme %.*s}", end ? (int)(end - hash) : 1,
	         hash);
	hash_nothing(secret);
	return false;
}

const char *
hash_plain(const char *hash)
{
	const char *kept;
	const struct scheme *k = scheme_of(hash, &kept);

	return k && k->same == same && *kept ? kept : NULL;
}

const char *
hash_scram(const char *hash)
{
	const char *kept;
	const struct scheme *k = scheme_of(hash, &kept);

	return k && k->same == scram_same ? kept : NULL;
}
