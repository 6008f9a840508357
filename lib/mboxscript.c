/* mboxscript - see mboxscript.h.
 * In the journal: the numbers of each edit, all new text, and the old text of the
 * patches. */
#include "mboxscript.h"

#include "io.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PIECE = 4096,
	CLOSE = 32 /* bytes on each side of a patch */
};

/* An edit in the journal. */
struct numbers {
	uint64_t off, len, n;
};

/* Positions stay so far below the end of the numbers that sums of two of them do
 * not wrap. */
static const uint64_t limit = INT64_MAX / 4;

static bool
moves(const struct edit *e)
{
	return e->n != e->len;
}

/* Check the edits and find what they come to.  0 or -1. */
static int
arrange(struct script *s)
{
	int64_t shift = 0, low = 0, high = 0;
	uint64_t end = 0;
	size_t i;

	s->place = mem_alloc((s->n + 1) * sizeof *s->place);
	s->patches = s->n;
	s->bytes = 0;
	for (i = 0; i < s->n; i++) {
		const struct edit *e = &s->e[i];

		if (e->off < end || e->off > limit || e->len > limit ||
		    e->n > limit - s->bytes)
			return -1;
		end = e->off + e->len;
		s->bytes += e->n;
		s->place[i] = e->off + (uint64_t)shift;
		if (moves(e) && s->patches == s->n)
			s->patches = i;
		shift += (int64_t)e->n - (int64_t)e->len;
		low = shift < low ? shift : low;
		high = shift > high ? shift : high;
	}
	s->rising = low < 0;
	s->cut = shift < 0 ? (uint64_t)-shift : 0;
	s->grow = shift > 0 ? (uint64_t)shift : 0;
	return low < 0 && high > 0 ? -1 : 0;
}

/* The caller's edits without those that do nothing, and deletions side by side as
 * one. */
static void
tidy(struct script *s, const struct edit *e, size_t n)
{
	size_t i;

	s->e = mem_alloc((n + 1) * sizeof *s->e);
	for (i = 0; i < n; i++) {
		struct edit *last = s->n > 0 ? &s->e[s->n - 1] : NULL;

		if (e[i].n == 0 && e[i].len == 0)
			continue;
		if (last && last->n == 0 && e[i].n == 0 &&
		    last->off + last->len == e[i].off)
			last->len += e[i].len;
		else
			s->e[s->n++] = e[i];
	}
}

/* Put all into the journal's form. */
static int
pack(struct script *s, int fd)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		struct numbers k = {s->e[i].off, s->e[i].len, s->e[i].n};

		str_add(&s->data, &k, sizeof k);
	}
	for (i = 0; i < s->n; i++)
		str_add(&s->data, s->e[i].p, s->e[i].n);
	for (i = 0; i < s->patches; i++) {
		size_t n = s->e[i].n;
		ssize_t got;

		str_add(&s->data, s->e[i].p, n); /* room */
		got = io_preadall(fd, s->data.s + s->data.n - n, n,
		                  (off_t)s->e[i].off);
		if (got == (ssize_t)n)
			continue;
		if (got >= 0)
			errno = EINVAL;
		return -1;
	}
	return 0;
}

/* Let the edits point to their text in the journal's form. */
static void
point(struct script *s)
{
	const char *p = s->data.s + s->n * sizeof(struct numbers);
	size_t i;

	for (i = 0; i < s->n; i++) {
		s->e[i].p = p;
		p += s->e[i].n;
	}
}

int
script_make(struct script *s, int fd, const struct edit *e, size_t n)
{
	*s = (struct script){0};
	tidy(s, e, n);
	if (arrange(s) < 0) {
		errno = EINVAL;
		return -1;
	}
	if (pack(s, fd) < 0)
		return -1;
	point(s);
	return 0;
}

int
script_parse(struct script *s, size_t n)
{
	size_t i, heads = n * sizeof(struct numbers), old = 0;

	if (n == 0 || n > s->data.n / sizeof(struct numbers))
		return -1;
	s->n = n;
	s->e = mem_alloc(n * sizeof *s->e);
	for (i = 0; i < n; i++) {
		struct numbers k;

		memcpy(&k, s->data.s + i * sizeof k, sizeof k);
		if (k.n > s->data.n)
			return -1;
		s->e[i] = (struct edit){k.off, k.len, NULL, (size_t)k.n};
	}
	if (arrange(s) < 0)
		return -1;
	for (i = 0; i < s->patches; i++)
		old += s->e[i].n;
	if (s->bytes > s->data.n || heads + s->bytes + old != s->data.n)
		return -1;
	point(s);
	return 0;
}

void
script_free(struct script *s)
{
	free(s->e);
	free(s->place);
	str_free(&s->data);
	*s = (struct script){0};
}

uint64_t
script_from(const struct script *s)
{
	return s->patches < s->n ? s->e[s->patches].off : script_patch_end(s);
}

uint64_t
script_patch_end(const struct script *s)
{
	const struct edit *e;

	if (s->patches == 0)
		return 0;
	e = &s->e[s->patches - 1];
	return e->off + e->len;
}

uint64_t
script_end(const struct script *s)
{
	return s->n > 0 ? s->place[s->n - 1] + s->e[s->n - 1].n : 0;
}

/* The edit that pos of the new file belongs to, or that is the last before it. */
static size_t
find(const struct script *s, uint64_t pos)
{
	size_t low = s->patches, high = s->n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (s->place[mid] <= pos)
			low = mid;
		else
			high = mid;
	}
	return low;
}

int
script_read(const struct script *s, int fd, uint64_t pos, char *p, size_t n)
{
	size_t i = find(s, pos);

	while (n > 0) {
		const struct edit *e = &s->e[i];
		uint64_t in = pos - s->place[i], left;
		size_t k;

		if (in < e->n)
			left = e->n - in;
		else if (i + 1 < s->n)
			left = s->place[i + 1] - pos;
		else
			left = n;
		k = left < n ? (size_t)left : n;
		if (in < e->n) {
			memcpy(p, e->p + in, k);
		} else if (k > 0) {
			off_t off = (off_t)(e->off + e->len + (in - e->n));
			ssize_t got = io_preadall(fd, p, k, off);

			if (got >= 0 && got < (ssize_t)k)
				errno = EIO;
			if (got < (ssize_t)k)
				return -1;
		}
		p += k;
		pos += k;
		n -= k;
		if (i + 1 < s->n && pos >= s->place[i + 1])
			i++;
	}
	return 0;
}

/* The text that was where a patch goes. */
static const char *
before(const struct script *s, const struct edit *e)
{
	return e->p + s->bytes;
}

int
script_patch(const struct script *s, int fd, bool back)
{
	size_t i;

	for (i = 0; i < s->patches; i++) {
		const struct edit *e = &s->e[i];

		if (io_pwriteall(fd, back ? before(s, e) : e->p, e->n,
		                 (off_t)e->off) < 0)
			return -1;
	}
	return 0;
}

static int
add_range(int fd, uint64_t off, uint64_t end, struct sum *sum)
{
	char b[CLOSE];
	ssize_t n;

	if (end - off > CLOSE)
		end = off + CLOSE;
	n = io_preadall(fd, b, (size_t)(end - off), (off_t)off);
	if (n > 0)
		sum_add(sum, b, (size_t)n);
	return n < 0 ? -1 : 0;
}

int
script_around(const struct script *s, int fd, uint64_t size, struct sum *sum)
{
	uint64_t before = 0;
	size_t i;

	for (i = 0; i < s->patches; i++) {
		const struct edit *e = &s->e[i];
		uint64_t end = e->off + e->len;
		uint64_t next = i + 1 < s->n ? e[1].off : size;

		if (e->off - before > CLOSE)
			before = e->off - CLOSE;
		if (add_range(fd, before, e->off, sum) < 0 ||
		    (next > end && add_range(fd, end, next, sum) < 0))
			return -1;
		before = end;
	}
	return 0;
}

static int
is_ours(const struct script *s, const struct edit *e, int fd)
{
	const char *old = before(s, e);
	size_t done, i, k;
	char b[PIECE];

	for (done = 0; done < e->n; done += k) {
		ssize_t got;

		k = e->n - done < PIECE ? e->n - done : PIECE;
		got = io_preadall(fd, b, k, (off_t)(e->off + done));
		if (got < 0)
			return -1;
		for (i = 0; i < k; i++)
			if ((size_t)got < k ||
			    (b[i] != e->p[done + i] && b[i] != old[done + i]))
				return 0;
	}
	return 1;
}

int
script_is_ours(const struct script *s, int fd)
{
	size_t i;
	int r = 1;

	for (i = 0; i < s->patches && r == 1; i++)
		r = is_ours(s, &s->e[i], fd);
	return r;
}
