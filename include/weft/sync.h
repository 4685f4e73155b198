#ifndef WEFT_SYNC_H
#define WEFT_SYNC_H
/* What passes between tasks: channels, locks, conditions, flags, races, the values of a task.
 *
 * All of it is for the tasks of one loop; threads and processes have their own ways (a post, a
 * job). Each thing here is memory of yours and must outlive those who wait on it; except for a
 * channel, all-zero is ready for use and nothing needs to be closed. Waiting is in the order of
 * arrival, and what is handed over belongs to the task it was handed to at once: nobody gets in
 * between.
 * A wait that is cancelled has taken nothing, changed nothing and returns the code. One that was
 * given what it waited for before the cancel came returns that, and the next wait tells of the
 * cancel: nothing is ever lost. Deadlines are those of the scope around:
 *
 *     WEFT_SCOPE(patience, .timeout_ms = 50);
 *     WEFT_TRY(weft_recv(&replies, &reply), "waiting for %s", name);
 *
 * Where no task is, on a thread or in another process, what waits returns WEFT_EINVAL.
 *                      Examples: examples/channel.c, lock.c, race.c, local.c  */
#include "weft/task.h"

/* Insides: who waits, first come first. */
typedef struct weft__waiters { struct weft__waiter *first, *last; } weft__waiters;

/* May an `x` be put where a `T` belongs? The same type, numbers without loss of a fraction, and
 * pointers (which the compiler then compares itself). */
#define WEFT__CLASS(x) __builtin_classify_type(x)
#define WEFT__FITS(x, T) (WEFT__SAME(x, __typeof__(T)) \
    || (WEFT__CLASS(x) < 5 ? WEFT__CLASS(T) < 5 || WEFT__CLASS(T) == 8 \
        : WEFT__CLASS(x) < 9 && WEFT__CLASS(x) == WEFT__CLASS(T)))
static inline WEFT_NODISCARD int weft__code(int rc) { return rc; }
#define WEFT__NAME2(a, b) a##b
#define WEFT__NAME(a, b) WEFT__NAME2(a, b)

/* ---- channels ---- */

/* A queue of items of one type, from any number of tasks to any number of tasks. Declare the type
 * once, and a variable or a member of it:
 *
 *     typedef weft_channel(job) jobs;
 *     jobs todo;
 *     WEFT_TRY(weft_channel_open(&todo, 16));  */
#define weft_channel(T) struct { weft__channel core; T *item; }
typedef struct weft__channel {
    char *ring; const char *name;
    size_t size;                         /* of an item; 0: not open */
    uint32_t room, first, count;
    bool closed;
    weft__waiters senders, receivers;
} weft__channel;
enum { WEFT_CHANNEL_ROOM_MAX = 1 << 20, WEFT_CHANNEL_BYTES_MAX = 1 << 28 };

/* Make a channel that keeps up to `room` items that nobody has received yet; 0: each send waits
 * for its receiver. Its memory is taken here, all at once, until weft_channel_free. 0,
 * WEFT_ENOMEM, WEFT_ELIMIT for more than WEFT_CHANNEL_ROOM_MAX items or WEFT_CHANNEL_BYTES_MAX
 * bytes, or WEFT_EINVAL for a type without bytes. Waits: never.  */
#define weft_channel_open(ch, room) \
    weft__channel_open(&(ch)->core, sizeof *(ch)->item, (room), #ch, WEFT__HERE)
int weft__channel_open(weft__channel *ch, size_t size, size_t room, const char *name,
    const char *place) WEFT_NODISCARD;

/* Put a copy of an item into the channel: weft_send(&todo, (job){ 7 }). 0: it was sent, and will
 * be received exactly once unless the channel is freed before; WEFT_ECLOSED or the code of a
 * cancel: it was not. Waits: while it is full. */
#define weft_send(ch, ...) WEFT__SEND("weft_send", weft__channel_send, ch, __VA_ARGS__)
int weft__channel_send(weft__channel *ch, const void *item);

/* The same without waiting: 1 sent, 0 there is no room now, WEFT_ECLOSED. Waits: never. */
#define weft_try_send(ch, ...) WEFT__SEND("weft_try_send", weft__channel_try_send, ch, __VA_ARGS__)
int weft__channel_try_send(weft__channel *ch, const void *item);
#define WEFT__SEND(what, send, ch, ...) weft__code(({ \
    _Static_assert(WEFT__FITS((__VA_ARGS__), *(ch)->item), \
        what ": '" #__VA_ARGS__ "' is not of the type that this channel carries"); \
    __typeof__(*(ch)->item) weft__item = (__VA_ARGS__); \
    send(&(ch)->core, &weft__item); }))

/* Take the item that was sent first: weft_recv(&todo, &next). 1: it is in *out; 0: the channel is
 * closed and empty; the code of a cancel: no item was taken. *out is untouched but for 1. Waits:
 * while it is empty.
 *
 *     while ((rc = weft_recv(&todo, &next)) > 0) WEFT_TRY(work(&next));
 *     return rc;  */
#define weft_recv(ch, out) weft__channel_recv(&(ch)->core, WEFT__OUT("weft_recv", ch, out))
int weft__channel_recv(weft__channel *ch, void *out) WEFT_NODISCARD;

/* The same without waiting: 1 an item, 0 there is none now, WEFT_ECLOSED: there will never be one.
 * Waits: never. */
#define weft_try_recv(ch, out) \
    weft__channel_try_recv(&(ch)->core, WEFT__OUT("weft_try_recv", ch, out))
int weft__channel_try_recv(weft__channel *ch, void *out) WEFT_NODISCARD;
#define WEFT__OUT(what, ch, out) ((out) + WEFT__ASSERT( \
    WEFT__SAME(*(out), __typeof__(*(ch)->item)), \
    what ": '" #out "' does not point to what this channel carries"))

/* No more items: sends return WEFT_ECLOSED from now on, also those that wait; what was sent before
 * can still be received, then weft_recv returns 0. Anyone may close it, and twice is once. Waits:
 * never. */
#define weft_channel_close(ch) weft__channel_close(&(ch)->core)
void weft__channel_close(weft__channel *ch);

/* Close it and give its memory back; items that nobody received are gone. Those who wait are told
 * as by a close, and do not touch it again. It can be opened anew. Waits: never. */
#define weft_channel_free(ch) weft__channel_free(&(ch)->core)
void weft__channel_free(weft__channel *ch);

/* How many items are in it that nobody has received; senders that wait are not counted. Waits: never. */
#define weft_channel_count(ch) ((size_t)(ch)->core.count)

/* ---- mutex ---- */

/* One task at a time. Between two waits nothing else runs anyway, so a mutex is for what several
 * waits must not be interleaved: read, ask, write back. */
typedef struct weft_mutex weft_mutex;
struct weft_mutex {
    weft_task *owner; const char *place; /* who has locked it, and where; NULL: nobody */
    weft__waiters waiting;
    weft_mutex *next, *prev;             /* of the same owner */
};

/* Lock it. 0, the code of a cancel (it is then not locked), or WEFT_EDEADLK when this task holds
 * it already: the error names both places. A task that ends while it holds one is told of on
 * stderr, and the mutex goes to the next that waits. Waits: while another task holds it.  */
#define weft_mutex_lock(m) weft__mutex_lock((m), #m, WEFT__HERE)
int weft__mutex_lock(weft_mutex *m, const char *name, const char *place) WEFT_NODISCARD;

/* Lock it if nobody holds it: true when this task has it now. Waits: never. */
#define weft_mutex_try_lock(m) weft__mutex_try_lock((m), WEFT__HERE)
bool weft__mutex_try_lock(weft_mutex *m, const char *place) WEFT_NODISCARD;

/* Give it to the task that has waited longest, or to nobody. Only the task that holds it may:
 * otherwise nothing changes, and stderr says who holds it and who tried. Waits: never. */
#define weft_mutex_unlock(m) weft__mutex_unlock((m), #m, WEFT__HERE)
void weft__mutex_unlock(weft_mutex *m, const char *name, const char *place);

/* A declaration: locked from here to the end of the block, however that is left. When the lock
 * fails, the function returns the code, as with WEFT_TRY.
 *
 *     WEFT_LOCKED(&account->lock);
 *     WEFT_TRY(load(account->id, &balance));
 *     WEFT_TRY(store(account->id, balance - amount));  */
#define WEFT_LOCKED(m) weft_mutex *const WEFT__NAME(weft__locked_, __COUNTER__) \
    __attribute__((cleanup(weft__mutex_leave), unused)) = ({ \
        weft_mutex *weft__m = (m); \
        WEFT_TRY(weft__mutex_lock(weft__m, #m, WEFT__HERE)); \
        weft__m; })
void weft__mutex_leave(weft_mutex *const *m);

/* ---- semaphore ---- */

/* So many tasks at a time: weft_semaphore calls = { .free = 8 };  */
typedef struct weft_semaphore { uint32_t free; weft__waiters waiting; } weft_semaphore;

/* Take one place. 0, or the code of a cancel: none was taken. Waits: while none is free. */
#define weft_semaphore_take(s) weft__semaphore_take((s), #s)
int weft__semaphore_take(weft_semaphore *s, const char *name) WEFT_NODISCARD;

/* Take one if there is one: true when it was taken. Waits: never. */
bool weft_semaphore_try_take(weft_semaphore *s) WEFT_NODISCARD;

/* Give one place back, or a new one: to the task that has waited longest, else it is free. Any
 * task may. At most UINT32_MAX are free: more are dropped. Waits: never.  */
void weft_semaphore_give(weft_semaphore *s);

/* A declaration: one place is taken from here to the end of the block; when that fails, the
 * function returns the code. */
#define WEFT_TAKEN(s) weft_semaphore *const WEFT__NAME(weft__taken_, __COUNTER__) \
    __attribute__((cleanup(weft__semaphore_leave), unused)) = ({ \
        weft_semaphore *weft__s = (s); \
        WEFT_TRY(weft__semaphore_take(weft__s, #s)); \
        weft__s; })
void weft__semaphore_leave(weft_semaphore *const *s);

/* ---- condition ---- */

/* Waiting for something that a mutex guards to become true:
 *
 *     WEFT_LOCKED(&pool->lock);
 *     while (!pool->idle) WEFT_TRY(weft_cond_wait(&pool->given_back, &pool->lock));  */
typedef struct weft_cond { weft__waiters waiting; } weft_cond;

/* Unlock the mutex, wait for a signal, lock it again. 0 after a signal, or the code of a cancel,
 * in which case no signal was used up; the mutex is locked by this task in both cases, and that
 * second wait for it no cancel ends. WEFT_EINVAL: this task does not hold it. Waits: always.  */
#define weft_cond_wait(c, m) weft__cond_wait((c), (m), #c, #m, WEFT__HERE)
int weft__cond_wait(weft_cond *c, weft_mutex *m, const char *name, const char *mutex_name,
    const char *place) WEFT_NODISCARD;

/* Wake the task that has waited longest, or all that wait now. Without one that waits nothing
 * happens, and nothing is remembered. Best called with the mutex locked. Waits: never. */
void weft_cond_signal(weft_cond *c);
void weft_cond_broadcast(weft_cond *c);

/* ---- flag ---- */

/* Something that has happened, or has not: down at first. */
typedef struct weft_flag { bool up; weft__waiters waiting; } weft_flag;

/* 0 as soon as the flag is up, or the code of a cancel. A task that waited when it was raised is
 * told so even if it has been lowered since. Waits: while it is down. */
#define weft_flag_wait(f) weft__flag_wait((f), #f)
int weft__flag_wait(weft_flag *f, const char *name) WEFT_NODISCARD;

/* Raise it, which wakes all that wait; lower it again; look at it. Twice is once. Wait: never. */
void weft_flag_raise(weft_flag *f);
void weft_flag_lower(weft_flag *f);
static inline bool weft_flag_is_up(const weft_flag *f) { return f->up; }

/* ---- once ---- */

/* What is to be done once, by whoever needs it first. */
typedef struct weft_once {
    int rc;
    bool done;
    weft_task *runner; const char *place;    /* who does it now, and where it was asked to */
    weft__waiters waiting;
} weft_once;

/* The first caller runs the call itself: weft_once_do(&opened, open_store, &config). Others wait
 * for its end and share the result. What succeeded (>= 0) is never run again, and its result is
 * everybody's. A failure is told to all that waited for it; who comes later tries anew. When the
 * task that runs it is cancelled, the next that waits runs it. An output is written by the task
 * that runs it: let all name the same. .timeout_ms bounds the call; .error makes no sense here
 * (WEFT_EINVAL). From within itself: WEFT_EDEADLK. Waits: until it is done.  */
#define weft_once_do(o, ...) weft__once_do((o), weft_call(__VA_ARGS__), #o, WEFT__HERE)
int weft__once_do(weft_once *o, weft_call call, const char *name, const char *place)
    WEFT_NODISCARD;

/* ---- several calls: the first, some, one for each ---- */

/* Run calls at the same time; the first that succeeds wins: its index (0, 1, ...). The others are
 * cancelled, and have ended when this returns; only the winner's output means anything. When all
 * fail: the code of the first failure, the others attached to its trace. The code of a cancel
 * around it, if that came before a winner. weft_race_n takes an array and the options of
 * weft_gather_n (without .enough). Waits: always.
 *
 *     int who = weft_race(weft_call(ask, &here, &a), weft_call(ask, &there, &b));  */
#define weft_race(...) weft_race_all((const weft_call[]){ __VA_ARGS__, { 0 } }, WEFT__HERE)
#define weft_race_n(calls, n, ...) \
    weft_race_with((calls), (n), &(weft_gather_opts){ __VA_ARGS__ }, WEFT__HERE)
/* What the macros call; weft_race_all: up to the one without a function. Wait: always. */
int weft_race_all(const weft_call *calls, const char *place) WEFT_NODISCARD;
int weft_race_with(const weft_call *calls, size_t n, const weft_gather_opts *opts,
    const char *place) WEFT_NODISCARD;

/* Run calls at the same time until `enough` of them have succeeded: 0, the rest cancelled and
 * ended. As soon as that cannot be reached any more: the code of the first failure, the rest
 * cancelled and ended. To know which ones succeeded, give each an .error (code 0: it did).
 * weft_gather_n has it as .enough. WEFT_EINVAL for fewer than 1 or more than there are calls.
 * Waits: always.
 *
 *     WEFT_TRY(weft_quorum(2, weft_call(put, &a), weft_call(put, &b), weft_call(put, &c)));  */
#define weft_quorum(enough, ...) \
    weft_quorum_all((enough), (const weft_call[]){ __VA_ARGS__, { 0 } }, WEFT__HERE)
int weft_quorum_all(int enough, const weft_call *calls, const char *place) WEFT_NODISCARD;

/* One call for each of n inputs: weft_gather_each(fetch, urls, n, pages, .max_running = 8).
 * outs[i] is what f made of ins[i]; NULL for a function without an output. Options as of
 * weft_gather_n; .errors is an array of n, and each call may then fail alone. Inputs must live
 * until it returns. Costs no memory for calls that have not begun. Waits: always.  */
typedef struct weft_each_opts {
    weft__named_options_only _;
    int timeout_ms, max_running, enough;
    weft_error *errors;
} weft_each_opts;
#define weft_gather_each(f, ins, n, outs, ...) weft_gather_each_with(&(weft_call){ \
    .fn = (weft__fn *)(f), .name = #f, .arity = WEFT__SAME(outs, void *) ? 1 : 2, \
    .in = (ins), .in_size = sizeof *(ins), .out = (outs), .checked = WEFT__ASSERT( \
        WEFT__SAME(outs, void *) ? WEFT__SAME(&(f), int (*)(const __typeof__(*(ins)) *)) \
        : WEFT__SAME(&(f), int (*)(const __typeof__(*(ins)) *, __typeof__(*(outs)) *)), \
        "'" #f "' must be declared: int " #f "(const typeof(*" #ins ") *in, typeof(*" #outs \
        ") *out), without out if that is NULL") }, \
    (n), sizeof *(outs), &(weft_each_opts){ __VA_ARGS__ }, WEFT__HERE)
int weft_gather_each_with(const weft_call *each, size_t n, size_t out_size,
    const weft_each_opts *opts, const char *place) WEFT_NODISCARD;

/* ---- a task that says when it is ready ---- */

/* Spawn a call into a scope and wait until it calls weft_started(): weft_start(s, serve_metrics,
 * &config). 0: it runs, as any task of the scope. The code it failed with before that, or
 * WEFT_ENOSTART when it returned without: it has ended then, and the scope is not cancelled for
 * it. The code of a cancel around this: the task was cancelled and has ended. WEFT_ECLOSED: the
 * scope was left. Waits: always.  */
#define weft_start(s, ...) weft__spawn_started((s), WEFT__HERE, weft_call(__VA_ARGS__))
int weft__spawn_started(weft_scope *s, const char *place, weft_call call) WEFT_NODISCARD;

/* "I am ready", by a task that weft_start waits for. From then on its failure is one of its scope.
 * In a task that was spawned otherwise, and the second time, it does nothing. Waits: never. */
void weft_started(void);

/* ---- values of a task ---- */

/* A value that belongs to the running task and to all that it spawns: whose request this is, what
 * its trace is called. The key is a variable at file scope:
 *
 *     static weft_local(int) user_id;
 *     WEFT_TRY(weft_local_set(&user_id, 42));
 *     int who = weft_local_get(&user_id, -1);
 *
 * A task begins with the values that its spawner had at that moment, which costs nothing however
 * many they are; what either sets later, the other does not see. In a server each request begins
 * without any. Values are copied. A call on a thread (weft_in_thread) sees those of the task that
 * waits for it, and sets none; with .abandon it sees none, since what they point to may be gone by
 * then. Nor does a call in a process.  */
#define weft_local(T) struct { weft__local core; T *item; }
typedef struct weft__local { char key; } weft__local;
enum { WEFT_LOCALS_MAX = 64, WEFT_LOCAL_BYTES_MAX = 4096 };

/* Set the value of this task. 0, WEFT_ENOMEM, WEFT_ELIMIT with WEFT_LOCALS_MAX others set or for a
 * value of more than WEFT_LOCAL_BYTES_MAX bytes, WEFT_EINVAL where no task is. Waits: never. */
#define weft_local_set(l, ...) weft__code(({ \
    _Static_assert(WEFT__FITS((__VA_ARGS__), *(l)->item), \
        "weft_local_set: '" #__VA_ARGS__ "' is not of the type of this value"); \
    __typeof__(*(l)->item) weft__item = (__VA_ARGS__); \
    weft__local_set(&(l)->core, &weft__item, sizeof weft__item); }))
int weft__local_set(const weft__local *key, const void *value, size_t size);

/* A copy of the value, or of the second argument when it was never set, and where no task is.
 * Waits: never. */
#define weft_local_get(l, ...) ({ \
    __typeof__(*(l)->item) weft__item = (__VA_ARGS__); \
    weft__local_get(&(l)->core, &weft__item, sizeof weft__item); \
    weft__item; })
bool weft__local_get(const weft__local *key, void *value, size_t size);
#endif
