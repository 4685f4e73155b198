#ifndef WEFT_SRC_DB_SQLITE_H
#define WEFT_SRC_DB_SQLITE_H
/* SQLite on threads. A lane is a connection: one thread at a time is in it. Queries of tasks are gathered while the loop turns, handed over at once
 * before it polls, taken by lanes in batches, and told back a batch at a time. */
#include <pthread.h>
#include <sqlite3.h>
#include "db/engine.h"
#include "os/jobs.h"

enum { WEFT__LANES_MAX = 65, WEFT__BATCH = 16 };
/* Where a query is; changed under the lock. */
enum { WEFT__GATHERED = 1, WEFT__QUEUED, WEFT__TAKEN, WEFT__TOLD };
/* A statement that was taken for one that reads, and writes: it goes to the lane that does. */
enum { WEFT__MOVED = -100000 };

typedef struct weft__query_queue { weft__query *first, *last; int count; } weft__query_queue;
/* When a batch has lasted long; of how many steps of SQLite's machine a statement is long: some milliseconds. */
enum { WEFT__LATE_NS = 1000000, WEFT__SLOW_STEPS = 100000 };

/* A statement as a connection has it. */
typedef struct weft__sqlite_kept {
    uint64_t id;
    sqlite3_stmt *stmt;
    weft__row_plan *plan;            /* for rows of plan->schema */
    int reprepared;                  /* when the plan was made: other columns since then may have other places */
    bool busy;                       /* it is being run: the same text again has a statement of its own */
} weft__sqlite_kept;

typedef struct weft__sqlite_core weft__sqlite_core;
typedef struct weft__sqlite_lane {
    weft__sqlite_core *core;
    weft__job job;
    bool writer;
    /* Under the lock: */
    bool active;                     /* a thread is in it, or comes */
    weft__lease *lease;              /* who has it; NULL: it serves all */
    weft__query_queue own;           /* of who has it */
    bool late;                       /* what it is at lasts: it is not waited for */
    /* Of the thread that is in it: */
    sqlite3 *conn;
    weft__sqlite_kept *kept;
    sqlite3_stmt *begin, *begin_write, *commit, *rollback;
    weft__query *now;                /* what runs: for its `stop` */
    bool trusted;                    /* what is prepared or run is our own */
    bool alone;                      /* no other query joins this batch */
    bool sharing;                    /* what has run is told when all have been committed */
    weft__query *batch[WEFT__BATCH]; /* that have run and are not told yet */
    int ran, taken;                  /* how many these are; how many the batch has had */
    uint64_t up_to;                  /* it takes none that came after it began: a shared moment would be older than their calls */
    int64_t since_ns;
    int busy_ms;                     /* waited so far for another program's lock */
    weft__cell *cells;
    int cells_room;
} weft__sqlite_lane;

/* Invariant, under the lock: while a shared queue is not empty, a lane of its kind is active or has a lease, or the loop is about to
 * make one so. A lane looks at the queues under the lock before it says that it is active no more. */
struct weft__sqlite_core {
    pthread_mutex_t lock;
    weft__query_queue reads, writes, done;
    uint64_t queued;                 /* how many were handed over */
    bool steady;                     /* in the simulator: nothing depends on a clock */
    int refs;                        /* atomic: the loop, and each lane with a thread */
    weft__door *door;
    weft_db_opts opts;               /* its own: a thread may be in it when the database is gone */
    char *path;
    bool memory;
    int lanes_count;                 /* the first one writes; a single one does all */
    /* The loop's: */
    weft_db *root;
    weft__pool *pool;
    weft__watch watch;
    weft__hook hook;
    weft__query_queue gathered;
    int in_flight;
    weft__fiber *closer;
    int lanes_open;                  /* that were ever used */
    char waits_on[96];
    weft__held held;
    weft__sqlite_lane lanes[];
};

static inline void weft__query_add(weft__query_queue *l, weft__query *q)
{
    q->next = NULL;
    q->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = q;
    l->last = q;
    l->count++;
    q->queue = l;
}

static inline void weft__query_remove(weft__query *q)
{
    weft__query_queue *l = q->queue;
    *(q->prev ? &q->prev->next : &l->first) = q->next;
    *(q->next ? &q->next->prev : &l->last) = q->prev;
    l->count--;
}

/* sqlite_lane.c: what runs on a thread: all that there is for a lane. */
void weft__sqlite_lane_work(weft__job *job);
void weft__sqlite_lane_gone(weft__job *job);
void weft__sqlite_drop(weft__sqlite_core *core);
/* While a statement runs: when it lasts, those before it are told and other lanes called for those behind it. */
void weft__sqlite_lane_late(weft__sqlite_lane *lane);

/* sqlite_conn.c: a lane's connection; each of these on its thread, q for why it failed. */
int weft__sqlite_open(weft__sqlite_lane *lane, weft__query *q);
int weft__sqlite_close(weft__sqlite_lane *lane);
/* The statement of a query, prepared; *own: it is nobody else's, and to be finalized. */
int weft__sqlite_prepare(weft__sqlite_lane *lane, weft__query *q, weft__sqlite_kept **kept, weft__sqlite_kept *own);
int weft__sqlite_command(weft__sqlite_lane *lane, weft__query *q, sqlite3_stmt **kept, const char *sql);
/* A failure of SQLite's, as a code with its text in q->fault. */
int weft__sqlite_failed(weft__sqlite_lane *lane, weft__query *q, int rc);

/* sqlite_run.c */
void weft__sqlite_lane_run(weft__sqlite_lane *lane, weft__query *q);
#endif
