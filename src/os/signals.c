#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#include "os/held.h"
#include "os/parts.h"

/* A handler and an eventfd rather than a signalfd: a signalfd needs both signals blocked in every thread, and
 * a blocked signal stays blocked in the programs that this one starts. */
static atomic_int wake_fd = -1;
static atomic_uint count, told;
static _Atomic int64_t untold_since_ns;
static struct sigaction before_int, before_term;
static bool installed;
static atomic_int inside, owner;     /* handlers that run; the process whose loop is told */

static const int64_t PATIENCE_NS = 1000000000;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static _Noreturn void give_up(int number)
{
    static const char why[] = "weft: a second signal, and the loop has not turned since the first: ended at once\n";
    weft__os_stderr(why, sizeof why - 1);
    weft__os_end(128 + number);
}

/* A forked child has the handler, but not the loop. */
static void as_if_never_watched(int number)
{
    sigaction(number, number == SIGINT ? &before_int : &before_term, NULL);
    raise(number);
}

/* A loop that does not turn will not hear of a second signal either, so somebody has to act on it here. Two
 * close together are no such case: a terminal and a supervisor often send one each. */
static void note(int number)
{
    uint64_t one = 1;
    int64_t now = now_ns();
    if (atomic_load(&count) == atomic_load(&told)) atomic_store(&untold_since_ns, now);
    else if (now - atomic_load(&untold_since_ns) > PATIENCE_NS) give_up(number);
    atomic_fetch_add(&count, 1);
    if (write(atomic_load(&wake_fd), &one, sizeof one) < 0) { /* full: then it is awake already */ }
}

static void on_signal(int number)
{
    int keep = errno;
    bool mine = atomic_load(&owner) == getpid();
    atomic_fetch_add(&inside, 1);
    if (mine) note(number);
    atomic_fetch_sub(&inside, 1);
    if (!mine) as_if_never_watched(number);
    errno = keep;
}

int weft__signals_start(int wake)
{
    int none = -1;
    if (!atomic_compare_exchange_strong(&wake_fd, &none, wake)) return WEFT_EBUSY;
    atomic_store(&count, 0);
    atomic_store(&told, 0);
    atomic_store(&owner, getpid());
    installed = !weft__held_are();                   /* a supervisor's are held for it */
    if (!installed) return 0;
    struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
    sigemptyset(&act.sa_mask);
    sigaddset(&act.sa_mask, SIGINT);
    sigaddset(&act.sa_mask, SIGTERM);
    sigaction(SIGINT, &act, &before_int);
    sigaction(SIGTERM, &act, &before_term);
    return 0;
}

void weft__signals_stop(void)
{
    if (installed) sigaction(SIGINT, &before_int, NULL);
    if (installed) sigaction(SIGTERM, &before_term, NULL);
    atomic_store(&wake_fd, -1);
    if (atomic_load(&owner) != getpid()) return;
    while (atomic_load(&inside)) sched_yield();       /* one on another thread may write to the descriptor still */
}

unsigned weft__signals_count(void)
{
    unsigned n = atomic_load(&count);
    atomic_store(&told, n);
    return n;
}
