/* logintable - see login.h.  Called by smtpc.c. */
#include "login.h"

#include "dns.h"

/* 1 it is for the host, 0 it is not, or is empty, -1 it is wrong. */
static int
read_line(struct cur c, const char *host, unsigned port, struct login *l)
{
	char text[DNS_NAME + 8], h[DNS_NAME];
	struct cur where, name;
	unsigned p = port;

	if (cur_word(&c, &where) == 0 || *where.p == '#')
		return 0;
	cur_word(&c, &name);
	cur_blanks(&c); /* the password may have some, too */
	if (cur_len(&name) > LOGIN_NAME || cur_len(&c) == 0 ||
	    cur_len(&c) > LOGIN_SECRET ||
	    memchr(name.p, '\0', (size_t)(c.e - name.p)) ||
	    cur_copy(where, text, sizeof text) < 0 ||
	    conf_hostport(text, h, &p) < 0)
		return -1;
	if (!str_ieq(h, host) || p != port)
		return 0;
	cur_copy(name, l->name, sizeof l->name);
	cur_copy(c, l->secret, sizeof l->secret);
	return 1;
}

int
login_find(struct cur table, const char *host, unsigned port, struct login *l,
           size_t *line)
{
	struct login other;
	struct cur c;
	int r, found = 0;

	for (*line = 1; cur_line(&table, &c); ++*line) {
		r = read_line(c, host, port, found ? &other : l);
		if (r < 0)
			return -1;
		found |= r;
	}
	explicit_bzero(&other, sizeof other);
	return found;
}
