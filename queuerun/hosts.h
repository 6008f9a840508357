/* hosts - remember hosts that just failed: small text files in the spool's
 * hosts/, one for each address, that count for half of retry_min.  They are no
 * more than hints: a file that cannot be read or written changes nothing but
 * speed. */
#ifndef HOSTS_H
#define HOSTS_H

#include "conf.h"

enum { HOSTS_WHY = 512 };

/* Did the host with this key ("192.0.2.1:25") fail a moment ago?  why: how. */
bool hosts_dead(const struct conf *c, const char *key, char why[HOSTS_WHY]);

void hosts_fail(const struct conf *c, const char *key, const char *why);
void hosts_ok(const struct conf *c, const char *key);

/* Remove what is out of date; once in each queue run. */
void hosts_sweep(const struct conf *c);

#endif
