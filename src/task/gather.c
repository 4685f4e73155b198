/* Several calls at once, in a scope of their own. */
#include "task/fiber.h"
#include "task/job.h"

int weft_gather_all(const weft_call *calls, const char *place)
{
    size_t n = 0;
    while (calls[n].fn) n++;
    return weft_gather_with(calls, n, &(weft_gather_opts){ 0 }, place);
}

static void begin(weft_scope *g, const weft_call *c, const char *place)
{
    if (!weft__task_new(g, place, c)) weft__task_refused(g, place, c);
}

/* A call that never began: the gather was cancelled, or failed, before there was a place for it. */
static void not_begun(weft_scope *g, const weft_call *c)
{
    if (c->error) *c->error = *weft__code_error(weft__scope_tasks_told(g));
    if (!c->error || g->inherited) g->cut = true;
}

/* Its deadline ends calls that may fail alone without failing the gather; `cut` tells whether it ended others. */
static int result(weft_scope *g)
{
    if (g->failed) return weft__scope_tell(g);
    if (!g->cut) return 0;
    int code = weft__scope_deliver(g->owner);
    return code ? code : WEFT_ECANCELED;             /* one of them was cancelled alone */
}

int weft_gather_with(const weft_call *calls, size_t n, const weft_gather_opts *opts, const char *place)
{
    if (!weft__running()) return weft__no_task("weft_gather");
    if (!n) return weft_yield();
    uint32_t at_once = opts->max_running > 0 ? (uint32_t)opts->max_running : UINT32_MAX;
    WEFT_SCOPE(g, .timeout_ms = opts->timeout_ms);
    if (g->inherited) g->cut = true;                 /* cancelled before: what began ends, and that is told */
    for (size_t i = 0; i < n; i++) {
        if (g->running >= at_once) weft__scope_await(g, at_once - 1, "a place among the calls of a gather");
        if (i >= at_once && weft_scope_cancelled(g)) not_begun(g, &calls[i]);
        else begin(g, &calls[i], place);
    }
    weft__scope_await(g, 0, "the calls of a gather");
    return result(g);
}
