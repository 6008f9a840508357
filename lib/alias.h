/* alias - aliases(5): the traditional table as plain text, read directly.
 * A few look-ups scan it; more of them build an index in memory, so
 * that 100,000 entries stay fast for a program of one look-up and of many. */
#ifndef ALIAS_H
#define ALIAS_H

#include "str.h"

#include <stdbool.h>
#include <stddef.h>

struct alias_table;

/* Open the file; a missing one is an empty table.  NULL with errno when it
 * cannot be read now. */
struct alias_table *alias_open(const char *path);
void alias_close(struct alias_table *t);

/* Has the file changed since alias_open (inode, size, time)? */
bool alias_changed(const struct alias_table *t);

/* The right side of name (a local part, any case, with quotes where it needs them),
 * with its continued lines joined.  1 found, 0 not.  *line: where. */
int alias_find(struct alias_table *t, const char *name, struct str *value,
               size_t *line);

/* Take the next item of a right side or of an :include: file: items are split at
 * commas outside quotes and parentheses, comments gone, a quoted item stripped of its
 * quotes.  1 an item, 0 the end, -1 unreadable. */
int alias_item(struct cur *c, struct str *item);

/* Each file that the table includes; the path may have blanks in it that it ends
 * at here. */
void alias_includes(const struct alias_table *t,
                    void (*found)(void *arg, struct cur path), void *arg);

/* Who owns the file: decides as whom its programs run. */
unsigned alias_owner(const struct alias_table *t);

/* Call fn for each error of the file ("line: text"), for newaliases(1) and queuerun -c.
 * Their number; that of the entries in *count. */
size_t alias_check(const char *path, void (*fn)(void *arg, const char *text),
                   void *arg, size_t *count);

#endif
