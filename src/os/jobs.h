#ifndef WEFT_SRC_OS_JOBS_H
#define WEFT_SRC_OS_JOBS_H
/* Work on other threads, and word from them: pools of threads that run jobs, and doors that any thread may knock
 * at. In the simulator there are no threads: a job runs inside a later `wait`, on the loop's own stack, at a time
 * and in an order that the seed draws; no more of a pool's jobs are under way at a time than it has threads. */
#include "os/os.h"

/* The caller's memory, from `submit` until exactly one of these: its event was told, `take_back` returned true,
 * or `gone` was called. */
typedef struct weft__job weft__job;
struct weft__job {
    void (*run)(weft__job *);        /* on a thread of the pool; may block, must not touch a loop */
    /* The pool was freed before the end could be told: it never ran, or it ran and nobody will hear. Called once,
     * on a thread of the pool or inside `pool_free`; may free the job. NULL: nothing is called. */
    void (*gone)(weft__job *);
    /* Of the event (WEFT__IN) that tells its end; NULL: nobody is told, and `run` may free the job: once it has
     * begun it is not touched again, and `gone` is only for one that has not. */
    void *cookie;
    weft__job *next, *prev;          /* these are the pool's */
    uint64_t id;
    int state;
};

/* Threads are started as they are needed, up to threads_max (1 to 1024), and end after linger_ms without work; all
 * signals are blocked in them, their names are the pool's (the first 15 bytes). queue_max: how many jobs may wait
 * while threads_max run. stack_size: 0 for 256 KiB. linger_ms: 0 for 10 s. */
typedef struct weft__pool_opts {
    const char *name;
    int threads_max, queue_max;
    size_t stack_size;
    int linger_ms;
} weft__pool_opts;
typedef struct weft__pool weft__pool;
/* threads: alive; running: jobs that have begun and not ended; waiting: jobs that have not begun. */
typedef struct weft__pool_state { int threads, running, waiting; } weft__pool_state;

/* A door is knocked at by other threads and by signal handlers: its cookie is told (WEFT__IN) once for all knocks
 * since it was told last. It outlives its os: knocking at the door of an os that is gone does nothing. */
typedef struct weft__door weft__door;

/* All of these belong to the loop's thread. A forked child may do nothing with its parent's pools and doors but free
 * the os; what they held stays allocated in the child. */
typedef struct weft__jobs_ops {
    /* NULL: no memory. `pool_free` waits for no job: one that has not begun never runs, one that runs goes on in its
     * thread until it ends; no event comes of either any more, and `gone` is called. Threads without work are joined.
     * The free of the os frees its pools. */
    weft__pool *(*pool_new)(weft__os *, const weft__pool_opts *);
    void (*pool_free)(weft__os *, weft__pool *);
    /* 0, and jobs begin in this order; WEFT_ELIMIT: queue_max jobs wait already; WEFT_ENOMEM: no thread could be
     * started and none is there. */
    int (*submit)(weft__os *, weft__pool *, weft__job *);
    /* True: it had not begun, never will, and no event comes. False: it runs or has ended, and its event comes. */
    bool (*take_back)(weft__os *, weft__pool *, weft__job *);
    weft__pool_state (*pool_state)(weft__os *, weft__pool *);

    /* For few: each wake of the loop looks at all of its doors. NULL: no memory. `door_close`: no later wait tells
     * of it; ends the loop's use. The free of the os closes its doors. */
    weft__door *(*door_open)(weft__os *, void *cookie);
    void (*door_close)(weft__os *, weft__door *);
} weft__jobs_ops;

/* From any thread, or from a signal handler: async-signal-safe, keeps errno, never blocks, never fails. What was
 * written before a knock is seen by whoever is told of it. */
void weft__door_knock(weft__door *);
/* A door is shared by counting: `open` is one, each thread that keeps it takes one more. The last frees it. */
void weft__door_keep(weft__door *);
void weft__door_drop(weft__door *);

/* From now on a signal knocks at a door instead of what it did by default. The process keeps running; calls that wait go
 * on (SA_RESTART). 0; WEFT_EBUSY: the program handles or ignores it already, or it has a door; WEFT_EINVAL: no such
 * signal. A forked child that gets it does what it does by default. `close` puts back what was before. One at a time:
 * both belong to the thread that starts and ends loops. */
int weft__signal_door_open(int number, weft__door *);
void weft__signal_door_close(int number);
#endif
