/* names - CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 6.3.4 to 6.3.8, 6154
 * 3, 8474 4.2).  What a name may be and where it leads is folder.c's. */
#include "imap.h"

#include "folder.h"
#include "log.h"
#include "stage.h"

#include <errno.h>

/* NO for errno (RFC 5530 3). */
static int
refuse(struct session *s)
{
	static const struct {
		int err;
		const char *text;
	} why[] = {
	    {EEXIST,       "[ALREADYEXISTS] there is one of that name"          },
	    {ENOENT,       "[NONEXISTENT] there is no such mailbox"             },
	    {EINVAL,       "[CANNOT] there can be no mailbox of that name"      },
	    {ENOTDIR,      "[CANNOT] what that name wants above is a mailbox, "
	              "and can hold no others"             },
	    {EISDIR,       "[CANNOT] that is no mailbox, but a place for others"},
	    {ENOTEMPTY,    "[HASCHILDREN] there is something below that name"   },
	    {EPERM,        "[NOPERM] that is not allowed"                       },
	    {EACCES,       "[NOPERM] that is not allowed"                       },
	    {EROFS,        "[NOPERM] that is not allowed"                       },
	    {ELOOP,        "[NOPERM] symbolic links are not followed"           },
	    {EAGAIN,       "[INUSE] another program holds its lock"             },
	    {ENOSPC,       "[OVERQUOTA] there is no room"                       },
	    {EDQUOT,       "[OVERQUOTA] there is no room"                       },
	    {EFBIG,        "[LIMIT] the list is full"                           },
	    {ENAMETOOLONG, "[CANNOT] that name is too long"                     },
	    {EOVERFLOW,    "[LIMIT] there are too many mailboxes"               },
	};
	size_t i;

	for (i = 0; i < sizeof why / sizeof *why; i++)
		if (why[i].err == errno)
			return no(s, "%s", why[i].text);
	log_warn("%s: %s", s->user->name, strerror(errno));
	return no(s, "[SERVERBUG] %s", strerror(errno));
}

/* One name and the end. */
static int
read_name(struct parse *p, struct cur *name)
{
	return parse_sp(p) < 0 || parse_mailbox(p, name) < 0 ? -1
	                                                     : parse_end(p);
}

/* Does the selected mailbox go by this name, or lie below it? */
static bool
is_selected(const struct session *s, struct cur name)
{
	return s->box.open &&
	       folder_is_within(s->folders, cur_of(s->box.name), name);
}

/* --- CREATE --- */

/* use-attr = "\" atom */
static int
use_attribute(struct parse *p, unsigned *use, bool *foreign)
{
	struct cur word;
	unsigned one;

	if (parse_byte(p, '\\') < 0 || parse_atom(p, &word) < 0)
		return -1;
	one = folder_use(word);
	*use |= one;
	*foreign = *foreign || one == 0;
	return 0;
}

/* SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")" */
static int
use_parameter(struct parse *p, unsigned *use, bool *foreign)
{
	if (parse_sp(p) < 0 || parse_byte(p, '(') < 0)
		return -1;
	if (!parse_word(p, "USE"))
		return parse_fail(p, "no such parameter");
	if (parse_sp(p) < 0 || parse_byte(p, '(') < 0)
		return -1;
	if (parse_peek(p) != ')')
		do
			if (use_attribute(p, use, foreign) < 0)
				return -1;
		while (cur_take(&p->c, ' '));
	return parse_byte(p, ')') < 0 ? -1 : parse_byte(p, ')');
}

/* OK, with the id of the new mailbox where it has one. */
static int
created(struct session *s, struct cur name)
{
	unsigned long long id = 0;
	struct store other, *st;

	if (folder_exists(s->folders, name) > 0 &&
	    (st = box_visit(s, name, false, &other))) {
		id = st->index.head.id;
		box_leave(s, st);
	}
	return id ? ok(s, "[MAILBOXID (F%016llx)] there it is", id)
	          : ok(s, "there it is");
}

int
do_create(struct session *s, struct parse *p)
{
	bool foreign = false;
	unsigned use = 0;
	struct cur name;
	int turn;

	if (parse_sp(p) < 0 || parse_mailbox(p, &name) < 0 ||
	    (parse_peek(p) == ' ' && use_parameter(p, &use, &foreign) < 0) ||
	    parse_end(p) < 0)
		return bad_parse(s);
	if (foreign)
		return no(s, "[USEATTR] there is no such use here");
	if (turn_take(s, TURN_NAMES, &turn) < 0)
		return 0;
	if (folder_create(s->folders, name, use) < 0)
		refuse(s);
	else
		created(s, name);
	turn_leave(turn);
	return 0;
}

int
do_delete(struct session *s, struct parse *p)
{
	struct cur name;
	int turn;

	if (read_name(p, &name) < 0)
		return bad_parse(s);
	if (cur_is(&name, "INBOX"))
		return no(s, "[CANNOT] INBOX stays");
	if (turn_take(s, TURN_NAMES, &turn) < 0)
		return 0;
	if (folder_delete(s->folders, name) < 0) {
		refuse(s); /* who hears NO is where he was */
	} else {
		if (is_selected(s, name) &&
		    strlen(s->box.name) == cur_len(&name)) {
			s->box.readonly = true; /* there is nothing to keep */
			box_close(s);
		}
		ok(s, "gone");
	}
	turn_leave(turn);
	return 0;
}

/* --- RENAME --- */

/* Move all messages.  0, or -1 with the answer given. */
static int
move_all(struct session *s, struct store *from, struct store *to)
{
	size_t i, n = store_count(from), k = 0, gone;
	uint32_t *old = arena_alloc(&s->arena, (n + 1) * sizeof *old), *uid;
	struct stage g;
	int r = 0;

	if (stage_open(&g, s->records.s) < 0)
		return no_store(s, from) - 1;
	for (i = 0; i < n; i++)
		old[i] = store_msg(from, i)->uid;
	for (i = 0; i < n && r >= 0; i++) {
		ssize_t at = store_find(from, old[i]);

		r = at < 0 ? 0
		           : stage_read(&g, from, store_msg(from, (size_t)at));
		if (r > 0) /* what others removed is not ours to remove */
			old[k++] = old[i];
	}
	if (r < 0)
		no_store(s, from);
	else if ((r = stage_keywords(s, &g, from, to)) == 0 && g.n > 0)
		r = stage_add(s, &g, to, &uid);
	stage_close(&g);
	if (r < 0)
		return -1;
	/* They are there; those that stay here as well are no loss. */
	if (store_expunge(from, old, k, &gone) < 0)
		log_warn("%s: %zu of %zu messages moved: %s", from->path, gone,
		         k, from->why);
	return 0;
}

/* RFC 9051 6.3.6: what is in INBOX goes into a new mailbox. */
static int
rename_inbox(struct session *s, struct cur to)
{
	struct store one, other, *a, *b;
	int r = -1;

	if (cur_len(&to) > 1 && to.e[-1] == folder_separator(s->folders))
		to.e--;
	if (folder_create(s->folders, to, 0) < 0)
		return refuse(s);
	if ((a = box_visit(s, cur_of("INBOX"), false, &one))) {
		if ((b = box_visit(s, to, false, &other))) {
			r = move_all(s, a, b);
			box_leave(s, b);
		}
		box_leave(s, a);
	}
	if (r == 0)
		return ok(s, "what was in INBOX is there");
	folder_delete(s->folders, to);
	return 0;
}

static int
rename_other(struct session *s, struct cur from, struct cur to)
{
	/* Who hears NO is where he was. */
	if (is_selected(s, from)) {
		if (folder_may_rename(s->folders, from, to) < 0)
			return refuse(s);
		box_close(s);
	}
	if (folder_rename(s->folders, from, to) < 0)
		return refuse(s);
	return ok(s, "it has another name");
}

int
do_rename(struct session *s, struct parse *p)
{
	struct cur from, to;
	int turn, move = -1;
	bool inbox;

	if (parse_sp(p) < 0 || parse_mailbox(p, &from) < 0 || parse_sp(p) < 0 ||
	    parse_mailbox(p, &to) < 0 || parse_end(p) < 0)
		return bad_parse(s);
	inbox = cur_is(&from, "INBOX");
	if (inbox && turn_take(s, TURN_MOVE, &move) < 0)
		return 0;
	if (turn_take(s, TURN_NAMES, &turn) == 0) {
		if (inbox)
			rename_inbox(s, to);
		else
			rename_other(s, from, to);
		turn_leave(turn);
	}
	turn_leave(move);
	return 0;
}

/* --- subscriptions --- */

static int
subscribe(struct session *s, struct parse *p, bool on)
{
	struct cur name;

	if (read_name(p, &name) < 0)
		return bad_parse(s);
	if (folder_subscribe(s->folders, name, on) < 0)
		return refuse(s);
	return ok(s, on ? "subscribed" : "no longer subscribed");
}

int
do_subscribe(struct session *s, struct parse *p)
{
	return subscribe(s, p, true);
}

int
do_unsubscribe(struct session *s, struct parse *p)
{
	return subscribe(s, p, false);
}
