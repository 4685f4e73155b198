#ifndef WEFT_SRC_WIRE_SSE_H
#define WEFT_SRC_WIRE_SSE_H
/* Server-sent events, written. HTML Living Standard, 9.2. Nothing here waits. */
#include "base/buf.h"
#include "weft/base.h"

/* One event; a text whose ptr is NULL is not there, retry_ms 0 neither. */
typedef struct weft__sse {
    weft_str comment, id, type, data;
    int retry_ms;
} weft__sse;

/* Why it cannot be written, or NULL. A line's end would end the field and begin another one, and an id with a NUL is
 * dropped by those who read it. */
const char *weft__sse_fault(const weft__sse *e);

/* Append it: nothing for one that is empty. Data and comment get a line for each of theirs, ended by LF, CR or both;
 * what ends the last one begins another. */
void weft__sse_add(weft__buf *out, const weft__sse *e);
#endif
