/* param - parameters of Content-Type and Content-Disposition (RFC 2045 5.1,
 * RFC 2231). */
#ifndef PARAM_H
#define PARAM_H

#include "mime.h"

/* Take a token up to one of the bytes in stops, or a quoted string, with the
 * space around it; empty when neither comes. */
struct cur param_token(struct arena *a, struct cur *c, const char *stops);

/* All that come; *left is how many may still be kept. */
struct param *params_take(struct arena *a, struct cur c, size_t *left);

#endif
