#ifndef WEFT_SRC_TASK_FIBER_H
#define WEFT_SRC_TASK_FIBER_H
/* What the files of this floor share: the fiber (a running task, at the hot end of its own stack), the handle
 * (what outlives it), and the loop. */
#include "task/error.h"
#include "task/loop.h"
#include "task/stack.h"
#include "task/switch.h"
#include "task/timer.h"

/* What is left of a task when its stack is gone: for weft_await, until the scope is left. */
struct weft_task {
    weft_task *next, *prev;              /* in its scope */
    weft_scope *scope;
    weft__fiber *fiber;                  /* NULL once it has ended */
    weft__fiber *waiters;                /* parked in weft_await, linked by next_waiter */
    weft__record *error;                 /* of a failure, until the handle goes */
    const char *name, *place;
    uint32_t index;                      /* of the call in its gather */
    int rc;
    uint32_t awaiting;                   /* tasks in weft_await of it: the last one frees it if its scope is gone */
    bool done;
};

/* What this floor's own files keep in a fiber: the values of a task (local.c), a mutex (lock.c). */
typedef struct weft__local_value weft__local_value;
typedef struct weft_mutex weft_mutex;

enum { WEFT__RUNNING, WEFT__READY, WEFT__PARKED };
/* What a park returns besides codes: its own deadline passed. */
enum { WEFT__DEADLINE = 1 };

/* The first cache line is what waking and switching touch, the second what waiting does: of many parked tasks
 * each line costs a miss. */
struct weft__fiber {
    weft__context context;
    weft__fiber *next;                   /* in the ready queue */
    weft__loop *loop;
    weft_scope *scope;                   /* the innermost */
    weft_task *task;
    int wake_rc;
    uint8_t state;
    bool uncancellable;                  /* in a park that no cancel ends: awaiting children */
    bool input_on_heap;
    bool starting;                       /* weft_start waits for it: `alone` then points into what that keeps */

    weft__timer timer;                   /* of the park's own deadline */
    weft_arena *arena;                   /* the current one */
    weft__errors *errors;                /* NULL until the first failure */
    const char *waits_for;
    int64_t waits_since_ns;

    weft__fiber *next_waiter;
    uint64_t serial;                     /* its number in the loop's life: the same in two runs of one seed */
    char *stack;                         /* its low end */
    weft__fn *fn;
    const void *in;
    void *out;
    int arity;
    uint32_t mark;                       /* of the last search for deadlocks that came by */
    weft_error *alone;                   /* the call's .error */
    const weft__held *held;              /* what it waits for, while it does: NULL when nothing is known */
    const char *label;                   /* what users call its work, or NULL */
    void *work;                          /* for the floors above, or NULL */
    const char *late_place;              /* of the deadline that it was told of last, for the text of its failure; NULL: none */
    int late_ms;
    int64_t began_ns;
    weft__local_value *locals;
    weft_mutex *locks;                   /* that it holds, the last one first */
    weft_scope root;                     /* the scope of this task alone: weft_task_cancel, .timeout_ms */
#ifdef WEFT__SANITIZED
    void *asan_fake, *tsan_fiber;
#endif
};

typedef struct weft__on_free { void (*fn)(void *); void *arg; struct weft__on_free *next; } weft__on_free;

struct weft__loop {
    weft__os *os;
    int64_t now_ns;
    int64_t began_ns, turn_ns;           /* when this turn began; how long the one before took, as far as it is known, without the poller's wait */
    /* Written here alone, with relaxed stores: another thread may look at them (a watchdog). */
    weft__fiber *current;                /* NULL: the loop's own stack */
    uint64_t turns;                      /* how often it came back from the poller */
    bool polling;                        /* it is in the poller: nothing of it runs */
    bool in_leaf;                        /* the current task works on the loop's own stack */
    weft__fiber *ready, **ready_end;
    weft__fiber *again, **again_end;     /* in the simulator: those that gave way, behind the ready ones */
    weft__fiber **round;                 /* in the simulator: those of this round, in its order */
    uint32_t round_room;
    void *signal_stack;
    int turn;                            /* switches left before the poller is asked again */
    int fired;                           /* timers, in the turn before */
    int budget;                          /* operations that succeed at once left to the running task */
    bool many;                           /* the last turn had many events: the tasks they wake are cold */
    bool traced;                         /* the simulator: the loop picks each task and tells the trace */
    weft__context context;               /* of the loop's own stack */
    weft__timers timers;
    weft__stack_pool stacks;
    weft__block_pool blocks;
    weft_scope top;                      /* around the root task */
    weft_arena arena;
    weft_task *handles;                  /* free ones */
    weft__local_value *spare_locals;     /* some for values of usual size (local.c) */
    unsigned spares;
    weft__event *events;
    int event_at, event_count;           /* of the turn being told */
    weft__hook *hooks;
    void *scrap;
    size_t scrap_size;
    weft__on_free *on_free;
    void *slots[WEFT__SLOTS];
    uint64_t tasks_started;
    uint32_t marks;                      /* used by searches for deadlocks so far */
    weft_task *root;
    char overflow[320];                  /* for the report of an overflow, made in a signal handler */
    weft__buf left;                      /* lines on the tasks that the root task's last scope was left with */
    uint64_t left_turn;                  /* when that was */
    void *asan_fake, *tsan_fiber, *tsan_over;
    const void *asan_low;
    size_t asan_size;
};

enum { WEFT__EVENTS_AT_ONCE = 64, WEFT__TURN = 128, WEFT__BUDGET = 64, WEFT__PER_SWITCH = 8 };

extern _Thread_local weft__loop *weft__the_loop __attribute__((tls_model("initial-exec")));

/* scheduler (loop.c) */
static inline void weft__ready(weft__fiber *f)
{
    weft__loop *loop = f->loop;
    f->state = WEFT__READY;
    f->next = NULL;
    *loop->ready_end = f;
    loop->ready_end = &f->next;
}
static inline void weft__wake_parked(weft__fiber *f, int rc)     /* weft__wake, within this floor */
{
    if (f->state != WEFT__PARKED) return;
    f->wake_rc = rc;
    weft__ready(f);
}
/* The running fiber, within this floor; NULL outside of any. */
static inline weft__fiber *weft__running(void) { return weft__the_loop ? weft__the_loop->current : NULL; }
void weft__ready_again(weft__fiber *f);                  /* a running task that gives way: behind all that are ready */
void weft__step_aside(weft__fiber *f);                   /* the running one; whatever is cancelled */
void weft__fiber_main(void);                             /* where every fiber begins and ends */

/* Whose guard an address lies in: name, label and place, in the loop's memory; NULL: nobody's. Async-signal-safe. */
const char *weft__guard_of(const void *address);

/* like weft__park, but tells its own deadline (WEFT__DEADLINE) from one of a scope */
int weft__park_until(const char *what, const weft__held *on, int64_t deadline_ns);
/* like weft__park_until, for one that decides itself what becomes of a cancel: not in a scope that is cancelled already,
 * and one that ends the wait is WEFT_ECANCELED and not delivered */
int weft__park_undelivered(const char *what, const weft__held *on, int64_t deadline_ns);
/* What such a wait returned, delivered. */
int weft__deliver(weft__fiber *f, int rc);
/* park without listening to cancels: for awaiting one's own children */
int weft__park_through(const char *what, const weft__held *on);

/* leaf.c: a wait where none may be. */
_Noreturn void weft__wait_forbidden(const weft__loop *loop) WEFT__COLD;

/* scopes (scope.c) */
void weft__scope_init(weft_scope *s, weft_scope *parent, weft__fiber *owner, int timeout_ms);
void weft__scope_unlink(weft_scope *s);
void weft__scope_cancel(weft_scope *s, int reason);
/* The code of the cancel around the running task, told to it: marks whose it is and hands the error over. 0: none. */
int weft__scope_deliver(weft__fiber *f);
static inline int weft__scope_effective(const weft_scope *s) { return s->inherited ? s->inherited : s->reason; }
void weft__scope_failed(weft_scope *s, weft_task *t);
/* The record of a failure that cancels nothing yet: the first one is the scope's, others are attached to it. */
void weft__scope_note(weft_scope *s, weft_task *t);
/* The tasks of a scope, as what somebody waits for. */
typedef struct weft__joined { weft__held held; const weft_scope *scope; } weft__joined;
weft_task *weft__scope_holder(const weft__held *held, int i);
/* What a task of the scope is told of the cancel that is in force in it: a failure is for the owner alone. */
int weft__scope_tasks_told(const weft_scope *s);
/* Wait, whatever is cancelled, until no more than `left` tasks of the scope run. */
void weft__scope_await(weft_scope *s, uint32_t left, const char *what);
/* Wake who waits for the tasks of the scope to end. */
void weft__scope_joined(weft_scope *s);
/* The failure of a scope, told to the running task: found by weft_error_of from now on. */
int weft__scope_tell(weft_scope *s);

/* tasks (task.c) */
weft_task *weft__task_new(weft_scope *s, const char *place, const weft_call *call);
/* What stands for a task there was no memory for: it has failed, and so, unless it may fail alone, has its scope. */
weft_task *weft__task_refused(weft_scope *s, const char *place, const weft_call *call);
void weft__task_free(weft__loop *loop, weft_task *t);    /* of one that is done: out of its scope, handle to the pool */
void weft__task_run(weft__fiber *f);                     /* its call, and what its end means for others */
static inline int weft__call(weft__fn *fn, int arity, const void *in, void *out)
{
    switch (arity) {
    case 0: return ((int (*)(void))fn)();
    case 1: return ((int (*)(const void *))fn)(in);
    case WEFT__OUT_ALONE: return ((int (*)(void *))fn)(out);
    default: return ((int (*)(const void *, void *))fn)(in, out);
    }
}
/* The values of a task, for another that begins with them; and given up. NULL: none. */
weft__local_value *weft__locals_share(weft__local_value *v);
void weft__locals_spare_free(weft__loop *loop);
void weft__record_log(const weft__record *r, const char *task, const char *place);
#endif
