#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/job_list.h"
#include "os/parts.h"
#include "os/threads.h"

typedef struct worker worker;
struct worker {
    weft__pool *pool;
    pthread_t thread;
    pthread_cond_t call;
    worker *next, *prev;             /* of all workers of the pool */
    worker *below;                   /* of the sleeping ones */
    bool called, running, joined;
};

/* Invariant, under the lock: as many workers come as jobs wait, or none is left to call and none may be started.
 * So a job that waits is either about to be taken, or every thread is in a job and looks here when it is through. */
struct weft__pool {
    pthread_mutex_t lock;
    weft__bell *bell;
    weft__pool *next;
    weft__pool_opts opts;
    char name[16];
    pid_t owner;                     /* a forked child has none of the threads */
    /* All that follows is under the lock. */
    weft__job_list waiting, ended;
    worker *workers;
    worker *sleeping;                /* the last one to fall asleep first, so that the others may end */
    int threads, running;
    int coming;                      /* called or started, and not here yet */
    int refs;                        /* the owner and each thread */
    bool closed;
};

/* ---- life ---- */

weft__pool *weft__pool_new(weft__bell *bell, const weft__pool_opts *opts)
{
    weft__pool *p = weft__calloc(sizeof *p);
    if (!p) return NULL;
    p->opts = weft__pool_checked(opts);
    snprintf(p->name, sizeof p->name, "%s", opts->name ? opts->name : "weft");
    pthread_mutex_init(&p->lock, NULL);
    p->bell = weft__bell_keep(bell);
    p->owner = getpid();
    p->refs = 1;
    return p;
}

static void destroy(weft__pool *p)
{
    pthread_mutex_destroy(&p->lock);
    weft__bell_drop(p->bell);
    weft__free(p);
}

/* Under the lock, and ends it. */
static void let_go(weft__pool *p)
{
    bool last = !--p->refs;
    pthread_mutex_unlock(&p->lock);
    if (last) destroy(p);
}

static void worker_free(worker *w)
{
    pthread_cond_destroy(&w->call);
    weft__free(w);
}

static void worker_unlink(weft__pool *p, worker *w)
{
    *(w->prev ? &w->prev->next : &p->workers) = w->next;
    if (w->next) w->next->prev = w->prev;
}

static void worker_link(weft__pool *p, worker *w)
{
    w->prev = NULL;
    w->next = p->workers;
    if (w->next) w->next->prev = w;
    p->workers = w;
}

/* In a forked child: the threads are not here, and one of them may have held the lock. */
static void forget(weft__pool *p)
{
    for (worker *w = p->workers, *next; w; w = next) {
        next = w->next;
        weft__free(w);
    }
    weft__bell_drop(p->bell);
    weft__free(p);
}

static void tell_gone(weft__job_list *jobs)
{
    for (weft__job *job; (job = weft__job_list_take(jobs));)
        if (job->gone) job->gone(job);
}

/* Under the lock: the workers without a job, to be joined; one that still has to ring is among them. */
static worker *send_home(weft__pool *p)
{
    worker *home = NULL;
    p->closed = true;
    p->sleeping = NULL;
    for (worker *w = p->workers, *next; w; w = next) {
        next = w->next;
        if (w->running) weft__os_threads_leave();
        if (w->running) continue;
        worker_unlink(p, w);
        w->joined = true;
        w->below = home;
        home = w;
        pthread_cond_signal(&w->call);
    }
    return home;
}

void weft__pool_free(weft__pool *p)
{
    if (p->owner != getpid()) {
        forget(p);
        return;
    }
    pthread_mutex_lock(&p->lock);
    worker *home = send_home(p);
    weft__job_list waiting = p->waiting, ended = p->ended;
    p->waiting = p->ended = (weft__job_list){ 0 };
    pthread_mutex_unlock(&p->lock);
    tell_gone(&ended);
    tell_gone(&waiting);
    for (worker *w = home, *below; w; w = below) {
        below = w->below;
        pthread_join(w->thread, NULL);
        worker_free(w);
    }
    pthread_mutex_lock(&p->lock);
    let_go(p);
}

weft__pool **weft__pool_next(weft__pool *p) { return &p->next; }

/* ---- a worker ---- */

static struct timespec in_ms(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + (int64_t)ms * 1000000;
    return (struct timespec){ t.tv_sec + ns / 1000000000, ns % 1000000000 };
}

static void wake_up(weft__pool *p, worker *w)
{
    worker **at = &p->sleeping;
    while (*at != w) at = &(*at)->below;
    *at = w->below;
}

/* Under the lock. False: nobody has called for so long that the thread may end. */
static bool sleep_until_called(weft__pool *p, worker *w)
{
    struct timespec until = in_ms(p->opts.linger_ms);
    w->called = false;
    w->below = p->sleeping;
    p->sleeping = w;
    while (!w->called && !p->closed) {
        int rc = pthread_cond_timedwait(&w->call, &p->lock, &until);
        if (rc != ETIMEDOUT || w->called || p->closed) continue;
        wake_up(p, w);
        return false;
    }
    p->coming -= w->called;
    return true;
}

/* Under the lock, and gives it up meanwhile: the end of a job. A closed pool tells nobody. */
static void ended(weft__pool *p, weft__job *job)
{
    if (!p->closed) {
        bool first = !p->ended.first;
        job->state = WEFT__JOB_ENDED;
        weft__job_list_add(&p->ended, job);
        if (!first) return;
    }
    bool closed = p->closed;
    pthread_mutex_unlock(&p->lock);
    if (!closed) weft__bell_ring(p->bell);
    else if (job->gone) job->gone(job);
    pthread_mutex_lock(&p->lock);
}

/* Under the lock, and gives it up meanwhile. */
static void run(weft__pool *p, worker *w, weft__job *job)
{
    bool told = job->cookie != NULL;
    job->state = WEFT__JOB_RUNNING;
    w->running = true;
    p->running++;
    pthread_mutex_unlock(&p->lock);
    job->run(job);
    pthread_mutex_lock(&p->lock);
    p->running--;
    w->running = false;
    if (told) ended(p, job);
}

static void *work(void *arg)
{
    worker *w = arg;
    weft__pool *p = w->pool;
    pthread_setname_np(pthread_self(), p->name);
    pthread_mutex_lock(&p->lock);
    p->coming--;
    for (;;) {
        weft__job *job = weft__job_list_take(&p->waiting);
        if (job) run(p, w, job);
        else if (p->closed || !sleep_until_called(p, w)) break;
    }
    p->threads--;
    bool joined = w->joined;
    if (!joined) {
        weft__os_threads_leave();
        worker_unlink(p, w);
    }
    let_go(p);
    if (joined) return NULL;
    pthread_detach(pthread_self());
    worker_free(w);
    return NULL;
}

/* ---- the loop's side ---- */

/* Signals are for the loop's thread. */
static int create(worker *w, size_t stack_size)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int rc = pthread_attr_init(&attr);
    if (rc) return rc;
    rc = pthread_attr_setstacksize(&attr, stack_size);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!rc) rc = pthread_create(&w->thread, &attr, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

static worker *worker_new(weft__pool *p)
{
    worker *w = weft__calloc(sizeof *w);
    if (!w) return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->call, &attr);
    pthread_condattr_destroy(&attr);
    w->pool = p;
    return w;
}

/* Under the lock. */
static void start_one(weft__pool *p)
{
    worker *w = worker_new(p);
    if (!w) return;
    if (create(w, p->opts.stack_size)) {
        worker_free(w);
        return;
    }
    worker_link(p, w);
    p->threads++;
    p->coming++;
    p->refs++;
}

/* Under the lock. */
static void call_one(weft__pool *p)
{
    worker *w = p->sleeping;
    p->sleeping = w->below;
    w->called = true;
    p->coming++;
    pthread_cond_signal(&w->call);
}

/* Under the lock. */
static void one_more(weft__pool *p)
{
    if (p->sleeping) call_one(p);
    else if (p->threads < p->opts.threads_max) start_one(p);
}

int weft__pool_submit(weft__pool *p, weft__job *job)
{
    pthread_mutex_lock(&p->lock);
    int rc = WEFT_ELIMIT;
    if (p->running + p->waiting.count - p->opts.threads_max >= p->opts.queue_max) goto out;
    if (p->waiting.count >= p->coming) one_more(p);
    rc = WEFT_ENOMEM;
    if (!p->threads) goto out;
    job->state = WEFT__JOB_WAITING;
    weft__job_list_add(&p->waiting, job);
    rc = 0;
out:
    pthread_mutex_unlock(&p->lock);
    return rc;
}

bool weft__pool_take_back(weft__pool *p, weft__job *job)
{
    pthread_mutex_lock(&p->lock);
    bool waits = job->state == WEFT__JOB_WAITING;
    if (waits) weft__job_list_remove(&p->waiting, job);
    if (waits) job->state = WEFT__JOB_OVER;
    pthread_mutex_unlock(&p->lock);
    return waits;
}

weft__job *weft__pool_ended(weft__pool *p)
{
    pthread_mutex_lock(&p->lock);
    weft__job *job = weft__job_list_take(&p->ended);
    if (job) job->state = WEFT__JOB_OVER;
    pthread_mutex_unlock(&p->lock);
    return job;
}

weft__pool_state weft__pool_look(weft__pool *p)
{
    pthread_mutex_lock(&p->lock);
    weft__pool_state state = { p->threads, p->running, p->waiting.count };
    pthread_mutex_unlock(&p->lock);
    return state;
}
