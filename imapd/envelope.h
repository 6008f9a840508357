/* envelope - what envelope.c and structure.c share. */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "mime.h"

/* As envelope_write(); *addresses may still be written, the rest is left
 * out. */
void envelope_put(struct str *x, struct cur header, size_t *addresses);

#endif
