/* act - what root and the owner of the spool may do to a message.
 * What changes it is done under the message's lock, so that nobody delivers what
 * is being removed or moved. */
#include "mailq.h"

#include "io.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COPY = 65536 };

static int
did(const char *id, int rc, const char *what)
{
	if (rc < 0)
		log_warn("%s: %s", id, strerror(errno));
	else
		log_info("%s: %s", id, what);
	return rc < 0 ? -1 : 0;
}

/* Move the message; to new/ means that it is tried now. */
static int
move(const struct spool *sp, struct message *m, const char *dir, const char *to,
     const char *what)
{
	int rc = 0;

	if (strcmp(dir, to) != 0)
		rc = spool_move(sp, dir, m->id, to);
	rc = did(m->id, rc, what);
	if (rc == 0 && strcmp(to, "new") == 0)
		spool_wake(sp, m->id);
	return rc;
}

static int
do_delete(const struct spool *sp, struct message *m, const char *dir)
{
	return did(m->id, spool_remove(sp, dir, m->id), "removed");
}

static int
do_hold(const struct spool *sp, struct message *m, const char *dir)
{
	if (strcmp(dir, "hold") == 0)
		return 1;
	return move(sp, m, dir, "hold", "placed on hold");
}

static int
do_release(const struct spool *sp, struct message *m, const char *dir)
{
	if (strcmp(dir, "hold") != 0)
		return 1;
	return move(sp, m, dir, "new", "released from hold");
}

static int
do_retry(const struct spool *sp, struct message *m, const char *dir)
{
	if (strcmp(dir, "hold") == 0)
		return 1;
	return move(sp, m, dir, "new", "requeued");
}

/* The next queue run finds the mark and returns what is left. */
static int
do_bounce(const struct spool *sp, struct message *m, const char *dir)
{
	const struct note n = note_all(NOTE_EXPIRE, time(NULL), "");

	if (!m->expired && (spool_note(m, &n) < 0 || spool_sync(m) < 0))
		return did(m->id, -1, NULL);
	return move(sp, m, dir, "new", "expired by hand");
}

/* The file as it is; a terminal gets it without controls. */
static int
do_show(const struct spool *sp, struct message *m, const char *dir)
{
	bool tty = isatty(STDOUT_FILENO);
	char buf[COPY];
	ssize_t n, i;

	(void)sp;
	(void)dir;
	while ((n = io_readall(m->fd, buf, sizeof buf)) > 0) {
		for (i = 0; tty && i < n; i++)
			if (((unsigned char)buf[i] < ' ' && buf[i] != '\n' &&
			     buf[i] != '\t') ||
			    buf[i] == 0x7f)
				buf[i] = '?';
		fwrite(buf, 1, (size_t)n, stdout);
	}
	return n < 0 ? did(m->id, -1, NULL) : 0;
}

const struct verb *
verb_find(const char *name)
{
	static const struct verb verbs[] = {
	    {"show",    NULL,                NULL,   false, do_show   },
	    {"delete",  "removed",           NULL,   true,  do_delete },
	    {"hold",    "placed on hold",    "hold", true,  do_hold   },
	    {"release", "released",          "new",  true,  do_release},
	    {"retry",   "will be tried now", "new",  true,  do_retry  },
	    {"bounce",  "will be returned",  "new",  true,  do_bounce },
	};
	size_t i;

	for (i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
