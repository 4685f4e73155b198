#include "task/timer.h"
#include <assert.h>
#include "base/mem.h"

/* A heap with four children a node: shallower than two, and the children lie side by side. A timer's `place` is
 * its index + 1, so that a zeroed timer is one that is not running. */
enum { WIDE = 4, FIRST_ROOM = 256, STOPPED_PER_RUNNING = 4, SWEPT_AT_ONCE_MAX = 16 * 1024, TIDIED_AT_ONCE = 8 };

static bool earlier(const weft__timer_entry *a, const weft__timer_entry *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void put(weft__timers *t, uint32_t i, weft__timer_entry e)
{
    t->heap[i] = e;
    if (e.timer) e.timer->place = i + 1;
}

static void sift_up(weft__timers *t, uint32_t i, weft__timer_entry e)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / WIDE;
        if (!earlier(&e, &t->heap[parent])) break;
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
            if (earlier(&t->heap[k], &t->heap[least])) least = k;
        }
        if (!earlier(&t->heap[least], &e)) break;
        put(t, i, t->heap[least]);
        i = least;
    }
    put(t, i, e);
}

static weft__timer_entry pop(weft__timers *t)
{
    weft__timer_entry top = t->heap[0], last = t->heap[--t->count];
    if (t->count) sift_down(t, 0, last);
    if (top.timer) top.timer->place = 0;
    else t->stopped--;
    return top;
}

/* Drop every stopped entry and build the heap anew: linear, and paid for by as many stops. */
static void sweep(weft__timers *t)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->heap[i].timer) t->heap[kept++] = t->heap[i];
    }
    t->count = kept;
    t->stopped = 0;
    for (uint32_t i = kept; i-- > 0;) sift_down(t, i, t->heap[i]);
}

/* Take out a stopped entry: the last one comes to its place. */
static void take_out(weft__timers *t, uint32_t i)
{
    weft__timer_entry last = t->heap[--t->count];
    t->stopped--;
    if (i == t->count) return;
    if (i > 0 && earlier(&last, &t->heap[(i - 1) / WIDE])) sift_up(t, i, last);
    else sift_down(t, i, last);
}

/* To sweep a million takes a tenth of a second, which every task would feel: of so many a few are looked at, on and on. As
 * it is done while half of all are stopped, it takes out more than are started meanwhile. */
static void tidy(weft__timers *t)
{
    for (int n = 0; n < TIDIED_AT_ONCE && t->count; n++) {
        if (t->tidied >= t->count) t->tidied = 0;
        if (t->heap[t->tidied].timer) t->tidied++;
        else take_out(t, t->tidied);
    }
}

static bool make_room(weft__timers *t)
{
    uint32_t running = t->count - t->stopped;
    if (t->count > SWEPT_AT_ONCE_MAX && t->stopped > running) tidy(t);
    else if (t->stopped > FIRST_ROOM / 2 && t->stopped / STOPPED_PER_RUNNING > running) sweep(t);
    if (t->count < t->room) return true;
    uint32_t room = t->room ? t->room * 2 : FIRST_ROOM;
    weft__timer_entry *heap = weft__realloc(t->heap, (room + t->kept) * sizeof *heap);
    if (!heap && t->stopped) sweep(t);               /* what was kept for speed is given back before anybody fails */
    if (!heap) return t->count < t->room;
    t->heap = heap;
    t->room = room;
    return true;
}

static void add(weft__timers *t, weft__timer *timer, int64_t at_ns)
{
    timer->at_ns = at_ns;
    timer->order = t->order++;
    sift_up(t, t->count++, (weft__timer_entry){ at_ns, timer->order, timer });
}

int weft__timers_start(weft__timers *t, weft__timer *timer, int64_t at_ns)
{
    weft__timers_stop(t, timer);
    if ((t->count >= t->room || t->stopped > FIRST_ROOM) && !make_room(t)) return WEFT_ENOMEM;
    add(t, timer, at_ns);
    return 0;
}

int weft__timers_keep(weft__timers *t)
{
    uint32_t room = t->room ? t->room : FIRST_ROOM;
    weft__timer_entry *heap = weft__realloc(t->heap, (room + t->kept + 1) * sizeof *heap);
    if (!heap) return WEFT_ENOMEM;
    t->heap = heap;
    t->room = room;
    t->kept++;
    return 0;
}

/* All places are taken: one of them by a stopped entry of this timer, or of another one that a place is kept for. */
void weft__timers_start_kept(weft__timers *t, weft__timer *timer, int64_t at_ns)
{
    weft__timers_stop(t, timer);
    if (t->count == t->room + t->kept) sweep(t);
    assert(t->count < t->room + t->kept);
    add(t, timer, at_ns);
}

int64_t weft__timers_next(weft__timers *t)
{
    while (t->count && !t->heap[0].timer) pop(t);
    return t->count ? t->heap[0].at_ns : INT64_MAX;
}

int weft__timers_fire(weft__timers *t, int64_t now_ns, int most)
{
    uint64_t before = t->order;
    int fired = 0;
    for (; fired < most && weft__timers_next(t) <= now_ns && t->heap[0].order < before; fired++) {
        weft__timer *due = pop(t).timer;
        assert(due);                                 /* weft__timers_next leaves a running one on top */
        due->fire(due);
    }
    return fired;
}

void weft__timers_free(weft__timers *t)
{
    weft__free(t->heap);
    *t = (weft__timers){ 0 };
}
