/* The processes of a loop: who waits for one, who has one, and how many there are. */
#include <string.h>
#include "base/mem.h"
#include "task/counts.h"
#include "task/process.h"

static weft_processes_opts wanted;                   /* before any loop: for all of them */

int weft_processes_with(const weft_processes_opts *o)
{
    const struct { const char *name; int value, most; } options[] = {
        { "processes_max", o->processes_max, WEFT__WORKERS_MAX }, { "queue_max", o->queue_max, INT32_MAX },
        { "jobs_max", o->jobs_max, INT32_MAX }, { "idle_ms", o->idle_ms, INT32_MAX },
    };
    for (size_t i = 0; i < weft_count(options); i++) {
        if (options[i].value >= 0 && options[i].value <= options[i].most) continue;
        return weft_fail(WEFT_EINVAL, "weft_processes: .%s is %d, expected 0 to %d", options[i].name, options[i].value, options[i].most);
    }
    wanted = *o;
    return 0;
}

static weft_processes_opts usual(void)
{
    weft_processes_opts o = wanted;
    int cores = weft__os_cores();
    if (!o.processes_max) o.processes_max = cores < WEFT__WORKERS_MAX ? cores : WEFT__WORKERS_MAX;
    if (!o.queue_max) o.queue_max = 1000;
    if (!o.jobs_max) o.jobs_max = 1000;
    if (!o.idle_ms) o.idle_ms = 10000;
    return o;
}

/* ---- workers ---- */

static int count(const weft__processes *p, weft__worker_state state)
{
    int n = 0;
    for (int i = 0; i < p->opts.processes_max; i++) n += p->workers[i].state == state;
    return n;
}

/* The one that had work last: the others may become old enough to end. */
static weft__worker *idle_one(weft__processes *p)
{
    weft__worker *best = NULL;
    for (int i = 0; i < p->opts.processes_max; i++) {
        weft__worker *w = &p->workers[i];
        if (w->state == WEFT__IDLE && (!best || w->idle_since_ns > best->idle_since_ns)) best = w;
    }
    return best;
}

static weft__worker *free_place(weft__processes *p)
{
    for (int i = 0; i < p->opts.processes_max; i++)
        if (p->workers[i].state == WEFT__NO_WORKER) return &p->workers[i];
    return NULL;
}

static weft__worker *known_as(weft__processes *p, uint32_t id)
{
    for (int i = 0; i < p->opts.processes_max; i++)
        if (p->workers[i].state != WEFT__NO_WORKER && p->workers[i].id == id) return &p->workers[i];
    return NULL;
}

/* ---- the queue ---- */

static weft__errand *take_first(weft__processes *p)
{
    weft__errand *e = p->waiting;
    p->waiting = e->next;
    if (!p->waiting) p->waiting_end = &p->waiting;
    p->waiting_count--;
    return e;
}

static void put_first(weft__processes *p, weft__errand *e)
{
    e->worker = NULL;
    e->held.kind = "waiting job";
    e->next = p->waiting;
    if (!p->waiting) p->waiting_end = &e->next;
    p->waiting = e;
    p->waiting_count++;
}

static void remove_waiting(weft__processes *p, weft__errand *e)
{
    weft__errand **at = &p->waiting;
    while (*at != e) at = &(*at)->next;
    *at = e->next;
    if (!e->next) p->waiting_end = at;
    p->waiting_count--;
}

void weft__errand_done(weft__errand *e, weft__errand_end end, int status)
{
    e->worker = NULL;
    e->end = end;
    e->status = status;
    e->done = true;
    weft__wake(e->caller, 0);
}

/* Jobs begin in the order of the calls: nobody passes the first one. */
static void give_work(weft__processes *p)
{
    for (weft__worker *w; p->waiting && (w = idle_one(p));) {
        weft__errand *e = take_first(p);
        e->worker = w;
        e->held.kind = "running job";
        if (!weft__worker_give(w, e)) put_first(p, e);
    }
}

static void lost(weft__processes *p);

static void start_more(weft__processes *p)
{
    int starting = count(p, WEFT__STARTING);
    for (weft__worker *w; starting < p->waiting_count && (w = free_place(p)); starting++) {
        if (weft__worker_start(p, w) == 0) continue;
        lost(p);
        return;
    }
    if (p->zygote < 0) give_work(p);                 /* simulated ones are there at once */
}

static void dispatch(weft__processes *p)
{
    give_work(p);
    if (p->waiting) start_more(p);
}

int weft__errand_begin(weft__processes *p, weft__errand *e, int *queue_max)
{
    *queue_max = p->opts.queue_max;
    if (count(p, WEFT__BUSY) + p->waiting_count - p->opts.processes_max >= p->opts.queue_max) return WEFT_ELIMIT;
    e->next = NULL;
    *p->waiting_end = e;
    p->waiting_end = &e->next;
    p->waiting_count++;
    dispatch(p);
    return 0;
}

void weft__errand_abandon(weft__processes *p, weft__errand *e)
{
    if (e->worker) {
        weft__worker_kill(e->worker);
        return;
    }
    remove_waiting(p, e);
    e->done = true;
}

/* ---- the zygote ---- */

/* Everything that needed it fails now, and says why. */
static void lost(weft__processes *p)
{
    if (p->zygote < 0) return;
    weft__loop_forget(p->loop, &p->watch);
    p->os->ops->unwatch(p->os, p->zygote);
    p->zygote = -1;
    p->os->ops->processes->leave(p->os);
    for (int i = 0; i < p->opts.processes_max; i++) {
        weft__worker *w = &p->workers[i];
        weft__errand *e = w->errand;
        w->errand = NULL;
        if (w->state != WEFT__NO_WORKER) weft__worker_free(w);
        if (e) weft__errand_done(e, WEFT__GONE, 0);
    }
    while (p->waiting) weft__errand_done(take_first(p), WEFT__GONE, 0);
}

/* One that could not be forked: who waits longest is told, unless others may still serve him. */
static void not_started(weft__processes *p, weft__worker *w, int rc)
{
    weft__worker_free(w);
    bool others = count(p, WEFT__BUSY) + count(p, WEFT__STARTING) + count(p, WEFT__IDLE) > 0;
    if (!others && p->waiting) weft__errand_done(take_first(p), WEFT__NONE, rc);
    if (!others) dispatch(p);
}

static void told(weft__processes *p, const weft__worker_word *word)
{
    weft__worker *w = known_as(p, word->id);
    if (!w && word->fd >= 0) p->os->ops->close(p->os, word->fd);
    if (!w) return;
    int rc = word->value;
    switch (word->kind) {
    case WEFT__WORKER_STARTED:
        rc = weft__worker_started(w, word->fd);
        if (rc < 0) not_started(p, w, rc);
        break;
    case WEFT__WORKER_NOT_STARTED: not_started(p, w, rc); break;
    default: weft__worker_ended(w, rc);
    }
}

static void on_zygote(weft__watch *watch, uint32_t ready)
{
    weft__processes *p = (weft__processes *)watch;
    weft__worker_word word;
    int rc = 0;
    (void)ready;
    while (p->zygote >= 0 && (rc = p->os->ops->processes->hear(p->os, &word)) > 0) told(p, &word);
    if (rc < 0) lost(p);
}

/* ---- those that have nothing to do ---- */

static void retire_old(weft__timer *t);

static void watch_idle(weft__processes *p)
{
    int64_t first = INT64_MAX, age = (int64_t)p->opts.idle_ms * 1000000;
    for (int i = 0; i < p->opts.processes_max; i++) {
        const weft__worker *w = &p->workers[i];
        if (w->state == WEFT__IDLE && w->idle_since_ns < first) first = w->idle_since_ns;
    }
    p->idle_timer.fire = retire_old;
    if (first == INT64_MAX) weft__timer_stop(p->loop, &p->idle_timer);
    else (void)weft__timer_start(p->loop, &p->idle_timer, first + age);
}

static void retire_old(weft__timer *t)
{
    weft__processes *p = (weft__processes *)((char *)t - offsetof(weft__processes, idle_timer));
    int64_t born_before = weft__loop_now(p->loop) - (int64_t)p->opts.idle_ms * 1000000;
    for (int i = 0; i < p->opts.processes_max; i++) {
        weft__worker *w = &p->workers[i];
        if (w->state == WEFT__IDLE && w->idle_since_ns <= born_before) weft__worker_retire(w);
    }
    watch_idle(p);
}

void weft__worker_changed(weft__worker *w)
{
    weft__processes *p = w->pool;
    dispatch(p);
    if (!p->idle_timer.place) watch_idle(p);
}

/* ---- the pool ---- */

int weft__process_start(void) { return weft__zygote_start(&weft__process_work); }

static void processes_free(void *arg)
{
    weft__processes *p = arg;
    weft__timer_stop(p->loop, &p->idle_timer);
    for (int i = 0; i < p->opts.processes_max; i++)
        if (p->workers[i].state != WEFT__NO_WORKER) weft__worker_free(&p->workers[i]);
    lost(p);
    *weft__loop_slot(p->loop, WEFT__SLOT_PROCESSES) = NULL;
    weft__free(p);
}

static weft__processes *processes_new(weft__loop *loop)
{
    weft_processes_opts opts = usual();
    weft__processes *p = weft__calloc(sizeof *p + (size_t)opts.processes_max * sizeof *p->workers);
    if (!p) return NULL;
    p->watch.ready = on_zygote;
    p->loop = loop;
    p->os = weft__loop_os(loop);
    p->opts = opts;
    p->waiting_end = &p->waiting;
    p->zygote = -1;
    if (weft__loop_on_free(loop, processes_free, p) == 0) return p;
    weft__free(p);
    return NULL;
}

/* 0 when there are processes, or it is a simulator. */
static int enter(weft__processes *p)
{
    const weft__process_ops *ops = p->os->ops->processes;
    if (p->zygote >= 0 || p->os->ops->process_fate) return 0;
    int fd = ops ? ops->enter(p->os) : WEFT_ENOENT;
    if (fd < 0) return fd;
    int rc = p->os->ops->watch(p->os, fd, &p->watch, WEFT__WATCH_BOTH);
    if (rc < 0) ops->leave(p->os);
    else p->zygote = fd;
    return rc;
}

weft__processes *weft__processes_here(const char *name, int *rc)
{
    weft__loop *loop = weft__loop_here();
    void **slot = weft__loop_slot(loop, WEFT__SLOT_PROCESSES);
    if (!*slot) *slot = processes_new(loop);
    weft__processes *p = *slot;
    *rc = p ? enter(p) : WEFT_ENOMEM;
    if (*rc == 0) return p;
    if (*rc == WEFT_EBUSY) weft_fail(*rc, "no process for %s: another loop of this program has them", name);
    else if (*rc == WEFT_ENOENT) weft__fail_as(NULL, *rc, 503, "no process for %s; the zygote, which starts them: %s", name, weft__zygote_why());
    else weft_fail(*rc, "no process for %s: %s", name, weft__code_text(*rc));
    return NULL;
}

bool weft__process_counts_of(weft__loop *loop, weft__pool_counts *out)
{
    const weft__processes *p = *weft__loop_slot(loop, WEFT__SLOT_PROCESSES);
    if (!p) return false;
    *out = (weft__pool_counts){ .name = "processes", .waiting = (uint32_t)p->waiting_count };
    for (int i = 0; i < p->opts.processes_max; i++) {
        out->threads += p->workers[i].state != WEFT__NO_WORKER;
        out->running += p->workers[i].state == WEFT__BUSY;
    }
    return true;
}
