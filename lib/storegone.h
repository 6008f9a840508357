/* storegone - which messages went, and when: STATE/USER/gone.HASH, beside the index.
 * For clients that come back after a while and ask what they missed (RFC 7162 3.2.6).
 * A removal is on record before the index is saved without the message; the index
 * counts the records, so that one that was lost is missed.  Called by the drivers
 * of store.h, under the lock of the index. */
#ifndef STOREGONE_H
#define STOREGONE_H

#include "store.h"

struct gone {
	struct store_range *v;
	size_t n, cap;
};

/* A message goes; in the order of their UIDs. */
void gone_see(struct gone *g, uint32_t uid);

/* Put on record what was seen to go, as of modseq, and forget it here. */
void gone_save(struct store *s, struct gone *g, uint64_t modseq);

/* All that the index tells of go with the next modseq. */
void gone_all(struct store *s);

/* Something went, and nobody knows what. */
void gone_unknown(struct store *s);

#endif
