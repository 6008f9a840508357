/* mimehead - what the header of a part says (RFC 2045, 2183, 2231, 3282). */
#ifndef MIMEHEAD_H
#define MIMEHEAD_H

#include "mime.h"

/* Fill in all that part's Content-* fields tell, kind too.  digest: what is not
 * said is message/rfc822 (RFC 2046 5.1.5).  Values may lie in fields, which
 * must stay.  params: how many parameters there may still be. */
void mimehead_read(struct part *part, struct arena *a, struct cur fields,
                   bool digest, size_t *params);

/* Does its transfer encoding hide what is inside? */
bool mimehead_is_encoded(const struct part *part);

#endif
