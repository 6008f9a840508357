/* user - the people who have mailboxes here: conf.users (a file like passwd(5))
 * or the accounts of the system. */
#ifndef USER_H
#define USER_H

#include "conf.h"

#include <stdbool.h>
#include <sys/types.h>

struct user {
	char *name, *home, *gecos, *shell;
	char *hash;  /* of the password, as the table has it */
	char *extra; /* words behind the shell */
	uid_t uid;
	gid_t gid;
};

/* Look up by name (as it stands) or by number.  1 found: fill u, user_free()
 * it; 0 no such user; -1 the database could not be asked, with errno. */
int user_find(const struct conf *c, const char *name, struct user *u);
int user_find_uid(const struct conf *c, uid_t uid, struct user *u);
/* As whom a program is run, or a file written: a user; or an account of the system that
 * has no mailbox here, and that the configuration or we ourselves name for it. */
int user_find_runner(const struct conf *c, const char *name, struct user *u);
void user_free(struct user *u);

/* For many questions in a row, begun with {0}: is there a user of that name?  1, 0 or -1
 * as above; the file is read once. */
struct user_names {
	unsigned asked;
	bool read;
	struct list all; /* sorted */
};
int user_is(const struct conf *c, const char *name, struct user_names *k);
void user_names_free(struct user_names *k);

/* Is there a key of SCRAM in the file conf.users?  No hash of it stays in memory. */
bool user_has_scram(const struct conf *c);

/* The one who started us: where several share our number, the one that LOGNAME
 * names. */
int user_find_self(const struct conf *c, struct user *u);

/* Ask the name service for an account that is not in /etc/passwd; as the two
 * above.  A program that is linked statically, and so has no name service, brings a
 * user_ask() of its own. */
int user_ask(const struct conf *c, const char *name, uid_t uid, struct user *u);

/* A line of passwd(5).  0, or -1 when it is none. */
int user_parse(struct cur line, struct user *u);

/* The path of a user's mailbox: conf.mailbox with %u the name, %h or ~ the
 * home.  The caller frees. */
char *mailbox_path(const struct conf *c, const struct user *u);

/* That of conf.folders, the same way, without a / at its end. */
char *folders_path(const struct conf *c, const struct user *u);

#endif
