#ifndef WEFT_SRC_OS_SAMPLER_H
#define WEFT_SRC_OS_SAMPLER_H
/* A thread that looks at another one from outside, without the other's help and without disturbing it: what it does,
 * how much processor time it had, and its stack. */
#include "os/unwind.h"

typedef struct weft__sampler weft__sampler;
typedef void weft__look_fn(weft__sampler *s, void *ctx);

/* Watch the calling thread: `look` is called about every period_ms, on a thread of its own that takes no signals.
 * NULL: no memory or no thread. One sampler a thread. */
weft__sampler *weft__sampler_start(int period_ms, weft__look_fn *look, void *ctx);
/* No look any more; called by the watched thread. Waits for one that is going on, which may be writing a report. */
void weft__sampler_stop(weft__sampler *s);
void weft__sampler_free(weft__sampler *s);              /* stopped before; same thread */

/* ---- for `look`, and between stop and free ---- */

int64_t weft__sampler_now_ns(void);                     /* the monotonic clock */
int64_t weft__sampler_cpu_ns(const weft__sampler *s);   /* processor time of the watched thread */
bool weft__sampler_asleep(weft__sampler *s);            /* it sleeps in a system call or for a page; false: runs, or not known */

/* A stack, good until the next sample. `asleep`: taken in a system call, of which pc and sp alone are known. */
typedef struct weft__sample { weft__registers regs; weft__stack_bytes stack; bool asleep; } weft__sample;

/* Take the stack of the watched thread as it is now; at most 64 KiB of it. Asleep, it is read from memory. Running, it
 * is copied by a signal on a timer of its own processor time, which therefore comes in the middle of its code and never
 * in a system call: no call of it is cut short or fails with EINTR (Linux 5.9 and later on x86-64; before that only
 * while it spends no time in the kernel). False: could not be had within 30 ms of its time or 300 ms of
 * everybody's (it blocks signals, the machine is busy, there is no /proc). */
bool weft__sampler_take(weft__sampler *s, weft__sample *out);
#endif
