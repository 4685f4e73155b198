#ifndef WEFT_SRC_TASK_LOOP_H
#define WEFT_SRC_TASK_LOOP_H
/* The inside of the scheduler, for the floors above: how to wait, to wake, and to be told by the poller. */
#include "base/arena.h"
#include "base/buf.h"
#include "os/os.h"
#include "weft/task.h"

typedef struct weft__loop weft__loop;
typedef struct weft__fiber weft__fiber;              /* a running task: its stack and what it waits for */

/* A loop on this thread over an os, which it does not own. NULL: no memory. */
weft__loop *weft__loop_new(weft__os *os);
/* Run a call as the root task until it and all it started have ended; its code. WEFT_EDEADLK when nothing can
 * wake those that wait (simulator): they are named on stderr, then cancelled. */
int weft__loop_run(weft__loop *loop, weft_call call);
/* The same in steps, for tests: begin, run until *pause is true or all has ended (which it returns), again and again, and the
 * end, which is weft__loop_run's. Nothing moves in between. */
int weft__loop_begin(weft__loop *loop, weft_call call);
bool weft__loop_until(weft__loop *loop, const bool *pause);
int weft__loop_end(weft__loop *loop);
void weft__loop_free(weft__loop *loop);
weft__loop *weft__loop_here(void);                   /* of this thread, NULL: none is running */
weft__os *weft__loop_os(weft__loop *loop);
int64_t weft__loop_now(weft__loop *loop);            /* ns, as of this turn */
/* Are there so many tasks that what each holds while it waits counts for more than the time that it takes to hold less? */
bool weft__loop_crowded(const weft__loop *loop);
int64_t weft__loop_clock(weft__loop *loop);          /* ns, read anew: for deadlines of a task that may have worked for long */
/* How long the turn before this one took, in ns, without its wait for events: whoever came in it has waited for no more than that. */
int64_t weft__loop_turn_ns(const weft__loop *loop);
/* How many of a crowd are dealt with in this turn: so few, so that all that others wait for comes in between, and some for each ms that the turn before took, so that they have
 * their share of the time beside others (1024 at most). */
int weft__loop_some(const weft__loop *loop, int least, int each_ms);
/* Cancel the root task: what SIGTERM does. Twice is once. Waits: never. */
void weft__loop_stop(weft__loop *loop);

/* What weft_run calls in its place while this is set: tests run programs in their own world. It returns the exit status. */
extern int (*weft__run_instead)(weft_call call);
/* What weft_run says at a program's end: its failure, or the tasks left over. The exit status. */
int weft__run_tell(weft__loop *loop, const char *program, int rc);

/* One pointer a loop for each floor above that keeps state there. */
enum { WEFT__SLOT_CLIENT, WEFT__SLOT_SERVER, WEFT__SLOT_TEST, WEFT__SLOT_DNS, WEFT__SLOT_PROCESSES, WEFT__SLOT_THREADS, WEFT__SLOT_INBOXES,
    WEFT__SLOT_PROMISES, WEFT__SLOT_BACKGROUND, WEFT__SLOT_LOG, WEFT__SLOT_WS, WEFT__SLOT_SPREAD, WEFT__SLOT_TLS,
    WEFT__SLOT_DB, WEFT__SLOT_REDIS, WEFT__SLOTS };
void **weft__loop_slot(weft__loop *loop, int which);

/* Called before each poll, when tasks have had their turn, on the loop's own stack: for what is gathered and
 * sent at once. The hook is the caller's memory and stays until weft__loop_unhook. */
typedef struct weft__hook weft__hook;
struct weft__hook { void (*run)(weft__hook *); weft__hook *next; };
void weft__loop_hook(weft__loop *loop, weft__hook *hook);
/* It runs after those: it sends what they gather. */
void weft__loop_hook_last(weft__loop *loop, weft__hook *hook);
void weft__loop_unhook(weft__loop *loop, weft__hook *hook);

/* What is called, last first, before the loop is freed. 0 or WEFT_ENOMEM. */
int weft__loop_on_free(weft__loop *loop, void (*fn)(void *arg), void *arg);

/* ---- waiting ---- */

/* Park the running task until weft__wake, a cancel around it, or the deadline (INT64_MAX: none; in ns of
 * weft__loop_now). Returns the code given to weft__wake, or WEFT_ECANCELED / WEFT_ETIMEDOUT of the scopes
 * around it, or WEFT_ETIMEDOUT for the deadline. Whoever was asked to wake it must be told off by the caller
 * afterwards. `what` is a static text for the list of what waits: "a read", "a timer". Waits: always. */
int weft__park(const char *what, int64_t deadline_ns);

/* What a task may wait for, so that the list of tasks can say who has it: "waits for mutex orders, held by pay
 * (shop.c:30)". Embedded in a lock, or on the stack of the task that waits; the texts are static, or live as long as
 * it does. `holder` tells the i-th task (0, 1, ...) that must do something first, NULL past the last; it is asked on the
 * loop's thread, while somebody waits, and must neither wait nor change anything. Both name and holder may be NULL. */
typedef struct weft__held weft__held;
struct weft__held { const char *kind, *name; weft_task *(*holder)(const weft__held *, int i); };
/* weft__park on such a thing, which must live until this returns. NULL: weft__park. */
int weft__park_on(const char *what, const weft__held *on, int64_t deadline_ns);

/* End a task's park with a code. The first wake counts, later ones and those of a running task do nothing.
 * Returns whether this one counted. */
bool weft__wake(weft__fiber *f, int rc);

weft__fiber *weft__self(void);                       /* NULL outside of a task */

/* Call fn(arg), which never waits and calls nothing of the users', on the loop's own stack; what it returns. Of hundreds of
 * parked tasks no cache holds the stacks, but the loop's own is always near: what does its work here leaves the task's
 * stack as it is. A wait in it ends the program. Outside of a task, in another leaf and under sanitizers it is called
 * where one is. Waits: never.
 *
 *     int rc = weft__leaf(decode, &(decoding){ text, out });  */
int weft__leaf(int (*fn)(void *arg), void *arg);

/* The code this task would get at its next wait (a cancel around it), or 0. */
int weft__cancelled(void);

/* What an operation that succeeded at once calls, so that no task starves the others: now and then it lets
 * the loop turn. Returns 0 or the code of a cancel. */
int weft__checkpoint(void);
/* The same for one whose result stands whatever was cancelled. */
void weft__give_way(void);

/* ---- the poller ---- */

/* What the poller tells: embed it, and give it as the cookie of os->watch or os->resolve. `ready` runs on the
 * loop's own stack and must not wait: it wakes tasks or starts them. */
typedef struct weft__watch weft__watch;
struct weft__watch { void (*ready)(weft__watch *, uint32_t events); };
/* A watch is about to go away: events of this turn that were not told yet are dropped. */
void weft__loop_forget(weft__loop *loop, const weft__watch *w);

/* A timer on the loop (task.h): `fire` runs on the loop's own stack and must not wait. Timers of the same time fire in the
 * order they were started. Running: place != 0. */
int weft__timer_start(weft__loop *, weft__timer *, int64_t at_ns);   /* again: moves it. 0 or WEFT_ENOMEM */
void weft__timer_stop(weft__loop *, weft__timer *);
/* For what has to end whatever memory there is: keep a place, once for each such timer; 0 or WEFT_ENOMEM. Then it is started by the second,
 * which cannot fail. */
int weft__timer_keep(weft__loop *);
void weft__timer_start_kept(weft__loop *, weft__timer *, int64_t at_ns);

/* ---- memory ---- */

weft_arena *weft__arena_here(void);                  /* the current task's; never NULL in a task */
weft__block_pool *weft__loop_blocks(weft__loop *);
/* Make an arena the current one of this task; returns the one before, to be put back. */
weft_arena *weft__arena_swap(weft_arena *a);

/* ---- errors ---- */

/* Record as weft_fail does, with the code and status both given (status 0: what suits the code). */
int weft__fail_as(const char *place, int code, int status, const char *fmt, ...) WEFT_PRINTF(4, 5) WEFT__COLD;
/* Was this failure recorded by weft_fail with a status, so that its text is for the client? What weft's own
 * floors record names what was called inside, and is for the log. */
bool weft__error_shown(int rc);
/* Forget this task's records. */
void weft__errors_clear(void);
/* As a new task would begin, without records, values and locks: a server's coroutine between two requests. */
void weft__task_renew(void);

/* ---- tasks for servers ---- */

/* What users call the work of this task: "GET /items/{item_id}". A static text, or one that lives as long as the
 * task; NULL: none, and so outside of a task. */
void weft__task_label(const char *label);
const char *weft__task_label_of(const weft_task *t);     /* NULL: none, or it has ended */

/* That of the running task, or of the nearest one around the scope it was started in; NULL: none. */
const char *weft__task_label_around(void);
const char *weft__task_label_near(const weft__fiber *f);     /* of a task that has not ended */

/* What this task works on, for all that it started as well; NULL: nothing of its own. Waits: never. */
void weft__task_work(void *work);
/* That of the running task, or of the nearest one around the scope it was started in; NULL: none. Waits: never. */
void *weft__work_here(void);

/* Spawn without a handle and without a copy: int fn(void *arg) on a task of `scope` named `name`. For servers: it
 * may be called from the loop's own stack. 0 or WEFT_ENOMEM / WEFT_ECLOSED. */
int weft__start(weft_scope *scope, const char *name, int (*fn)(void *arg), void *arg);

/* The values (weft_local) that the running task has now, for one that starts later: weft__start_kept takes them, or
 * weft__locals_drop. NULL: there are none. */
struct weft__local_value *weft__locals_keep(void);
void weft__locals_drop(struct weft__local_value *values);
/* weft__start for work that was asked for earlier, at `place`; values are taken over unless it fails. */
int weft__start_kept(weft_scope *scope, const char *name, const char *place, struct weft__local_value *values,
    int (*fn)(void *arg), void *arg);
#endif
