#ifndef WEFT_TASK_H
#define WEFT_TASK_H
/* Tasks, scopes, errors and the memory that belongs to them.
 *
 * A task is a C function that may wait. It has the shape of a handler, int f(const In *in, Out *out), or
 * without in, or out, or both; it returns 0 or a negative error code and leaves its output untouched when
 * it fails. Tasks of one loop take turns on one thread: between two waits nothing else runs. errno does
 * not survive a wait. Never wait inside a callback of a foreign library.
 * Every function here marked "waits" is a place where the task can be cancelled: it then returns
 * WEFT_ECANCELED or WEFT_ETIMEDOUT, again and again until the scope is left, and lets others run.
 *                                                                   Example: examples/tasks.c  */
#include "weft/base.h"
#include "weft/each.h"

/* ---- errors ---- */

/* What is known of a failure. Texts live as long as what weft gives you does (see weft_alloc). `status`
 * is the HTTP status that suits the code; `trace` has one line per WEFT_TRY it passed, innermost first. */
typedef struct weft_error { int code, status; const char *text, *trace; } weft_error;

/* Record a failure and return its code: return weft_fail(404, "no item %ld", id). The first argument is an
 * HTTP status (400 to 599; the text then is shown to the client) or a code (WEFT_E...; the text then is
 * for the log alone). Records are found by code, so that a clean-up that fails does not hide the first
 * error. A task keeps its last 8; text is cut at 1023 bytes. Waits: never.  */
#define weft_fail(...) weft__fail(WEFT__HERE, __VA_ARGS__)
int weft__fail(const char *place, int status_or_code, const char *fmt, ...) WEFT_PRINTF(3, 4) WEFT__COLD;

/* The newest record of this code in this task (of a deadline: how long it was, and where it was set); for a code without
 * one, the code's general text, which lives until the eighth such code after it. Never NULL. Waits: never. */
const weft_error *weft_error_of(int rc);

/* Passes a failure on to the caller, adding this place and, if given, what was being done:
 * WEFT_TRY(weft_sleep_ms(5)); WEFT_TRY(load(in, &x), "while loading %s", name);  */
#define WEFT_TRY(expr, ...) do { int weft__rc = (expr); \
    if (__builtin_expect(weft__rc < 0, 0)) return weft__trace##__VA_OPT__(_text)(weft__rc, WEFT__HERE __VA_OPT__(,) __VA_ARGS__); } while (0)
int weft__trace(int rc, const char *place) WEFT__COLD;
int weft__trace_text(int rc, const char *place, const char *fmt, ...) WEFT_PRINTF(3, 4) WEFT__COLD;

/* ---- calls ---- */

#define WEFT__MUST(cond, msg) (0 * sizeof(struct { char c; _Static_assert(cond, msg); }))
#define WEFT__ASSERT(cond, msg) ({ _Static_assert(cond, msg); (size_t)0; })
#define WEFT__SAME(x, T) __builtin_types_compatible_p(__typeof__(x), T)
typedef void weft__fn(void);

/* A function with its input and output, not yet called: weft_call(ask, &in, &out, .timeout_ms = 300).
 * The input is copied when the call is started, so it may die at once; the output must outlive the task.
 * Write a compound literal in parentheses: weft_call(f, (&(step){ "A", 1 }), &a).
 * Options come after input and output; NULL stands for what the function has not: weft_call(f, &in, NULL, .error = &e),
 * weft_call(f, NULL, &out) for int f(Out *out).
 * A call with .error may fail alone: what happened is put there (code 0 when it succeeded), and nobody else
 * is cancelled. .timeout_ms (0: none) ends this call alone with WEFT_ETIMEDOUT. .abandon is for threads alone
 * (thread.h).  */
typedef struct weft_call {
    weft__fn *fn; int arity; const void *in; size_t in_size; void *out; size_t out_size; const char *name; size_t checked;
    int timeout_ms; weft_error *error; bool abandon;
} weft_call;
/* The bytes that a pointer stands for: of one object, or of the whole array that was named. */
#define WEFT__BYTES(p) (WEFT__SAME(p, __typeof__(&(p)[0])) ? sizeof *(p) : sizeof(__typeof__(p)))
#define weft_call(...) WEFT__PICK16(__VA_ARGS__, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, \
    WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL3, WEFT__CALL2, WEFT__CALL1)(__VA_ARGS__)
#define WEFT__CALL1(f) ((weft_call){ .fn = (weft__fn *)(f), .name = #f, .arity = 0, \
    .checked = WEFT__ASSERT(WEFT__SAME(&(f), int (*)(void)), "'" #f "' must be declared: int " #f "(void)") })
#define WEFT__CALL2(f, i) ((weft_call){ .fn = (weft__fn *)(f), .name = #f, .arity = 1, .in = (i), .in_size = WEFT__BYTES(i), \
    .checked = WEFT__ASSERT(WEFT__SAME(&(f), int (*)(const __typeof__(*(i)) *)), "'" #f "' must be declared: int " #f "(const typeof(*" #i ") *in)") })
#define WEFT__CALL3(f, i, o, ...) ((weft_call){ .fn = (weft__fn *)(f), .name = #f, .in = (i), .in_size = WEFT__BYTES0(i), .out = (o), .out_size = WEFT__BYTES0(o), \
    .arity = WEFT__NONE(o) ? !WEFT__NONE(i) : WEFT__NONE(i) ? WEFT__OUT_ALONE : 2, \
    .checked = WEFT__ASSERT(WEFT__NONE(o) || WEFT__NONE(i) || WEFT__SAME(&(f), int (*)(const __typeof__(*WEFT__POINTER(i)) *, __typeof__(*WEFT__POINTER(o)) *)), \
            "'" #f "' must be declared: int " #f "(const typeof(*" #i ") *in, typeof(*" #o ") *out)") + \
        WEFT__ASSERT(WEFT__NONE(o) || !WEFT__NONE(i) || WEFT__SAME(&(f), int (*)(__typeof__(*WEFT__POINTER(o)) *)), \
            "'" #f "' must be declared: int " #f "(typeof(*" #o ") *out), as the call names no input") + \
        WEFT__ASSERT(!WEFT__NONE(o) || WEFT__NONE(i) || WEFT__SAME(&(f), int (*)(const __typeof__(*WEFT__POINTER(i)) *)), \
            "'" #f "' must be declared: int " #f "(const typeof(*" #i ") *in), as the call names no output") + \
        WEFT__ASSERT(!WEFT__NONE(o) || !WEFT__NONE(i) || WEFT__SAME(&(f), int (*)(void)), \
            "'" #f "' must be declared: int " #f "(void), as the call names neither input nor output"), __VA_ARGS__ })
/* NULL stands for no input and no output, of which there are no bytes. An option cannot stand in the output's place: what
 * `.error = &e` and `&out` have in common as initializers does not tell the type of an output. */
enum { WEFT__OUT_ALONE = 3 };
#define WEFT__NONE(p) WEFT__SAME(p, void *)
#define WEFT__POINTER(p) __builtin_choose_expr(WEFT__NONE(p), (char *)0, (p))
#define WEFT__BYTES0(p) (WEFT__NONE(p) ? 0 : WEFT__BYTES(WEFT__POINTER(p)))

/* ---- scopes ---- */

/* Options of a scope. timeout_ms: its deadline from now, 0 for none, -1 for one that has already passed;
 * nested deadlines: the nearest one fires, and ends only its own scope. shield: a cancel from outside does
 * not reach in, so that a clean-up may wait; give it a timeout_ms. forget: a task that ended is not kept
 * for weft_await; for scopes that spawn without end.  */
typedef struct weft_scope_opts { weft__named_options_only _; int timeout_ms; bool shield, forget; } weft_scope_opts;
typedef struct weft_task weft_task;
typedef struct weft_scope weft_scope;

/* A declaration: WEFT_SCOPE(s, .timeout_ms = 300). Leaving the block in any way cancels what still runs in
 * the scope and waits until it has ended. A failure that nobody awaited is then logged, once. What its tasks
 * write to is declared before the scope: a variable declared after it ends before those tasks do.  */
#define WEFT_SCOPE(s, ...) weft_scope *const s __attribute__((cleanup(weft__scope_leave), unused)) = \
    weft__scope_enter(&(weft_scope){ .opts = { __VA_ARGS__ }, .place = WEFT__HERE })
weft_scope *weft__scope_enter(weft_scope *);
void weft__scope_leave(weft_scope *const *);

/* Cancel everything in the scope: each wait in it, in its tasks and in the scopes below (shields excepted)
 * returns WEFT_ECANCELED from now on. Twice is once. Waits: never. */
void weft_cancel(weft_scope *s);

/* True when the scope was cancelled or its deadline passed, itself or around it. Waits: never. */
bool weft_scope_cancelled(const weft_scope *s);

/* True when a wait inside reported the cancellation or the deadline of this very scope, so that the error
 * in hand ends here and need not be passed on. Waits: never. */
bool weft_scope_caught(const weft_scope *s);

/* Move the deadline to ms from now (0: none, less: it has passed); a waiting task sees the new time. One that has fired
 * stays so. Waits: never. */
void weft_scope_deadline(weft_scope *s, int ms);

/* Raise or lift the shield; lifted while the outside is cancelled, that reaches in at once. Waits: never. */
void weft_scope_shield(weft_scope *s, bool shield);

/* ---- tasks ---- */

/* Start a call in a scope: weft_spawn(s, fetch, &in, &out). It runs when this task next waits. If it fails,
 * the scope is cancelled, and what the scope's owner waits for next returns that error; a call with
 * .error may fail alone. What it allocates belongs to the arena that the scope was opened in. Never NULL:
 * without memory, or in a scope already left, the task is one that has failed (WEFT_ENOMEM, WEFT_ECLOSED).
 * The handle is good until the scope is left. Waits: never.  */
#define weft_spawn(s, ...) weft__spawn((s), WEFT__HERE, &weft_call(__VA_ARGS__))
weft_task *weft__spawn(weft_scope *s, const char *place, const weft_call *call);

/* Wait for a task's end and return what it returned; again and again if you like. The code of a cancel around the caller:
 * the task goes on. An await that has begun is safe when the scope is left meanwhile. Waits: unless ended. */
int weft_await(weft_task *t) WEFT_NODISCARD;

/* Wait until every task of the scope has ended; the first failure's code, or 0. Any task may join any scope that is
 * still open. A task ended by weft_task_cancel is no failure. Waits: always yields. */
int weft_join(weft_scope *s) WEFT_NODISCARD;

/* Cancel one task; does nothing to one that has ended. Waits: never. */
void weft_task_cancel(weft_task *t);

/* True when the task has ended. Waits: never. */
bool weft_task_done(const weft_task *t);

/* The running task, NULL outside of any; the name (the function's) of a task, and the place that spawned it: static
 * texts, also of one that has ended. Wait: never. */
weft_task *weft_task_self(void);
const char *weft_task_name(const weft_task *t);
const char *weft_task_place(const weft_task *t);

/* Several calls at once; returns when all have ended: 0, or the first failure's code, after the others
 * were cancelled and awaited (calls with .error fail alone). timeout_ms is the deadline of all together:
 * when it passes, calls with .error report WEFT_ETIMEDOUT each and the gather is no failure for them.
 * max_running (0: no bound) is how many run at the same time, in order. enough (0: all) is how many have to succeed:
 * then it is 0 and the rest is cancelled and awaited, and so it is as soon as that cannot be reached any more, with the
 * first failure's code (weft_quorum in sync.h). weft_gather_n takes an array. Waits: always.
 *
 *     WEFT_TRY(weft_gather(weft_call(flights, in, &out->flights), weft_call(hotels, in, &out->hotels)));  */
typedef struct weft_gather_opts { weft__named_options_only _; int timeout_ms, max_running, enough; } weft_gather_opts;
int weft_gather_with(const weft_call *calls, size_t n, const weft_gather_opts *opts, const char *place) WEFT_NODISCARD;
int weft_gather_all(const weft_call *calls, const char *place) WEFT_NODISCARD;    /* up to the one without a function */
#define weft_gather(...) weft_gather_all((const weft_call[]){ __VA_ARGS__, { 0 } }, WEFT__HERE)
#define weft_gather_n(calls, n, ...) weft_gather_with((calls), (n), &(weft_gather_opts){ __VA_ARGS__ }, WEFT__HERE)

/* Run a program: start a loop on this thread, call, cancel and await what is left, close. Tasks that still ran when a
 * program that did well left its last scope are named on stderr: join the scope, or cancel it. Returns the exit
 * status: 0, or 1 after an error, which is printed with its trace. SIGINT and SIGTERM cancel it, a second one
 * ends the process, and 10 s after the first so does a call on a thread that holds up a task (thread.h). What holds the
 * loop for 100 ms without waiting (a computation, a call that blocks) is named on stderr while it does;
 * WEFT_WATCHDOG_MS in the environment sets another limit (10 at least), 0 turns that off. One at a time a thread.
 * Waits: until the program has ended.
 * int main(void) { return weft_run(program); }  */
#define weft_run(...) weft_run_with(weft_call(__VA_ARGS__))
int weft_run_with(weft_call call);

/* Wait for ms milliseconds; 0 or less only lets others run. Waits: always. */
int weft_sleep_ms(int64_t ms) WEFT_NODISCARD;

/* Let every other ready task run once. Waits: always yields. */
int weft_yield(void) WEFT_NODISCARD;

/* Nanoseconds on the loop's monotonic clock: as of the loop's last turn, or of the last sleep or deadline set in it;
 * virtual in the simulator; 0 where no loop runs. Waits: never. */
int64_t weft_now_ns(void);

/* ---- memory ---- */

/* What weft gives you lives until the block that asked for it ends: the request, the program, or the
 * innermost WEFT_TEMP. weft_alloc gives n bytes of it, zeroed, aligned to 16; NULL past the arena's limit
 * (16 MiB a request, see weft_serve). Waits: never.  */
void *weft_alloc(size_t n) WEFT_NODISCARD;
#define weft_new(T) ((T *)weft_alloc(sizeof(T)))

/* From here to the end of the block, what weft gives is given back at that end: for loops without end. */
#define WEFT_TEMP weft__temp weft__temp_here __attribute__((cleanup(weft__temp_leave), unused)) = weft__temp_enter()
typedef struct weft__temp { void *before, *arena; } weft__temp;
weft__temp weft__temp_enter(void);
void weft__temp_leave(weft__temp *);

/* Formatted text that lives like weft_alloc's. Past the limit it is empty, and the request fails. Waits: never. */
weft_str weft_format(const char *fmt, ...) WEFT_PRINTF(1, 2);

/* Append to a list: weft_push(&out->failed, name). Past the arena's limit the item goes to a scrap slot that
 * is no part of the list, and the request fails with the limit's name. Waits: never.  */
#define weft_push(list, ...) (*(__typeof__((list)->items))weft__slot((list), sizeof *(list)->items) = (__VA_ARGS__))
void *weft__slot(void *list, size_t size);

/* The insides of a timer and a scope: not for use, here because scopes live on the stack. */
typedef struct weft__timer weft__timer;
struct weft__timer { void (*fire)(weft__timer *); int64_t at_ns; uint64_t order; uint32_t place; };
struct weft_scope {
    weft_scope_opts opts;
    const char *place;
    struct weft__fiber *owner;                               /* the task whose block this is */
    struct weft_scope *parent, *first_child, *next, *prev;   /* the scopes below, also those of its tasks */
    weft_task *tasks;                                        /* of this scope: running, or kept for weft_await */
    void *arena;
    weft__timer timer;                                       /* of the deadline */
    void *error;                                             /* the record of the first failure */
    struct weft__fiber *joiners;                             /* who waits until `running` is down to `wake_at` */
    void (*ended)(weft_scope *, weft_task *, bool failed);   /* decides what the end of a task means; NULL: a failure cancels */
    uint32_t running, wake_at;                               /* tasks that have not ended */
    int reason, inherited, failed;                           /* own cancel, the one from around, first failure */
    bool entered, closed, caught, failed_told;
    bool cut;                                                /* a task was ended by a cancel, not by a failure */
    bool failure_around;                                     /* `inherited` is a failure, told to its owner alone */
};
#endif
