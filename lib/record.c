/* record - see record.h. */
#include "record.h"

#include "io.h"
#include "sum.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 10 /* to open what others make and remove */ };

/* Make the name of a new directory durable; where we may not read the one
 * above, by what we can open. */
static void
sync_made(int fd)
{
	int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	fsync(up >= 0 ? up : fd);
	if (up >= 0)
		close(up);
}

int
record_dir(const char *dir, uid_t owner)
{
	struct stat st;
	int fd;
	bool made = mkdir(dir, 0700) == 0;

	if (!made && errno != EEXIST)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (made)
		sync_made(fd);
	if (fstat(fd, &st) < 0)
		return io_close(fd, -1);
	errno = EPERM;
	return st.st_uid != owner || (st.st_mode & (S_IWGRP | S_IWOTH))
	           ? io_close(fd, -1)
	           : fd;
}

void
record_name(char name[RECORD_NAME], const char *kind, const char *path)
{
	snprintf(name, RECORD_NAME, "%s.%016" PRIx64, kind,
	         hash_of(path, strlen(path)));
}

/* Is the file one of ours?  0 or an errno. */
static int
check(int fd, uid_t owner)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != owner || st.st_nlink != 1)
		return EPERM;
	return 0;
}

/* Open it, or make it, also when somebody else does at this moment. */
static int
open_made(int dirfd, const char *name, int flags)
{
	int fd, tries = 0;

	do {
		fd = openat(dirfd, name, flags);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		fd = openat(dirfd, name, flags | O_CREAT | O_EXCL, 0600);
	} while (fd < 0 && errno == EEXIST && ++tries < TRIES);
	if (fd >= 0)
		fsync(dirfd);
	return fd;
}

int
record_open(const char *dir, const char *kind, const char *path, uid_t owner,
            bool make)
{
	int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int dirfd = record_dir(dir, owner), fd, err;
	char name[RECORD_NAME];

	if (dirfd < 0)
		return -1;
	record_name(name, kind, path);
	fd = make ? open_made(dirfd, name, flags) : openat(dirfd, name, flags);
	err = fd < 0 ? errno : check(fd, owner);
	close(dirfd);
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = err;
	return -1;
}
