/* roundtrip - what fuzz targets of envelopes share. */
#include "fuzz.h"
#include "spool.h"

#include <string.h>

static void
same_text(const char *a, const char *b)
{
	must(!a == !b && (!a || strcmp(a, b) == 0));
}

/* The spool holds the envelope as it is. */
static void
roundtrip(const struct envelope *e)
{
	struct envelope back;
	struct str s = {0};
	size_t i;

	must(envelope_put(&s, e) == 0);
	must(envelope_take(&back, str_cur(&s)) == 0);
	must(back.time == e->time && back.usec == e->usec);
	same_text(back.sender, e->sender);
	same_text(back.client, e->client);
	same_text(back.envid, e->envid);
	must(back.uid == e->uid && back.ret == e->ret);
	must(back.eightbit == e->eightbit && back.utf8 == e->utf8);
	must(back.trace == e->trace && back.nrcpt == e->nrcpt);
	for (i = 0; i < e->nrcpt; i++) {
		same_text(back.rcpt[i].addr, e->rcpt[i].addr);
		same_text(back.rcpt[i].orcpt, e->rcpt[i].orcpt);
		must(back.rcpt[i].notify == e->rcpt[i].notify);
	}
	envelope_free(&back);
	str_free(&s);
}
