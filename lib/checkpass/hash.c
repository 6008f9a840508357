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

bool
hash_matches(const char *secret, const char *hash)
{
	static const struct {
		const char *name;
		bool (*same)(const char *, const char *);
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
	hash_nothing(secret);
	return false;
}

static const char *
behind(const char *hash, const char *const names[])
{
	struct cur c = cur_of(hash), name;

	if (!cur_take(&c, '{'))
		return NULL;
	cur_until(&c, "}", &name);
	if (!cur_take(&c, '}'))
		return NULL;
	for (; *names; names++)
		if (cur_is(&name, *names))
			return c.p;
	return NULL;
}

const char *
hash_plain(const char *hash)
{
	static const char *const names[] = {"PLAIN", "CLEAR", "CLEARTEXT",
	                                    NULL};
	const char *p = behind(hash, names);

	return p && *p ? p : NULL;
}

const char *
hash_scram(const char *hash)
{
	static const char *const names[] = {"SCRAM-SHA-256", NULL};

	return behind(hash, names);
}
