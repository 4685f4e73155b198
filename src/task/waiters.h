#ifndef WEFT_SRC_TASK_WAITERS_H
#define WEFT_SRC_TASK_WAITERS_H
/* Tasks that wait for the same thing, first come first. A waiter lies on the stack of its task. To
 * serve one is to end its park: from then on what it waited for is its own, and a cancel comes too
 * late. One whose park a cancel ended first is passed over, though it may not have run yet and so
 * still stands in the queue. */
#include "base/planted.h"
#include "task/fiber.h"
#include "task/job.h"
#include "weft/sync.h"

typedef struct weft__waiter weft__waiter;
struct weft__waiter {
    weft__waiter *next, *prev;
    weft__fiber *fiber;
    void *item;                          /* what is handed over, or where to */
    bool queued, served;
};

static inline void weft__waiters_add(weft__waiters *q, weft__waiter *w)
{
    w->next = NULL;
    w->prev = q->last;
    if (q->last) q->last->next = w;
    else q->first = w;
    q->last = w;
    w->queued = true;
}

/* Of one that was served and finds that it is too early: it stays the first. */
static inline void weft__waiters_add_first(weft__waiters *q, weft__waiter *w)
{
    w->prev = NULL;
    w->next = q->first;
    if (q->first) q->first->prev = w;
    else q->last = w;
    q->first = w;
    w->queued = true;
}

static inline void weft__waiters_remove(weft__waiters *q, weft__waiter *w)
{
    if (!w->queued) return;
    if (w->next) w->next->prev = w->prev;
    else q->last = w->prev;
    if (w->prev) w->prev->next = w->next;
    else q->first = w->next;
    w->queued = false;
}

/* Serve the first that can be; its wait returns rc. NULL: nobody waits any more. What it is given
 * may be written afterwards, it does not run before this task waits. */
static inline weft__waiter *weft__waiters_serve(weft__waiters *q, int rc)
{
    for (weft__waiter *w; (w = q->first);) {
        weft__waiters_remove(q, w);
        w->served = weft__wake(w->fiber, rc);
        if (w->served) return w;
        if (weft__planted(WEFT__LOST_WAKE_UP) && rc == 0 && w->item) return NULL;
    }
    return NULL;
}

static inline void weft__waiters_serve_all(weft__waiters *q, int rc)
{
    while (weft__waiters_serve(q, rc)) continue;
}

/* Wait in the queue (add before). What it was served with, or the code of a cancel: not served
 * then. After it was served the queue is not touched: it may be gone. */
static inline int weft__waiters_wait(weft__waiters *q, weft__waiter *w, const char *what,
    const weft__held *on)
{
    int rc = weft__park_until(what, on, INT64_MAX);
    if (!w->served) weft__waiters_remove(q, w);
    return rc;
}

/* The name of a thing from the expression that gives its address. */
static inline const char *weft__waiters_name(const char *expression)
{
    return expression + (*expression == '&');
}
#endif
