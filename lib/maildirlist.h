/* maildirlist - what other servers keep beside the messages of a Maildir:
 * dovecot-uidlist or courierimapuiddb, read once so that a mailbox keeps its
 * UIDs when it becomes ours, and dovecot-keywords, which says what the letters
 * a-z in the names of messages mean. */
#ifndef MAILDIRLIST_H
#define MAILDIRLIST_H

#include "index.h"

#include <stddef.h>
#include <stdint.h>

struct uidlist_entry {
	uint64_t hash; /* name_hash() */
	uint32_t uid;
};

struct uidlist {
	uint32_t validity, next;
	struct uidlist_entry *entry; /* in the order of the hashes */
	size_t n, cap;
};

/* 0, or -1: it is none.  u is to be freed in any case. */
int uidlist_parse(struct uidlist *u, struct cur text);
/* 0, 1 when there is none, or -1 with errno: it cannot be read now. */
int uidlist_load(struct uidlist *u, int top);
/* The UID of a message, or 0. */
uint32_t uidlist_find(const struct uidlist *u, uint64_t hash);
void uidlist_free(struct uidlist *u);

/* The bit in the index of each letter's keyword, or -1. */
struct letters {
	signed char bit[26];
	int used; /* letters from here on are free */
};

/* 0, or -1 with errno when it cannot be told what they mean. */
int letters_load(struct letters *l, int top, struct index *x);
/* Give letters to the keywords that have none.  0, or -1 with errno: not all have
 * one now (ENOSPC, too, when all letters are used). */
int letters_add(struct letters *l, int top, struct index *x, uint64_t keywords);

uint64_t letters_keywords(const struct letters *l, uint32_t letters);
uint32_t letters_of(const struct letters *l, uint64_t keywords);

#endif
