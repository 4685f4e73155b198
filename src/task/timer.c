#include "task/timer.h"
#include "base/mem.h"

/* A heap with four children a node: shallower than two, and the children share a cache line. A timer's `place`
 * is its index + 1, so that a zeroed timer is one that is not running. */
enum { WIDE = 4 };

static bool earlier(weft__timer_entry a, weft__timer_entry b)
{
    return a.at_ns != b.at_ns ? a.at_ns < b.at_ns : a.timer->order < b.timer->order;
}

static void put(weft__timers *t, uint32_t i, weft__timer_entry e)
{
    t->heap[i] = e;
    e.timer->place = i + 1;
}

static void sift_up(weft__timers *t, uint32_t i, weft__timer_entry e)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / WIDE;
        if (!earlier(e, t->heap[parent])) break;
        put(t, i, t->heap[parent]);
        i = parent;
    }
    put(t, i, e);
}

static void sift_down(weft__timers *t, uint32_t i, weft__timer_entry e)
{
    for (;;) {
        uint32_t first = i * WIDE + 1, least = first;
        if (first >= t->count) break;
        for (uint32_t k = first + 1; k < first + WIDE && k < t->count; k++) {
            if (earlier(t->heap[k], t->heap[least])) least = k;
        }
        if (!earlier(t->heap[least], e)) break;
        put(t, i, t->heap[least]);
        i = least;
    }
    put(t, i, e);
}

void weft__timers_stop(weft__timers *t, weft__timer *timer)
{
    if (!timer->place) return;
    uint32_t i = timer->place - 1;
    timer->place = 0;
    weft__timer_entry last = t->heap[--t->count];
    if (last.timer == timer) return;
    if (i > 0 && earlier(last, t->heap[(i - 1) / WIDE])) sift_up(t, i, last);
    else sift_down(t, i, last);
}

int weft__timers_start(weft__timers *t, weft__timer *timer, int64_t at_ns)
{
    weft__timers_stop(t, timer);
    if (t->count == t->room) {
        uint32_t room = t->room ? t->room * 2 : 64;
        weft__timer_entry *heap = weft__realloc(t->heap, room * sizeof *heap);
        if (!heap) return WEFT_ENOMEM;
        t->heap = heap;
        t->room = room;
    }
    timer->at_ns = at_ns;
    timer->order = t->order++;
    sift_up(t, t->count++, (weft__timer_entry){ at_ns, timer });
    return 0;
}

void weft__timers_fire(weft__timers *t, int64_t now_ns)
{
    uint64_t before = t->order;
    while (t->count && t->heap[0].at_ns <= now_ns && t->heap[0].timer->order < before) {
        weft__timer *due = t->heap[0].timer;
        weft__timers_stop(t, due);
        due->fire(due);
    }
}

void weft__timers_free(weft__timers *t)
{
    weft__free(t->heap);
    *t = (weft__timers){ 0 };
}
