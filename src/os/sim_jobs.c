#include "base/mem.h"
#include "os/job_list.h"
#include "os/sim_world.h"

/* What the program holds as a weft__pool. Freed with jobs under way it stays until they are through, as threads do. */
struct weft__sim_pool {
    weft__sim_pool *next;
    int id;
    bool closed;
    weft__pool_opts opts;
    weft__job_list waiting, running, ended;     /* running: also those that have run and are not told yet */
    int under_way;
};

static weft__sim_pool *of(weft__pool *p) { return (weft__sim_pool *)p; }

static weft__pool *pool_new(weft__os *os, const weft__pool_opts *opts)
{
    weft__sim *s = weft__sim_of(os);
    weft__sim_pool *p = weft__calloc(sizeof *p), **at = &s->pools;
    if (!p) return NULL;
    p->id = ++s->pools_made;
    p->opts = weft__pool_checked(opts);
    while (*at) at = &(*at)->next;
    *at = p;
    return (weft__pool *)p;
}

static weft__sim_pool *find_pool(weft__sim *s, int id)
{
    weft__sim_pool *p = s->pools;
    while (p && p->id != id) p = p->next;
    return p;
}

static weft__job *find_job(weft__sim_pool *p, uint64_t id)
{
    weft__job *job = p->running.first;
    while (job && job->id != id) job = job->next;
    return job;
}

static void gone(weft__job *job)
{
    job->state = WEFT__JOB_OVER;
    if (job->gone) job->gone(job);
}

static void gone_all(weft__job_list *jobs)
{
    for (weft__job *job; (job = weft__job_list_take(jobs));) gone(job);
}

static void unlink_pool(weft__sim *s, weft__sim_pool *p)
{
    weft__sim_pool **at = &s->pools;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    weft__free(p);
}

static void pool_free(weft__os *os, weft__pool *pool)
{
    weft__sim *s = weft__sim_of(os);
    weft__sim_pool *p = of(pool);
    if (!p) return;
    weft__sim_note(s, WEFT__SIM_OP_POOL_FREE, p->id, p->under_way);
    p->closed = true;
    gone_all(&p->ended);
    gone_all(&p->waiting);
    if (!p->under_way) unlink_pool(s, p);
}

/* ---- jobs ---- */

/* A thread comes in a later wait. From then on each thing that happens to a job makes room for the next. */
static int enqueue(weft__sim *s, weft__sim_pool *p, weft__job *job)
{
    int code = weft__sim_fault(s, WEFT__SIM_OP_SUBMIT);
    if (code) return code;
    if (p->under_way + p->waiting.count - p->opts.threads_max >= p->opts.queue_max) return WEFT_ELIMIT;
    if (!weft__sim_queue_reserve(&s->queue, 1)) return WEFT_ENOMEM;
    job->id = ++s->serial;
    job->state = WEFT__JOB_WAITING;
    weft__job_list_add(&p->waiting, job);
    weft__sim_later(s, WEFT__SIM_JOB_BEGIN, 0, p->id, 0);
    return 0;
}

static int submit(weft__os *os, weft__pool *pool, weft__job *job)
{
    weft__sim *s = weft__sim_of(os);
    int rc = enqueue(s, of(pool), job);
    weft__sim_note(s, WEFT__SIM_OP_SUBMIT, of(pool)->id, rc < 0 ? rc : (int64_t)job->id);
    return rc;
}

static bool take_back(weft__os *os, weft__pool *pool, weft__job *job)
{
    bool waits = job->state == WEFT__JOB_WAITING;
    weft__sim_note(weft__sim_of(os), WEFT__SIM_OP_TAKE_BACK, (int64_t)job->id, waits);
    if (!waits) return false;
    weft__job_list_remove(&of(pool)->waiting, job);
    job->state = WEFT__JOB_OVER;
    return true;
}

static weft__pool_state pool_state(weft__os *os, weft__pool *pool)
{
    (void)os;
    const weft__sim_pool *p = of(pool);
    return (weft__pool_state){ p->under_way, p->under_way, p->waiting.count };
}

/* Half of a job's time passes before `run`, half after it: what a job does is not seen when it begins, and seen
 * before its end is told. */
static int64_t half(weft__sim *s, bool first)
{
    int64_t low = s->opts.job_min_ns / 2, high = s->opts.job_max_ns / 2;
    if (first) low = s->opts.job_min_ns - low, high = s->opts.job_max_ns - high;
    uint64_t span = (uint64_t)(high - low);
    return low + (span ? (int64_t)(weft__sim_draw(s) % (span + 1)) : 0);
}

void weft__sim_on_job_begin(weft__sim *s, int pool)
{
    weft__sim_pool *p = find_pool(s, pool);
    if (!p || p->under_way == p->opts.threads_max) return;
    weft__job *job = weft__job_list_take(&p->waiting);
    if (!job) return;
    p->under_way++;
    job->state = WEFT__JOB_RUNNING;
    weft__job_list_add(&p->running, job);
    weft__sim_later(s, WEFT__SIM_JOB_RUN, half(s, true), pool, job->id);
}

/* One that nobody is told of may free itself in `run`. */
void weft__sim_on_job_run(weft__sim *s, int pool, uint64_t id)
{
    weft__sim_pool *p = find_pool(s, pool);
    weft__job *job = find_job(p, id);
    weft__sim_note(s, WEFT__SIM_OP_JOB_RUN, pool, (int64_t)id);
    weft__sim_later(s, WEFT__SIM_JOB_END, half(s, false), pool, id);
    bool told = job->cookie != NULL;
    if (!told) weft__job_list_remove(&p->running, job);
    job->run(job);
    if (told) job->state = WEFT__JOB_ENDED;
}

static void end(weft__sim_pool *p, weft__job *job)
{
    p->under_way--;
    if (!job) return;
    weft__job_list_remove(&p->running, job);
    if (p->closed) gone(job);
    else weft__job_list_add(&p->ended, job);
}

void weft__sim_on_job_end(weft__sim *s, int pool, uint64_t id)
{
    weft__sim_pool *p = find_pool(s, pool);
    end(p, find_job(p, id));
    if (p->closed && !p->under_way) unlink_pool(s, p);
    else weft__sim_on_job_begin(s, pool);
}

int weft__sim_jobs_told(weft__sim *s, weft__event *events, int max)
{
    int n = 0;
    for (weft__door *d = s->doors; d && n < max; d = d->next) {
        if (!weft__door_answer(d)) continue;
        weft__sim_note(s, WEFT__SIM_OP_EVENT, (int64_t)d->id, WEFT__IN);
        events[n++] = (weft__event){ d->cookie, WEFT__IN };
    }
    for (weft__sim_pool *p = s->pools; p; p = p->next)
        while (n < max && p->ended.first) {
            weft__job *job = weft__job_list_take(&p->ended);
            job->state = WEFT__JOB_OVER;
            weft__sim_note(s, WEFT__SIM_OP_EVENT, (int64_t)job->id, WEFT__IN);
            events[n++] = (weft__event){ job->cookie, WEFT__IN };
        }
    return n;
}

/* ---- doors ---- */

static weft__door *door_open(weft__os *os, void *cookie)
{
    weft__sim *s = weft__sim_of(os);
    weft__door *d = weft__door_new(&s->doors, NULL, cookie);
    if (d) d->id = ++s->serial;
    return d;
}

static void door_close(weft__os *os, weft__door *d)
{
    if (d) weft__door_end(&weft__sim_of(os)->doors, d);
}

/* ---- the end ---- */

/* Threads would go on after their os: what is under way is brought to its end now. */
static void finish(weft__sim_pool *p)
{
    for (weft__job *job; (job = p->running.first);) {
        bool told = job->cookie != NULL, ran = job->state == WEFT__JOB_ENDED;
        weft__job_list_remove(&p->running, job);
        if (!ran) job->run(job);
        if (told) gone(job);
    }
}

void weft__sim_jobs_free(weft__sim *s)
{
    for (weft__sim_pool *p; (p = s->pools);) {
        gone_all(&p->ended);
        gone_all(&p->waiting);
        finish(p);
        unlink_pool(s, p);
    }
    while (s->doors) weft__door_end(&s->doors, s->doors);
}

const weft__jobs_ops weft__sim_jobs = {
    .pool_new = pool_new, .pool_free = pool_free, .submit = submit, .take_back = take_back,
    .pool_state = pool_state, .door_open = door_open, .door_close = door_close,
};
