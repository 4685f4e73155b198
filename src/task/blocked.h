#ifndef WEFT_SRC_TASK_BLOCKED_H
#define WEFT_SRC_TASK_BLOCKED_H
#include "task/watchdog.h"

/* Count a block of so many ms. */
void weft__blocked_add(const char *work, const char *place, int64_t ms);
/* True when this is the first time in a minute that it is asked about this place: then its stack is told. */
bool weft__blocked_is_news(const char *work, const char *place, int64_t now_ns);
#endif
