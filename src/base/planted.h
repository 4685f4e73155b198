#ifndef WEFT_SRC_BASE_PLANTED_H
#define WEFT_SRC_BASE_PLANTED_H
/* Bugs planted on purpose, which few schedules show: tests/tools/sim_hunt_test.sh proves that tools/sim-hunt finds them.
 * Only a build with -Dplanted=true has them, which cannot be installed, and there tests/hunt/main.c chooses one or none. In
 * all others these lines compile to nothing. */
#include <stdbool.h>

enum {
    WEFT__LOST_WAKE_UP = 1,          /* who was cancelled a moment ago takes what it was handed along (task/waiters.h) */
    WEFT__LEAKED_SLOT                /* ... and the connection of a client's pool, when its origin changes (http/origin.c) */
};
#ifdef WEFT__PLANTED
__attribute__((weak)) int weft__planted_now;
static inline bool weft__planted(int bug) { return weft__planted_now == bug; }
#else
#define weft__planted(bug) false
#endif
#endif
