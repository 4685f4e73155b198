#include "testing/ending.h"
#include "task/inspect.h"
#include "weft/check.h"

enum { TURNS_MAX = 200 * 1000 };

void weft__ending_failed(const weft__ending *e)
{
    weft__dump(e->loop, &(weft_tasks_opts){ .flat = true });
    weft__check_fail("weft_test", 0, "%s%s%s, and the test cannot go on; it is among the tasks listed above", e->what, e->name ? ": " : "",
        e->name ? e->name(e->of) : "");
    weft__test_abort();
}

/* What ignores its cancel, and waits again and again, never lets time pass here, as each of its waits returns at once: so the turns
 * are counted that the loop makes at one point of time. */
static void turn(weft__hook *h)
{
    weft__ending *e = (weft__ending *)h;
    int64_t now_ns = weft__loop_now(e->loop);
    if (now_ns != e->at_ns) e->turns = 0;
    e->at_ns = now_ns;
    if (e->turns++ == TURNS_MAX) weft__ending_failed(e);
}

static void overdue(weft__timer *t)
{
    const weft__ending *e = (const weft__ending *)(const void *)((const char *)t - offsetof(weft__ending, overdue));
    weft__ending_failed(e);
}

void weft__ending_begin(weft__ending *e, weft__loop *loop, const char *what)
{
    *e = (weft__ending){ .hook = { turn, NULL }, .overdue = { .fire = overdue }, .loop = loop, .what = what };
    weft__loop_hook(loop, &e->hook);
}

void weft__ending_limit(weft__ending *e, int64_t ms)
{
    WEFT_NEED(weft__timer_start(e->loop, &e->overdue, weft__loop_clock(e->loop) + ms * INT64_C(1000000)) == 0);
}

void weft__ending_end(weft__ending *e)
{
    weft__loop_unhook(e->loop, &e->hook);
    weft__timer_stop(e->loop, &e->overdue);
}
