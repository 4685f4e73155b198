#include "serve/poison.h"

enum { FOR_MS = 10 * 60 * 1000, CRASHES = 2 };

/* Its place, or that of the one which ended first. */
static weft__poison *place_for(weft__fleet_head *head, uint64_t mark, int64_t now_ns)
{
    weft__poison *oldest = head->poison;
    for (int i = 0; i < WEFT__POISON_MAX; i++) {
        weft__poison *p = &head->poison[i];
        if (p->mark == mark && p->until_ns > now_ns) return p;
        if (p->until_ns < oldest->until_ns) oldest = p;
    }
    __atomic_store_n(&oldest->mark, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&oldest->crashes, 0, __ATOMIC_RELAXED);
    return oldest;
}

bool weft__poison_blame(weft__fleet_head *head, uint64_t mark, int64_t now_ns)
{
    if (!mark) return false;
    weft__poison *p = place_for(head, mark, now_ns);
    __atomic_store_n(&p->until_ns, now_ns + FOR_MS * INT64_C(1000000), __ATOMIC_RELAXED);
    __atomic_store_n(&p->crashes, p->crashes + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&p->mark, mark, __ATOMIC_RELEASE);
    if (p->crashes != CRASHES) return false;
    __atomic_store_n(&head->poisons, head->poisons + 1, __ATOMIC_RELEASE);
    return true;
}

bool weft__poison_is(const weft__fleet_head *head, uint64_t mark, int64_t now_ns)
{
    for (int i = 0; i < WEFT__POISON_MAX; i++) {
        const weft__poison *p = &head->poison[i];
        if (__atomic_load_n(&p->mark, __ATOMIC_ACQUIRE) != mark) continue;
        if (__atomic_load_n(&p->crashes, __ATOMIC_RELAXED) < CRASHES) continue;
        if (__atomic_load_n(&p->until_ns, __ATOMIC_RELAXED) > now_ns) return true;
    }
    return false;
}
