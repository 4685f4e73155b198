/* What is done once. Its state is one of: nobody has begun, a task runs it, done. The task that
 * runs it decides at its end what those who wait are told; when it was cancelled, the first of
 * them takes its place. */
#include "task/waiters.h"

/* What a waiter is told besides: its turn has come to run the call. */
typedef struct once_waiter { weft__waiter w; weft__record *error; bool runs; } once_waiter;
typedef struct once_held { weft__held held; const weft_once *once; } once_held;

static weft_task *holder(const weft__held *held, int i)
{
    return i ? NULL : ((const once_held *)held)->once->runner;
}

static bool hand_over(weft_once *o)
{
    once_waiter *next = (once_waiter *)weft__waiters_serve(&o->waiting, 0);
    if (!next) return false;
    next->runs = true;
    o->runner = next->w.fiber->task;
    o->place = next->w.item;
    return true;
}

/* Each has a copy of the record, so that each can tell what happened. */
static void tell_failure(weft_once *o, int rc)
{
    weft__errors *mine = weft__errors_here(false);
    const weft__record *r = mine ? weft__errors_find(mine, rc) : NULL;
    for (once_waiter *w; (w = (once_waiter *)weft__waiters_serve(&o->waiting, rc));) {
        w->error = weft__record_copy(r);
    }
}

static bool was_cancelled(int rc, const weft__fiber *f)
{
    return rc < 0 && rc == weft__scope_effective(f->scope);
}

static int call_bounded(const weft_call *c)
{
    if (!c->timeout_ms) return weft__call(c->fn, c->arity, c->in, c->out);
    WEFT_SCOPE(s, .timeout_ms = c->timeout_ms);
    return weft__call(c->fn, c->arity, c->in, c->out);
}

static int run(weft_once *o, const weft_call *c, weft__fiber *f)
{
    int rc = call_bounded(c);
    if (was_cancelled(rc, f) && hand_over(o)) return rc;
    o->runner = NULL;
    if (rc < 0) {
        tell_failure(o, rc);
        return rc;
    }
    o->done = true;
    o->rc = rc;
    weft__waiters_serve_all(&o->waiting, rc);
    return rc;
}

static int wait(weft_once *o, weft__fiber *f, const weft_call *c, const char *name,
    const char *place)
{
    once_held on = { { "once", name, holder }, o };
    once_waiter me = { .w = { .fiber = f, .item = (void *)place } };
    weft__waiters_add(&o->waiting, &me.w);
    int rc = weft__waiters_wait(&o->waiting, &me.w, "what another task does once", &on.held);
    if (me.runs) return run(o, c, f);
    if (me.error) weft__errors_put(weft__errors_here(true), me.error);
    return rc;
}

int weft__once_do(weft_once *o, weft_call c, const char *name, const char *place)
{
    weft__fiber *f = weft__running();
    name = weft__waiters_name(name);
    if (!f) return weft__no_task("weft_once_do");
    if (c.error) {
        return weft__fail_as(place, WEFT_EINVAL, 0,
            "weft_once_do(%s, %s) with .error: its result is for all", name, c.name);
    }
    int rc = weft__checkpoint();
    if (rc < 0) return rc;
    if (o->done) return o->rc;
    if (o->runner == f->task) {
        return weft__fail_as(place, WEFT_EDEADLK, 0,
            "weft_once_do(%s, %s) within itself, begun at %s: it would wait for itself", name, c.name,
            o->place);
    }
    if (o->runner) return wait(o, f, &c, name, place);
    o->runner = f->task;
    o->place = place;
    return run(o, &c, f);
}
