#ifndef WEFT_SRC_WIRE_TRACE_H
#define WEFT_SRC_WIRE_TRACE_H
#include "weft/base.h"

/* W3C Trace Context: whose work a request is part of, across services. Pure. https://www.w3.org/TR/trace-context/ */

/* `span` is the work that the trace continues from; flags: 1 sampled. */
typedef struct weft__trace_ids { uint8_t trace[16], span[8], flags; bool there; } weft__trace_ids;

enum { WEFT__TRACEPARENT = 55, WEFT__TRACESTATE_MAX = 512 };

/* Read a traceparent. False, and *out untouched, for one that is none: then the trace begins anew. Of later versions the parts that
 * this one knows are taken, as the standard asks. */
bool weft__traceparent_read(weft_str text, weft__trace_ids *out);
/* WEFT__TRACEPARENT bytes, no NUL. */
void weft__traceparent_write(const weft__trace_ids *ids, char *to);
/* May this tracestate be passed on? One that is too long, or holds what no header may, is dropped. */
bool weft__tracestate_good(weft_str text);

/* 2 n digits, lower case. */
void weft__hex(char *to, const uint8_t *bytes, size_t n);
#endif
