/* record - several processes that open a record which is not there yet all get
 * the same one; and each mailbox has its own. */
#include "record.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 200, AT_ONCE = 6 };

/* Open it when the pipe is closed: 0 when that is the file of that name. */
static int
child(const char *dir, const char *name, int go)
{
	struct stat a, b;
	char c;
	int fd;

	if (read(go, &c, 1) != 0)
		return 1;
	fd = record_open(dir, "x", name, getuid(), true);
	if (fd < 0 || fstat(fd, &a) < 0)
		return 1;
	close(fd);
	fd = record_open(dir, "x", name, getuid(), false);
	return fd < 0 || fstat(fd, &b) < 0 || a.st_ino != b.st_ino;
}

static void
race(const char *dir, const char *name)
{
	int go[2], i, status;

	assert(pipe(go) == 0);
	for (i = 0; i < AT_ONCE; i++) {
		pid_t pid = fork();

		assert(pid >= 0);
		if (pid == 0) {
			close(go[1]);
			_exit(child(dir, name, go[0]));
		}
	}
	close(go[0]);
	close(go[1]);
	for (i = 0; i < AT_ONCE; i++)
		assert(wait(&status) > 0 && status == 0);
}

/* Mailboxes whose names are much the same have records of their own. */
static void
names(void)
{
	char one[RECORD_NAME], other[RECORD_NAME];

	record_name(one, "index", "/home/alice/mail/A1002");
	record_name(other, "index", "/home/alice/mail/B1001");
	assert(strcmp(one, other) != 0);
}

int
main(void)
{
	char dir[] = "/tmp/facteur-record.XXXXXX", name[16], path[400];
	struct dirent *d;
	DIR *p;
	int i;

	names();
	assert(mkdtemp(dir));
	for (i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof name, "%d", i);
		race(dir, name);
	}
	assert((p = opendir(dir)));
	while ((d = readdir(p))) {
		snprintf(path, sizeof path, "%s/%s", dir, d->d_name);
		unlink(path);
	}
	closedir(p);
	assert(rmdir(dir) == 0);
	return 0;
}
