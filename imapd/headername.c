/* headername - see headername.h. */
#include "headername.h"

#include <stdlib.h>

/* In the order of their lengths.  What clients show in a list of messages, or
 * ask for with it; not the traces of the way, which are long and nobody's. */
static const char *const known[HEADERNAME_KNOWN] = {
    "cc",
    "to",
    "bcc",
    "date",
    "from",
    "path",
    "xref",
    "lines",
    "sender",
    "x-tuid",
    "list-id",
    "subject",
    "x-label",
    "keywords",
    "priority",
    "reply-to",
    "x-mailer",
    "errors-to",
    "list-help",
    "list-post",
    "resent-cc",
    "resent-to",
    "content-id",
    "importance",
    "list-owner",
    "message-id",
    "newsgroups",
    "precedence",
    "references",
    "resent-bcc",
    "user-agent",
    "x-priority",
    "content-md5",
    "followup-to",
    "in-reply-to",
    "resent-date",
    "resent-from",
    "return-path",
    "x-spam-flag",
    "content-type",
    "delivered-to",
    "list-archive",
    "mime-version",
    "organization",
    "x-draft-info",
    "x-spam-level",
    "x-spam-score",
    "mail-reply-to",
    "resent-sender",
    "x-original-to",
    "x-spam-status",
    "auto-submitted",
    "list-subscribe",
    "resent-subject",
    "x-mozilla-keys",
    "resent-reply-to",
    "content-language",
    "content-location",
    "list-unsubscribe",
    "mail-followup-to",
    "x-mozilla-status",
    "resent-message-id",
    "return-receipt-to",
    "x-msmail-priority",
    "content-description",
    "content-disposition",
    "x-confirm-reading-to",
    "x-mozilla-draft-info",
    "list-unsubscribe-post",
    "x-forwarded-message-id",
    "content-transfer-encoding",
    "disposition-notification-to",
};

void
headernames_begin(struct headernames *h)
{
	size_t i, len = 0;

	for (i = 0; i < HEADERNAME_KNOWN; i++)
		while (len <= strlen(known[i]))
			h->first[len++] = (uint8_t)i;
	while (len < sizeof h->first)
		h->first[len++] = HEADERNAME_KNOWN;
}

int
headername_find(const struct headernames *h, struct cur name)
{
	size_t n = cur_len(&name), i;

	if (n == 0 || n > HEADERNAME_LONGEST)
		return -1;
	for (i = h->first[n]; i < h->first[n + 1]; i++)
		if ((*name.p | 0x20) == *known[i] &&
		    mem_ieq(name.p, known[i], n))
			return (int)i;
	return -1;
}

const char *
headername_of(size_t i)
{
	return known[i];
}

struct cur
headername_take(struct cur field)
{
	const char *colon =
	    cur_len(&field) > 0 ? memchr(field.p, ':', cur_len(&field)) : NULL;

	field.e = colon ? colon : field.p;
	while (field.e > field.p && (field.e[-1] == ' ' || field.e[-1] == '\t'))
		field.e--;
	return field;
}

/* --- those that a client asks for --- */

static int
compare(const void *a, const void *b)
{
	const struct cur *x = a, *y = b;
	size_t n = cur_len(x), m = cur_len(y), i;

	if (n != m)
		return n < m ? -1 : 1;
	for (i = 0; i < n; i++) {
		int d = str_lower(x->p[i]) - str_lower(y->p[i]);

		if (d)
			return d;
	}
	return 0;
}

void
headerset_make(struct headerset *h, struct cur *name, size_t n)
{
	size_t i;

	*h = (struct headerset){.name = name};
	headernames_begin(&h->names);
	for (i = 0; i < n; i++) {
		int k = headername_find(&h->names, name[i]);

		if (k >= 0)
			h->known[k] = true;
		else
			name[h->n++] = name[i];
	}
	if (h->n > 1)
		qsort(name, h->n, sizeof *name, compare);
}

bool
headerset_has(const struct headerset *h, struct cur name)
{
	int k = headername_find(&h->names, name);

	if (k >= 0)
		return h->known[k];
	return h->n > 0 && bsearch(&name, h->name, h->n, sizeof name, compare);
}
