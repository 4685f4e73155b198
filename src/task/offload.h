#ifndef WEFT_SRC_TASK_OFFLOAD_H
#define WEFT_SRC_TASK_OFFLOAD_H
/* Work on the threads of a pool, for which a task waits: what weft_in_thread and files stand on. */
#include "os/jobs.h"
#include "task/loop.h"
#include "weft/thread.h"

typedef struct weft__crew weft__crew;                /* a pool as this loop has it */

/* `run` and `name` are the caller's to set, the rest is not. */
typedef struct weft__thread_work weft__thread_work;
struct weft__thread_work {
    void (*run)(weft__thread_work *);           /* on a thread: may block, must not touch a loop */
    /* NULL: a caller that is cancelled waits until `run` has ended. Else it leaves at once and `drop` is called when it
     * has ended: on the loop's own stack, or on any thread when the loop is gone. */
    void (*drop)(weft__thread_work *);
    const char *name;                    /* for reports: "resize"; lives as long as the work */
    weft__job job;
    weft__watch watch;
    weft__held held;
    weft__crew *crew;
    weft__fiber *caller;                 /* NULL: it has left */
    weft__thread_work *next, *prev;             /* among those that wait for a place, or those that have one */
    int64_t given_up_ns;                 /* since when its caller waits only because it runs; 0: it does not */
    int state, rc;
    bool begun;                          /* set by the thread */
};

/* Run a work on a thread and wait for its end; `what` is for the list of tasks: "a file's bytes". 0: it ran, whatever
 * was cancelled meanwhile. Else it never ran, or its caller has left it: WEFT_ECANCELED or WEFT_ETIMEDOUT of a scope,
 * WEFT_ETIMEDOUT of the deadline (ns of the loop's clock; INT64_MAX: none), the code of a weft__wake by anybody else,
 * WEFT_ELIMIT, WEFT_ENOMEM, WEFT_EINVAL; the last three are recorded. A work with `drop` then belongs to the pool, and drop is, or will be, called. Waits:
 * always. */
int weft__offload(const weft_threads *threads, weft__thread_work *work, const char *what, int64_t deadline_ns);

/* The pool for computing, and the one for files. */
extern const weft_threads weft__threads_cpu, weft__threads_files;
const char *weft__threads_name(const weft_threads *threads);

/* What runs on threads and holds up callers that were cancelled `for_ns` ago or longer is named on stderr, as what the
 * program is ended for; false: nothing does. */
bool weft__offload_say_stuck(weft__loop *loop, int64_t for_ns);
/* How long weft_run waits for such after SIGTERM: 10 s; tests have less time. */
extern int weft__run_stuck_ms;
#endif
