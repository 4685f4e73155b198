#ifndef WEFT_SRC_TASK_TIMER_H
#define WEFT_SRC_TASK_TIMER_H
#include "weft/task.h"

/* The timers of a loop: a heap by time, then by the order in which they were started. */
typedef struct weft__timer_entry { int64_t at_ns; weft__timer *timer; } weft__timer_entry;
typedef struct weft__timers { weft__timer_entry *heap; uint32_t count, room; uint64_t order; } weft__timers;

int weft__timers_start(weft__timers *t, weft__timer *timer, int64_t at_ns);   /* again moves it; 0 or WEFT_ENOMEM */
void weft__timers_stop(weft__timers *t, weft__timer *timer);                  /* of one that is not running: nothing */
/* Fire what is due. One started by a timer that fires waits for the next call, so that a timer of zero delay
 * starves nobody. */
void weft__timers_fire(weft__timers *t, int64_t now_ns);
static inline int64_t weft__timers_next(const weft__timers *t) { return t->count ? t->heap[0].at_ns : INT64_MAX; }
void weft__timers_free(weft__timers *t);
#endif
