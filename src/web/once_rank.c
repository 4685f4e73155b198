#include "web/once_rank.h"

static void put(weft__once_rank *r, uint32_t at, weft__once_ranked *x)
{
    r->items[at] = x;
    x->at = at;
}

static void rise(weft__once_rank *r, weft__once_ranked *x)
{
    uint32_t at = x->at;
    for (; at && r->items[(at - 1) / 2]->weight < x->weight; at = (at - 1) / 2) put(r, at, r->items[(at - 1) / 2]);
    put(r, at, x);
}

static void sink(weft__once_rank *r, weft__once_ranked *x)
{
    uint32_t at = x->at;
    for (uint32_t next; (next = 2 * at + 1) < r->count; at = next) {
        if (next + 1 < r->count && r->items[next + 1]->weight > r->items[next]->weight) next++;
        if (r->items[next]->weight <= x->weight) break;
        put(r, at, r->items[next]);
    }
    put(r, at, x);
}

static void take_out(weft__once_rank *r, weft__once_ranked *x)
{
    weft__once_ranked *last = r->items[--r->count];
    if (last == x) return;
    put(r, x->at, last);
    rise(r, last);
    sink(r, last);
}

void weft__once_rank_set(weft__once_rank *r, weft__once_ranked *x, uint64_t weight)
{
    uint64_t before = x->weight;
    x->weight = weight;
    if (!before && weight) put(r, r->count++, x);
    if (before && !weight) take_out(r, x);
    else if (weight > before) rise(r, x);
    else if (weight < before) sink(r, x);
}
