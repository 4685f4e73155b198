/* The scheduler: a FIFO of ready fibers that switch to each other directly; the loop's own stack polls, fires
 * timers and runs what the poller tells. */
#include "task/counts.h"
#include "task/loop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/author.h"
#include "base/mem.h"
#include "task/census.h"
#include "task/fiber.h"
#include "task/inspect.h"
#include "task/job.h"
#include "task/sanitizer.h"

_Thread_local weft__loop *weft__the_loop;

/* A program's own arena: what main-like tasks allocate outside of any WEFT_TEMP. */
static const size_t PROGRAM_BYTES_MAX = (size_t)1 << 30;
enum { CROWD = 128, TIMERS_LEAST = 8, SOME_MOST = 1024 };
enum { BLOCKS_KEPT = 4096, LEFT_BYTES_MAX = 2048 };

weft__loop *weft__loop_here(void) { return weft__the_loop; }
weft__os *weft__loop_os(weft__loop *loop) { return loop->os; }
int64_t weft__loop_now(weft__loop *loop) { return loop->now_ns; }
bool weft__loop_crowded(const weft__loop *loop) { return loop->stacks.in_use > CROWD; }
int64_t weft__loop_clock(weft__loop *loop) { return loop->now_ns = loop->os->ops->now_ns(loop->os); }
weft__block_pool *weft__loop_blocks(weft__loop *loop) { return &loop->blocks; }
void **weft__loop_slot(weft__loop *loop, int which) { return &loop->slots[which]; }
weft__fiber *weft__self(void) { return weft__the_loop ? weft__the_loop->current : NULL; }
void weft__task_label(const char *label) { if (weft__self()) weft__self()->label = label; }
weft__loop_counts weft__loop_counts_of(weft__loop *loop) { return (weft__loop_counts){ loop->tasks_started, loop->stacks.in_use }; }
void weft__task_work(void *work) { if (weft__self()) weft__self()->work = work; }
const char *weft__task_label_of(const weft_task *t) { return t->fiber ? t->fiber->label : NULL; }
int64_t weft_now_ns(void) { return weft__the_loop ? weft__the_loop->now_ns : 0; }

/* ---- the ready queue ---- */

/* In the simulator the order of those that are ready is drawn, and who gives way must not be drawn before them. */
void weft__ready_again(weft__fiber *f)
{
    weft__loop *loop = f->loop;
    if (!loop->traced) {
        weft__ready(f);
        return;
    }
    f->state = WEFT__READY;
    f->next = NULL;
    *loop->again_end = f;
    loop->again_end = &f->next;
}

enum { LINE = 64, LINES_AHEAD = 10, MANY = 16 };

/* The stack of the task after next is fetched while this one runs: with hundreds of parked tasks it has long left
 * the processor's caches. */
static inline void fetch_ahead(const weft__fiber *f)
{
    const char *sp = f->context.sp;
    for (int i = 0; i < LINES_AHEAD; i++) __builtin_prefetch(sp + i * LINE, 1);
}

static inline weft__fiber *ready_pop(weft__loop *loop)
{
    weft__fiber *f = loop->ready;
    loop->ready = f->next;
    if (!loop->ready) loop->ready_end = &loop->ready;
    else if (loop->many) fetch_ahead(loop->ready);
    return f;
}

/* ---- switching ---- */

/* All of the way from a wait to the switch is inlined into the function that waits: each `ret` behind a switch is one
 * that the processor mispredicts, because it remembers the calls of the task that was left. */
static inline __attribute__((always_inline)) void switch_to(weft__loop *loop, weft__fiber *from, weft__fiber *to, bool for_good)
{
    __atomic_store_n(&loop->current, to, __ATOMIC_RELAXED);
    loop->budget = WEFT__BUDGET;
    if (to) to->state = WEFT__RUNNING;
    sanitizer_leave(loop, from, to, for_good);
    weft__switch(from ? &from->context : &loop->context, to ? &to->context : &loop->context);
    sanitizer_arrive(loop, from);
}

/* Who runs after the current fiber: the next ready one directly, or the loop when it is its turn. In the
 * simulator the loop picks each one. */
static inline weft__fiber *successor(weft__loop *loop)
{
    if (!loop->ready || loop->traced || --loop->turn <= 0) return NULL;
    return ready_pop(loop);
}

static inline __attribute__((always_inline)) void suspend(weft__loop *loop)
{
    weft__fiber *from = loop->current, *to = successor(loop);
    if (!from) __builtin_unreachable();              /* the loop's own stack never waits */
    if (__builtin_expect(loop->in_leaf || weft__author_runs, 0)) weft__wait_forbidden(loop);
    if (to == from) {
        from->state = WEFT__RUNNING;
        loop->budget = WEFT__BUDGET;
        return;
    }
    switch_to(loop, from, to, false);
}

/* Every call made here has returned before the switch, which is inlined: the processor then still remembers the calls
 * of the task that waits for this one, and predicts its returns. */
void weft__fiber_main(void)
{
    weft__loop *loop = weft__the_loop;
    weft__fiber *f = loop->current;
    sanitizer_arrive(loop, f);
    weft__task_run(f);
    weft__census_end(f);
    weft__fiber *to = successor(loop);
    sanitizer_stack_over(f);
    weft__stack_give(&loop->stacks, f->stack);
    switch_to(loop, f, to, true);
    __builtin_unreachable();
}

/* ---- waiting ---- */

static void park_deadline(weft__timer *t)
{
    weft__wake((weft__fiber *)((char *)t - offsetof(weft__fiber, timer)), WEFT__DEADLINE);
}

static inline __attribute__((always_inline)) int park(weft__fiber *f, const char *what, int64_t deadline_ns)
{
    weft__loop *loop = f->loop;
    if (deadline_ns != INT64_MAX) {
        f->timer.fire = park_deadline;
        if (weft__timers_start(&loop->timers, &f->timer, deadline_ns) < 0) return WEFT_ENOMEM;
    }
    f->state = WEFT__PARKED;
    f->waits_for = what;
    f->waits_since_ns = loop->now_ns;
    suspend(loop);
    if (f->timer.place) weft__timers_stop(&loop->timers, &f->timer);
    return f->wake_rc;
}

/* Only what waits on something known touches the cache line of `held`. */
static inline __attribute__((always_inline)) int park_on(weft__fiber *f, const char *what, const weft__held *on, int64_t deadline_ns)
{
    if (!on) return park(f, what, deadline_ns);
    f->held = on;
    int rc = park(f, what, deadline_ns);
    f->held = NULL;
    return rc;
}

void weft__step_aside(weft__fiber *f)
{
    weft__ready_again(f);
    suspend(f->loop);
}

/* A shield that was raised after the cancel does not undo it: nothing that this waited for has come. */
int weft__deliver(weft__fiber *f, int rc)
{
    int told = rc == WEFT_ECANCELED ? weft__scope_deliver(f) : 0;
    return told ? told : rc;
}

int weft__park_until(const char *what, const weft__held *on, int64_t deadline_ns)
{
    weft__fiber *f = weft__running();
    if (__builtin_expect(!f, 0)) return weft__no_task(what);
    int rc = weft__scope_effective(f->scope);
    bool cancelled = rc != 0;
    if (__builtin_expect(cancelled, 0)) weft__step_aside(f);         /* a cancelled wait still lets others run */
    else rc = park_on(f, what, on, deadline_ns);
    /* A cancel that came after the wake does not undo it: the result stands. Nor does a shield that was raised
     * after the cancel: nothing that this waits for has come. */
    if (__builtin_expect(cancelled || rc == WEFT_ECANCELED, 0)) {
        int told = weft__scope_deliver(f);
        return told ? told : rc;
    }
    return rc;
}

int weft__park(const char *what, int64_t deadline_ns)
{
    return weft__park_on(what, NULL, deadline_ns);
}

int weft__park_on(const char *what, const weft__held *on, int64_t deadline_ns)
{
    int rc = weft__park_until(what, on, deadline_ns);
    if (rc != WEFT__DEADLINE) return rc;
    weft__running()->late_place = NULL;              /* it is no scope's, and the caller has words for it */
    return WEFT_ETIMEDOUT;
}

int weft__park_undelivered(const char *what, const weft__held *on, int64_t deadline_ns)
{
    return park_on(weft__running(), what, on, deadline_ns);
}

int weft__park_through(const char *what, const weft__held *on)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task(what);
    f->uncancellable = true;
    int rc = park_on(f, what, on, INT64_MAX);
    f->uncancellable = false;
    return rc;
}

bool weft__wake(weft__fiber *f, int rc)
{
    if (f->state != WEFT__PARKED) return false;
    f->wake_rc = rc;
    weft__ready(f);
    return true;
}

int weft__cancelled(void)
{
    weft__fiber *f = weft__running();
    return f && weft__scope_effective(f->scope) ? weft__scope_deliver(f) : 0;
}

int weft_yield(void)
{
    weft__fiber *f = weft__running();
    if (__builtin_expect(!f, 0)) return weft__no_task("weft_yield");
    weft__ready_again(f);
    suspend(f->loop);
    return __builtin_expect(weft__scope_effective(f->scope) != 0, 0) ? weft__scope_deliver(f) : 0;
}

/* Operations count as switches do, so that the poller is asked anew after some WEFT__TURN * WEFT__PER_SWITCH of them at
 * most, whoever makes them. True: the running task has had its share. */
static inline bool spend(weft__loop *loop)
{
    if (--loop->budget % WEFT__PER_SWITCH == 0) loop->turn--;
    return loop->budget <= 0;
}

int weft__checkpoint(void)
{
    weft__fiber *f = weft__running();
    if (!f) return 0;
    if (__builtin_expect(spend(f->loop), 0) && !weft__author_runs) return weft_yield();
    return __builtin_expect(weft__scope_effective(f->scope) != 0, 0) ? weft__scope_deliver(f) : 0;
}

void weft__give_way(void)
{
    weft__fiber *f = weft__running();
    if (f && spend(f->loop) && !weft__author_runs) weft__step_aside(f);
}

int weft_sleep_ms(int64_t ms)
{
    weft__fiber *f = weft__running();
    if (__builtin_expect(!f, 0)) return weft__no_task("weft_sleep_ms");
    if (ms <= 0) return weft_yield();
    int64_t now = weft__loop_clock(f->loop);             /* the task may have worked for long since the turn began */
    int64_t ns = ms > (INT64_MAX - now) / 1000000 ? INT64_MAX - 1 : now + ms * 1000000;
    int rc = weft__park_until("a timer", NULL, ns);
    return rc == WEFT__DEADLINE ? 0 : rc;
}

int weft__timer_start(weft__loop *loop, weft__timer *t, int64_t at_ns) { return weft__timers_start(&loop->timers, t, at_ns); }
void weft__timer_stop(weft__loop *loop, weft__timer *t) { weft__timers_stop(&loop->timers, t); }
int weft__timer_keep(weft__loop *loop) { return weft__timers_keep(&loop->timers); }
void weft__timer_start_kept(weft__loop *loop, weft__timer *t, int64_t at_ns) { weft__timers_start_kept(&loop->timers, t, at_ns); }

/* ---- the loop's own turn ---- */

/* Take a whole queue into the round, its order drawn by the seed. 0 without memory: the order is then as it came. */
static uint32_t round_take(weft__loop *loop, weft__fiber **first)
{
    uint32_t n = 0;
    for (weft__fiber *f = *first; f; f = f->next) n++;
    if (n > loop->round_room) {
        weft__fiber **more = weft__realloc(loop->round, n * sizeof *more);
        if (!more) return 0;
        loop->round = more;
        loop->round_room = n;
    }
    n = 0;
    for (weft__fiber *f = *first; f; f = f->next) loop->round[n++] = f;
    *first = NULL;
    for (uint32_t i = n; loop->os->shuffle && i > 1; i--) {
        uint32_t k = (uint32_t)(loop->os->ops->random(loop->os) % i);
        weft__fiber *f = loop->round[k];
        loop->round[k] = loop->round[i - 1];
        loop->round[i - 1] = f;
    }
    return n;
}

static void run_queue(weft__loop *loop, weft__fiber *first)
{
    uint32_t n = round_take(loop, &first);
    for (uint32_t i = 0; i < n || first; i++) {
        weft__fiber *f = i < n ? loop->round[i] : first;
        if (i >= n) first = f->next;
        loop->os->ops->trace(loop->os, f->serial);
        loop->turn--;
        switch_to(loop, NULL, f, false);
    }
}

/* A round of the simulator: every task that is ready once, then those that gave way to them. Each switch is in
 * the trace. */
static void round_traced(weft__loop *loop)
{
    weft__fiber *ready = loop->ready, *gave_way = loop->again;
    loop->ready = loop->again = NULL;
    loop->ready_end = &loop->ready;
    loop->again_end = &loop->again;
    run_queue(loop, ready);
    run_queue(loop, gave_way);
}

static void run_ready(weft__loop *loop)
{
    loop->turn = WEFT__TURN;
    if (loop->traced) {
        round_traced(loop);
        return;
    }
    if (!loop->ready) return;
    switch_to(loop, NULL, ready_pop(loop), false);
}

static void deadlocked(weft__loop *loop)
{
    if (loop->top.reason) {
        weft__say("weft: tasks wait for what can never come, even after a cancel:\n");
        weft__dump(loop, &(weft_tasks_opts){ 0 });
        abort();
    }
    weft__say("weft: nothing can wake what waits:\n");
    weft__dump(loop, &(weft_tasks_opts){ 0 });
    weft__scope_cancel(&loop->top, WEFT_EDEADLK);
}

/* To go on would be to spin. */
static _Noreturn WEFT__COLD void cannot_wait(int code)
{
    weft__say("weft: the loop cannot wait for events any more: %s; was its epoll descriptor closed?\n",
        weft__code_text(code));
    abort();
}

/* From now, not from when the turn began: what its tasks computed since then must not be waited for once more. */
static int64_t time_to_wait(weft__loop *loop)
{
    if (loop->ready || loop->again) return 0;
    int64_t next = weft__timers_next(&loop->timers);
    if (next == INT64_MAX) return -1;
    int64_t now = weft__loop_clock(loop);
    return next > now ? next - now : 0;
}

void weft__loop_forget(weft__loop *loop, const weft__watch *w)
{
    for (int i = loop->event_at; i < loop->event_count; i++) {
        if (loop->events[i].cookie == w) loop->events[i].cookie = NULL;
    }
}

void weft__loop_hook(weft__loop *loop, weft__hook *hook)
{
    hook->next = loop->hooks;
    loop->hooks = hook;
}

void weft__loop_hook_last(weft__loop *loop, weft__hook *hook)
{
    weft__hook **at = &loop->hooks;
    while (*at) at = &(*at)->next;
    hook->next = NULL;
    *at = hook;
}

void weft__loop_unhook(weft__loop *loop, weft__hook *hook)
{
    weft__hook **at = &loop->hooks;
    while (*at && *at != hook) at = &(*at)->next;
    if (*at) *at = hook->next;
}

int64_t weft__loop_turn_ns(const weft__loop *loop) { return loop->turn_ns; }

int weft__loop_some(const weft__loop *loop, int least, int each_ms)
{
    int64_t n = least + loop->turn_ns / 1000000 * each_ms;
    return n < SOME_MOST ? (int)n : SOME_MOST;
}

/* Of ten thousand that are due together a few in each turn, or whoever comes meanwhile would wait for them all; but as many as others had of it, events or
 * tasks that no timer woke, and more where these took long, or those who sleep would wait for those who never do. */
static void fire_timers(weft__loop *loop, int events, bool waited)
{
    int others = waited ? 0 : WEFT__TURN - loop->turn - loop->fired, some = weft__loop_some(loop, TIMERS_LEAST, 2);
    if (others < events) others = events;
    loop->fired = weft__timers_fire(&loop->timers, loop->now_ns, others < some ? some : others);
}

static void poll(weft__loop *loop)
{
    weft__os *os = loop->os;
    for (weft__hook *h = loop->hooks; h; h = h->next) h->run(h);
    int64_t timeout = time_to_wait(loop), worked_until = loop->now_ns;
    if (timeout) weft__stack_trim(&loop->stacks, loop->now_ns);
    __atomic_store_n(&loop->polling, true, __ATOMIC_RELAXED);
    int n = os->ops->wait(os, loop->events, WEFT__EVENTS_AT_ONCE, timeout);
    __atomic_store_n(&loop->turns, loop->turns + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&loop->polling, false, __ATOMIC_RELAXED);
    loop->now_ns = os->ops->now_ns(os);
    loop->turn_ns = (timeout ? worked_until : loop->now_ns) - loop->began_ns;
    loop->began_ns = loop->now_ns;
    if (n == WEFT_EDEADLK) deadlocked(loop);
    else if (n < 0) cannot_wait(n);
    loop->event_count = n > 0 ? n : 0;
    loop->many = n >= MANY;
    for (loop->event_at = 0; loop->event_at < loop->event_count; loop->event_at++) {
        weft__event *e = &loop->events[loop->event_at];
        if (loop->event_at + 2 < n) __builtin_prefetch(e[2].cookie, 1);
        weft__watch *w = e->cookie;
        if (w) w->ready(w, e->ready);
    }
    loop->event_count = 0;
    fire_timers(loop, n, timeout != 0);
}

int weft__loop_begin(weft__loop *loop, weft_call call)
{
    weft__loop *before = weft__the_loop;
    weft__the_loop = loop;
    loop->began_ns = loop->now_ns = loop->os->ops->now_ns(loop->os);
    sanitizer_loop_start(loop);
    weft__os_guard_report(weft__guard_of);
    if (!loop->signal_stack) (void)weft__os_signal_stack(&loop->signal_stack);   /* without: a report without a name */
    weft__scope_init(&loop->top, NULL, NULL, 0);
    loop->top.place = "the program";
    loop->top.arena = &loop->arena;
    loop->root = weft__task_new(&loop->top, "the program", &call);
    weft__buf_clear(&loop->left);
    weft__the_loop = before;
    return loop->root ? 0 : WEFT_ENOMEM;
}

bool weft__loop_until(weft__loop *loop, const bool *pause)
{
    weft__loop *before = weft__the_loop;
    weft__the_loop = loop;
    while (loop->top.running && !*pause) {
        run_ready(loop);
        if (loop->top.running && !*pause) poll(loop);
    }
    weft__the_loop = before;
    return !loop->top.running;
}

int weft__loop_end(weft__loop *loop)
{
    weft__loop *before = weft__the_loop;
    weft_task *root = loop->root;
    int rc = root->rc;
    weft__the_loop = loop;
    loop->root = NULL;
    weft__errors_clear();
    if (root->error) weft__errors_put(weft__errors_here(true), weft__record_copy(root->error));   /* for after the run */
    while (loop->top.tasks) weft__task_free(loop, loop->top.tasks);
    weft__record_free(loop->top.error);
    if (rc >= 0 && loop->arena.lost) rc = weft_fail(WEFT_ELIMIT, "the program's memory: more than %zu bytes", loop->arena.bytes_max);
    weft__arena_free(&loop->arena);
    weft__the_loop = before;
    return rc;
}

int weft__loop_run(weft__loop *loop, weft_call call)
{
    static const bool never;
    int rc = weft__loop_begin(loop, call);
    if (rc < 0) return rc;
    (void)weft__loop_until(loop, &never);
    return weft__loop_end(loop);
}

void weft__loop_stop(weft__loop *loop) { weft__scope_cancel(&loop->top, WEFT_ECANCELED); }

weft__loop *weft__loop_new(weft__os *os)
{
    weft__loop *loop = weft__calloc(sizeof *loop);
    if (!loop) return NULL;
    loop->events = weft__malloc(WEFT__EVENTS_AT_ONCE * sizeof *loop->events);
    if (!loop->events) {
        weft__free(loop);
        return NULL;
    }
    loop->os = os;
    weft__buf_init(&loop->left, LEFT_BYTES_MAX);
    loop->ready_end = &loop->ready;
    loop->again_end = &loop->again;
    loop->traced = os->ops->trace != NULL;
    loop->blocks.keep_max = BLOCKS_KEPT;
    weft__arena_init(&loop->arena, &loop->blocks, PROGRAM_BYTES_MAX);
    return loop;
}

int weft__loop_on_free(weft__loop *loop, void (*fn)(void *arg), void *arg)
{
    weft__on_free *o = weft__malloc(sizeof *o);
    if (!o) return WEFT_ENOMEM;
    *o = (weft__on_free){ fn, arg, loop->on_free };
    loop->on_free = o;
    return 0;
}

void weft__loop_free(weft__loop *loop)
{
    if (!loop) return;
    while (loop->on_free) {
        weft__on_free *o = loop->on_free;
        loop->on_free = o->next;
        o->fn(o->arg);
        weft__free(o);
    }
    while (loop->handles) {
        weft_task *t = loop->handles;
        loop->handles = t->next;
        weft__free(t);
    }
    weft__locals_spare_free(loop);
    weft__os_signal_stack_free(loop->signal_stack);
    weft__timers_free(&loop->timers);
    weft__buf_free(&loop->left);
    weft__stack_pool_free(&loop->stacks);
    weft__arena_free(&loop->arena);
    weft__block_pool_free(&loop->blocks);
    weft__free(loop->events);
    weft__free(loop->scrap);
    weft__free(loop->round);
    weft__free(loop);
}
