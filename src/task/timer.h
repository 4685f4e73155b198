#ifndef WEFT_SRC_TASK_TIMER_H
#define WEFT_SRC_TASK_TIMER_H
#include "weft/task.h"

/* The timers of a loop: a heap by time, then by the order in which they were started. Most timers are deadlines
 * that are stopped long before they are due, so stopping only marks the entry: no other timer, which lies in
 * some task's memory, is touched for it. Marked entries go when they come to the top, or when there are
 * more of them than of running ones: all at once, and of very many a few with each start. */
typedef struct weft__timer_entry { int64_t at_ns; uint64_t order; weft__timer *timer; } weft__timer_entry;   /* timer NULL: stopped */
typedef struct weft__timers {
    weft__timer_entry *heap;
    uint32_t count, stopped, room, kept;             /* behind `room` entries of all timers there are `kept` of those below */
    uint32_t tidied;                                 /* all before it were looked at */
    uint64_t order;
} weft__timers;

int weft__timers_start(weft__timers *t, weft__timer *timer, int64_t at_ns);   /* again moves it; 0 or WEFT_ENOMEM */
/* Keep a place for one timer that has to run whatever memory there is; 0 or WEFT_ENOMEM. Such a timer is started by the second, which never
 * fails; no more of them than places were kept. */
int weft__timers_keep(weft__timers *t);
void weft__timers_start_kept(weft__timers *t, weft__timer *timer, int64_t at_ns);
static inline void weft__timers_stop(weft__timers *t, weft__timer *timer)     /* of one that is not running: nothing */
{
    if (!timer->place) return;
    t->heap[timer->place - 1].timer = NULL;
    t->stopped++;
    timer->place = 0;
}
/* Fire what is due, the earliest first, `most` at the most: of a crowd that is due together the rest is still due then (weft__timers_next), so that what
 * came meanwhile waits for few of them. One started by a timer that fires waits for the next call, so that a timer of zero delay
 * starves nobody. How many fired. */
int weft__timers_fire(weft__timers *t, int64_t now_ns, int most);
int64_t weft__timers_next(weft__timers *t);          /* when the first one is due; INT64_MAX: none runs */
void weft__timers_free(weft__timers *t);
#endif
