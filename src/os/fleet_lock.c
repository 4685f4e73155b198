/* A word that one process of a fleet holds at a time. */
#include <sched.h>
#include "os/fleet.h"

enum { PATIENCE_MS = 5, SPINS = 64 };

/* Its slot, and which of those who had it. */
static uint64_t name_of(unsigned slot, uint32_t incarnation) { return (uint64_t)incarnation << 32 | (slot + 1); }

uint64_t weft__fleet_who(const weft__fleet *c)
{
    unsigned mine = (unsigned)c->mine;
    return name_of(mine, __atomic_load_n(&weft__fleet_slot(c, mine)->incarnation, __ATOMIC_ACQUIRE));
}

bool weft__fleet_lives(const weft__fleet *c, uint64_t who)
{
    unsigned slot = (uint32_t)who - 1;
    if (slot >= c->slots) return false;
    const weft__ship *s = weft__fleet_slot(c, slot);
    return weft__ship_lives(s) && name_of(slot, __atomic_load_n(&s->incarnation, __ATOMIC_ACQUIRE)) == who;
}

uint64_t weft__fleet_generation(const weft__fleet *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < c->slots; i++) sum += __atomic_load_n(&weft__fleet_slot(c, i)->incarnation, __ATOMIC_RELAXED);
    return sum;
}

weft__fleet_held weft__fleet_lock_take(const weft__fleet *c, weft__fleet_lock *lock)
{
    uint64_t me = weft__fleet_who(c), holder = 0;
    for (int64_t until_ms = weft__fleet_now_ms() + PATIENCE_MS;;) {
        for (int i = 0; i < SPINS; i++, holder = 0) {
            if (__atomic_compare_exchange_n(&lock->holder, &holder, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return WEFT__FLEET_HELD;
            if (!weft__fleet_lives(c, holder) && __atomic_compare_exchange_n(&lock->holder, &holder, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                return WEFT__FLEET_BROKEN;
        }
        if (weft__fleet_now_ms() >= until_ms) return WEFT__FLEET_BUSY;
        sched_yield();
    }
}

void weft__fleet_lock_give(weft__fleet_lock *lock) { __atomic_store_n(&lock->holder, 0, __ATOMIC_RELEASE); }
