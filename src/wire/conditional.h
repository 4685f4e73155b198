#ifndef WEFT_SRC_WIRE_CONDITIONAL_H
#define WEFT_SRC_WIRE_CONDITIONAL_H
/* Conditions and ranges of a request, held against what there is. RFC 9110, 13 and 14. Pure; nothing here allocates. */
#include "wire/http1.h"

/* What there is. */
typedef struct weft__selected {
    weft_str etag;                   /* "\"abc\"" or "W/\"abc\""; empty: none */
    int64_t modified_s, now_s;       /* since 1970 */
    int64_t bytes;
} weft__selected;

typedef struct weft__range { int64_t from, bytes; } weft__range;

/* How to answer a request whose method is GET or HEAD: 200: whole; 206: the bytes of *range; 304: the client has it; 412: it
 * wanted another; 416: none of the bytes it wants are there. *range is all of it but for 206. Several ranges are
 * answered whole, and so is a range whose If-Range no longer holds, a unit that is not bytes, and what is no range at all
 * (RFC 9110, 14.2: to ignore a Range is always right). */
int weft__conditions(const weft__http_head *head, const weft__selected *what, weft__range *range);

/* Does a head have any of them? */
bool weft__conditions_any(const weft__http_head *head);
#endif
