#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>
#include "os/jobs.h"

/* One door at a time for each signal. The handler keeps what it knocks at for as long as it knocks: whoever takes the
 * door away runs on the thread that the handler interrupts, or waits until no handler is inside. */
enum { SIGNALS = 65 };
typedef struct caller { weft__door *_Atomic door; atomic_int inside; pid_t of; struct sigaction before; } caller;
static caller callers[SIGNALS];

/* A forked child has the handler, but not the loop. */
static void as_if_never_asked(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static void knock(int number)
{
    int keep = errno;
    caller *c = &callers[number];
    atomic_fetch_add(&c->inside, 1);
    weft__door *door = atomic_load(&c->door);
    bool mine = c->of == getpid();
    if (door && mine) weft__door_knock(door);
    atomic_fetch_sub(&c->inside, 1);
    if (!mine) as_if_never_asked(number);
    errno = keep;
}

int weft__signal_door_open(int number, weft__door *door)
{
    if (number < 1 || number >= SIGNALS) return WEFT_EINVAL;
    caller *c = &callers[number];
    struct sigaction act = { .sa_handler = knock, .sa_flags = SA_RESTART | SA_ONSTACK }, now;
    sigemptyset(&act.sa_mask);
    if (atomic_load(&c->door)) return WEFT_EBUSY;
    if (sigaction(number, NULL, &now) < 0) return -errno;
    if (now.sa_handler != SIG_DFL) return WEFT_EBUSY;
    c->of = getpid();
    atomic_store(&c->door, door);
    if (sigaction(number, &act, &c->before) < 0) {
        atomic_store(&c->door, NULL);
        return -errno;
    }
    weft__door_keep(door);
    return 0;
}

void weft__signal_door_close(int number)
{
    caller *c = &callers[number];
    weft__door *door = atomic_load(&c->door);
    if (!door) return;
    sigaction(number, &c->before, NULL);
    atomic_store(&c->door, NULL);
    while (atomic_load(&c->inside)) continue;         /* on another thread, for a few instructions */
    weft__door_drop(door);
}
