/* mboxscan - where the messages of an mbox begin and end, what the private fields
 * of their headers say, and how a message looks on its way out.
 * Pure: bytes come from a callback.  Memory stays the same whatever is in the
 * file.  mbox(5) tells what counts as the start of a message. */
#ifndef MBOXSCAN_H
#define MBOXSCAN_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Flags as the header's Status (R O) and X-Status (A F D T) have them. */
enum {
	FLAG_SEEN = 1,
	FLAG_ANSWERED = 2,
	FLAG_FLAGGED = 4,
	FLAG_DELETED = 8,
	FLAG_DRAFT = 16,
	FLAG_OLD = 32 /* not new: a session has shown it before */
};

/* Header fields that mailbox programs keep for themselves: Status, X-Status,
 * X-Keywords, X-UID, X-IMAPbase, X-IMAP, X-Pad, Content-Length, Lines.  They are not
 * part of the message as it came and goes. */
bool scan_is_private(const struct cur *name);

struct scan_msg {
	uint64_t off; /* of the From_ line */
	uint64_t len; /* to the next From_ line, or the end of the file */
	uint64_t
	    body; /* bytes before the body: From_ line, header, empty line */
	uint64_t end;  /* bytes to the end of the body: without the empty line
	                   that belongs to the mbox */
	uint64_t size; /* octets of the message on the wire: CRLF, without From_
	                   line and private fields, ">From " unquoted */
	uint64_t hash; /* of the From_ line and all fields but private ones:
	                   the same as long as it is the same message;
	                   never 0 */
	time_t date;   /* of the From_ line (taken as local time), 0 unknown */
	uint32_t from; /* bytes of the From_ line with its LF */
	uint32_t uid;  /* of X-UID, or 0 */
	unsigned flags; /* FLAG_* */
	bool internal;  /* UW imapd's and alpine's own folder data, not mail */
	uint32_t validity, last; /* of X-IMAPbase or X-IMAP, or 0 */
	struct cur keywords; /* of X-Keywords; good until the next message */
};

/* At most n bytes at off into p: how many, 0 only at the end; -1 is an error
 * (errno). */
typedef ssize_t scan_read(void *arg, uint64_t off, void *p, size_t n);

struct scan;

/* Scan from off, where a From_ line is expected (behind any number of empty
 * lines), to the end of the file. */
struct scan *scan_open(scan_read *read, void *arg, uint64_t off);
/* Begin again, as if it was opened at off. */
void scan_again(struct scan *s, uint64_t off);
void scan_close(struct scan *s);

/* The next message: 1, 0 at the end, -1 with errno (EILSEQ: at off there is
 * no From_ line, so this is no mbox).  Each begins where the one before ended;
 * the first behind the empty lines at off. */
int scan_next(struct scan *s, struct scan_msg *m);

/* --- a message on its way out --- */

/* Turns raw bytes of a message, [off, off + end) in any portions, into those that
 * go over the wire: exactly scan_msg.size octets.  Between header and body there
 * is one empty line, whether the mbox has it or not. */
enum { WIRE_HELD = 256 };

struct wire {
	int state;
	size_t nheld;
	char held[WIRE_HELD]; /* start of a header line, not yet judged */
	size_t match;         /* bytes of "From " at the start of a body line */
	bool quoted;          /* behind '>', of which one is held back */
	bool drop;            /* inside a private field */
	char last;            /* byte that was put last */
};

void wire_begin(struct wire *w);
void wire_feed(struct wire *w, const char *p, size_t n, struct str *out);
void wire_end(struct wire *w, struct str *out);

#endif
