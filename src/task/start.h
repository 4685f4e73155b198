#ifndef WEFT_SRC_TASK_START_H
#define WEFT_SRC_TASK_START_H
#include "task/loop.h"

/* The end of a task that had not started yet: told to whoever waits for that. */
void weft__start_over(weft__fiber *f, weft_task *t);
#endif
