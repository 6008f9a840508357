/* mboxline - what a line of an mbox is.  Pure.
 * Used by the scanner and by the filter for outgoing messages, which so agree. */
#ifndef MBOXLINE_H
#define MBOXLINE_H

#include "str.h"

#include <stdbool.h>
#include <time.h>

enum {
	LINE_HEAD = 256, /* of a header line: a longer name is no field's */
	LINE_FROM = 4096 /* of a From_ line: a longer one is none */
};

enum line {
	LINE_EMPTY,
	LINE_FOLD,   /* goes on with the field before */
	LINE_FIELD,  /* "Name:" */
	LINE_QUOTED, /* ">From ": an older From_ line of a mail passed on */
	LINE_OTHER
};

/* What is a header line that begins with the n bytes at p?  They are LINE_HEAD or
 * more, or reach to its end.  A field begins with its name; what is before the
 * name is a '>' that does not belong to the message. */
enum line line_judge(const char *p, size_t n, struct cur *name);

enum field {
	FIELD_ANY,
	/* those that mailbox programs keep for themselves */
	FIELD_STATUS,
	FIELD_X_STATUS,
	FIELD_X_KEYWORDS,
	FIELD_X_UID,
	FIELD_X_IMAPBASE,
	FIELD_X_IMAP,
	FIELD_X_PAD,
	FIELD_LENGTH,
	FIELD_LINES,
	/* of interest, but part of the message */
	FIELD_SUBJECT,
	FIELD_FROM
};

enum field line_field(const struct cur *name);
bool line_is_private(enum field f);

/* A From_ line at the start of the n bytes at p, which are LINE_FROM or more or reach
 * to the end of the file: how many bytes it has with its end, or 0 when it is none.
 * *line is without the end. */
size_t line_from(const char *p, size_t n, struct cur *line);

/* The time in a From_ line, which is local; 0 when it is none. */
time_t line_date(struct cur line);

#endif
