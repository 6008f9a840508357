/* stage - messages on their way into a mailbox, in a file without a name: nothing is
 * locked while they come over the network or from another mailbox.  Called by
 * append.c, copy.c and names.c. */
#ifndef STAGE_H
#define STAGE_H

#include "imap.h"

struct stage {
	int fd;
	uint64_t len; /* bytes so far */
	struct str buf;
	int err; /* errno of the first failure */
	struct store_new *v;
	size_t n, cap;
};

/* 0, or -1 with errno. */
int stage_open(struct stage *g, const char *dir);
void stage_close(struct stage *g);

/* Begin a message, add bytes to the last one. */
struct store_new *stage_begin(struct stage *g);
void stage_write(struct stage *g, const char *p, size_t n);

/* Read a message of another mailbox: 1, 0 when it is gone, -1 with errno. */
int stage_read(struct stage *g, struct store *from, const struct index_msg *m);

/* Keywords have other bits in another mailbox.  0, or -1 with the answer given. */
int stage_keywords(struct session *s, struct stage *g, const struct store *from,
                   struct store *to);

/* Put all into the mailbox: 0 and their UIDs, ascending, in *uid, which is NULL
 * where they are not sure; or -1 with the answer given. */
int stage_add(struct session *s, struct stage *g, struct store *st,
              uint32_t **uid);
/* The same for who has no turn at that. */
int stage_put(struct session *s, struct stage *g, struct store *st,
              uint32_t **uid);

#endif
