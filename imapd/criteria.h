/* criteria - what SEARCH, SORT and THREAD look for (RFC 9051 6.4.4, RFC 3501
 * 6.4.4; RFC 5032, 5182, 7162, 8474, 8514).  criteria.c reads it, evaluate.c
 * finds the messages.  Called by search.c, sort.c, thread.c. */
#ifndef CRITERIA_H
#define CRITERIA_H

#include "cache.h"
#include "headername.h"
#include "text.h"

enum { CRITERIA_KEYS = 1000 };

/* What a key asks. */
enum key_kind {
	KEY_ALL, /* everything; NOT of it: nothing */
	KEY_AND,
	KEY_OR,
	KEY_NOT,
	KEY_FLAG,    /* one of n is set */
	KEY_KEYWORD, /* one of n is set */
	KEY_RECENT,
	KEY_SIZE,    /* from <= size < to, as those below */
	KEY_DATE,    /* of arrival */
	KEY_SAVED,   /* when it came into the mailbox */
	KEY_SENT,    /* by the Date field, as it stands there */
	KEY_MODSEQ,  /* at least n */
	KEY_SET,     /* in[place] */
	KEY_EMAILID, /* text */
	KEY_FIELD,   /* a field of that name has the needle */
	KEY_TEXT     /* number n of the texts */
};

struct key {
	enum key_kind kind;
	unsigned cost; /* what is cheap is asked first */
	struct key *child, *next;
	uint64_t n;
	int64_t from, to;
	unsigned char *in; /* a bit of each message */
	const char *name;  /* of the field */
	int known;         /* its number in the cache, or -1 */
	struct cur text;
	struct needle needle;
};

struct criteria {
	struct session *s;
	struct key *root;
	size_t nkeys;
	bool modseq;  /* MODSEQ is one of them */
	bool refused; /* what is wrong is for NO, not for BAD; in s->answer */
	int64_t now;
	struct charset *charset; /* of the strings */
	struct fold fold;
	struct text text;
	struct headernames names;
	int error; /* errno of a message that could not be read */
	/* The message at hand, as the cache knows it. */
	size_t at;
	bool known, header_known;
	struct cached cached;
	struct str header, value, folded;
	struct arena scratch;
};

/* Begin; it must be ended, whatever follows.  It is large: from an arena. */
struct criteria *criteria_begin(struct session *s);
void criteria_end(struct criteria *c);

/* "CHARSET" SP charset of SEARCH; the charset of SORT and THREAD.  0, or -1. */
int criteria_charset(struct criteria *c, struct parse *p);
/* search-key *(SP search-key), up to the end of the command.  0, or -1. */
int criteria_parse(struct criteria *c, struct parse *p);
/* The answer to what is wrong with them. */
int criteria_bad(struct criteria *c);

/* The places of the messages that match, ascending, in the command's arena.
 * 0, or -1: the answer was given. */
int criteria_find(struct criteria *c, uint32_t **at, size_t *n);

/* The highest modification number of these. */
uint64_t criteria_modseq(const struct criteria *c, const uint32_t *at,
                         size_t n);

/* What the cache knows of the message at place i: NULL when it is gone, or
 * cannot be read. */
const struct cached *criteria_cached(struct criteria *c, size_t i);

/* Was there one so far that cannot be read?  Then the answer was given. */
bool criteria_failed(const struct criteria *c);

#endif
