/* Whether this program wants a zygote. Nothing else is here, so that a program that wants none does not link more. */
#include <stdatomic.h>
#include "task/process.h"

static int (*wished_start)(void);
static void (*wished_stop)(void);

void weft__process_wish(int (*start)(void), void (*stop)(void))
{
    wished_start = start;
    wished_stop = stop;
}

/* Of several threads each may be in a weft_run: the last one to leave stops what the first one began. */
static atomic_int users;

void weft__process_begin(void)
{
    if (atomic_fetch_add(&users, 1) == 0 && wished_start) (void)wished_start();
}

void weft__process_end(void)
{
    if (atomic_fetch_sub(&users, 1) == 1 && wished_stop) wished_stop();
}
