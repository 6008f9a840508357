/* policy - see policy.h.  Called by rcpt.c for each RCPT.
 * An address is refused for good only if all that it expands to fails for good
 * (else a list would bounce for one dead member), and what cannot be decided
 * now is never "no such user". */
#include "policy.h"

#include "addr.h"
#include "str.h"

/* Is it the one that every domain must have (RFC 5321 4.5.1)? */
static bool
is_postmaster(const char *addr)
{
	const char *at = addr_at(addr);
	size_t n = at ? (size_t)(at - addr) : strlen(addr);

	return n == 10 && mem_ieq(addr, "postmaster", n);
}

bool
policy_relays(bool near, bool submission, bool login)
{
	return login || (near && !submission); /* RFC 6409 4.3 */
}

/* An address that leads to nothing but itself, elsewhere, is not ours; an alias
 * that leads elsewhere is our own wish. */
static bool
is_foreign(const struct question *q)
{
	size_t i;

	for (i = 0; i < q->routes->n; i++)
		if (q->routes->t[i].kind == ROUTE_REMOTE &&
		    strcmp(q->routes->t[i].dest, q->addr) == 0)
			return true;
	return false;
}

struct verdict
policy_rcpt(const struct question *q)
{
	const struct verdict yes = {250, "2.1.5", "Ok"};
	const struct target *later = NULL, *failed = NULL;
	bool delivers = false;
	size_t i;

	if (!q->trusted && is_foreign(q)) /* RFC 5321 7.1 */
		return (struct verdict){554, "5.7.1", "Relay access denied"};
	for (i = 0; i < q->routes->n; i++) {
		const struct target *t = &q->routes->t[i];

		if (t->kind == ROUTE_DEFER)
			later = later ? later : t;
		else if (t->kind == ROUTE_FAIL)
			failed = failed ? failed : t;
		else
			delivers = true;
	}
	if (delivers && !q->full)
		return yes;
	if (later)
		return (struct verdict){451, later->status, later->text};
	if (delivers && q->full_fails)
		return (struct verdict){552, "5.2.2", "Mailbox full"};
	if (delivers)
		return (struct verdict){452, "4.2.2", "Mailbox full"};
	if (is_postmaster(q->addr))
		return yes;
	if (failed)
		return (struct verdict){550, failed->status, failed->text};
	return (struct verdict){550, "5.1.1", "User unknown"};
}
