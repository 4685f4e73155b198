#include "web/background.h"
#include <string.h>
#include "base/mem.h"
#include "io/log.h"
#include "model/pack.h"
#include "task/job.h"
#include "web/endpoint.h"

enum { COUNT_MAX = 1000, GRACE_MS = 10000, BYTES_MAX = 16 << 20 };

typedef int task_fn(const void *in);

struct weft__background {
    weft__background *next, *prev;   /* of those of a request that wait, the one asked for before; of those that run */
    weft__backgrounds *all;
    weft_arena arena;                /* of `in`, and of what it allocates */
    task_fn *fn;
    const void *in;
    const char *name, *place, *route;
    struct weft__local_value *values;
    int timeout_ms;
    weft__afterwards afterwards;
};

weft__backgrounds *weft__backgrounds_here(void)
{
    weft__loop *loop = weft__loop_here();
    return loop ? *weft__loop_slot(loop, WEFT__SLOT_BACKGROUND) : NULL;
}

/* ---- one that was asked for ---- */

static void forget(weft__background *t)
{
    t->all->count--;
    weft__locals_drop(t->values);
    weft__arena_free(&t->arena);
    weft__free(t);
}

void weft__background_drop(weft__afterwards *a)
{
    weft__background *t = a->newest;
    a->newest = NULL;
    while (t) {
        weft__background *before = t->next;
        forget(t);
        t = before;
    }
}

static int no_room(const weft__background *t, const char *what)
{
    if (t->arena.exceeded)
        return weft_fail(WEFT_ELIMIT, "%s: its argument is larger than request_bytes_max, %zu bytes", what, t->arena.bytes_max);
    return weft_fail(WEFT_ENOMEM, "%s: no memory for its argument", what);
}

/* Through bytes, as for another process: what can cross can be copied, whatever it points to. */
static int copy(weft__background *t, const weft_schema *schema, const void *arg)
{
    weft__buf bytes;
    weft__fault fault = { "" };
    void *in = weft__arena_zalloc(&t->arena, schema->size);
    t->in = in;
    if (!in) return no_room(t, t->name);
    if (!arg && schema == &weft_schema_weft_none) return 0;
    if (!arg) return weft_fail(WEFT_EINVAL, "weft_background(%s): its argument is NULL", t->name);
    weft__buf_init(&bytes, t->arena.bytes_max);
    int rc = weft__pack(schema, arg, &bytes, &fault);
    if (rc < 0) rc = weft_fail(rc, "weft_background(%s): its argument cannot be copied: %s", t->name, fault.text[0] ? fault.text : "no memory");
    else if (weft__unpack(schema, weft__buf_str(&bytes), in, &t->arena) < 0) rc = no_room(t, t->name);
    weft__buf_free(&bytes);
    return rc;
}

static int ask(weft__afterwards *a, weft__background *t, const weft_schema *schema, const void *arg)
{
    t->all->count++;
    int rc = copy(t, schema, arg);
    if (rc < 0) {
        forget(t);
        return rc;
    }
    const char *label = weft__task_label_around();
    t->route = label ? label : "a request";
    t->values = weft__locals_keep();
    t->next = a->newest;
    a->newest = t;
    return 0;
}

int weft__background_ask(const char *place, const weft_schema *schema, const void *arg, weft__fn *fn, const char *name, size_t checked,
    const weft_background_opts *opts)
{
    (void)checked;
    if (!weft__self()) return weft__no_task("weft_background");
    weft__afterwards *a = weft__work_here();
    weft__backgrounds *all = weft__backgrounds_here();
    if (!a || !all) return weft_fail(WEFT_EINVAL, "weft_background(%s) outside of a request: nothing is answered here", name);
    if (all->count >= all->count_max)
        return weft__fail_as(place, WEFT_ELIMIT, 503, "weft_background(%s): %u background tasks (background_max) wait or run", name, all->count_max);
    weft__background *t = weft__calloc(sizeof *t);
    if (!t) return WEFT_ENOMEM;
    t->all = all;
    t->fn = (task_fn *)fn;
    t->name = name;
    t->place = place;
    t->timeout_ms = opts->timeout_ms;
    weft__arena_init(&t->arena, weft__loop_blocks(all->loop), all->bytes_max);
    return ask(a, t, schema, arg);
}

/* ---- one that runs ---- */

static void log_failure(const weft__background *t, int rc)
{
    const weft_error *error = weft_error_of(rc);
    char trace[1024];
    weft__failure_trace(error->trace, trace, sizeof trace);
    weft__log(WEFT_LOG_ERROR, "background task %s of %s: %s%s%s%s", t->name, t->route, error->text, *trace ? " [" : "", trace, *trace ? "]" : "");
}

static int call(const weft__background *t)
{
    WEFT_SCOPE(bound, .timeout_ms = t->timeout_ms);
    int rc = t->fn(t->in);
    if (rc > 0) return weft_fail(WEFT_EINVAL, "it returned %d; expected 0 or what weft_fail returns", rc);
    if (rc < 0 || !t->arena.lost) return rc;
    return weft_fail(WEFT_ELIMIT, "it needs more memory than request_bytes_max, %zu bytes", t->arena.bytes_max);
}

static void start_all(weft__afterwards *a);

static void ended(weft__background *t)
{
    weft__backgrounds *all = t->all;
    if (t->prev) t->prev->next = t->next;
    else all->running = t->next;
    if (t->next) t->next->prev = t->prev;
    forget(t);
    if (!all->count && all->closer) weft__wake(all->closer, 0);
}

/* What it is cancelled for has been said by who did. */
static int run(void *arg)
{
    weft__background *t = arg;
    t->values = NULL;                                /* they are this task's own now */
    weft_arena *before = weft__arena_swap(&t->arena);
    weft__task_work(&t->afterwards);
    weft__task_label(t->route);
    int rc = call(t);
    if (rc == 0) start_all(&t->afterwards);
    else weft__background_drop(&t->afterwards);
    if (rc != 0 && !(rc == WEFT_ECANCELED && weft__cancelled())) {
        t->all->failed++;
        log_failure(t, rc);
    }
    weft__task_work(NULL);
    weft__task_label(NULL);
    weft__arena_swap(before);
    ended(t);
    return 0;
}

static void start(weft__background *t)
{
    weft__backgrounds *all = t->all;
    t->prev = NULL;
    t->next = all->running;
    if (t->next) t->next->prev = t;
    all->running = t;
    all->started++;
    int rc = weft__start_kept(&all->scope, t->name, t->place, t->values, run, t);
    if (rc == 0) return;
    all->failed++;
    weft__log(WEFT_LOG_ERROR, "background task %s of %s: it cannot be started: %s", t->name, t->route,
        rc == WEFT_ENOMEM ? "no memory for a task" : "the server has stopped");
    ended(t);
}

static void start_all(weft__afterwards *a)
{
    weft__background *first = NULL;
    while (a->newest) {
        weft__background *t = a->newest;
        a->newest = t->next;
        t->next = first;
        first = t;
    }
    while (first) {
        weft__background *next = first->next;
        start(first);
        first = next;
    }
}

void weft__background_answered(weft__exchange *x)
{
    if (!x->replied || x->broken) {
        weft__background_drop(&x->afterwards);
        return;
    }
    weft__exchange_flush(x);
    start_all(&x->afterwards);
}

/* ---- all of a loop ---- */

void weft__backgrounds_open(weft__backgrounds *b, const weft_serve_opts *opts)
{
    *b = (weft__backgrounds){
        .scope = { .opts = { .forget = true }, .place = "background tasks" },
        .loop = weft__loop_here(),
        .count_max = opts->background_max > 0 ? (unsigned)opts->background_max : COUNT_MAX,
        .bytes_max = opts->request_bytes_max ? opts->request_bytes_max : BYTES_MAX,
        .grace_ms = opts->background_ms > 0 ? opts->background_ms : GRACE_MS,
        .hard_ms = opts->hard_ms > 0 ? opts->hard_ms : WEFT__HARD_MS,
    };
    weft__scope_enter(&b->scope);
    *weft__loop_slot(b->loop, WEFT__SLOT_BACKGROUND) = b;
}

void weft__backgrounds_hurry(weft__backgrounds *b)
{
    b->hurry = true;
    if (b->closer) weft__wake(b->closer, 0);
}

/* Until none is left, or the time is over. Who is in a hurry skips the grace, and not the time that a cancel needs. */
static void drain(weft__backgrounds *b, int ms, bool gracefully)
{
    int64_t until = weft__loop_clock(b->loop) + ms * INT64_C(1000000);
    b->closer = weft__self();
    while (b->count && !(gracefully && b->hurry) && weft__park("background tasks", until) >= 0) continue;
    b->closer = NULL;
}

static void say(const weft__backgrounds *b, weft_log_level level, const char *what)
{
    for (const weft__background *t = b->running; t; t = t->next)
        weft__log(level, "background task %s of %s %s", t->name, t->route, what);
}

static void end(weft__backgrounds *b)
{
    WEFT_SCOPE(shielded, .shield = true);
    drain(b, b->grace_ms, true);
    if (!b->count) return;
    say(b, WEFT_LOG_WARNING, b->hurry ? "is cancelled: the server stops, and a signal has skipped background_ms" : "is cancelled: the server stops, and background_ms is over");
    weft_cancel(&b->scope);
    drain(b, b->hard_ms, false);
    if (b->count) say(b, WEFT_LOG_ERROR, "still runs after background_ms and hard_ms; it ignores its cancel");
}

int weft__backgrounds_close(weft__backgrounds *b)
{
    weft_scope *scope = &b->scope;
    end(b);
    if (b->count) return WEFT_ETIMEDOUT;
    *weft__loop_slot(b->loop, WEFT__SLOT_BACKGROUND) = NULL;
    weft__scope_leave(&scope);
    return 0;
}
