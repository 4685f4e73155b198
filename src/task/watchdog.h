#ifndef WEFT_SRC_TASK_WATCHDOG_H
#define WEFT_SRC_TASK_WATCHDOG_H
/* Names what holds a loop: while a task computes or sits in a call that blocks, nothing else of its loop runs. A thread
 * of its own looks at the loop every few milliseconds; the loop does nothing for it beyond what it publishes
 * (fiber.h: turns, polling, current), and what blocks does not notice (os/sampler.h). */
#include "task/loop.h"

typedef struct weft__watchdog weft__watchdog;

/* What is told of a loop that has not turned for the limit or longer. Texts are good until `told` returns. */
typedef struct weft__block {
    int64_t ms;                          /* so far; of the last one: in all, both to some 20 ms */
    int64_t busy_ms;                     /* of these it computed, or slept in a call */
    bool first, last;                    /* of one block: the first that names what holds it; the one when it is over */
    bool starved;                        /* for ten times the limit it did neither for half of one: the machine is too busy */
    const char *work;                    /* "GET /items/{item_id}", "task NAME", "the loop"; "several tasks, now ..." */
    const char *task, *spawned;          /* name, and where it was started; "" outside of tasks */
    const char *place;                   /* "NAME (FILE.c:LINE)": the innermost function of the user's; "" not known */
    const char *function;                /* "NAME (path/FILE.c)": what it is counted under */
    const char *stack;                   /* a line each call, innermost first; "" not known */
} weft__block;
typedef void weft__told_fn(void *ctx, const weft__block *b);

/* Watch a loop of the calling thread. `told` is called on the watchdog's thread, at the limit, then each time the block
 * has become three times as long, and when it is over; NULL: weft__watchdog_log. NULL: no memory or no thread, or a limit
 * of 0. */
weft__watchdog *weft__watchdog_start(weft__loop *loop, int limit_ms, weft__told_fn *told, void *ctx);
/* End it, on the same thread, before the loop is freed. */
void weft__watchdog_stop(weft__watchdog *w);

/* The limit in force: the environment's WEFT_WATCHDOG_MS when it is a number (0: off), else `wanted_ms`, for which 0
 * means 100 and less means off. 0: off. At least 10. */
int weft__watchdog_limit(int wanted_ms);

/* A line on stderr, "weft: loop blocked 312 ms: GET /fibonacci/{n} in NAME (FILE.c:LINE)", and at the first of a block the
 * task and its stack below; for a place that was told so within a minute the line alone. What stderr does not take at
 * once is dropped. */
void weft__watchdog_log(void *ctx, const weft__block *b);

/* How often and how long this process's loops were blocked, by work and function. */
typedef struct weft__blocked { char work[96], place[160]; uint64_t count, total_ms, longest_ms; } weft__blocked;
enum { WEFT__BLOCKED_MAX = 64 };         /* when there are as many, all others are counted as "(others)" */

/* Copy what has been counted, at most max; returns how many. Any thread. */
size_t weft__watchdog_blocked(weft__blocked *out, size_t max);
#endif
