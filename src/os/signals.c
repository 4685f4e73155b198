#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "os/parts.h"

/* A handler and an eventfd rather than a signalfd: a signalfd needs both signals blocked in every thread, and
 * a blocked signal stays blocked in the programs that this one starts. */
static atomic_int wake_fd = -1;
static atomic_uint count;
static struct sigaction before_int, before_term;

static void note(int signal)
{
    (void)signal;
    int keep = errno;
    uint64_t one = 1;
    atomic_fetch_add(&count, 1);
    if (write(atomic_load(&wake_fd), &one, sizeof one) < 0) { /* full: then it is awake already */ }
    errno = keep;
}

int weft__signals_start(int wake)
{
    int none = -1;
    if (!atomic_compare_exchange_strong(&wake_fd, &none, wake)) return WEFT_EBUSY;
    atomic_store(&count, 0);
    struct sigaction act = { .sa_handler = note, .sa_flags = SA_RESTART | SA_ONSTACK };
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, &before_int);
    sigaction(SIGTERM, &act, &before_term);
    return 0;
}

void weft__signals_stop(void)
{
    sigaction(SIGINT, &before_int, NULL);
    sigaction(SIGTERM, &before_term, NULL);
    atomic_store(&wake_fd, -1);
}

unsigned weft__signals_count(void) { return atomic_load(&count); }
