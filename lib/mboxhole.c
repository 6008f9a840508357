/* mboxhole - blocks out of the middle of a file, where Linux can.
 * Not every file system takes all of it as one change.  ext4 and xfs free the
 * blocks, move what follows down piece by piece, the first piece first, and
 * then make the file shorter; after a power cut there may be a hole of that
 * size somewhere, and taking that out is the rest of the work. */
#define _GNU_SOURCE /* fallocate(2), SEEK_HOLE */
#include "mboxwork.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/vfs.h>

#ifndef FALLOC_FL_COLLAPSE_RANGE /* musl leaves it out */
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#endif

enum { EXT_MAGIC = 0xef53, XFS_MAGIC = 0x58465342 };

size_t
mbox_can_collapse(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0 ||
	    (st.f_type != EXT_MAGIC && st.f_type != XFS_MAGIC))
		return 0;
	return (size_t)st.f_bsize;
}

int
hole_close(int fd, uint64_t off, uint64_t len)
{
	return fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, (off_t)off, (off_t)len);
}

int
hole_mend(int fd, uint64_t off, uint64_t len)
{
	off_t hole = lseek(fd, (off_t)off, SEEK_HOLE), data;

	if (hole < 0)
		return 0;
	data = lseek(fd, hole, SEEK_DATA);
	if (data < 0 || (uint64_t)(data - hole) != len)
		return 0;
	return hole_close(fd, (uint64_t)hole, len);
}
#else
size_t
mbox_can_collapse(int fd)
{
	(void)fd;
	return 0;
}

int
hole_close(int fd, uint64_t off, uint64_t len)
{
	(void)fd;
	(void)off;
	(void)len;
	errno = EOPNOTSUPP;
	return -1;
}

int
hole_mend(int fd, uint64_t off, uint64_t len)
{
	(void)fd;
	(void)off;
	(void)len;
	return 0;
}
#endif
