/* logintable - see login.h.  Called by smtpc.c. */
#include "login.h"

#include "dns.h"

#include <stdio.h>

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
	if (cur_len(&where) >= sizeof text || cur_len(&name) > LOGIN_NAME ||
	    cur_len(&c) == 0 || cur_len(&c) > LOGIN_SECRET)
		return -1;
	if (memchr(name.p, '\0', (size_t)(c.e - name.p)))
		return -1;
	snprintf(text, sizeof text, "%.*s", (int)cur_len(&where), where.p);
	if (conf_hostport(text, h, &p) < 0)
		return -1;
	if (!str_ieq(h, host) || p != port)
		return 0;
	snprintf(l->name, sizeof l->name, "%.*s", (int)cur_len(&name), name.p);
	snprintf(l->secret, sizeof l->secret, "%.*s", (int)cur_len(&c), c.p);
	return 1;
}

int
login_find(struct cur table, const char *host, unsigned port, struct login *l,
           size_t *line)
{
	struct login other;
	struct cur c;
	int r, found = 0;

	for (*line = 1; cur_len(&table) > 0; ++*line) {
		cur_until(&table, "\n", &c);
		cur_get(&table);
		if (cur_len(&c) > 0 && c.e[-1] == '\r')
			c.e--;
		r = read_line(c, host, port, found ? &other : l);
		if (r < 0)
			return -1;
		found |= r;
	}
	explicit_bzero(&other, sizeof other);
	return found;
}
