/* scram - see scram.h.  Called by checkpass, which has the keys, and by queuerun's
 * SMTP client.  Names and passwords are taken as they are, and not put through SASLprep
 * (RFC 4013): what is ASCII is the same before and behind it.
 * Keys and what they come from never stay in memory. */
#include "scram.h"

#include "code.h"
#include "log.h"
#include "sha256.h"

#include <sysexits.h>
#include <unistd.h>

enum { SALT_MAX = 96 /* bytes that 127 of base64 can be */ };

/* Base64 of exactly SCRAM_KEY bytes. */
static int
key_read(struct cur c, unsigned char key[SCRAM_KEY])
{
	struct str s = {0};
	int r = code_unbase64(&s, c) == 0 && s.n == SCRAM_KEY ? 0 : -1;

	if (r == 0)
		memcpy(key, s.s, SCRAM_KEY);
	if (s.n > 0)
		explicit_bzero(s.s, s.n);
	str_free(&s);
	return r;
}

/* In a time that says nothing of where they differ. */
static bool
same(const unsigned char *a, const unsigned char *b)
{
	unsigned char d = 0;
	unsigned i;

	for (i = 0; i < SCRAM_KEY; i++)
		d |= a[i] ^ b[i];
	return d == 0;
}

/* Salt and rounds, as the server says them or has them stored. */
static int
cost_read(struct cur salt, struct cur rounds, struct scram_key *k)
{
	unsigned long long n;

	if (cur_number(&rounds, SCRAM_ROUNDS_MAX, &n) < 0 || n < SCRAM_ROUNDS ||
	    cur_len(&rounds) > 0 || cur_len(&salt) == 0)
		return -1;
	k->rounds = (unsigned long)n;
	return cur_copy(salt, k->salt, sizeof k->salt);
}

int
scram_parse(struct cur c, struct scram_key *k)
{
	struct cur rounds, salt, stored;
	struct str s = {0};
	int r = -1;

	cur_until(&c, ",", &rounds);
	cur_get(&c);
	cur_until(&c, ",", &salt);
	cur_get(&c);
	cur_until(&c, ",", &stored);
	cur_get(&c);
	if (cost_read(salt, rounds, k) == 0 && code_unbase64(&s, salt) == 0 &&
	    key_read(stored, k->stored) == 0 && key_read(c, k->server) == 0)
		r = 0;
	str_free(&s);
	return r;
}

/* RFC 5802 3, up to both keys, and the client's own. */
static int
derive(const char *secret, const char *salt, unsigned long rounds,
       struct scram_key *k, unsigned char client[SCRAM_KEY])
{
	unsigned char salted[SCRAM_KEY];
	struct str s = {0};
	struct sha256 h;

	if (rounds < 1 || rounds > SCRAM_ROUNDS_MAX ||
	    code_unbase64(&s, cur_of(salt)) < 0 || s.n == 0 || s.n > SALT_MAX) {
		str_free(&s);
		return -1;
	}
	k->rounds = rounds;
	memmove(k->salt, salt, strlen(salt) + 1);
	sha256_pbkdf2(secret, strlen(secret), s.s, s.n, rounds, salted);
	str_free(&s);
	sha256_hmac(salted, sizeof salted, "Client Key", 10, client);
	sha256_hmac(salted, sizeof salted, "Server Key", 10, k->server);
	explicit_bzero(salted, sizeof salted);
	sha256_init(&h);
	sha256_add(&h, client, SCRAM_KEY);
	sha256_end(&h, k->stored);
	return 0;
}

int
scram_derive(const char *secret, const char *salt, unsigned long rounds,
             struct scram_key *k)
{
	unsigned char client[SCRAM_KEY];
	int r = strlen(salt) < sizeof k->salt
	            ? derive(secret, salt, rounds, k, client)
	            : -1;

	explicit_bzero(client, sizeof client);
	return r;
}

int
scram_verify(const struct scram_key *k, struct cur proof, struct cur auth,
             struct str *to)
{
	unsigned char client[SCRAM_KEY], sign[SCRAM_KEY];
	struct sha256 h;
	unsigned i;
	bool right;

	if (key_read(proof, client) < 0)
		return -1;
	sha256_hmac(k->stored, SCRAM_KEY, auth.p, cur_len(&auth), sign);
	for (i = 0; i < SCRAM_KEY; i++)
		client[i] ^= sign[i];
	sha256_init(&h);
	sha256_add(&h, client, SCRAM_KEY);
	sha256_end(&h, sign);
	right = same(sign, k->stored);
	explicit_bzero(client, sizeof client);
	if (!right)
		return -1;
	sha256_hmac(k->server, SCRAM_KEY, auth.p, cur_len(&auth), sign);
	code_base64(to, sign, sizeof sign);
	return 0;
}

void
scram_nonce(char to[33])
{
	unsigned char random[24];
	struct str s = {0};

	if (getentropy(random, sizeof random) < 0)
		log_die(EX_OSERR, "no randomness");
	code_base64(&s, random, sizeof random);
	memcpy(to, s.s, 33);
	str_free(&s);
}

/* --- the client --- */

static void
add_header(const struct scram_client *c, struct str *to)
{
	str_adds(to, c->flag == 'p'   ? "p=tls-exporter,,"
	             : c->flag == 'y' ? "y,,"
	                              : "n,,");
}

void
scram_begin(struct scram_client *c, const char *name, const char *secret,
            const char *binding, bool plus, struct str *to)
{
	c->secret = secret;
	c->binding = binding;
	c->flag = *binding == '\0' ? 'n' : plus ? 'p' : 'y';
	if (*c->nonce == '\0')
		scram_nonce(c->nonce);
	str_adds(&c->bare, "n=");
	for (; *name; name++) /* RFC 5802 5.1 */
		if (*name == ',' || *name == '=')
			str_adds(&c->bare, *name == ',' ? "=2C" : "=3D");
		else
			str_addc(&c->bare, *name);
	str_addf(&c->bare, ",r=%s", c->nonce);
	add_header(c, to);
	str_add(to, c->bare.s, c->bare.n);
}

/* The next attribute, which must be x, up to the comma. */
static int
attribute(struct cur *c, char x, struct cur *value)
{
	if (!cur_take(c, x) || !cur_take(c, '='))
		return -1;
	cur_until(c, ",", value);
	cur_get(c);
	return 0;
}

/* What the client-final-message says but the proof (RFC 5802 7). */
static int
add_final(const struct scram_client *c, struct cur nonce, struct str *to)
{
	struct str bound = {0};
	int r = 0;

	add_header(c, &bound);
	if (c->flag == 'p')
		r = code_unbase64(&bound, cur_of(c->binding));
	str_adds(to, "c=");
	code_base64(to, bound.s, bound.n);
	str_adds(to, ",r=");
	str_add(to, nonce.p, cur_len(&nonce));
	str_free(&bound);
	return r;
}

int
scram_prove(struct scram_client *c, struct cur first, struct str *to)
{
	unsigned char client[SCRAM_KEY], sign[SCRAM_KEY];
	struct cur rest = first, nonce, salt, rounds;
	size_t mine = strlen(c->nonce);
	struct str final = {0};
	int r = -1, i;

	/* No m= (RFC 5802 5.1): what it means is not known. */
	if (attribute(&rest, 'r', &nonce) < 0 ||
	    attribute(&rest, 's', &salt) < 0 ||
	    attribute(&rest, 'i', &rounds) < 0 || cur_len(&nonce) <= mine ||
	    memcmp(nonce.p, c->nonce, mine) != 0 ||
	    cost_read(salt, rounds, &c->key) < 0 ||
	    add_final(c, nonce, &final) < 0 ||
	    derive(c->secret, c->key.salt, c->key.rounds, &c->key, client) < 0)
		goto end;
	str_clear(&c->auth);
	str_add(&c->auth, c->bare.s, c->bare.n);
	str_addc(&c->auth, ',');
	str_add(&c->auth, first.p, cur_len(&first));
	str_addc(&c->auth, ',');
	str_add(&c->auth, final.s, final.n);
	sha256_hmac(c->key.stored, SCRAM_KEY, c->auth.s, c->auth.n, sign);
	for (i = 0; i < SCRAM_KEY; i++)
		client[i] ^= sign[i];
	str_add(to, final.s, final.n);
	str_adds(to, ",p=");
	code_base64(to, client, SCRAM_KEY);
	explicit_bzero(client, sizeof client);
	r = 0;
end:
	str_free(&final);
	return r;
}

int
scram_believe(const struct scram_client *c, struct cur final)
{
	unsigned char want[SCRAM_KEY], said[SCRAM_KEY];
	struct cur v;

	if (c->auth.n == 0 || attribute(&final, 'v', &v) < 0 ||
	    key_read(v, said) < 0)
		return -1;
	sha256_hmac(c->key.server, SCRAM_KEY, c->auth.s, c->auth.n, want);
	return same(want, said) ? 0 : -1;
}

void
scram_free(struct scram_client *c)
{
	str_free(&c->bare);
	str_free(&c->auth);
	explicit_bzero(c, sizeof *c);
}
