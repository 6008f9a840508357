/* mboxscript - what a changed mbox will be: its edits, and the bytes of the new
 * file at any place.  Reads and patches the mbox it is given, and knows nothing
 * of journals.  Used by mboxedit and its recovery. */
#ifndef MBOXSCRIPT_H
#define MBOXSCRIPT_H

#include "mboxedit.h"
#include "str.h"
#include "sum.h"

struct script {
	struct edit *e;
	uint64_t *place; /* where each begins in the new file */
	size_t n;
	size_t patches; /* the first ones, which move nothing */
	uint64_t cut;   /* bytes that the file will be shorter */
	uint64_t grow;  /* or longer */
	bool rising;    /* bytes move towards the start, the first ones first */
	size_t bytes;   /* of all new text */
	struct str data; /* as the journal has it; the edits point into it */
};

/* From what a caller wants.  0, or -1 with errno (EINVAL: not as mboxedit.h
 * says). */
int script_make(struct script *s, int fd, const struct edit *e, size_t n);

/* Understand n edits in s->data.  0 or -1. */
int script_parse(struct script *s, size_t n);
void script_free(struct script *s);

/* The first byte that moves; the ends of all patches and of all edits, in the new
 * file. */
uint64_t script_from(const struct script *s);
uint64_t script_patch_end(const struct script *s);
uint64_t script_end(const struct script *s);

/* Bytes of the new file, from script_from() on.  0, or -1 with errno. */
int script_read(const struct script *s, int fd, uint64_t pos, char *p,
                size_t n);

/* Write the patches, or what was there before them. */
int script_patch(const struct script *s, int fd, bool back);

/* Add what stands close to each patch, up to size, to a sum.  0, or -1 with errno. */
int script_around(const struct script *s, int fd, uint64_t size,
                  struct sum *sum);

/* Is each byte where the patches go one of the old or the new ones?  1, 0, or -1
 * with errno. */
int script_is_ours(const struct script *s, int fd);

#endif
