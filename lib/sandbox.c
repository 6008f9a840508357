/* sandbox - see sandbox.h.  Which files: Landlock, by its system calls alone; which
 * of these there may be at all is in sandboxcalls.c.
 * Called by every process that meets the network, when it has become who it
 * stays.  Who cannot have a wall does without; who cannot open now what it has to
 * change behind it ends. */
#define _GNU_SOURCE /* O_PATH */
#include "sandbox.h"

#include "log.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#ifdef __linux__

#include <sys/prctl.h>
#include <sys/syscall.h>

/* <linux/landlock.h>, which not every libc comes with.  A kernel that knows less
 * says so by the version of its interface. */
enum {
	EXECUTE = 1 << 0,
	WRITE_FILE = 1 << 1,
	READ_FILE = 1 << 2,
	READ_DIR = 1 << 3,
	REMOVE_DIR = 1 << 4,
	REMOVE_FILE = 1 << 5,
	MAKE_DIR = 1 << 7,
	MAKE_REG = 1 << 8,
	FIRST = (1 << 13) - 1, /* all of version 1 */
	REFER = 1 << 13,       /* 2: from one directory to another */
	TRUNCATE = 1 << 14,    /* 3 */
	IOCTL_DEV = 1 << 15,   /* 5 */
	OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE,
	BIND_TCP = 1 << 0, /* 4 */
	CONNECT_TCP = 1 << 1,
	SCOPE_UNIX = 1 << 0, /* 6: abstract sockets of others */
	SCOPE_SIGNAL = 1 << 1,
	ASK_VERSION = 1,
	BENEATH = 1
};

struct ruleset {
	uint64_t files, net, scoped;
};

struct rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

static const struct {
	unsigned may, rights;
} meanings[] = {
    {MAY_LIST,   READ_DIR                                                       },
    {MAY_READ,   READ_DIR | READ_FILE                                           },
    {MAY_ADD,    WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE                 },
    {MAY_CHANGE, READ_DIR | READ_FILE | WRITE_FILE | TRUNCATE | MAKE_REG |
                     REMOVE_FILE | MAKE_DIR | REMOVE_DIR | REFER},
    {MAY_RUN,    READ_FILE | EXECUTE                                            },
};

/* Open the path, or if it may be changed what it will be made in. */
static int
open_near(const struct sandbox_path *p)
{
	char *s = str_dup(p->path), *slash;
	int fd = openat(AT_FDCWD, s, O_PATH | O_CLOEXEC);

	while (fd < 0 && errno == ENOENT && p->may & MAY_CHANGE &&
	       (slash = strrchr(s, '/')) != NULL && slash > s) {
		*slash = '\0';
		fd = openat(AT_FDCWD, s, O_PATH | O_CLOEXEC);
	}
	/* Behind the wall it would look as if it were forbidden. */
	if (fd < 0 && p->may & MAY_CHANGE &&
	    (errno == EIO || errno == EMFILE || errno == ENFILE ||
	     errno == ENOMEM))
		log_die(EX_TEMPFAIL, "%s: %s", s, strerror(errno));
	free(s);
	return fd;
}

/* Rights of directories are refused for what is none. */
static void
allow(int set, const struct ruleset *all, const struct sandbox_path *p)
{
	struct rule r = {.fd = open_near(p)};
	size_t i;

	if (r.fd < 0)
		return;
	for (i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (p->may & meanings[i].may)
			r.allowed |= meanings[i].rights;
	r.allowed &= all->files;
	if (syscall(SYS_landlock_add_rule, set, BENEATH, &r, 0) < 0) {
		r.allowed &= OF_FILES;
		syscall(SYS_landlock_add_rule, set, BENEATH, &r, 0);
	}
	close(r.fd);
}

static void
set_files(enum sandbox kind, const struct sandbox_path paths[])
{
	struct ruleset all = {.files = FIRST};
	long version =
	    syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
	int set;

	/* The first version forbids to move a file to another directory. */
	if (version < 1 || (version < 2 && kind == SANDBOX_USER))
		return;
	all.files |= version >= 2 ? REFER : 0;
	all.files |= version >= 3 ? TRUNCATE : 0;
	all.files |= version >= 5 ? IOCTL_DEV : 0;
	if (version >= 4)
		all.net =
		    kind == SANDBOX_CLIENT ? BIND_TCP : BIND_TCP | CONNECT_TCP;
	if (version >= 6)
		all.scoped = SCOPE_UNIX | SCOPE_SIGNAL;
	set = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
	if (set < 0)
		return;
	for (; paths && paths->path; paths++)
		allow(set, &all, paths);
	syscall(SYS_landlock_restrict_self, set, 0);
	close(set);
}

void
sandbox_enter(enum sandbox kind, const struct sandbox_path paths[])
{
	/* Who can make no call that names a file needs no other wall. */
	bool bare = kind == SANDBOX_TALKER || kind == SANDBOX_RELAY;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	if (!bare)
		set_files(kind, paths);
	if (sandbox_calls(kind) < 0 && bare)
		set_files(kind, paths);
}

#elif defined __OpenBSD__

/* Not run yet on such a system. */
static const char *const promises[] = {
    [SANDBOX_TALKER] = "stdio",
    [SANDBOX_RELAY] = "stdio",
    [SANDBOX_VERIFIER] = "stdio rpath",
    [SANDBOX_SPOOL] = "stdio rpath wpath cpath flock fattr proc exec",
    [SANDBOX_USER] = "stdio rpath wpath cpath flock fattr",
    [SANDBOX_CLIENT] = "stdio rpath wpath cpath inet dns proc exec",
};

void
sandbox_enter(enum sandbox kind, const struct sandbox_path paths[])
{
	static const struct {
		unsigned may;
		const char *permissions;
	} meanings[] = {
	    {MAY_CHANGE, "rwc"},
            {MAY_RUN,    "rx" },
            {MAY_ADD,    "rwc"}
        };
	size_t i;

	for (; paths && paths->path; paths++) {
		for (i = 0; i < 3 && !(paths->may & meanings[i].may); i++)
			;
		unveil(paths->path, i < 3 ? meanings[i].permissions : "r");
	}
	pledge(promises[kind], NULL);
}

#else

void
sandbox_enter(enum sandbox kind, const struct sandbox_path paths[])
{
	(void)kind;
	(void)paths;
}

#endif
