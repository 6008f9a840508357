/* failures - see failures.h.  Runs in checkpass, without rights, on a file that was
 * opened before.  The file: a head with a secret, then for addresses and for users a
 * table of rows of slots; a name's row is a keyed hash of it, so that nobody can
 * choose whom to push out, and in a full row who matters least gives way. */
#include "failures.h"

#include "io.h"
#include "lock.h"
#include "log.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WAYS = 8, ROWS = 1024, TABLES = 2 };
enum table { ADDRESS, USER };

#define MAGIC "facteur1"

struct head {
	char magic[8];
	unsigned char secret[SHA256_SIZE];
	char reserved[24];
};

struct slot {
	uint64_t key; /* 0: empty */
	int64_t at;   /* of the last one */
	uint32_t count;
	uint32_t last; /* a glimpse of what was tried */
};

struct row {
	struct slot slot[WAYS];
};

enum { SIZE = (int)(sizeof(struct head) + TABLES * ROWS * sizeof(struct row)) };

void
failures_open(struct failures *f, int fd)
{
	struct head h;
	struct stat st;
	ssize_t n;

	*f = (struct failures){.fd = -1};
	if (fd < 0 || lock_soon(fd, FAILURES_PATIENCE) < 0)
		return;
	n = io_preadall(fd, &h, sizeof h, 0);
	if (n < 0) {
		log_warn("the account of failed logins cannot be read");
		return;
	}
	if (n < (ssize_t)sizeof h ||
	    memcmp(h.magic, MAGIC, sizeof h.magic) != 0 || fstat(fd, &st) < 0 ||
	    st.st_size != SIZE) {
		h = (struct head){.magic = {0}};
		memcpy(h.magic, MAGIC, sizeof h.magic);
		if (getrandom(h.secret, sizeof h.secret, 0) !=
		        (ssize_t)sizeof h.secret ||
		    ftruncate(fd, 0) < 0 || ftruncate(fd, SIZE) < 0 ||
		    io_pwriteall(fd, &h, sizeof h, 0) < 0) {
			log_warn("no account of failed logins can be kept");
			return;
		}
	}
	flock(fd, LOCK_UN);
	memcpy(f->secret, h.secret, sizeof f->secret);
	f->fd = fd;
}

void
failures_mix(const struct failures *f, const char *what, const char *name,
             const char *more, unsigned char out[SHA256_SIZE])
{
	struct str s = {0};

	str_add(&s, what, strlen(what) + 1);
	str_add(&s, name, strlen(name) + 1);
	str_adds(&s, more);
	sha256_hmac(f->secret, sizeof f->secret, s.s, s.n, out);
	explicit_bzero(s.s, s.n);
	str_free(&s);
}

static uint64_t
mix(const struct failures *f, const char *what, const char *name,
    const char *more)
{
	unsigned char h[SHA256_SIZE];
	uint64_t n;

	failures_mix(f, what, name, more, h);
	memcpy(&n, h, sizeof n);
	return n | 1;
}

/* An address as it is counted: of IPv6 its network, which is one customer's.  NULL:
 * there is none. */
static const char *
network(const char *ip, char text[INET6_ADDRSTRLEN])
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, ip, &four) == 1)
		return inet_ntop(AF_INET, &four, text, INET6_ADDRSTRLEN);
	if (inet_pton(AF_INET6, ip, &six) != 1)
		return NULL;
	memset(six.s6_addr + 8, 0, 8);
	return inet_ntop(AF_INET6, &six, text, INET6_ADDRSTRLEN);
}

/* What is left of a slot's count. */
static uint32_t
left(const struct slot *s, int64_t now)
{
	int64_t gone = (now - s->at) / FAILURES_FADE;

	if (s->key == 0 || now < s->at || gone >= s->count)
		return 0;
	return s->count - (uint32_t)gone;
}

static off_t
place_of(enum table t, uint64_t key)
{
	size_t row = (size_t)t * ROWS + (size_t)(key >> 1) % ROWS;

	return (off_t)(sizeof(struct head) + row * sizeof(struct row));
}

/* The slot of the key, or the one to take; read from place into r, which is empty. */
static struct slot *
find_slot(const struct failures *f, struct row *r, off_t place, uint64_t key,
          int64_t now)
{
	struct slot *s = r->slot, *worst = s;

	if (io_preadall(f->fd, r, sizeof *r, place) < 0)
		*r = (struct row){0};
	for (; s < r->slot + WAYS; s++) {
		if (s->key == key)
			return s;
		if (left(s, now) < left(worst, now))
			worst = s;
	}
	*worst = (struct slot){.key = key, .at = now};
	return worst;
}

/* Tell one table; the count of the key, with this one if it was wrong. */
static uint32_t
count(const struct failures *f, enum table t, uint64_t key, uint32_t last,
      bool right)
{
	int64_t now = time(NULL);
	off_t place = place_of(t, key);
	struct slot *s;
	uint32_t n, was;
	struct row r = {0};

	s = find_slot(f, &r, place, key, now);
	n = was = left(s, now);
	if (!right && (was == 0 || s->last != last) && was < FAILURES_MOST)
		n++;
	if (n > was || (right && was > 0 && t == ADDRESS)) {
		*s = (struct slot){key, now, right ? 0 : n, last};
		io_pwriteall(f->fd, s, sizeof *s,
		             place + (s - r.slot) * (off_t)sizeof *s);
	}
	return n;
}

bool
failures_refuse(const struct failures *f, const char *ip)
{
	char text[INET6_ADDRSTRLEN];
	struct row r = {0};
	int64_t now = time(NULL);
	uint64_t key;

	if (f->fd < 0 || !network(ip, text))
		return false;
	key = mix(f, "address", text, "");
	return left(find_slot(f, &r, place_of(ADDRESS, key), key, now), now) >=
	       FAILURES_LIMIT;
}

/* 1 s, 2 s, 4 s, ... behind so many that are free. */
static unsigned
slow(uint32_t n, uint32_t free)
{
	unsigned ms = 1000;

	if (n <= free)
		return 0;
	for (n -= free; n > 1 && ms < FAILURES_SLOW; n--)
		ms *= 2;
	return ms < FAILURES_SLOW ? ms : FAILURES_SLOW;
}

unsigned
failures_tell(const struct failures *f, const char *ip, const char *name,
              const char *secret, bool right)
{
	char text[INET6_ADDRSTRLEN];
	unsigned a = 0, u;
	uint32_t last;

	if (f->fd < 0 || lock_soon(f->fd, FAILURES_PATIENCE) < 0)
		return 0;
	last = (uint32_t)(mix(f, "tried", name, secret) >> 48);
	if (network(ip, text))
		a = slow(
		    count(f, ADDRESS, mix(f, "address", text, ""), last, right),
		    right ? FAILURES_FREE : 0);
	u = slow(count(f, USER, mix(f, "user", name, ""), last, right),
	         FAILURES_FREE_USER);
	flock(f->fd, LOCK_UN);
	return a > u ? a : u;
}
