#ifndef WEFT_SRC_TASK_PROCESS_H
#define WEFT_SRC_TASK_PROCESS_H
/* Calls that run in other processes. A call is an errand: it waits for a worker, is done there, and ends with an answer
 * or with the worker's end. */
#include "base/buf.h"
#include "model/json.h"
#include "os/process.h"
#include "task/fiber.h"
#include "weft/process.h"

/* weft_in_process without the announcement that a zygote is wanted: for callers that announce it themselves, by
 * weft__process_wish before weft_run or weft_serve. */
int weft__process_call(const weft_schema *in, const weft_schema *out, const weft_call *call, const weft_process_opts *opts) WEFT_NODISCARD;

/* ---- the zygote of a program (wish.c) ---- */

/* This program will run jobs in processes. From then on weft__process_begin forks a zygote. In a file of its own, so
 * that programs that wish for none have nothing of all this. */
void weft__process_wish(int (*start)(void), void (*stop)(void));
int weft__process_start(void);                       /* to be wished: weft__process_wish(weft__process_start, weft__zygote_stop) */
/* At the beginning and the end of weft_run and weft_serve, before any thread and any loop, and after all of them. A
 * zygote that cannot be is no error here: each call that needs it will tell. */
void weft__process_begin(void);
void weft__process_end(void);

/* ---- errands ---- */

typedef struct weft__worker weft__worker;
typedef struct weft__processes weft__processes;
/* How an errand ends. DIED: `status` as waitpid tells it. BROKEN: what came was no answer. UNREAD: there was no memory
 * for what came. NONE: no process could be started, `status` -errno. GONE: the zygote, and so the worker. */
typedef enum weft__errand_end { WEFT__ANSWERED, WEFT__DIED, WEFT__BROKEN, WEFT__UNREAD, WEFT__NONE, WEFT__GONE } weft__errand_end;

/* On the stack of its caller, until it is done. */
typedef struct weft__errand {
    weft__held held;
    struct weft__errand *next;       /* of those that wait for a worker */
    weft__fiber *caller;
    weft__worker *worker;            /* who does it; NULL: it waits, or is done */
    weft__buf job;
    const weft_schema *schema;       /* of the output, which goes to `out` */
    void *out;
    weft__errand_end end;
    int status;
    int rc;                          /* of an answer: what the function returned, or what became of its output */
    weft__record *error;             /* ... and the record of its failure, or NULL */
    bool done;
} weft__errand;

/* The pool of this loop, made by its first call. NULL: a failure, recorded for `name`; *rc is its code. */
weft__processes *weft__processes_here(const char *name, int *rc);
/* Have it done; its caller is woken when it is. 0, or WEFT_ELIMIT with queue_max of them waiting: *queue_max says how many. */
int weft__errand_begin(weft__processes *p, weft__errand *e, int *queue_max);
/* It is not wanted any more: it is done at once, or its worker is killed and it is done when that is gone. */
void weft__errand_abandon(weft__processes *p, weft__errand *e);

/* ---- what goes there and comes back (process_job.c) ---- */

/* Append a job, its head included. 0 or a code, with the fault told. */
int weft__job_pack(weft__buf *to, const weft_schema *in, const weft_schema *out, const weft_call *call,
    const weft_process_opts *opts, const char *label, weft__fault *fault) WEFT_NODISCARD;
/* Read an answer into the errand: its rc and error, and, untouched on failure, the output. An output that does not fit
 * into the caller's arena is rc WEFT_ELIMIT or WEFT_ENOMEM without a record. False: it is no answer. */
bool weft__errand_read(weft__errand *e, weft_str answer, weft_arena *arena);
/* What workers do. In the simulator it is done here, on the loop's own stack. */
extern const weft__work weft__process_work;

/* ---- workers (process_worker.c) ---- */

typedef enum weft__worker_state { WEFT__NO_WORKER, WEFT__STARTING, WEFT__IDLE, WEFT__BUSY, WEFT__ENDING } weft__worker_state;
struct weft__worker {
    weft__watch watch;               /* of its socket */
    weft__processes *pool;
    weft__errand *errand;
    uint32_t id;                     /* what the zygote knows it by */
    int fd;                          /* -1: none, or closed */
    weft__worker_state state;
    bool killed, watches_room;
    unsigned jobs;                   /* begun */
    int64_t idle_since_ns;
    uint64_t job_id;
    size_t sent;                     /* of the errand's job */
    weft__buf in;                    /* what came of the answer, head included; in the simulator without */
    weft__timer timer;               /* when the rest of a large answer is read; the simulator's: its fate */
    weft__process_fate fate;
};

struct weft__processes {
    weft__watch watch;               /* of the zygote */
    weft__loop *loop;
    weft__os *os;
    weft_processes_opts opts;        /* none of them 0 */
    weft__errand *waiting, **waiting_end;
    int waiting_count;
    uint64_t job_ids;
    int zygote;                      /* the descriptor; -1: none (the simulator), or gone */
    weft__timer idle_timer;
    weft__worker workers[];
};

/* 0 and it is STARTING, or IDLE at once; or a code. */
int weft__worker_start(weft__processes *p, weft__worker *w);
/* Of one that is IDLE. False: it turned out to be gone, and is ENDING; the errand is as it was. */
bool weft__worker_give(weft__worker *w, weft__errand *e);
void weft__worker_kill(weft__worker *w);
/* It is not needed any more: its socket is closed, and it ends. */
void weft__worker_retire(weft__worker *w);
/* What the zygote told of it. A code: it cannot be watched, and is of no use; the socket is its own. */
int weft__worker_started(weft__worker *w, int fd);
void weft__worker_ended(weft__worker *w, int status);
/* Give back what it holds; the place is free. */
void weft__worker_free(weft__worker *w);

/* What a worker tells its pool: its errand is done; it has time, or its place is free. */
void weft__errand_done(weft__errand *e, weft__errand_end end, int status);
void weft__worker_changed(weft__worker *w);
#endif
