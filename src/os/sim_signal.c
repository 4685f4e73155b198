#include <signal.h>
#include "os/sim_world.h"
#include "os/taker.h"

/* ---- those of the whole program ---- */

int weft__sim_signals(weft__os *os, void *cookie)
{
    weft__sim *s = weft__sim_of(os);
    if (!s->signal_cookie || !cookie) s->signals = s->signals_told = 0;
    s->signal_cookie = cookie;
    return 0;
}

int weft__sim_signals_told(weft__sim *s, weft__event *events, int max)
{
    if (s->signals == s->signals_told || !max) return 0;
    weft__sim_note(s, WEFT__SIM_OP_EVENT, 0, s->signals);
    s->signals_told = s->signals;
    *events = (weft__event){ s->signal_cookie, s->signals };
    return 1;
}

/* ---- takers ---- */

static int take(weft__os *os, uint64_t set, void *cookie, weft__taker **out)
{
    weft__sim *s = weft__sim_of(os);
    if (!weft__signals_may_be_taken(set)) return WEFT_EINVAL;
    int count = 0;
    for (const weft__taker *t = s->takers; t; t = t->next) count++;
    if (count == WEFT__TAKERS_MAX) return WEFT_ELIMIT;
    weft__taker *t = weft__taker_new(os, set, cookie);
    if (!t) return WEFT_ENOMEM;
    t->next = s->takers;
    s->takers = t;
    *out = t;
    return 0;
}

static void drop(weft__os *os, weft__taker *t)
{
    weft__taker **at = &weft__sim_of(os)->takers;
    while (*at != t) at = &(*at)->next;
    *at = t->next;
    weft__taker_free(os, t);
}

const weft__signal_ops weft__sim_takers = { .take = take, .taken = weft__taker_taken, .drop = drop };

/* ---- sending ---- */

int weft__sim_raise(weft__os *sim, int number, int64_t after_ns)
{
    weft__sim *s = weft__sim_of(sim);
    if (after_ns < 0 || number < 1 || number > 64) return WEFT_EINVAL;
    if (!weft__sim_queue_reserve(&s->queue, 1)) return WEFT_ENOMEM;
    weft__sim_later(s, WEFT__SIM_SIGNAL, after_ns, 0, (uint64_t)number);
    return 0;
}

int weft__sim_signal(weft__os *sim, int64_t after_ns) { return weft__sim_raise(sim, SIGTERM, after_ns); }

/* One that nobody takes would end a real program, but for those of `signals`. */
void weft__sim_on_signal(weft__sim *s, int number)
{
    bool taken = false;
    for (weft__taker *t = s->takers; t; t = t->next) {
        if (!(t->set & weft__signal_bit(number))) continue;
        taken = true;
        weft__taker_tell(t, number);
    }
    if (!taken && (number == SIGTERM || number == SIGINT)) s->signals += s->signal_cookie != NULL;
}
