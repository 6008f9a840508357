/* data - the content of a message as it comes over the wire.
 * Pure: bytes in, lines that end in LF out, however the input is cut. */
#ifndef DATA_H
#define DATA_H

#include "str.h"

#include <stdbool.h>
#include <stddef.h>

/* What was met that does not belong in a message. */
enum { DATA_BARE_CR = 1, DATA_BARE_LF = 2, DATA_NUL = 4 };

struct data {
	bool dots; /* DATA: dots are stuffed and CRLF.CRLF is the end */
	bool lf;   /* a person at a terminal: LF is as good as CRLF */
	bool done; /* the end was reached */
	unsigned seen;
	unsigned long long size; /* as RFC 1870 3 counts, CRLF is two */
	int state;
};

void data_init(struct data *d, bool dots, bool lf);

/* Take input up to the end of the message, add clean lines to out.  A bare LF
 * becomes the end of a line and a bare CR vanishes; both are noted in seen.
 * Returns how many bytes were taken; less than n only when done. */
size_t data_feed(struct data *d, const char *p, size_t n, struct str *out);

/* The input is over (BDAT LAST): end the last line if it is open. */
void data_finish(struct data *d, struct str *out);

/* Looks over the header as it goes by. */
struct head {
	bool over; /* the header has ended */
	unsigned long received;
	char id[256]; /* Message-ID, "" when there is none */
	bool wants_id;
	size_t bytes, length; /* of all lines so far, of the line at hand */
	size_t n;
	char line[512]; /* ... its start */
};

void head_feed(struct head *h, const char *p, size_t n);

#endif
