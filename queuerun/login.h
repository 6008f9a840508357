/* login - who we are to a smarthost: the table smarthost_auth, tls_policy(5), which
 * root alone can read.  Pure; what is said then is in login.c. */
#ifndef LOGIN_H
#define LOGIN_H

#include "str.h"

enum { LOGIN_NAME = 256, LOGIN_SECRET = 512, LOGIN_TABLE = 65536 };

struct login {
	char name[LOGIN_NAME + 1], secret[LOGIN_SECRET + 1];
};

/* Find the host, asked for by this name and port, in the table.  1 found, 0 not, -1
 * any line is wrong: *line is its number. */
int login_find(struct cur table, const char *host, unsigned port,
               struct login *l, size_t *line);

#endif
