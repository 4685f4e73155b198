#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>
#include "os/os.h"

/* The mask of a machine with more than 1024 processors does not fit: then all that are online count. */
int weft__os_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? (int)sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);
    return n < 1 ? 1 : n;
}
