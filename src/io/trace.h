#ifndef WEFT_SRC_IO_TRACE_H
#define WEFT_SRC_IO_TRACE_H
/* The trace that a task is part of: taken from a request, in its lines of the log, and passed on with its calls. */
#include "io/log.h"

/* What a request says of its trace (empty: nothing): from now on this task has it, with a span of its own, or one that begins here.
 * 0 or a code of weft_local_set. Waits: never. */
int weft__trace_begin(weft_str traceparent, weft_str tracestate);

/* The header lines that pass it on; empty outside of any trace. `room` has WEFT__TRACE_LINES bytes. */
enum { WEFT__TRACE_LINES = 13 + WEFT__TRACEPARENT + 2 + 12 + WEFT__TRACESTATE_MAX + 2 };
weft_str weft__trace_lines(char room[WEFT__TRACE_LINES]);

/* Numbers that do not repeat, for ids; not for secrets. In a loop. */
uint64_t weft__id_random(void);
#endif
