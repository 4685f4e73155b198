#ifndef WEFT_SRC_WIRE_TRAILER_H
#define WEFT_SRC_WIRE_TRAILER_H
#include "base/buf.h"
#include "weft/base.h"

/* Trailers: fields behind a body, as the lines of a head, "Name: value\r\n". RFC 9110, 6.5. Nothing here waits or keeps anything. */

/* May a field of this name (any case) stand in trailers? Not what says how a message is framed, where it goes, who asks, what of it is
 * wanted, and how its content is to be read: it has been acted upon before they come, and who merges them into the head could be told lies. Of
 * content-* only Content-Digest may, which is made for them (RFC 9530, 2). RFC 9110, 6.5.1 */
bool weft__trailer_allowed(weft_str name);

/* Why this one cannot be sent (static), or NULL. */
const char *weft__trailer_fault(weft_str name, weft_str value);

/* Take the next one that is allowed off whole, good lines; false when there is none. The value has no spaces around. */
bool weft__trailer_next(weft_str *lines, weft_str *name, weft_str *value);

/* The value of the first of that name; ptr is NULL when there is none, or when it may not be one. */
weft_str weft__trailer_find(weft_str lines, weft_str name);

/* Append a line; weft__trailer_fault has nothing against it. */
void weft__trailer_add(weft__buf *b, weft_str name, weft_str value);
#endif
