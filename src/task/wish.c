/* Whether this program wants a zygote. Nothing else is here, so that a program that wants none does not link more. */
#include "task/process.h"

static int (*wished_start)(void);
static void (*wished_stop)(void);

void weft__process_wish(int (*start)(void), void (*stop)(void))
{
    wished_start = start;
    wished_stop = stop;
}

void weft__process_begin(void) { if (wished_start) (void)wished_start(); }
void weft__process_end(void) { if (wished_stop) wished_stop(); }
