#ifndef WEFT_SRC_IO_LOG_H
#define WEFT_SRC_IO_LOG_H
#include "weft/base.h"

/* The log: one line an event, on stderr: "2026-02-03T04:05:06.789Z error the text". */
typedef enum { WEFT__LOG_ERROR, WEFT__LOG_WARN, WEFT__LOG_INFO } weft__log_level;

/* Write a line. Control characters are escaped (base/plain.h), so that no text makes a second line; what goes
 * beyond 4 096 bytes is cut. The time is the loop's wall clock; outside of a loop a line has none.
 * When stderr is full the line is dropped, and the next one says how many were. Waits: never, nor
 * does it block the thread. */
void weft__log(weft__log_level level, const char *fmt, ...) WEFT_PRINTF(2, 3) WEFT__COLD;
#endif
