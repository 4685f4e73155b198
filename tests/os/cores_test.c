#define _GNU_SOURCE
#include <sched.h>
#include "base/buf.h"
#include "os/process.h"
#include "weft/check.h"

WEFT_TEST(the_cores_are_those_that_the_process_may_run_on)
{
    cpu_set_t all, one;
    WEFT_NEED(sched_getaffinity(0, sizeof all, &all) == 0);
    WEFT_CHECK_EQ(weft__os_cores(), CPU_COUNT(&all));
    int first = 0;
    while (!CPU_ISSET(first, &all)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    WEFT_NEED(sched_setaffinity(0, sizeof one, &one) == 0);
    WEFT_CHECK_EQ(weft__os_cores(), 1);
    sched_setaffinity(0, sizeof all, &all);
}
