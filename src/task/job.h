#ifndef WEFT_SRC_TASK_JOB_H
#define WEFT_SRC_TASK_JOB_H
/* Code that runs where no task is: on a thread of a pool, or in a process. It may fail, allocate, push and open a
 * WEFT_TEMP, all of which it finds by a context of its thread, and it may not wait. */
#include "base/arena.h"
#include "task/error.h"

/* The texts live as long as it does. In messages it reads "weft_in_thread(resize)", and with a label
 * "weft_in_thread(resize) for GET /images/{id}". */
typedef struct weft__job_context {
    const char *kind;                /* what its caller called: "weft_in_thread" */
    const char *name;                /* its function */
    const char *label;               /* what users call the work it is part of, or NULL */
    const char *instead;             /* "nothing waits on a thread; call what blocks (sleep, read) instead" */
    const struct weft__local_value *locals;      /* of the task that waits for its end, or NULL */
    weft_arena *arena;               /* where it allocates; the caller's */
    weft__errors errors;             /* what it recorded: weft__errors_take(&c.errors, rc) */
    void *scrap;
    size_t scrap_size;
} weft__job_context;

/* Run a call in a context, on this thread; its code. A call that succeeds although its arena gave out fails with
 * WEFT_ELIMIT or WEFT_ENOMEM, recorded. Jobs do not nest. Waits: never as tasks do; for as long as the call takes. */
int weft__job_run(weft__job_context *c, const weft_call *call);
/* Give back what the context holds; the arena stays. */
void weft__job_end(weft__job_context *c);
/* The context of the job that this thread is in; NULL: none, or a task is running. */
weft__job_context *weft__job_here(void);

/* `what` needs a task, and none is running. In a job that is WEFT_EINVAL, recorded with the names of both:
 * "weft_sleep_ms inside weft_in_thread(resize): nothing waits on a thread; ...". Elsewhere nothing can be returned to
 * anybody, and the program ends with a line that says what to do.
 *
 *     if (!weft__self()) return weft__no_task("weft_sleep_ms");  */
int weft__no_task(const char *what) WEFT__COLD;
#endif
