#ifndef WEFT_SRC_IO_LOG_H
#define WEFT_SRC_IO_LOG_H
#include "weft/sync.h"

/* The log: one line an event, on stderr: "2026-02-03T04:05:06.789Z error the text". */
typedef enum { WEFT__LOG_ERROR, WEFT__LOG_WARN, WEFT__LOG_INFO } weft__log_level;

/* The id of the request that a task works for: its lines have it in brackets before the text. No NUL. */
enum { WEFT__LOG_ID_MAX = 64 };
typedef struct weft__log_id { uint8_t len; char text[WEFT__LOG_ID_MAX]; } weft__log_id;
typedef weft_local(weft__log_id) weft__log_ids;
extern weft__log_ids weft__log_id_here;

/* Write a line. Control characters are escaped (base/plain.h), so that no text makes a second line; what goes
 * beyond 4 096 bytes is cut. The time is the loop's wall clock; outside of a loop a line has none.
 * When stderr is full the line is dropped, and the next one says how many were. Waits: never, nor
 * does it block the thread. */
void weft__log(weft__log_level level, const char *fmt, ...) WEFT_PRINTF(2, 3) WEFT__COLD;
#endif
