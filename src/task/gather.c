/* Several calls at once, in a scope of their own: all of them, enough of them, the first one. */
#include "task/fiber.h"
#include "task/job.h"
#include "weft/sync.h"

/* The calls of a group: a list of n, or one for each of n inputs. */
typedef struct calls {
    const weft_call *list;
    size_t n;
    bool each;                           /* the list is of one */
    size_t out_size; weft_error *errors;
} calls;

static weft_call call_at(const calls *c, size_t i)
{
    if (!c->each) return c->list[i];
    weft_call call = c->list[0];
    call.in = (const char *)call.in + i * call.in_size;
    if (call.arity > 1) call.out = (char *)call.out + i * c->out_size;
    if (c->errors) call.error = &c->errors[i];
    return call;
}

static size_t count(const weft_call *list)
{
    size_t n = 0;
    while (list[n].fn) n++;
    return n;
}

/* The scope of the calls, and of how many it is known how they ended. enough 0: a failure ends
 * them all, and nobody counts. */
typedef struct group {
    weft_scope scope;
    size_t calls, enough, succeeded, failed;
    uint32_t last;                       /* whose success made it enough */
    bool hopeless;                       /* so many failed that enough cannot succeed */
} group;

static void begin(weft_scope *g, const weft_call *c, size_t i, const char *place)
{
    weft_task *t = weft__task_new(g, place, c);
    if (t) t->index = (uint32_t)i;
    else weft__task_refused(g, place, c);
}

/* A call that never began: the gather was cancelled, or failed, before there was a place for it. */
static void not_begun(weft_scope *g, const weft_call *c)
{
    if (c->error) *c->error = *weft__code_error(weft__scope_tasks_told(g));
    if (!c->error || g->inherited) g->cut = true;
}

/* Its deadline ends calls that may fail alone without failing the gather; `cut` tells whether it
 * ended others. */
static int result(weft_scope *g)
{
    if (g->failed) return weft__scope_tell(g);
    if (!g->cut) return 0;
    int code = weft__scope_deliver(g->owner);
    return code ? code : WEFT_ECANCELED;             /* one of them was cancelled alone */
}

/* Where some are enough, the end of a call cancels the others only when it decides. */
static void call_ended(weft_scope *s, weft_task *t, bool failed)
{
    group *g = (group *)s;
    if (g->hopeless || g->succeeded >= g->enough) return;
    if (t->rc >= 0) {
        g->last = t->index;
        if (++g->succeeded == g->enough) weft__scope_cancel(s, WEFT_ECANCELED);
        return;
    }
    g->failed++;
    if (failed) weft__scope_note(s, t);
    if (weft__scope_effective(s) || g->failed + g->enough <= g->calls) return;
    g->hopeless = true;
    weft__scope_cancel(s, s->failed ? s->failed : WEFT_ECANCELED);
}

static int result_of_some(group *g)
{
    weft_scope *s = &g->scope;
    if (g->hopeless && s->failed) return weft__scope_tell(s);
    s->failed_told = true;                           /* what failed did not decide */
    if (g->succeeded >= g->enough) return 0;
    int code = weft__scope_deliver(s->owner);
    return code ? code : WEFT_ECANCELED;
}

/* In a scope that is entered: so that it is left in any case. */
static int run(group *g, const calls *c, int max_running, const char *place)
{
    weft_scope *s = &g->scope;
    uint32_t at_once = max_running > 0 ? (uint32_t)max_running : UINT32_MAX;
    if (s->inherited) s->cut = true;                 /* cancelled before: that is told */
    for (size_t i = 0; i < c->n; i++) {
        weft_call call = call_at(c, i);
        if (s->running >= at_once) weft__scope_await(s, at_once - 1, "a place in a gather");
        if (i >= at_once && weft_scope_cancelled(s)) not_begun(s, &call);
        else begin(s, &call, i, place);
    }
    weft__scope_await(s, 0, "the calls of a gather");
    return g->enough ? result_of_some(g) : result(s);
}

/* `last`, unless NULL: whose success made it enough. */
static int gather(const calls *c, const weft_gather_opts *o, const char *place, uint32_t *last)
{
    if (!weft__running()) return weft__no_task("weft_gather");
    if (o->enough < 0 || (size_t)o->enough > c->n) {
        return weft__fail_as(place, WEFT_EINVAL, 0, "a gather of %zu calls of which %d are enough",
            c->n, o->enough);
    }
    if (!c->n) return weft_yield();
    group g = { .scope = { .opts = { .timeout_ms = o->timeout_ms }, .place = place },
        .calls = c->n, .enough = (size_t)o->enough };
    weft_scope *const s __attribute__((cleanup(weft__scope_leave))) = weft__scope_enter(&g.scope);
    if (g.enough) s->ended = call_ended;
    int rc = run(&g, c, o->max_running, place);
    if (rc == 0 && last) *last = g.last;
    return rc;
}

int weft_gather_all(const weft_call *list, const char *place)
{
    return weft_gather_with(list, count(list), &(weft_gather_opts){ 0 }, place);
}

int weft_gather_with(const weft_call *list, size_t n, const weft_gather_opts *opts,
    const char *place)
{
    return gather(&(calls){ .list = list, .n = n }, opts, place, NULL);
}

int weft_gather_each_with(const weft_call *each, size_t n, size_t out_size, const weft_each_opts *o,
    const char *place)
{
    weft_gather_opts opts = { .timeout_ms = o->timeout_ms, .max_running = o->max_running,
        .enough = o->enough };
    calls c = { .list = each, .n = n, .each = true, .out_size = out_size, .errors = o->errors };
    return gather(&c, &opts, place, NULL);
}

int weft_quorum_all(int enough, const weft_call *list, const char *place)
{
    if (enough < 1) return weft__fail_as(place, WEFT_EINVAL, 0, "a quorum of %d calls", enough);
    return weft_gather_with(list, count(list), &(weft_gather_opts){ .enough = enough }, place);
}

int weft_race_all(const weft_call *list, const char *place)
{
    return weft_race_with(list, count(list), &(weft_gather_opts){ 0 }, place);
}

int weft_race_with(const weft_call *list, size_t n, const weft_gather_opts *o, const char *place)
{
    if (!n) return weft__fail_as(place, WEFT_EINVAL, 0, "a race of no calls: nobody can win it");
    if (o->enough) {
        return weft__fail_as(place, WEFT_EINVAL, 0,
            "a race has one winner: .enough is for weft_gather_n");
    }
    weft_gather_opts opts = *o;
    opts.enough = 1;
    uint32_t winner = 0;
    int rc = gather(&(calls){ .list = list, .n = n }, &opts, place, &winner);
    return rc < 0 ? rc : (int)winner;
}
