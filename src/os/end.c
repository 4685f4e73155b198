/* The ways out of a program that do not lead through the end of main. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include "os/os.h"

static void (*_Atomic last_deed)(void);

static void at_exit(void)
{
    void (*deed)(void) = atomic_load(&last_deed);
    if (deed) deed();
}

void weft__os_at_end(void (*deed)(void))
{
    static atomic_bool registered;
    atomic_store(&last_deed, deed);
    if (!atomic_exchange(&registered, true)) (void)atexit(at_exit);
}

/* Not exit: other threads run, and what a signal has interrupted may be in the middle of anything. */
void weft__os_end(int status)
{
    at_exit();
    _exit(status);
}
