#ifndef WEFT_SRC_SERVE_SUPERVISOR_H
#define WEFT_SRC_SERVE_SUPERVISOR_H
/* What a supervisor decides: who is started when, who is told to stop, who is ended. It only decides: what happens and
 * what time it is come in, what is to be done goes out through a table, so that tests play hours of it in no time.
 * fleet.c of this floor does what it says.
 *
 * A worker has a number, from 1; whoever serves as it has a slot. Two may be the same worker for a while: one leaves
 * when the one in its place is ready. Elders are workers of the program that this one was run in the place of: all of them serve on until all new workers
 * have served for a second, so that a program of which not all workers start, or not for long, costs nobody who serves. */
#include "os/fleet.h"

enum { WEFT__ELDERS_MAX = WEFT__FLEET_SLOTS_MAX };

typedef struct weft__supervisor_ops {
    pid_t (*start)(void *ctx, unsigned slot);        /* < 0: could not be */
    void (*signal)(void *ctx, pid_t pid, int signal);
    void (*say)(void *ctx, const char *line);        /* for the log, without its end */
    void (*tell_stack)(void *ctx, unsigned number, pid_t pid, const weft__black_box *box);
    uint64_t (*random)(void *ctx);
    void (*all_ready)(void *ctx);                    /* once, when each worker was */
    void (*ends)(void *ctx);                         /* the stop begins, before anybody is told */
    void (*reload)(void *ctx);                       /* somebody asked for the program anew */
} weft__supervisor_ops;

/* Who serves, by slot. */
typedef struct weft__server_process {
    pid_t pid;                       /* 0: nobody */
    unsigned number;
    int64_t began_ms, kill_ms, freed_ms;             /* kill_ms: 0, it need not be */
    uint64_t beats;
    int64_t still_ms;                /* for how long its loop has not turned */
    bool ready, told, struck;        /* told to stop; struck: it was stuck, and is made to say where */
    bool slow;                       /* that it does not start was said */
    bool is_read;                    /* nobody is there, but what the last one left is not told yet */
} weft__server_process;

typedef struct weft__worker_place {
    int slot, successor;             /* -1: nobody */
    unsigned fails;                  /* in a row */
    int64_t again_ms;                /* when the next is started; -1: not */
} weft__worker_place;

typedef struct weft__elder {
    pid_t pid;
    bool told, urged, struck;        /* urged: told that all stop */
    bool goes;                       /* of a program that was replaced before it took over: it is told at once */
    int age;                         /* how many programs before this one it is of, from 1 */
    int64_t told_ms, kill_ms;        /* kill_ms: 0, it need not be */
    uint64_t beats;
    int64_t still_ms;
} weft__elder;

typedef struct weft__supervisor {
    const weft__supervisor_ops *ops;
    void *ctx;
    weft__fleet *fleet;
    int stuck_ms;                    /* 0: nobody is */
    int64_t end_ms;                  /* how long a stop may take before who is left is killed */
    weft__server_process processes[WEFT__FLEET_SLOTS_MAX];
    weft__worker_place workers[WEFT__FLEET_MAX + 1];
    weft__elder elders[WEFT__ELDERS_MAX];
    unsigned elder_count, stops, ready_once;
    bool ending, announced, over;
    int64_t looked_ms;
    int64_t stop_came_ms;            /* a stop, before there was this supervisor: its time counts from then; 0: none did */
    int64_t all_ready_ms;            /* since when all workers are ready; 0: not all are */
    int status;                      /* of the program, when it is over */
} weft__supervisor;

/* How many of programs before serve on. */
unsigned weft__supervisor_elders_that_serve(const weft__supervisor *s);

/* Tell elders that are to go, and start all workers. */
void weft__supervisor_begin(weft__supervisor *s, int64_t now_ms);
void weft__supervisor_heard(weft__supervisor *s, const weft__fleet_word *w, int64_t now_ms);
/* Look at what workers say of themselves, and do what is due. After each word, and when the time is over that it returns: ms until it wants to
 * look again. */
int weft__supervisor_look(weft__supervisor *s, int64_t now_ms);
#endif
