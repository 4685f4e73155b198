#ifndef WEFT_TESTS_HUNT_H
#define WEFT_TESTS_HUNT_H
/* Scenarios for tools/sim-hunt: programs that do many things at once, in ways and at times that a seed draws, in the
 * simulator. Each states what must hold whatever happens, with checks. One seed is one run, the same each time. */
#include "os/sim.h"
#include "task/world.h"
#include "weft/check.h"
#include "weft/task.h"

typedef struct scenario {
    const char *name, *what;
    void (*run)(uint64_t seed);      /* calls hunt_world once or several times */
} scenario;
extern const scenario hunt_between, hunt_pool, hunt_threads, hunt_processes, hunt_disk, hunt_sockets;

/* One world: open, run the body as its root task, close; nothing may be left behind. The body returns 0. */
void hunt_world(const weft__sim_opts *opts, weft_call body);

/* Dice of the running seed. */
unsigned roll(unsigned sides);           /* 0 to sides - 1 */
static inline bool chance(unsigned percent) { return roll(100) < percent; }
int patience_ms(int most_ms);            /* for a scope: often none, else up to so many */
int pause_somehow(void);                 /* nothing, a turn, or a short time; the code of a cancel */

/* Cancels tasks of a list now and then, and none of them afterwards: a task function. */
typedef struct victims { weft_task *const *tasks; int count, most, within_ms; } victims;
int cancel_some(const victims *in);

/* Returned from a scope of its own: an end of patience is no failure, the cancel of the task is. */
static inline int unless_caught(const weft_scope *s, int rc) { return weft_scope_caught(s) ? 0 : rc; }
#endif
