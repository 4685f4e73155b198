#ifndef WEFT_THREAD_H
#define WEFT_THREAD_H
/* Threads for what blocks or computes, and word from threads.
 *
 * A loop has one thread, and a function that sleeps, reads or computes on it holds up every other task. Move it to a
 * thread: its caller waits, the others go on.
 *
 *     static int resize(const picture *in, picture *out) { ... }            an ordinary function that takes its time
 *     WEFT_TRY(weft_in_thread(resize, &original, &small));                  computes: a pool with a thread a processor
 *     WEFT_TRY(weft_in_thread_of(&weft_blocking, read_tape, &in, &out));    waits: a pool with many threads
 *
 * A function on a thread may call weft_fail, WEFT_TRY, weft_alloc, weft_format, weft_push, WEFT_TEMP and weft_local_get
 * (its caller's values, sync.h); it must not touch what tasks change meanwhile. What waits (weft_sleep_ms, a scope, a request) fails there with WEFT_EINVAL: call
 * what blocks instead. In the simulator there are no threads: calls run one after the other, at times that the seed
 * draws.                                                                    Example: examples/executor.c  */
#include "weft/task.h"

/* ---- pools ---- */

/* What becomes of a call when its pool is full: it waits for a place, first come, first served; or it fails with
 * WEFT_ELIMIT. */
typedef enum weft_when_full { WEFT_WAIT, WEFT_FAIL } weft_when_full;

/* A pool of threads: a static object, which weft never changes and which each loop fills with threads of its own, as
 * they are needed; a thread without work for 10 s ends. 0 takes the default named here; what makes no sense fails the
 * first call with WEFT_EINVAL.
 *
 *     static const weft_threads images = { .name = "images", .threads_max = 2, .queue_max = 100 };  */
typedef struct weft_threads {
    weft__named_options_only _;
    const char *name;                 /* "threads": in reports, and the first 15 bytes in ps -L */
    int threads_max;                  /* as many as there are processors for this process; at most 1024 */
    int queue_max;                    /* 1000 calls that wait for a thread; -1: none may wait */
    weft_when_full when_full;         /* WEFT_WAIT: then the calls that wait are as many as there are tasks */
    size_t stack_bytes;               /* 2 MiB, committed as it is touched; at least 64 KiB, at most 1 GiB */
} weft_threads;

/* For functions that block and hardly compute (sleep, read, a library that asks the network): up to 64 threads. */
extern const weft_threads weft_blocking;

/* Call a function on a thread, of the pool for computing or of the given one, and wait for its end: what it
 * returned, with its error's text and trace. The input is copied; the output is written when it returned 0 or more.
 * What it allocates is its caller's in the end, within the limit of its caller's arena (WEFT_ELIMIT).
 *
 * A cancel takes back a call that has not begun. One that runs cannot be stopped, and may work on what its caller owns,
 * so the caller waits for its end by default: what it returned stands, and the cancel is told by the next wait. With
 * .abandon = true the caller returns at once, and what comes of the call is dropped: it works on copies of its input
 * and output that are its own, and must not follow pointers to what its caller owns. .timeout_ms counts from the call
 * and does what a cancel does, with WEFT_ETIMEDOUT. With .error a call may fail alone: it returns 0 unless its caller
 * was cancelled.
 *
 * weft_run and weft_serve end while an abandoned call runs: its thread goes on until main returns. One that is not
 * abandoned and never ends holds up its caller for ever: weft_serve then ends the process after .grace_ms and .hard_ms,
 * weft_run ends it 10 s after SIGTERM, both naming it.
 *
 * Fails with WEFT_ELIMIT when the pool is full (WEFT_FAIL), WEFT_ENOMEM without memory or threads, WEFT_EINVAL inside a
 * call on a thread. Waits: always.
 *
 *     rc = weft_in_thread_of(&images, resize, &original, &small, .timeout_ms = 500, .abandon = true);  */
#define weft_in_thread(...) weft_thread_call(weft_call(__VA_ARGS__))
#define weft_in_thread_of(threads, ...) weft_thread_call_of((threads), weft_call(__VA_ARGS__))
int weft_thread_call(weft_call call) WEFT_NODISCARD;
int weft_thread_call_of(const weft_threads *threads, weft_call call) WEFT_NODISCARD;

/* ---- posts: to run something on a loop's thread, from any other ---- */

/* Where other threads post to. It belongs to the loop that opened it until weft_inbox_close, or until that loop ends;
 * a thread that posts holds it too: weft_inbox_keep before the thread starts, weft_inbox_drop when it has posted its
 * last. Then it may post whenever it likes, also after the loop has ended. */
typedef struct weft_inbox weft_inbox;
typedef struct weft_inbox_opts { weft__named_options_only _; int posts_max; } weft_inbox_opts;

/* posts_max (0: 1024; at most 1 048 576): how many posts may wait. For few: each wake of the loop looks at all of its inboxes. NULL: no
 * memory, or no loop runs on this thread. Waits: never. */
#define weft_inbox_open(...) weft_inbox_open_with(&(weft_inbox_opts){ __VA_ARGS__ })
weft_inbox *weft_inbox_open_with(const weft_inbox_opts *opts) WEFT_NODISCARD;

/* From any thread: fn(arg) will run on the loop's thread, between two tasks, in the order of the posts. What was
 * written before is seen by fn. fn must not wait; it may fulfil a promise, spawn into a scope that is still open, cancel
 * one, close the inbox. A post that was accepted runs exactly once: in a turn of the loop (which wakes once for many,
 * and runs 64 of an inbox between two looks at sockets and timers), inside weft_inbox_close, or when the loop ends. So
 * close an inbox before what its posts touch goes away.
 * 0; WEFT_ELIMIT: posts_max wait already; WEFT_ECLOSED: it was closed, or its loop has ended. Waits: never.  */
int weft_post(weft_inbox *inbox, void (*fn)(void *arg), void *arg) WEFT_NODISCARD;

/* Runs what was posted, and takes no more: later posts get WEFT_ECLOSED. On the loop's thread. Gives up the loop's
 * hold: without a hold of one's own the inbox is gone. NULL is fine. Waits: never. */
void weft_inbox_close(weft_inbox *inbox);

/* One more who holds it, and one less: the last frees it. From any thread that may touch it. Waits: never. */
weft_inbox *weft_inbox_keep(weft_inbox *inbox);
void weft_inbox_drop(weft_inbox *inbox);

/* ---- promises: a value from another thread, for which a task waits ---- */

/* One value that comes later, from a callback of a library or a thread of one's own. Two sides hold it: who opened it,
 * until weft_promise_close, and who fulfils it, until weft_promise_fulfil; in which order does not matter.
 *
 *     weft_promise *p = weft_promise_open(sizeof(answer));
 *     library_ask("...", on_answer, p);               calls on_answer(p, ...) later, on a thread of its own, once
 *     rc = weft_promise_await(p, &answer);            on_answer: weft_promise_fulfil(p, 0, &answer)
 *     weft_promise_close(p);  */
typedef struct weft_promise weft_promise;

/* value_bytes: the size of its value, 0 for one without, at most 1 GiB. NULL: more than that, no memory, or no loop runs
 * on this thread. Waits: never. */
weft_promise *weft_promise_open(size_t value_bytes) WEFT_NODISCARD;

/* From any thread, exactly once: its code and, when that is not negative, its value, which is copied (NULL: zeroes).
 * Does no harm when nobody waits any more, or the loop has ended. The caller must not touch the promise afterwards.
 * Waits: never.  */
void weft_promise_fulfil(weft_promise *promise, int rc, const void *value);

/* Its code, and in *out its value, when the code is not negative. Again and again if you like; a cancelled await takes
 * nothing away. WEFT_EBUSY: another task waits for it. Waits: until it is fulfilled. */
int weft_promise_await(weft_promise *promise, void *out) WEFT_NODISCARD;

/* The opener lets go of it. Not while a task waits for it. NULL is fine. Waits: never. */
void weft_promise_close(weft_promise *promise);
#endif
