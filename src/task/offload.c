/* Pools of threads as a loop has them: places in them, and tasks that wait for what runs there. */
#include "task/offload.h"
#include "task/counts.h"
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "os/process.h"
#include "task/fiber.h"
#include "task/job.h"

enum { THREADS_LIMIT = 1024, QUEUE_USUAL = 1000, SIMULATED_CORES = 4 };
enum { STACK_USUAL = 2 << 20, STACK_LEAST = 64 << 10, STACK_MOST = 1 << 30 };
enum { TEXT_MAX = 96, NAME_SHOWN = 48 };

/* Where a work is. */
enum { WAITS = 1, IN, OVER };

typedef struct works { weft__thread_work *first, *last; int count; } works;

/* Invariant: while works wait for a place, the pool is full of works that are in it; so one of these will end, or be
 * taken back, and make room. */
struct weft__crew {
    weft__crew *next;
    weft__loop *loop;
    const weft_threads *threads;
    weft__pool *pool;
    works waiting, in;                   /* for a place, in order; those that have one */
    int threads_max;
    char text[TEXT_MAX], *counts;        /* "cpu: 4 running, 12 waiting"; from the first number on */
};

const weft_threads weft_blocking = { .name = "blocking", .threads_max = 64 };
const weft_threads weft__threads_cpu = { .name = "cpu" };
const weft_threads weft__threads_files = { .name = "files", .threads_max = 16 };

static void works_add(works *l, weft__thread_work *w)
{
    w->next = NULL;
    w->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = w;
    l->last = w;
    l->count++;
}

static void works_remove(works *l, weft__thread_work *w)
{
    *(w->prev ? &w->prev->next : &l->first) = w->next;
    *(w->next ? &w->next->prev : &l->last) = w->prev;
    l->count--;
}

/* ---- what the list of tasks says ---- */

static char *put_text(char *to, const char *text)
{
    size_t n = strnlen(text, NAME_SHOWN);
    memcpy(to, text, n);
    return to + n;
}

static char *put_count(char *to, int n)
{
    char digits[12], *at = digits + sizeof digits;
    do *--at = (char)('0' + n % 10);
    while (n /= 10);
    size_t len = (size_t)(digits + sizeof digits - at);
    memcpy(to, at, len);
    return to + len;
}

const char *weft__threads_name(const weft_threads *t) { return t->name ? t->name : "threads"; }

/* At each change, as tasks that wait have no say when they are listed. */
static void tell_counts(weft__crew *c)
{
    int running = c->in.count < c->threads_max ? c->in.count : c->threads_max;
    char *at = put_text(c->text, weft__threads_name(c->threads));
    c->counts = at = put_text(at, ": ");
    at = put_count(at, running);
    at = put_count(put_text(at, " running, "), c->in.count - running + c->waiting.count);
    *put_text(at, " waiting") = 0;
}

static bool has_begun(const weft__thread_work *w) { return __atomic_load_n(&w->begun, __ATOMIC_RELAXED); }

/* Who waits for a thread waits for those whose works run; who waits for its own work waits for no task. */
static weft_task *holder(const weft__held *held, int i)
{
    const weft__thread_work *mine = (const weft__thread_work *)((const char *)held - offsetof(weft__thread_work, held));
    const weft__thread_work *w = has_begun(mine) ? NULL : mine->crew->in.first;
    while (w && !(w->caller && has_begun(w) && i-- == 0)) w = w->next;
    return w ? w->caller->task : NULL;
}

/* ---- pools of this loop ---- */

static int refuse(const weft_threads *t, const char *what, long long is, const char *range)
{
    return weft_fail(WEFT_EINVAL, "thread pool %s: .%s is %lld; it must be %s", weft__threads_name(t), what, is, range);
}

static int check(const weft_threads *t)
{
    if (t->threads_max < 0 || t->threads_max > THREADS_LIMIT)
        return refuse(t, "threads_max", t->threads_max, "0 to 1024");
    if (t->queue_max < -1) return refuse(t, "queue_max", t->queue_max, "-1 (none) or more");
    if (t->when_full != WEFT_WAIT && t->when_full != WEFT_FAIL)
        return refuse(t, "when_full", t->when_full, "WEFT_WAIT or WEFT_FAIL");
    if (t->stack_bytes && (t->stack_bytes < STACK_LEAST || t->stack_bytes > STACK_MOST))
        return refuse(t, "stack_bytes", (long long)t->stack_bytes, "0, or from 64 KiB to 1 GiB");
    return 0;
}

static int threads_max_of(const weft__os *os, const weft_threads *t)
{
    if (t->threads_max) return t->threads_max;
    int n = os->ops->virtual_time ? SIMULATED_CORES : weft__os_cores();
    return n < THREADS_LIMIT ? n : THREADS_LIMIT;
}

static int queue_max_of(const weft_threads *t)
{
    if (t->queue_max < 0) return 0;
    return t->queue_max ? t->queue_max : QUEUE_USUAL;
}

static weft__pool *pool_open(weft__os *os, const weft_threads *t, int threads_max)
{
    weft__pool_opts opts = {
        .name = weft__threads_name(t), .threads_max = threads_max,
        .queue_max = queue_max_of(t),
        .stack_size = t->stack_bytes ? t->stack_bytes : STACK_USUAL,
    };
    return os->ops->jobs ? os->ops->jobs->pool_new(os, &opts) : NULL;
}

/* Nobody waits any more; works that were abandoned are dropped, some of them on their threads. */
static void crews_free(void *arg)
{
    weft__loop *loop = arg;
    for (weft__crew *c = *weft__loop_slot(loop, WEFT__SLOT_THREADS), *next; c; c = next) {
        next = c->next;
        loop->os->ops->jobs->pool_free(loop->os, c->pool);
        weft__free(c);
    }
}

static weft__crew *crew_new(weft__loop *loop, const weft_threads *t)
{
    void **crews = weft__loop_slot(loop, WEFT__SLOT_THREADS);
    weft__crew *c = weft__malloc(sizeof *c);
    if (!c) return NULL;
    *c = (weft__crew){ .loop = loop, .threads = t, .next = *crews, .threads_max = threads_max_of(loop->os, t) };
    c->pool = pool_open(loop->os, t, c->threads_max);
    if (!c->pool || (!c->next && weft__loop_on_free(loop, crews_free, loop) < 0)) {
        if (c->pool) loop->os->ops->jobs->pool_free(loop->os, c->pool);
        weft__free(c);
        return NULL;
    }
    *crews = c;
    return c;
}

static int crew_find(weft__loop *loop, const weft_threads *t, weft__crew **out)
{
    weft__crew *c = *weft__loop_slot(loop, WEFT__SLOT_THREADS);
    while (c && c->threads != t) c = c->next;
    if (c) return *out = c, 0;
    int rc = check(t);
    if (rc < 0) return rc;
    *out = crew_new(loop, t);
    return *out ? 0 : weft_fail(WEFT_ENOMEM, "thread pool %s: no memory for it", weft__threads_name(t));
}

/* ---- in and out ---- */

static void on_thread(weft__job *job)
{
    weft__thread_work *w = (weft__thread_work *)((char *)job - offsetof(weft__thread_work, job));
    __atomic_store_n(&w->begun, true, __ATOMIC_RELAXED);
    w->run(w);
}

/* The pool is gone, and so is the loop. */
static void on_gone(weft__job *job)
{
    weft__thread_work *w = (weft__thread_work *)((char *)job - offsetof(weft__thread_work, job));
    if (w->drop) w->drop(w);
}

static int submit(weft__crew *c, weft__thread_work *w)
{
    weft__os *os = c->loop->os;
    return os->ops->jobs->submit(os, c->pool, &w->job);
}

static void enter(weft__crew *c, weft__thread_work *w)
{
    w->state = IN;
    works_add(&c->in, w);
}

/* There may be room for those that wait. */
static void admit(weft__crew *c)
{
    for (weft__thread_work *w; (w = c->waiting.first);) {
        int rc = submit(c, w);
        if (rc == WEFT_ELIMIT) break;
        works_remove(&c->waiting, w);
        if (rc == 0) {
            enter(c, w);
            continue;
        }
        w->state = OVER;
        w->rc = rc;
        weft__wake_parked(w->caller, 0);
    }
    tell_counts(c);
}

static void on_end(weft__watch *watch, uint32_t events)
{
    weft__thread_work *w = (weft__thread_work *)((char *)watch - offsetof(weft__thread_work, watch));
    (void)events;
    w->state = OVER;
    works_remove(&w->crew->in, w);
    admit(w->crew);
    if (w->caller) weft__wake_parked(w->caller, 0);
    else w->drop(w);
}

/* The newcomer goes behind those that wait already, also when a place is free at this moment. */
static int begin(weft__crew *c, weft__thread_work *w)
{
    int rc = c->waiting.first ? WEFT_ELIMIT : submit(c, w);
    if (rc == 0) enter(c, w);
    if (rc == WEFT_ELIMIT && c->threads->when_full == WEFT_WAIT) {
        w->state = WAITS;
        works_add(&c->waiting, w);
        rc = 0;
    }
    tell_counts(c);
    return rc;
}

static int not_begun(const weft__crew *c, const weft__thread_work *w, int rc)
{
    const char *pool = weft__threads_name(c->threads);
    if (rc == WEFT_ENOMEM) return weft_fail(rc, "thread pool %s: no thread can be started for %s", pool, w->name);
    if (rc != WEFT_ELIMIT) return weft_fail(rc, "thread pool %s takes no call of %s", pool, w->name);
    return weft_fail(rc, "thread pool %s is full (%s; threads_max %d, queue_max %d): %s was not begun", pool,
        c->counts, c->threads_max, queue_max_of(c->threads), w->name);
}

/* ---- waiting ---- */

/* A work that has not begun never will. */
static bool take_back(weft__thread_work *w)
{
    weft__crew *c = w->crew;
    weft__os *os = c->loop->os;
    if (w->state == IN && !os->ops->jobs->take_back(os, c->pool, &w->job)) return false;
    works_remove(w->state == IN ? &c->in : &c->waiting, w);
    w->state = OVER;
    admit(c);
    return true;
}

static int told(weft__fiber *f, int why)
{
    if (why == WEFT__DEADLINE) return WEFT_ETIMEDOUT;
    return weft__deliver(f, why);
}

/* 0: it has run. `why` ended the wait before that. */
static int give_up(weft__thread_work *w, const char *what, int why)
{
    weft__fiber *f = w->caller;
    if (take_back(w)) return told(f, why);
    if (w->drop) {
        w->caller = NULL;
        return told(f, why);
    }
    w->given_up_ns = f->loop->now_ns ? f->loop->now_ns : 1;
    while (w->state != OVER) weft__park_through(what, &w->held);
    return 0;
}

static int wait_for(weft__thread_work *w, const char *what, int64_t deadline_ns)
{
    while (w->state != OVER) {
        int rc = weft__park_undelivered(what, &w->held, deadline_ns);
        if (rc != 0 && w->state != OVER) return give_up(w, what, rc);
    }
    return w->rc < 0 ? not_begun(w->crew, w, w->rc) : 0;
}

static int offload(
    weft__fiber *f, const weft_threads *threads, weft__thread_work *w, const char *what, int64_t deadline_ns)
{
    weft__crew *c = NULL;
    int rc = 0;
    while (rc == 0 && weft__scope_effective(f->scope)) rc = weft_yield();
    if (rc == 0) rc = crew_find(f->loop, threads, &c);
    if (rc != 0) return rc;
    w->job = (weft__job){ .run = on_thread, .gone = on_gone, .cookie = &w->watch };
    w->watch = (weft__watch){ on_end };
    w->held = (weft__held){ "thread pool", c->text, holder };
    w->crew = c;
    w->caller = f;
    w->given_up_ns = 0;
    w->rc = 0;
    w->begun = false;
    rc = begin(c, w);
    return rc < 0 ? not_begun(c, w, rc) : wait_for(w, what, deadline_ns);
}

int weft__offload(const weft_threads *threads, weft__thread_work *w, const char *what, int64_t deadline_ns)
{
    weft__fiber *f = weft__running();
    w->caller = f;
    int rc = f ? offload(f, threads, w, what, deadline_ns) : weft__no_task(what);
    bool left = f && !w->caller;
    if (rc < 0 && w->drop && !left) w->drop(w);
    return rc;
}

/* ---- at the end ---- */

static bool say_stuck(const weft__crew *c, int64_t since_ns, bool said)
{
    for (const weft__thread_work *w = c->in.first; w; w = w->next) {
        if (!w->given_up_ns || w->given_up_ns > since_ns) continue;
        if (!said) weft__say("weft: the program is ended while calls on threads hold up tasks that were cancelled:\n");
        said = true;
        weft__say("weft:   %s, on a thread of pool %s, called by task %s (%s)\n", w->name,
            weft__threads_name(c->threads), w->caller->task->name, w->caller->task->place);
    }
    return said;
}

bool weft__offload_say_stuck(weft__loop *loop, int64_t for_ns)
{
    bool said = false;
    for (const weft__crew *c = *weft__loop_slot(loop, WEFT__SLOT_THREADS); c; c = c->next)
        said = say_stuck(c, loop->now_ns - for_ns, said);
    return said;
}

bool weft__pool_counts_of(weft__loop *loop, int i, weft__pool_counts *out)
{
    const weft__crew *c = *weft__loop_slot(loop, WEFT__SLOT_THREADS);
    while (c && i-- > 0) c = c->next;
    if (c) *out = (weft__pool_counts){ weft__threads_name(c->threads), c->threads_max, (uint32_t)c->in.count, (uint32_t)c->waiting.count };
    return c != NULL;
}
