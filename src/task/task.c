/* Tasks: from a call to a fiber on a stack of its own, and what is left of it for those who await it. */
#include "weft/task.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "task/census.h"
#include "task/fiber.h"
#include "task/job.h"
#include "task/lock.h"
#include "task/sanitizer.h"
#include "task/start.h"

/* Up to here an input is copied to the task's own stack, beyond to the heap. */
enum { INPUT_ON_STACK_MAX = 8 * 1024 };

static weft_task refused_closed = { .name = "(refused)", .place = "", .rc = WEFT_ECLOSED, .done = true };
static weft_task refused_in_job = { .name = "(refused)", .place = "", .rc = WEFT_EINVAL, .done = true };
static weft_task refused_memory = { .name = "(refused)", .place = "", .rc = WEFT_ENOMEM, .done = true };

weft_task *weft_task_self(void) { return weft__self() ? weft__self()->task : NULL; }
const char *weft_task_name(const weft_task *t) { return t->name; }
const char *weft_task_place(const weft_task *t) { return t->place; }
bool weft_task_done(const weft_task *t) { return t->done; }

/* ---- handles ---- */

static weft_task *handle_take(weft__loop *loop)
{
    weft_task *t = loop->handles;
    if (!t) return weft__malloc(sizeof *t);
    loop->handles = t->next;
    return t;
}

static void handle_link(weft_scope *s, weft_task *t)
{
    t->scope = s;
    t->prev = NULL;
    t->next = s->tasks;
    if (t->next) t->next->prev = t;
    s->tasks = t;
}

static void handle_unlink(weft_task *t)
{
    if (!t->scope) return;
    if (t->next) t->next->prev = t->prev;
    if (t->prev) t->prev->next = t->next;
    else t->scope->tasks = t->next;
    t->scope = NULL;
}

void weft__task_free(weft__loop *loop, weft_task *t)
{
    handle_unlink(t);
    if (t->awaiting) return;                         /* the last of those in weft_await of it will */
    weft__record_free(t->error);
    t->next = loop->handles;
    loop->handles = t;
}

void weft__record_log(const weft__record *r, const char *task, const char *place)
{
    weft__plain_line line;
    const char *text = weft__plain_text(&line, r->error.text), *trace = r->error.trace;
    if (*trace) weft__say("weft: a task failed and nobody awaited it: %s\n%s\n", text, trace);
    else weft__say("weft: task %s, started at %s, failed and nobody awaited it: %s\n", task, place, text);
}

/* ---- the end of a task ---- */

static void wake_waiters(weft_task *t)
{
    weft__fiber *w = t->waiters;
    t->waiters = NULL;
    while (w) {
        weft__fiber *next = w->next_waiter;
        weft__wake(w, 0);
        w = next;
    }
}

static bool is_cancel(int rc) { return rc == WEFT_ECANCELED || rc == WEFT_ETIMEDOUT || rc == WEFT_EDEADLK; }

/* A cancel that came from around the task is no failure of it; one that it made up is. */
static bool is_failure(const weft__fiber *f, int rc)
{
    if (rc >= 0) return false;
    if (!is_cancel(rc)) return true;
    return !f->root.inherited && !(rc == WEFT_ECANCELED && f->root.reason == WEFT_ECANCELED);
}

static void tell_alone(weft_error *to, weft_task *t, weft_arena *a)
{
    *to = (weft_error){ 0 };
    if (t->rc >= 0) return;
    const weft_error *e = t->error ? &t->error->error : weft__code_error(t->rc);
    *to = *e;
    weft_str text = weft__arena_dup(a, weft_str_of(e->text)), trace = weft__arena_dup(a, weft_str_of(e->trace));
    to->text = text.ptr ? text.ptr : weft__code_text(t->rc);
    to->trace = trace.ptr ? trace.ptr : "";
}

static void errors_over(weft__fiber *f, weft_task *t)
{
    if (!f->errors) return;
    if (t->rc < 0) t->error = weft__errors_take(f->errors, t->rc);
    weft__errors_drop(f->errors);
    weft__free(f->errors);
    f->errors = NULL;
}

static void told_alone(weft__fiber *f, weft_task *t)
{
    if (t->rc == WEFT_ETIMEDOUT && !t->error && f->late_place) t->error = weft__record_late(f);
    tell_alone(f->alone, t, t->scope->arena);
    if (f->starting) weft__start_over(f, t);
}

/* What a task leaves behind of its own making. */
static WEFT__COLD void left_behind(weft__fiber *f)
{
    weft__locks_left(f);
    weft__locals_drop(f->locals);
    f->locals = NULL;
}

void weft__task_renew(void)
{
    weft__errors_clear();
    weft__fiber *f = weft__running();
    if (f && (f->locks || f->locals)) left_behind(f);
}

/* A scope may decide for itself what the end of a task means to it (gather.c). */
static void tell_scope(weft_scope *s, weft_task *t, bool failed, bool alone)
{
    if (s->ended) s->ended(s, t, failed);
    else if (failed && !alone) weft__scope_failed(s, t);
}

void weft__task_run(weft__fiber *f)
{
    int rc = weft__call(f->fn, f->arity, f->in, f->out);
    if (__builtin_expect(f->locks || f->locals, 0)) left_behind(f);
    weft__loop *loop = f->loop;
    weft_task *t = f->task;
    weft_scope *s = t->scope;
    t->rc = rc;
    t->done = true;
    t->fiber = NULL;
    errors_over(f, t);
    bool failed = is_failure(f, rc), alone = f->alone != NULL;
    if (alone) told_alone(f, t);
    weft__scope_unlink(&f->root);
    if (f->input_on_heap) weft__free((void *)f->in);
    tell_scope(s, t, failed, alone);
    if (t->waiters) wake_waiters(t);
    if (is_cancel(rc) && (alone ? s->inherited != 0 : !failed)) s->cut = true;
    if (--s->running <= s->wake_at && s->joiners) weft__scope_joined(s);
    if (s->opts.forget) weft__task_free(loop, t);
}

/* ---- the start of a task ---- */

/* At the hot end of the stack lies the fiber, below it the input, below that the first frame: a parked task
 * touches one page. */
static weft__fiber *fiber_new(weft__loop *loop, const weft_call *c)
{
    void *heap = NULL;
    if (c->in_size > INPUT_ON_STACK_MAX && !(heap = weft__malloc(c->in_size))) return NULL;
    char *low = weft__stack_take(&loop->stacks);
    if (!low) {
        weft__free(heap);
        return NULL;
    }
    sanitizer_stack_clean(low);
    char *top = weft__stack_top(low);
    weft__fiber *f = (weft__fiber *)(top - ((sizeof *f + 63) & ~(size_t)63));
    char *sp = (char *)f;
    if (c->in_size && !heap) sp -= (c->in_size + 15) & ~(size_t)15;
    void *in = heap ? heap : sp;
    if (c->in_size) memcpy(in, c->in, c->in_size);
    f->loop = loop;
    f->errors = NULL;
    f->waits_for = "its start";
    f->waits_since_ns = loop->now_ns;
    f->serial = ++loop->tasks_started;
    f->timer.place = 0;
    f->uncancellable = false;
    f->input_on_heap = heap != NULL;
    f->starting = false;
    f->stack = low;
    f->fn = c->fn;
    f->in = c->in_size ? in : c->in;
    f->out = c->out;
    f->arity = c->arity;
    f->alone = c->error;
    f->held = NULL;
    f->mark = 0;
    f->label = NULL;
    f->work = NULL;
    f->late_place = NULL;
    f->locks = NULL;
    f->began_ns = loop->now_ns;
    weft__census_begin(f, sp);
    weft__context_make(&f->context, sp, weft__fiber_main);
    sanitizer_stack_new(f);
    return f;
}

weft_task *weft__task_new(weft_scope *s, const char *place, const weft_call *c)
{
    weft__loop *loop = weft__the_loop;
    weft_task *t = handle_take(loop);
    weft__fiber *f = t ? fiber_new(loop, c) : NULL;
    if (!f) {
        weft__free(t);
        return NULL;
    }
    *t = (weft_task){ .fiber = f, .name = c->name, .place = place };
    handle_link(s, t);
    f->task = t;
    f->locals = loop->current && loop->current->locals ? weft__locals_share(loop->current->locals) : NULL;
    f->root.opts = (weft_scope_opts){ .timeout_ms = c->timeout_ms };
    f->root.place = place;
    f->root.arena = f->arena = s->arena;
    f->scope = &f->root;
    f->state = WEFT__READY;                          /* before it has a deadline that may have passed */
    weft__scope_init(&f->root, s, f, c->timeout_ms);
    s->running++;
    weft__ready(f);
    return t;
}

/* By a pointer: a call that is copied as a whole right after its fields were set makes the processor wait for them. */
weft_task *weft__spawn(weft_scope *s, const char *place, const weft_call *c)
{
    if (__builtin_expect(!weft__running() && (weft__job_here() || !weft__the_loop), 0)) {
        weft__no_task("weft_spawn");                 /* returns in a job alone */
        if (c->error) *c->error = *weft_error_of(WEFT_EINVAL);
        return &refused_in_job;
    }
    if (!s || s->closed || !s->entered) {
        if (c->error) *c->error = *weft__code_error(WEFT_ECLOSED);
        return &refused_closed;
    }
    weft_task *t = weft__task_new(s, place, c);
    return t ? t : weft__task_refused(s, place, c);
}

weft_task *weft__task_refused(weft_scope *s, const char *place, const weft_call *c)
{
    weft_task named = { .name = c->name, .place = place, .rc = WEFT_ENOMEM };
    if (c->error) *c->error = *weft__code_error(WEFT_ENOMEM);
    tell_scope(s, &named, true, c->error != NULL);
    return &refused_memory;
}

int weft__start(weft_scope *s, const char *name, int (*fn)(void *arg), void *arg)
{
    if (s->closed || !s->entered) return WEFT_ECLOSED;
    weft_call c = { .fn = (weft__fn *)fn, .arity = 1, .in = arg, .name = name };
    return weft__task_new(s, s->place, &c) ? 0 : WEFT_ENOMEM;
}

int weft__start_kept(weft_scope *s, const char *name, const char *place, weft__local_value *values,
    int (*fn)(void *arg), void *arg)
{
    if (s->closed || !s->entered) return WEFT_ECLOSED;
    weft_call c = { .fn = (weft__fn *)fn, .arity = 1, .in = arg, .name = name };
    weft_task *t = weft__task_new(s, place, &c);
    if (!t) return WEFT_ENOMEM;
    weft__locals_drop(t->fiber->locals);
    t->fiber->locals = values;
    return 0;
}

/* ---- awaiting ---- */

static void waiter_remove(weft_task *t, weft__fiber *f)
{
    for (weft__fiber **at = &t->waiters; *at; at = &(*at)->next_waiter) {
        if (*at != f) continue;
        *at = f->next_waiter;
        return;
    }
}

typedef struct awaited { weft__held held; weft_task *task; } awaited;

static weft_task *awaited_holder(const weft__held *held, int i)
{
    return i ? NULL : ((const awaited *)held)->task;
}

/* 0: it has ended; < 0: this task was cancelled before that. */
static int wait_for_end(weft_task *t, weft__fiber *f)
{
    awaited on = { { "task", t->name, awaited_holder }, t };
    while (!t->done) {
        f->next_waiter = t->waiters;
        t->waiters = f;
        int rc = weft__park_until("another task's end", &on.held, INT64_MAX);
        waiter_remove(t, f);
        if (!t->done && rc < 0) return rc;
    }
    return 0;
}

/* A task that was cancelled because another failed is no news to the owner of their scope: the failure is. */
static int told_by(weft_task *t, weft__fiber *f)
{
    int rc = t->rc;
    if (rc >= 0) return rc;
    if (is_cancel(rc) && f && weft__scope_effective(f->scope)) return weft__scope_deliver(f);
    weft_scope *s = t->scope;
    if (s && s->failed == rc && s->error) return weft__scope_tell(s);
    weft__errors *mine = weft__errors_here(true);
    if (mine && t->error) weft__errors_put(mine, weft__record_copy(t->error));
    if (s && s->failed == rc) s->failed_told = true;
    return rc;
}

int weft_await(weft_task *t)
{
    weft__fiber *f = weft__running();
    if (!f && !t->done) return weft__job_here() ? weft__no_task("weft_await") : WEFT_EINVAL;
    if (t->done) {
        int told = told_by(t, f);
        weft__give_way();                            /* starves nobody; meanwhile the handle may go */
        return told;
    }
    t->awaiting++;
    int rc = wait_for_end(t, f);
    t->awaiting--;
    if (rc == 0) rc = told_by(t, f);
    if (t->done && !t->awaiting && !t->scope) weft__task_free(f->loop, t);
    return rc;
}

void weft_task_cancel(weft_task *t)
{
    if (t->fiber) weft__scope_cancel(&t->fiber->root, WEFT_ECANCELED);
}
