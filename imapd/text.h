/* text - words that SEARCH looks for in bodies and whole messages (RFC 9051
 * 6.4.4, BODY and TEXT): transfer encodings and charsets taken off, case
 * folded.  All that a command looks for is looked for together.  Called by
 * criteria.c and evaluate.c. Never is more than a portion of a body in
 * memory. */
#ifndef TEXT_H
#define TEXT_H

#include "decode.h"
#include "fold.h"
#include "form.h"
#include "imap.h"

/* What is looked for. */
struct wanted {
	struct needle needle; /* folded */
	bool header;          /* TEXT: in the headers, too */
	bool ascii;
	bool line;  /* there is no line end in it */
	bool found; /* in the message at hand, once it was read */
};

struct text {
	struct session *s;
	struct fold *fold;
	struct wanted *v;
	size_t n, cap;
	size_t longest; /* bytes of a needle */
	bool headers;   /* one of them is looked for in the headers, too */
	bool broken;    /* there is a line end in one of them, */
	bool quote;     /* or a > */
	struct signs signs;
	int error; /* errno of what could not be read */
	/* The message at hand. */
	size_t at;
	uint16_t form;
	bool read;
	/* What its form turned out to be; to be kept. */
	struct store_note *note;
	size_t nnote, capnote;
	const char *body;   /* its raw one */
	size_t lead;        /* octets before it, by the structure of that */
	struct arena arena; /* where that lies */
	/* The stretch of it that passes by. */
	struct decode decode;
	struct charset *charset;
	struct str header, bytes, utf8, folded;
};

void texts_begin(struct text *t, struct session *s, struct fold *fold);

/* One more thing to look for, folded already; its number. */
size_t texts_add(struct text *t, struct needle needle, bool header);

/* Is number k of these in the message at place i? */
bool texts_find(struct text *t, size_t k, size_t i);

/* Keep what was found out, and give everything back. */
void texts_end(struct text *t);

#endif
