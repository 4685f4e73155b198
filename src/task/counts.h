#ifndef WEFT_SRC_TASK_COUNTS_H
#define WEFT_SRC_TASK_COUNTS_H
/* How much there is of what a loop has, for metrics. On the loop's thread. Wait: never. */
#include "task/loop.h"

typedef struct weft__loop_counts { uint64_t started; uint32_t tasks; } weft__loop_counts;
weft__loop_counts weft__loop_counts_of(weft__loop *loop);

/* Of the i-th pool of threads that this loop has used; false behind the last. threads: at most. */
typedef struct weft__pool_counts { const char *name; int threads; uint32_t running, waiting; } weft__pool_counts;
bool weft__pool_counts_of(weft__loop *loop, int i, weft__pool_counts *out);
/* The same of its processes, those that run or start; false: it has none. */
bool weft__process_counts_of(weft__loop *loop, weft__pool_counts *out);
#endif
