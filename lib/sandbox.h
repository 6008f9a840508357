/* sandbox - the last wall: what a process can no longer do, whoever it is.
 * Landlock and seccomp on Linux, pledge and unveil on OpenBSD, nothing
 * elsewhere.  A wall that the kernel does not have is not missed. */
#ifndef SANDBOX_H
#define SANDBOX_H

/* What each may call: lib/sandboxcalls.c. */
enum sandbox {
	SANDBOX_TALKER,   /* talks with strangers, asks its judge: no more */
	SANDBOX_RELAY,    /* tlsrelay, a server's: three descriptors */
	SANDBOX_VERIFIER, /* tlsrelay, a client's: reads certificates, too */
	SANDBOX_SPOOL, /* smtpd: reads tables, adds to the spool, asks programs */
	SANDBOX_USER,  /* popd and imapd after the login: the user's files */
	SANDBOX_CLIENT /* the SMTP client: connects, runs the relay */
};

/* What may be done at a path and below it. */
enum {
	MAY_LIST = 1,
	MAY_READ = 2,   /* and list */
	MAY_ADD = 4,    /* make and write files, not read them; remove them */
	MAY_CHANGE = 8, /* all, but run */
	MAY_RUN = 16    /* and read */
};

struct sandbox_path {
	char *path;
	unsigned may;
};

/* For the rest of this process, and of all that it starts.  paths, ended by one
 * without a path: those of files bind the file that is there now, not one that
 * takes its name.  One that does not exist yet stands for the nearest
 * directory above it if it may be changed, else for nothing.  Where one
 * that may be changed cannot be opened for want of a descriptor or memory, or as the
 * disk fails, the process ends. */
void sandbox_enter(enum sandbox kind, const struct sandbox_path paths[]);

/* The wall of calls alone: 0, or -1 when there cannot be one. */
int sandbox_calls(enum sandbox kind);

#endif
