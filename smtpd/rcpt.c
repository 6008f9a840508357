/* rcpt - may this client mail this recipient?  Called by smtp.c for each RCPT:
 * finds out what policy.c decides on.  An address is followed through aliases
 * to its end while the client waits, so that nothing is taken here to be
 * bounced later to a sender who may be forged. */
#include "policy.h"
#include "smtp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Is the mailbox of this user over its limit, or would be with this message?
 * What cannot be found out is deliver's to say. */
static bool
is_full(const struct session *s, const char *name)
{
	const struct conf *c = s->conf;
	unsigned long long have;
	struct user u;
	struct stat st;
	char *path;
	int r;

	if (user_find(c, name, &u) <= 0)
		return false;
	path = mailbox_path(c, &u);
	user_free(&u);
	r = stat(path, &st);
	free(path);
	if (r < 0 ? errno != ENOENT : !S_ISREG(st.st_mode))
		return false;
	have = r < 0 ? 0 : (unsigned long long)st.st_size;
	return have >= c->mailbox_limit || s->size > c->mailbox_limit - have;
}

/* Does the address lead to full mailboxes and nothing else that takes mail? */
static bool
all_full(const struct session *s, const struct routes *rs)
{
	bool full = false;
	size_t i;

	for (i = 0; s->conf->mailbox_limit && i < rs->n; i++) {
		const struct target *t = &rs->t[i];

		if (t->kind == ROUTE_FAIL || t->kind == ROUTE_DEFER)
			continue;
		if (t->kind != ROUTE_USER || !is_full(s, t->dest))
			return false;
		full = true;
	}
	return full;
}

struct router *
smtp_router(struct session *s)
{
	if (!s->has_router)
		router_open(&s->router, s->conf);
	s->has_router = true;
	return &s->router;
}

int
rcpt_check(struct session *s, const char *addr)
{
	const struct conf *c = s->conf;
	struct routes rs = {0};
	struct verdict v;

	if (s->has_router && s->state == MAIL) /* once for each message */
		router_refresh(&s->router);
	route_expand(smtp_router(s), addr, &rs);
	v = policy_rcpt(&(struct question){
	    .trusted = s->trusted,
	    .addr = addr,
	    .routes = &rs,
	    .full = all_full(s, &rs),
	    .full_fails = s->size > c->mailbox_limit ||
	                  strcmp(c->mailbox_full, "bounce") == 0,
	});
	if (v.code != 250) /* in the words that log readers look for */
		smtp_reject(s, NULL, "RCPT", addr, v.code, "%s <%s>: %s%s",
		            v.status, addr,
		            v.code == 554 ? "" : "Recipient address rejected: ",
		            v.text);
	routes_free(&rs);
	return v.code == 250 ? 0 : -1;
}
