/* record - the files that we keep about a mailbox, in a directory of its user:
 * STATE/USER/KIND.HASH, HASH being that of the mailbox's path. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <sys/types.h>

enum { RECORD_NAME = 40 };

/* Open the user's directory, which is made when missing; it must belong to owner
 * and be writable by him alone.  A descriptor, or -1 with errno. */
int record_dir(const char *dir, uid_t owner);

/* The name of the record in it. */
void record_name(char name[RECORD_NAME], const char *kind, const char *path);

/* Open the record for reading and writing; make: create it when it is missing,
 * durably.  A descriptor, or -1 with errno. */
int record_open(const char *dir, const char *kind, const char *path,
                uid_t owner, bool make);

#endif
