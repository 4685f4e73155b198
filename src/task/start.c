/* A task that somebody waits for until it says that it is ready. Until then its failure is told to
 * that one alone: its call has an .error, which lies here. */
#include "task/start.h"
#include "task/waiters.h"

typedef struct starting {
    weft_error error;                    /* first: the fiber's `alone` points to it */
    weft_error *after;                   /* the call's own .error, once the task has started */
    weft__fiber *waiter;
    weft_task *task;
    weft__record *record;                /* of its failure */
    int rc;
    bool started, over, given_up;
} starting;

typedef struct start_held { weft__held held; const starting *start; } start_held;

static weft_task *holder(const weft__held *held, int i)
{
    return i ? NULL : ((const start_held *)held)->start->task;
}

void weft_started(void)
{
    weft__fiber *f = weft__running();
    if (!f || !f->starting) return;
    starting *s = (starting *)f->alone;
    if (s->given_up) return;                         /* whoever waits does so for its end */
    f->starting = false;
    f->alone = s->after;
    s->started = true;
    weft__wake(s->waiter, 0);
}

void weft__start_over(weft__fiber *f, weft_task *t)
{
    starting *s = (starting *)f->alone;
    s->over = true;
    s->rc = t->rc;
    s->record = weft__record_copy(t->error);
    if (s->after) *s->after = s->error;
    weft__wake(s->waiter, 0);
}

/* Told to end, and waited for: no child remains. What it said of its end is not what its starter
 * is told. */
static int give_up(starting *s, const start_held *on, int rc)
{
    s->given_up = true;
    weft_task_cancel(s->task);
    while (!s->over) weft__park_through("a task to end that did not start", &on->held);
    weft__record_free(s->record);
    return rc;
}

static int died(const starting *s, const char *name, const char *place)
{
    if (s->rc >= 0) {
        return weft__fail_as(place, WEFT_ENOSTART, 0,
            "task %s returned without weft_started()", name);
    }
    weft__errors *mine = weft__errors_here(true);
    if (s->record) weft__errors_put(mine, s->record);
    return s->rc;
}

int weft__spawn_started(weft_scope *scope, const char *place, weft_call call)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task("weft_start");
    int rc = weft__checkpoint();
    if (rc < 0) return rc;
    if (!scope || scope->closed || !scope->entered) {
        return weft__fail_as(place, WEFT_ECLOSED, 0, "weft_start(%s): the scope was left",
            call.name);
    }
    starting s = { .after = call.error, .waiter = f };
    call.error = &s.error;
    s.task = weft__task_new(scope, place, &call);
    if (!s.task) return WEFT_ENOMEM;
    s.task->fiber->starting = true;
    start_held on = { { "task", call.name, holder }, &s };
    while (!s.started && !s.over) {
        rc = weft__park_until("a task to start", &on.held, INT64_MAX);
        if (rc < 0 && !s.started && !s.over) return give_up(&s, &on, rc);
    }
    return s.started ? 0 : died(&s, call.name, place);
}
