/* watch - sendmail -v: show the delivery as it happens.
 * A lingering queuerun(8) writes what it does into a FIFO that we made before
 * the message was committed.  The message is safe all the while: whoever stops
 * us stops the show and nothing else. */
#include "sendmail.h"

#include "group.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { WATCH_IDLE = 5 * 60 * 1000 }; /* ms of silence that end the show */

bool
watch_lingers(const struct spool *sp)
{
	int fd = openat(sp->dir, "wake",
	                O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void
watch_begin(struct watch *w, const char *id)
{
	snprintf(w->path, sizeof w->path, "trace/%s", id);
	if (mkfifoat(w->sp->dir, w->path, 0660) < 0)
		return; /* then it goes unseen */
	/* The umask is not for queuerun(8), which is in the group. */
	if (fchmodat(w->sp->dir, w->path, 0660, 0) == 0)
		w->fd = openat(w->sp->dir, w->path,
		               O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (w->fd < 0)
		unlinkat(w->sp->dir, w->path, 0);
}

/* Copy the FIFO to stdout until its writer closes it. */
static void
copy(struct watch *w)
{
	struct io io;
	ssize_t n;

	io_init(&io, w->fd, STDOUT_FILENO);
	io.idle = WATCH_IDLE;
	while ((n = io_fill(&io)) > 0) {
		io_put(&io, io.buf + io.pos, (size_t)n);
		io.pos = io.len;
	}
	io_flush(&io);
	io_free(&io);
	close(w->fd);
	unlinkat(w->sp->dir, w->path, 0);
}

/* Nobody lingers: be the queue run, if it is ours to be.  0 or -1. */
static int
run_queue(const struct watch *w, const char *id)
{
	char *prog = conf_program(w->conf, "queuerun");
	struct stat st;
	pid_t pid = -1;

	if (fstat(w->sp->dir, &st) == 0 &&
	    (getuid() == 0 || getuid() == st.st_uid))
		pid = fork();
	if (pid == 0 && group_drop() == 0)
		execl(prog, "queuerun", "-C", w->conf->file, "-v", "-q", id,
		      (char *)NULL);
	if (pid == 0)
		_exit(EX_UNAVAILABLE);
	free(prog);
	if (pid < 0)
		return -1;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

void
watch_show(struct watch *w, const char *id)
{
	if (w->fd >= 0)
		copy(w);
	else if (run_queue(w, id) < 0)
		printf("%s queued; will be delivered by the next queue run\n",
		       id);
	fflush(stdout);
}
