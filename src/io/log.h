#ifndef WEFT_SRC_IO_LOG_H
#define WEFT_SRC_IO_LOG_H
#include "task/loop.h"
#include "weft/log.h"
#include "weft/sync.h"
#include "wire/trace.h"


/* What was gathered in this thread's loop is written now, as far as stderr takes it. Waits: never. */
void weft__log_flush(void);

/* How many lines of each level this process has logged, and how many it dropped. Any thread. */
uint64_t weft__log_count(weft_log_level level);
uint64_t weft__log_dropped(void);

/* ---- whose line it is: values of the task, and so of all that it starts ---- */

/* The id of the request that a task works for: its lines have it, as text in brackets before the message. No NUL. */
enum { WEFT__LOG_ID_MAX = 64 };
typedef struct weft__log_id { uint8_t len; char text[WEFT__LOG_ID_MAX]; } weft__log_id;
typedef weft_local(weft__log_id) weft__log_ids;
extern weft__log_ids weft__log_id_here;

/* The trace that it is part of. */
typedef weft_local(weft__trace_ids) weft__traces;
extern weft__traces weft__trace_here;
#endif
