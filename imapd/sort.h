/* sort - what SORT and THREAD compare (RFC 5256 2).  Shared by sort.c and
 * thread.c. */
#ifndef SORT_H
#define SORT_H

#include "criteria.h"

/* The base subject, folded, in the arena; *reply as of subject_base(). */
struct cur sort_subject(struct criteria *c, size_t i, struct arena *a,
                        bool *reply);

/* The sent date: that of arrival where there is none (RFC 5256 2.2). */
int64_t sort_sent(struct criteria *c, size_t i);

#endif
