/* status - STATUS (RFC 9051 6.3.11, RFC 3501 6.3.10, 7162 3.1.7, 7889, 8474, 9208
 * 4.1.4), of any mailbox, the selected one too.  It changes nothing. */
#include "list.h"

#include "out.h"

enum {
	MESSAGES = 1,
	RECENT = 2,
	UIDNEXT = 4,
	UIDVALIDITY = 8,
	UNSEEN = 16,
	DELETED = 32,
	DELETED_STORAGE = 64,
	SIZE = 128,
	HIGHESTMODSEQ = 256,
	APPENDLIMIT = 512,
	MAILBOXID = 1024,
	/* The messages have to be looked at. */
	COUNTED = DELETED | DELETED_STORAGE | SIZE
};

static const struct item {
	const char *name;
	unsigned bit;
} items_known[] = {
    {"MESSAGES",        MESSAGES       },
    {"RECENT",          RECENT         },
    {"UIDNEXT",         UIDNEXT        },
    {"UIDVALIDITY",     UIDVALIDITY    },
    {"UNSEEN",          UNSEEN         },
    {"DELETED",         DELETED        },
    {"DELETED-STORAGE", DELETED_STORAGE},
    {"SIZE",            SIZE           },
    {"HIGHESTMODSEQ",   HIGHESTMODSEQ  },
    {"APPENDLIMIT",     APPENDLIMIT    },
    {"MAILBOXID",       MAILBOXID      },
};

enum { ITEMS = sizeof items_known / sizeof *items_known };

int
status_items(struct parse *p, unsigned *items)
{
	struct cur word;
	int i;

	*items = 0;
	if (parse_byte(p, '(') < 0)
		return -1;
	do {
		if (parse_atom(p, &word) < 0)
			return -1;
		for (i = 0; i < ITEMS; i++)
			if (cur_is(&word, items_known[i].name))
				break;
		if (i == ITEMS)
			return parse_fail(p, "no such item");
		*items |= items_known[i].bit;
	} while (cur_take(&p->c, ' '));
	return parse_byte(p, ')');
}

struct count {
	uint64_t deleted, deleted_size, size;
};

static void
count(const struct store *st, struct count *c)
{
	size_t i, n = store_count(st);

	*c = (struct count){0};
	for (i = 0; i < n; i++) {
		const struct index_msg *m = store_msg(st, i);

		c->size += m->size;
		if (m->flags & FLAG_DELETED) {
			c->deleted++;
			c->deleted_size += m->size;
		}
	}
}

/* Those that are recent for this session, and those that are nobody's yet. */
static uint64_t
recent_here(const struct session *s)
{
	const struct box *b = &s->box;
	uint32_t last = b->n > 0 ? b->v[b->n - 1].uid : 0;
	uint64_t n = b->recent;
	size_t i;

	for (i = store_count(&b->store); i-- > 0;) {
		const struct index_msg *m = store_msg(&b->store, i);

		if (m->uid <= last)
			break;
		n += !(m->flags & FLAG_OLD);
	}
	return n;
}

/* One item, but MAILBOXID. */
static uint64_t
value(const struct session *s, const struct store *st, const struct count *c,
      unsigned bit)
{
	const struct index_head *h = &st->index.head;

	switch (bit) {
	case MESSAGES: return store_count(st);
	case RECENT: return st == &s->box.store ? recent_here(s) : h->fresh;
	case UIDNEXT: return h->next;
	case UIDVALIDITY: return h->validity;
	case UNSEEN: return h->unseen;
	case DELETED: return c->deleted;
	case DELETED_STORAGE: return c->deleted_size;
	case SIZE: return c->size;
	case APPENDLIMIT: return s->conf->message_limit;
	default: return h->modseq ? h->modseq : 1;
	}
}

static void
put_items(struct session *s, const struct store *st, unsigned items,
          struct str *x)
{
	struct count c = {0};
	int i;

	if (items & COUNTED)
		count(st, &c);
	for (i = 0; i < ITEMS; i++) {
		if (!(items & items_known[i].bit))
			continue;
		str_adds(x, items_known[i].name);
		str_addc(x, ' ');
		if (items_known[i].bit == MAILBOXID)
			str_addf(x, "(F%016llx)",
			         (unsigned long long)st->index.head.id);
		else if (items_known[i].bit == APPENDLIMIT &&
		         !s->conf->message_limit)
			str_adds(x, "NIL"); /* RFC 7889 3 */
		else
			str_addu(x, value(s, st, &c, items_known[i].bit));
		str_addc(x, ' ');
	}
	x->s[--x->n] = '\0';
}

int
status_tell(struct session *s, struct cur name, unsigned items)
{
	struct store other, *st;
	struct str x = {0};

	st = items & COUNTED ? box_visit(s, name, false, &other)
	                     : box_peek(s, name, &other);

	if (!st)
		return -1;
	if (items & HIGHESTMODSEQ)
		sync_condstore(s);
	str_adds(&x, "* STATUS ");
	out_mailbox(&x, name, s->on & (ON_UTF8 | ON_REV2));
	str_adds(&x, " (");
	put_items(s, st, items, &x);
	str_adds(&x, ")\r\n");
	say(s, &x);
	box_leave(s, st);
	return 0;
}

int
do_status(struct session *s, struct parse *p)
{
	struct cur name;
	unsigned items;

	if (parse_sp(p) < 0 || parse_mailbox(p, &name) < 0 || parse_sp(p) < 0 ||
	    status_items(p, &items) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	return status_tell(s, name, items) < 0 ? 0 : ok(s, "that is how it is");
}
