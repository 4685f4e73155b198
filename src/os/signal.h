#ifndef WEFT_SRC_OS_SIGNAL_H
#define WEFT_SRC_OS_SIGNAL_H
/* Signals as events, for any number of takers in a process: who wants to hear of SIGHUP, of SIGQUIT ... */
#include "os/jobs.h"

/* A set of signals: bit n - 1 stands for signal n (1 to 64). */
static inline uint64_t weft__signal_bit(int number) { return (uint64_t)1 << (number - 1); }

typedef struct weft__taker weft__taker;
enum { WEFT__TAKERS_MAX = 64 };          /* in a process at a time */

/* All belong to the os's thread; an event (WEFT__IN) with the cookie says that `taken` has something new.
 * Each taker of a signal is told. As long as a signal has one, its handler from before does not run and its default
 * action is not done: so SIGINT and SIGTERM go to their takers and not to who asked by `signals`. When the last one
 * lets go, the handler from before is back, unless the program has put another one there. */
typedef struct weft__signal_ops {
    /* 0; WEFT_EINVAL: the set is empty, or has a signal that cannot be waited for (SIGKILL, SIGSTOP, those of faults);
     * WEFT_ELIMIT; WEFT_ENOMEM. */
    int (*take)(weft__os *, uint64_t set, void *cookie, weft__taker **out);
    /* Those that came since this was asked last; several of one number are one. Waits: never. */
    uint64_t (*taken)(weft__taker *);
    void (*drop)(weft__os *, weft__taker *);         /* no later wait tells of it */
} weft__signal_ops;

extern const weft__signal_ops weft__linux_takers;
bool weft__signals_may_be_taken(uint64_t set);
#endif
