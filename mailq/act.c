/* act - what root and the owner of the spool may do to a message.
 * Each verb works under the message's lock, so that nobody delivers what is
 * being removed or moved. */
#include "mailq.h"

#include "io.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COPY = 65536 };

/* Lock and load; on failure says why.  0, 1 when it is gone, -1. */
static int
take(struct message *m, const struct spool *sp, const char *dir, const char *id)
{
	switch (spool_load(m, sp, dir, id, true)) {
	case SPOOL_OK: return 0;
	case SPOOL_GONE: return 1;
	case SPOOL_BUSY: log_warn("%s: is being delivered", id); return -1;
	case SPOOL_ERROR: log_warn("%s: %s", id, strerror(errno)); return -1;
	default: log_warn("%s: the queue file is damaged", id); return -1;
	}
}

static int
did(const char *id, int rc, const char *what)
{
	if (rc < 0)
		log_warn("%s: %s", id, strerror(errno));
	else
		log_info("%s: %s", id, what);
	return rc < 0 ? -1 : 0;
}

/* Under its lock, move the message; to new/ means that it is tried now. */
static int
move(const struct spool *sp, const char *dir, const char *id, const char *to,
     const char *what)
{
	struct message m;
	int rc = take(&m, sp, dir, id);

	if (rc != 0)
		return rc;
	if (strcmp(dir, to) != 0)
		rc = spool_move(sp, dir, id, to);
	rc = did(id, rc, what);
	message_free(&m);
	if (rc == 0 && strcmp(to, "new") == 0)
		spool_wake(sp, id);
	return rc;
}

static int
do_delete(const struct spool *sp, const char *dir, const char *id)
{
	struct message m;
	int rc = take(&m, sp, dir, id);

	if (rc != 0)
		return rc;
	rc = did(id, spool_remove(sp, dir, id), "removed");
	message_free(&m);
	return rc;
}

static int
do_hold(const struct spool *sp, const char *dir, const char *id)
{
	if (strcmp(dir, "hold") == 0)
		return 1;
	return move(sp, dir, id, "hold", "placed on hold");
}

static int
do_release(const struct spool *sp, const char *dir, const char *id)
{
	if (strcmp(dir, "hold") != 0)
		return 1;
	return move(sp, dir, id, "new", "released from hold");
}

static int
do_retry(const struct spool *sp, const char *dir, const char *id)
{
	if (strcmp(dir, "hold") == 0)
		return 1;
	return move(sp, dir, id, "new", "requeued");
}

/* The next queue run finds the mark and returns what is left. */
static int
do_bounce(const struct spool *sp, const char *dir, const char *id)
{
	char none[] = "";
	struct note n = {.rcpt = NOTE_ALL,
	                 .what = NOTE_EXPIRE,
	                 .when = time(NULL),
	                 .target = none,
	                 .status = none,
	                 .relay = none,
	                 .text = none};
	struct message m;
	int rc = take(&m, sp, dir, id);

	if (rc != 0)
		return rc;
	if (!m.expired && (spool_note(&m, &n) < 0 || spool_sync(&m) < 0))
		rc = -1;
	if (rc == 0 && strcmp(dir, "new") != 0)
		rc = spool_move(sp, dir, id, "new");
	rc = did(id, rc, "expired by hand");
	message_free(&m);
	if (rc == 0)
		spool_wake(sp, id);
	return rc;
}

/* The file as it is; a terminal gets it without controls. */
static int
do_show(const struct spool *sp, const char *dir, const char *id)
{
	bool tty = isatty(STDOUT_FILENO);
	struct message m;
	char buf[COPY];
	ssize_t n, i;

	switch (spool_load(&m, sp, dir, id, false)) {
	case SPOOL_OK: break;
	case SPOOL_GONE: return 1;
	default: log_warn("%s: cannot be read", id); return -1;
	}
	while ((n = io_readall(m.fd, buf, sizeof buf)) > 0) {
		for (i = 0; tty && i < n; i++)
			if (((unsigned char)buf[i] < ' ' && buf[i] != '\n' &&
			     buf[i] != '\t') ||
			    buf[i] == 0x7f)
				buf[i] = '?';
		fwrite(buf, 1, (size_t)n, stdout);
	}
	message_free(&m);
	return n < 0 ? -1 : 0;
}

const struct verb *
verb_find(const char *name)
{
	static const struct verb verbs[] = {
	    {"show",    NULL,                do_show   },
	    {"delete",  "removed",           do_delete },
	    {"hold",    "placed on hold",    do_hold   },
	    {"release", "released",          do_release},
	    {"retry",   "will be tried now", do_retry  },
	    {"bounce",  "will be returned",  do_bounce },
	};
	size_t i;

	for (i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
