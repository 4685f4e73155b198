#ifndef WEFT_SRC_TASK_LOCK_H
#define WEFT_SRC_TASK_LOCK_H
#include "task/loop.h"
#include "weft/sync.h"

/* Lock it, whatever is cancelled: for a condition, whose caller holds the mutex again in any case.
 */
void weft__mutex_retake(weft_mutex *m, weft__fiber *f, const char *name, const char *place);

/* What a task still holds at its end: told on stderr, and unlocked. */
void weft__locks_left(weft__fiber *f);
#endif
