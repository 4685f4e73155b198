#ifndef WEFT_SRC_OS_JOB_LIST_H
#define WEFT_SRC_OS_JOB_LIST_H
#include "os/jobs.h"

/* Where a job is: in the queue, in a thread, in the list of what is to be told, or the caller's again. */
typedef enum weft__job_state { WEFT__JOB_WAITING = 1, WEFT__JOB_RUNNING, WEFT__JOB_ENDED, WEFT__JOB_OVER } weft__job_state;

typedef struct weft__job_list { weft__job *first, *last; int count; } weft__job_list;

static inline void weft__job_list_add(weft__job_list *l, weft__job *job)
{
    job->next = NULL;
    job->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = job;
    l->last = job;
    l->count++;
}

static inline void weft__job_list_remove(weft__job_list *l, weft__job *job)
{
    *(job->prev ? &job->prev->next : &l->first) = job->next;
    *(job->next ? &job->next->prev : &l->last) = job->prev;
    l->count--;
}

static inline weft__job *weft__job_list_take(weft__job_list *l)
{
    weft__job *job = l->first;
    if (job) weft__job_list_remove(l, job);
    return job;
}

enum { WEFT__THREADS_LIMIT = 1024 };

static inline weft__pool_opts weft__pool_checked(const weft__pool_opts *opts)
{
    weft__pool_opts o = *opts;
    if (o.threads_max < 1) o.threads_max = 1;
    if (o.threads_max > WEFT__THREADS_LIMIT) o.threads_max = WEFT__THREADS_LIMIT;
    if (o.queue_max < 0) o.queue_max = 0;
    if (!o.stack_size) o.stack_size = 256 * 1024;
    if (o.linger_ms <= 0) o.linger_ms = 10000;
    return o;
}
#endif
