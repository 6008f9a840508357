/* idle - IDLE (RFC 2177): what others do to the mailbox is told when it happens. */
#include "imap.h"

enum {
	STILL_HERE = 2 * 60 * 1000, /* ms between two words to a silent client:
	                               routers forget connections */
	DONE_LINE = 100
};

/* Wait and tell until the client says something: 0, or IO_*. */
static int
watch(struct session *s, int fd)
{
	long long end = s->io.idle ? io_now() + s->io.idle : 0;
	int r;

	for (;;) {
		if (s->state & SELECTED && sync_tell(s, true) < 0)
			return IMAP_BYE;
		r = io_await(&s->io, fd, STILL_HERE);
		if (r == 1)
			store_watched(fd);
		else if (r != IO_TIMEOUT)
			return r;
		else if (end && io_now() >= end)
			return IO_TIMEOUT;
		else
			io_puts(&s->io, "* OK still here\r\n");
	}
}

int
do_idle(struct session *s, struct parse *p)
{
	struct box *b = &s->box;
	struct cur line;
	ssize_t n;
	int fd = -1, r;

	if (parse_end(p) < 0)
		return bad_parse(s);
	if (s->state & SELECTED) {
		/* Flags wait for a moment like this to come into the mailbox. */
		if (!b->readonly && !b->asleep)
			store_keep(&b->store);
		fd = store_watch(&b->store);
	}
	io_puts(&s->io, "+ idling\r\n");
	r = watch(s, fd);
	if (s->state & SELECTED)
		store_unwatch(&b->store, fd);
	if (r == IMAP_BYE)
		return r;
	if (r < 0 ||
	    ((n = io_line(&s->io, &line, DONE_LINE)) < 0 && n != IO_LONG)) {
		p->end = r < 0 ? r : (int)n;
		return 0;
	}
	return n >= 0 && cur_is(&line, "DONE") ? ok(s, "welcome back")
	                                       : bad(s, "DONE was expected");
}
