#include "os/parts.h"

/* ---- pools ---- */

static weft__pool *pool_new(weft__os *os, const weft__pool_opts *opts)
{
    weft__office *o = weft__linux_office(os);
    weft__pool *p = weft__pool_new(o->bell, opts);
    if (!p) return NULL;
    *weft__pool_next(p) = o->pools;
    o->pools = p;
    return p;
}

static void pool_free(weft__os *os, weft__pool *p)
{
    if (!p) return;
    weft__pool **at = &weft__linux_office(os)->pools;
    while (*at != p) at = weft__pool_next(*at);
    *at = *weft__pool_next(p);
    weft__pool_free(p);
}

static int submit(weft__os *os, weft__pool *p, weft__job *job)
{
    (void)os;
    return weft__pool_submit(p, job);
}

static bool take_back(weft__os *os, weft__pool *p, weft__job *job)
{
    (void)os;
    return weft__pool_take_back(p, job);
}

static weft__pool_state pool_state(weft__os *os, weft__pool *p)
{
    (void)os;
    return weft__pool_look(p);
}

/* ---- doors ---- */

static weft__door *door_open(weft__os *os, void *cookie)
{
    weft__office *o = weft__linux_office(os);
    return weft__door_new(&o->doors, o->bell, cookie);
}

static void door_close(weft__os *os, weft__door *d)
{
    if (d) weft__door_end(&weft__linux_office(os)->doors, d);
}

const weft__jobs_ops weft__linux_jobs = {
    .pool_new = pool_new, .pool_free = pool_free, .submit = submit, .take_back = take_back,
    .pool_state = pool_state, .door_open = door_open, .door_close = door_close,
};

/* ---- word of them ---- */

/* The first becomes the last: a pool whose jobs end faster than they are told must not silence the others. */
static void pools_turn(weft__office *o)
{
    weft__pool *first = o->pools, **at = &o->pools;
    if (!first) return;
    o->pools = *weft__pool_next(first);
    while (*at) at = weft__pool_next(*at);
    *at = first;
    *weft__pool_next(first) = NULL;
}

int weft__office_told(weft__office *o, weft__event *events, int max)
{
    int n = 0;
    for (weft__door *d = o->doors; d && n < max; d = d->next)
        if (weft__door_answer(d)) events[n++] = (weft__event){ d->cookie, WEFT__IN };
    pools_turn(o);
    for (weft__pool *p = o->pools; p; p = *weft__pool_next(p))
        for (weft__job *job; n < max && (job = weft__pool_ended(p));)
            events[n++] = (weft__event){ job->cookie, WEFT__IN };
    return n;
}

void weft__office_end(weft__office *o)
{
    for (weft__pool *p; (p = o->pools);) {
        o->pools = *weft__pool_next(p);
        weft__pool_free(p);
    }
    while (o->doors) weft__door_end(&o->doors, o->doors);
    weft__bell_drop(o->bell);
}
