/* Scopes and cancellation. A cancel is pushed down the tree once, so that a wait asks one word: what is in force
 * in its innermost scope. The outermost cancelled scope decides the code, because that is where the error
 * has to travel to. */
#include "task/fiber.h"
#include "task/inspect.h"
#include "task/job.h"

/* Is what is in force in a scope the failure of a task, and no cancel or deadline? */
static bool is_failure(const weft_scope *s)
{
    return s->inherited ? s->failure_around : s->failed && s->reason == s->failed;
}

/* What a scope hands on to one below it: the failure of a task is told to the scope's owner alone, for all
 * others it is a cancel. */
static int handed_on(const weft_scope *from, const weft_scope *to)
{
    int code = weft__scope_effective(from);
    if (to->opts.shield) return 0;
    return to->owner != from->owner && is_failure(from) ? WEFT_ECANCELED : code;
}

int weft__scope_tasks_told(const weft_scope *s)
{
    return is_failure(s) ? WEFT_ECANCELED : weft__scope_effective(s);
}

static void inherit(weft_scope *s)
{
    s->inherited = handed_on(s->parent, s);
    s->failure_around = s->inherited && s->owner == s->parent->owner && is_failure(s->parent);
}

static void wake_owner(weft_scope *s)
{
    weft__fiber *f = s->owner;
    if (f && f->scope == s && !f->uncancellable) weft__wake(f, WEFT_ECANCELED);
}

/* The next scope of the tree below `top` in pre-order, not entering s when `over` it; without recursion. */
static weft_scope *walk(weft_scope *top, weft_scope *s, bool into)
{
    if (into && s->first_child) return s->first_child;
    while (s != top) {
        if (s->next) return s->next;
        s = s->parent;
    }
    return NULL;
}

static void push_down(weft_scope *top)
{
    wake_owner(top);
    bool into = true;
    for (weft_scope *s = walk(top, top, true); s; s = walk(top, s, into)) {
        int code = handed_on(s->parent, s);
        into = code != s->inherited;
        if (!into) continue;
        inherit(s);
        if (weft__scope_effective(s)) wake_owner(s);
    }
}

void weft__scope_cancel(weft_scope *s, int reason)
{
    if (s->reason) return;
    s->reason = reason;
    if (!s->inherited) push_down(s);
}

static void deadline_passed(weft__timer *t)
{
    weft__scope_cancel((weft_scope *)((char *)t - offsetof(weft_scope, timer)), WEFT_ETIMEDOUT);
}

static void set_deadline(weft_scope *s, int timeout_ms)
{
    weft__loop *loop = weft__the_loop;
    weft__timers_stop(&loop->timers, &s->timer);
    if (!timeout_ms) return;
    s->timer.fire = deadline_passed;
    int64_t at = weft__loop_clock(loop) + (int64_t)timeout_ms * 1000000;
    /* Without memory for the timer the deadline cannot be kept: better an early end than none. */
    if (timeout_ms < 0 || weft__timers_start(&loop->timers, &s->timer, at) < 0) {
        weft__scope_cancel(s, timeout_ms < 0 ? WEFT_ETIMEDOUT : WEFT_ENOMEM);
    }
}

void weft__scope_init(weft_scope *s, weft_scope *parent, weft__fiber *owner, int timeout_ms)
{
    s->owner = owner;
    s->parent = parent;
    s->first_child = s->next = s->prev = NULL;
    s->tasks = NULL;
    s->error = NULL;
    s->timer.place = 0;
    s->running = 0;
    s->reason = s->failed = 0;
    s->entered = true;
    s->closed = s->caught = s->failed_told = s->cut = s->failure_around = false;
    s->joiners = NULL;
    s->inherited = 0;
    if (parent) {
        if (weft__scope_effective(parent)) inherit(s);
        s->next = parent->first_child;
        if (s->next) s->next->prev = s;
        parent->first_child = s;
    }
    if (timeout_ms) set_deadline(s, timeout_ms);
}

void weft__scope_unlink(weft_scope *s)
{
    if (s->timer.place) weft__timers_stop(&weft__the_loop->timers, &s->timer);
    if (s->next) s->next->prev = s->prev;
    if (s->prev) s->prev->next = s->next;
    else if (s->parent) s->parent->first_child = s->next;
    s->closed = true;
}

weft_scope *weft__scope_enter(weft_scope *s)
{
    weft__fiber *f = weft__running();
    if (!f) {
        weft__no_task("WEFT_SCOPE");                  /* in a job: never entered, and what is spawned into it is refused */
        return s;
    }
    weft__scope_init(s, f->scope, f, s->opts.timeout_ms);
    s->arena = f->arena;
    f->scope = s;
    return s;
}

static void attach(weft__record *first, const weft_task *t)
{
    const char *text = t->error ? t->error->error.text : weft__code_text(t->rc);
    if (first) weft__record_line(first, "also failed: task %s, started at %s: %s", t->name, t->place, text);
}

void weft__scope_note(weft_scope *s, weft_task *t)
{
    if (!s->failed) {
        s->failed = t->rc;
        weft__record *r = t->error ? weft__record_copy(t->error) : weft__record_new(t->rc, 0, NULL);
        if (r) weft__record_line(r, "in task %s, started at %s", t->name, t->place);
        if (r) r->task = t->name, r->place = t->place;
        s->error = r;
        return;
    }
    attach(s->error, t);
    if (s->failed_told && s->owner && s->owner->errors) attach(weft__errors_find(s->owner->errors, s->failed), t);
}

/* A task failed while others run in its scope: the first failure ends them all, later ones are attached. */
void weft__scope_failed(weft_scope *s, weft_task *t)
{
    bool first = !s->failed;
    weft__scope_note(s, t);
    if (first) weft__scope_cancel(s, t->rc);
}

/* The failure of a scope, told to its owner: found by weft_error_of from now on. */
int weft__scope_tell(weft_scope *s)
{
    if (!s->failed_told && s->error) weft__errors_put(weft__errors_here(true), weft__record_copy(s->error));
    s->failed_told = true;
    return s->failed;
}

int weft__scope_deliver(weft__fiber *f)
{
    int code = weft__scope_effective(f->scope);
    if (!code) return 0;
    weft_scope *whose = f->scope;
    for (weft_scope *s = f->scope; s; s = s->parent) {
        if (s->reason) whose = s;
        if (!s->inherited) break;
    }
    if (is_failure(whose)) {
        if (whose->owner == f) weft__scope_tell(whose);
        return code;
    }
    /* The same cancel again is the same failure; a new one has a record of its own. */
    if (!whose->caught && f->errors) weft__errors_over(f->errors, code);
    f->late_place = code == WEFT_ETIMEDOUT ? whose->place : NULL;
    f->late_ms = whose->opts.timeout_ms;
    whose->caught = true;
    return code;
}

static void join_begin(weft_scope *s, weft__fiber *f, uint32_t left)
{
    s->wake_at = left;
    f->next_waiter = s->joiners;
    s->joiners = f;
}

static void join_end(weft_scope *s, weft__fiber *f)
{
    weft__fiber **at = &s->joiners;
    while (*at && *at != f) at = &(*at)->next_waiter;
    if (*at) *at = f->next_waiter;
}

void weft__scope_joined(weft_scope *s)
{
    for (weft__fiber *f = s->joiners; f; f = f->next_waiter) weft__wake_parked(f, 0);
}

weft_task *weft__scope_holder(const weft__held *held, int i)
{
    weft_task *t = ((const weft__joined *)held)->scope->tasks;
    while (t && (t->done || i-- > 0)) t = t->next;
    return t;
}

static weft__joined joined(const weft_scope *s)
{
    return (weft__joined){ { "scope", s->place, weft__scope_holder }, s };
}

void weft__scope_await(weft_scope *s, uint32_t left, const char *what)
{
    weft__fiber *f = weft__running();
    weft__joined on = joined(s);
    while (s->running > left) {
        join_begin(s, f, left);
        weft__park_through(what, &on.held);
        join_end(s, f);
    }
}

static void log_failure(const weft_scope *s)
{
    const weft__record *r = s->error;
    if (r) weft__record_log(r, r->task, r->place);
    else weft__say("weft: a task of the scope at %s failed and nobody awaited it: %s\n", s->place, weft__code_text(s->failed));
}

static void free_tasks(weft_scope *s)
{
    while (s->tasks) weft__task_free(weft__the_loop, s->tasks);
}

void weft__scope_leave(weft_scope *const *sp)
{
    weft_scope *s = *sp;
    weft__fiber *f = s->owner;
    if (!s->entered) return;
    bool left = s->running && f->task == f->loop->root && !weft__scope_effective(s);
    if (left) weft__left_note(f->loop, s);
    if (s->running) {
        weft__scope_cancel(s, WEFT_ECANCELED);
        weft__scope_await(s, 0, "the tasks of a scope to end");
    }
    s->closed = true;
    /* Whoever joined it from elsewhere has been woken, and looks at it once more. */
    while (s->joiners) weft__step_aside(f);
    f->scope = s->parent;
    weft__scope_unlink(s);
    if (s->failed && !s->failed_told) log_failure(s);
    free_tasks(s);
    weft__record_free(s->error);
    s->error = NULL;
    if (left) f->loop->left_turn = f->loop->turns;    /* as of its end, which may have taken long */
    weft__give_way();                                 /* leaving is a place where others may run */
}

int weft_join(weft_scope *s)
{
    if (!weft__running()) return weft__no_task("weft_join");
    int rc = s->running ? 0 : weft_yield();
    weft__joined on = joined(s);
    while (s->running) {
        weft__fiber *f = weft__running();
        join_begin(s, f, 0);
        rc = weft__park_until("the tasks of a scope", &on.held, INT64_MAX);
        join_end(s, f);
        if (s->failed) weft__scope_await(s, 0, "the tasks of a scope to end");
        else if (rc < 0) return rc;
    }
    return s->failed ? weft__scope_tell(s) : rc;
}

/* The task whose scope this one was started in. */
static const weft__fiber *around(const weft__fiber *f) { return f->task->scope ? f->task->scope->owner : NULL; }

void *weft__work_here(void)
{
    const weft__fiber *f = weft__running();
    while (f && !f->work) f = around(f);
    return f ? f->work : NULL;
}

const char *weft__task_label_near(const weft__fiber *f)
{
    while (f && !f->label) f = around(f);
    return f ? f->label : NULL;
}

const char *weft__task_label_around(void) { return weft__task_label_near(weft__running()); }

void weft_cancel(weft_scope *s) { weft__scope_cancel(s, WEFT_ECANCELED); }
bool weft_scope_cancelled(const weft_scope *s) { return weft__scope_effective(s) != 0; }
bool weft_scope_caught(const weft_scope *s) { return s->caught; }
void weft_scope_deadline(weft_scope *s, int ms)
{
    if (!s->entered) return;
    s->opts.timeout_ms = ms;
    set_deadline(s, ms);
}

void weft_scope_shield(weft_scope *s, bool shield)
{
    if (s->opts.shield == shield) return;
    s->opts.shield = shield;
    if (!s->parent || handed_on(s->parent, s) == s->inherited) return;
    inherit(s);
    push_down(s);
}
