/* sandbox - the last wall: what a process can no longer do, whoever it is.
 * Landlock and seccomp on Linux, pledge and unveil on OpenBSD, nothing
 * elsewhere.  A wall that the kernel does not have is not missed. */
#ifndef SANDBOX_H
#define SANDBOX_H

enum sandbox {
	SANDBOX_TALKER, /* talks with strangers, asks its judge: no file, no socket, no program */
	SANDBOX_SPOOL, /* smtpd's: reads tables, writes to the spool, runs our programs */
	SANDBOX_RELAY, /* tlsrelay: two descriptors */
	SANDBOX_USER,  /* popd and imapd after the login: the user's files */
	SANDBOX_CLIENT /* the SMTP client: connects, reads the spool */
};

/* Paths are those below which may be read, and written; lists end with NULL. */
void sandbox_enter(enum sandbox kind, const char *const read[],
                   const char *const write[]);

#endif
