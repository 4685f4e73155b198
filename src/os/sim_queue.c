#include "os/sim_queue.h"
#include <assert.h>
#include "base/mem.h"

static bool earlier(const weft__sim_due *a, const weft__sim_due *b)
{
    if (a->at != b->at) return a->at < b->at;
    if (a->tie != b->tie) return a->tie < b->tie;
    return a->serial < b->serial;
}

bool weft__sim_queue_reserve(weft__sim_queue *q, size_t n)
{
    size_t need = q->count + q->promised + n;
    if (need <= q->room) return true;
    size_t room = q->room ? q->room * 2 : 64;
    while (room < need) room *= 2;
    weft__sim_due *items = weft__realloc(q->items, room * sizeof *items);
    if (!items) return false;
    q->items = items;
    q->room = room;
    return true;
}

void weft__sim_queue_push(weft__sim_queue *q, weft__sim_due due)
{
    assert(q->count < q->room);
    size_t at = q->count++;
    while (at && earlier(&due, &q->items[(at - 1) / 2])) {
        q->items[at] = q->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    q->items[at] = due;
}

/* Where `due` belongs when it sinks from the top. */
static size_t sink(weft__sim_queue *q, const weft__sim_due *due)
{
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= q->count) return at;
        if (child + 1 < q->count && earlier(&q->items[child + 1], &q->items[child])) child++;
        if (!earlier(&q->items[child], due)) return at;
        q->items[at] = q->items[child];
        at = child;
    }
}

bool weft__sim_queue_pop(weft__sim_queue *q, int64_t until, weft__sim_due *out)
{
    if (!q->count || q->items[0].at > until) return false;
    *out = q->items[0];
    weft__sim_due last = q->items[--q->count];
    if (q->count) q->items[sink(q, &last)] = last;
    return true;
}

void weft__sim_queue_free(weft__sim_queue *q)
{
    weft__free(q->items);
    *q = (weft__sim_queue){ 0 };
}
