/* auth - see auth.h.  Pure. */
#include "auth.h"

#include "code.h"

long
auth_delay(unsigned n)
{
	return 1000L << (n > 4 ? 3 : n - 1);
}

/* Up to the next NUL or the end, as a string; 0, or -1 when it is too long. */
static int
part(struct cur *c, char *to, size_t max)
{
	struct cur w;
	const char *nul = memchr(c->p, '\0', cur_len(c));

	w = (struct cur){c->p, nul ? nul : c->e};
	c->p = w.e;
	return cur_copy(w, to, max + 1);
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd. */
int
auth_plain(struct cur c, char *name, char *secret)
{
	char as[AUTH_NAME_MAX + 1];

	if (part(&c, as, AUTH_NAME_MAX) < 0 || !cur_take(&c, '\0') ||
	    part(&c, name, AUTH_NAME_MAX) < 0 || !cur_take(&c, '\0') ||
	    part(&c, secret, AUTH_SECRET_MAX) < 0 || cur_len(&c) > 0)
		return -1;
	return *as == '\0' || strcmp(as, name) == 0 ? 0 : -1;
}

int
auth_word(struct cur c, char *to, size_t max)
{
	if (cur_len(&c) == 0 || cur_has_control(c) || !code_is_utf8(c))
		return -1;
	return cur_copy(c, to, max + 1);
}
